/**
 * `drain-live-embedded`, `drain-live-influx`: a backlog drains while the same agent measures 1,000 values a second. How
 * old is what a screen shows meanwhile, and how long does the API take? All processes share the machine's cores.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fillBuffer } from './backlog.ts';
import type { Figure } from './bench.ts';
import { type Chain, startChain, streamOf } from './chain.ts';
import { onEitherStore, type StoreBenchContext } from './either-store.ts';
import { startModbusField } from './field.ts';

const samples = Number(process.env.PAYESH_BENCH_SAMPLES) || 10_000_000;
const askEveryMs = 200;
/** An agent that has just been started has measured nothing yet. */
const warmUpMs = 5000;
const drainTimeoutMs = 600_000;

export const [drainLiveEmbedded, drainLiveInflux] = onEitherStore('drain-live', drainLive);

async function* drainLive(
  name: string,
  store: 'duckdb' | 'influx',
  { folder, progress }: StoreBenchContext,
): AsyncGenerator<Figure> {
  await using field = await startModbusField();
  await using chain = await startChain(join(folder, 'chain'), store);
  progress(`${name}: filling a buffer with ${samples} samples`);
  fillBuffer(chain.agentDir, samples);
  progress(`${name}: draining`);
  const agent = chain.startAgent(field.sources);
  const startedAt = performance.now();
  const ages: number[] = [];
  const answers: number[] = [];
  let begun: { through: number; at: number } | undefined;
  let through = 0;
  while (through < samples) {
    await delay(askEveryMs);
    const shown = await look(chain, answers);
    through = (await streamOf(chain))?.through ?? 0;
    const at = performance.now();
    if (through > 0) begun ??= { through, at };
    // What has never been shown is as old as the agent.
    if (at - startedAt > warmUpMs && through < samples) ages.push(Math.min(shown, at - startedAt));
    if (agent.process.exitCode !== null) throw new Error(`the agent ended; its log is ${agent.logFile}`);
    if (at - startedAt > drainTimeoutMs) throw new Error(`only ${through} samples settled after ${drainTimeoutMs} ms`);
  }
  const tookMs = performance.now() - begun!.at;
  const rate = ((samples - begun!.through) / tookMs) * 1000;
  const note = `${ages.length} looks while ${samples} samples drained at ${Math.round(rate)} a second`;
  if (ages.length === 0) throw new Error(`drained within ${warmUpMs} ms: give it more by PAYESH_BENCH_SAMPLES`);
  const longest = Math.max(...ages) / 1000;
  yield { name: `${name}-age`, value: longest, unit: 's, oldest value on a screen', reference: null, note, atMost: 5 };
  const p95 = answers.sort((a, b) => a - b)[Math.floor(answers.length * 0.95)]!;
  yield { name: `${name}-api-p95`, value: p95, unit: 'ms', reference: null, note, atMost: 500 };
}

/** What a screen with a hundred tags shows, and a curve beside it. Returns the age of its oldest value, ms. */
async function look(chain: Chain, answers: number[]): Promise<number> {
  const unit = 'bench/plant/field/unit-3';
  const ask = async <T>(path: string): Promise<T> => {
    const startedAt = performance.now();
    const answer = await chain.get<T>(path);
    answers.push(performance.now() - startedAt);
    return answer;
  };
  const { data } = await ask<{ data: { path: string; latest: { time: string } | null }[] }>(
    `/api/v1/tags?under=${unit}`,
  );
  // The agent's tags are known to the hub as soon as it has greeted; before, there is nothing to ask for.
  if (data[0]) await ask(`/api/v1/series?tag=${data[0].path}&limit=100`);
  const oldest = Math.min(...data.map(({ latest }) => (latest ? Date.parse(latest.time) : 0)));
  return data.length === 0 ? Number.POSITIVE_INFINITY : Date.now() - oldest;
}
