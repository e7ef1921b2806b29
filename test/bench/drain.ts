/**
 * `drain-embedded` and `drain-influx`: a backlog in an agent's buffer through mosquitto and the hub into the store,
 * against the bare store writing the same samples. All processes share the machine's cores.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreBatch } from '../../hub/store/store.ts';
import { absentSource, demoFrames, fillBuffer, samplesPerFrame } from './backlog.ts';
import { type Figure, timed } from './bench.ts';
import { type Chain, residentMb, startChain, streamOf } from './chain.ts';
import { onEitherStore, type StoreBenchContext } from './either-store.ts';
import { openReferenceDuckdb } from './reference-duckdb.ts';
import { openReferenceInflux } from './reference-influx.ts';

/** `PAYESH_BENCH_SAMPLES=100000000` for the long run that shows that memory stays flat. */
const samples = Number(process.env.PAYESH_BENCH_SAMPLES) || 4_000_000;
/** Of the reference: as many samples a commit as the hub's groups hold at most. */
const framesPerCommit = 128;
const referenceSamples = Math.min(samples, 4_000_000);

export const [drainEmbedded, drainInflux] = onEitherStore('drain', drain);

async function* drain(
  name: string,
  store: 'duckdb' | 'influx',
  { folder, progress }: StoreBenchContext,
): AsyncGenerator<Figure> {
  progress(`${name}: bare ${store}, ${referenceSamples} samples`);
  const reference = referenceSamples / (await writeBare(store, folder));
  progress(`${name}: filling a buffer with ${samples} samples`);
  await using chain = await startChain(join(folder, 'chain'), store);
  fillBuffer(chain.agentDir, samples);
  progress(`${name}: draining`);
  const { rate, hubMb } = await drainAll(chain, progress);
  const against =
    store === 'duckdb' ? 'bare DuckDB writing the same rows' : 'the bare official client writing the same lines';
  yield {
    name,
    value: rate,
    unit: 'samples/s',
    reference,
    against,
    note: `${samples} samples in frames of ${samplesPerFrame}`,
  };
  yield {
    name: `${name}-hub-memory`,
    value: Math.max(...hubMb),
    unit: 'MB',
    reference: null,
    note: `RSS at tenths: ${hubMb.map(Math.round).join(' ')}`,
  };
  if (store === 'duckdb') {
    const bytes = await chain.hub.stop(20_000).then(() => folderBytes(join(folder, 'chain/hub/samples')));
    yield {
      name: 'disk-bytes',
      value: bytes / samples,
      unit: 'B/sample',
      reference: null,
      note: `DuckDB, ${samples} samples`,
    };
  }
}

/** Seconds that the bare store takes; making the rows or lines for it does not count. */
async function writeBare(store: 'duckdb' | 'influx', dir: string): Promise<number> {
  await using bare =
    store === 'duckdb'
      ? await openReferenceDuckdb(join(dir, 'bare.duckdb'))
      : await openReferenceInflux(join(dir, 'bare-influx'));
  let group: StoreBatch[] = [];
  let first = 1;
  let seconds = 0;
  const commit = async () => {
    if (group.length > 0) seconds += await timed(bare.prepare(group));
    group = [];
  };
  for (const samples of demoFrames(referenceSamples / samplesPerFrame)) {
    const from = first;
    group.push({ stream: 1, numbers: samples.tags.map((_, i) => from + i), samples });
    first += samplesPerFrame;
    if (group.length === framesPerCommit) await commit();
  }
  await commit();
  return seconds;
}

async function drainAll(chain: Chain, progress: (text: string) => void): Promise<{ rate: number; hubMb: number[] }> {
  const agent = chain.startAgent(absentSource);
  const hubMb: number[] = [];
  let begun: { through: number; at: number } | undefined;
  for (;;) {
    await delay(100);
    const through = (await streamOf(chain))?.through ?? 0;
    const at = performance.now();
    if (through > 0) begun ??= { through, at };
    if (through >= ((hubMb.length + 1) * samples) / 10) {
      hubMb.push(residentMb(chain.hub));
      progress(`${through} samples settled`);
    }
    if (through >= samples) {
      await agent.stop(10_000);
      return { rate: ((samples - begun!.through) / (at - begun!.at)) * 1000, hubMb };
    }
    if (agent.process.exitCode !== null) throw new Error(`the agent ended; its log is ${agent.logFile}`);
  }
}

function folderBytes(dir: string): number {
  return readdirSync(dir, { recursive: true })
    .map((name) => statSync(join(dir, String(name))))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}
