/**
 * `modbus`: 10,000 registers in 20 devices at 1 s. Requests against the fewest that are possible; a cycle against a
 * hand-written loop over the same blocks with bare modbus-serial; wrong values in faulty replies; time to recover.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import modbusSerial from 'modbus-serial';
import { createSourceHealth, healthDeclarations } from '../../edge-agent/acquire/health.ts';
import { createSampler } from '../../edge-agent/acquire/sampler.ts';
import { superviseSource } from '../../edge-agent/acquire/supervise.ts';
import { systemClock } from '../../protocols/clock.ts';
import { modbusSourceSchema } from '../../protocols/modbus/config.ts';
import { type PollGroup, planReads } from '../../protocols/modbus/plan.ts';
import { isGood } from '../../protocols/sample.ts';
import { startScriptedServer, wordsReply } from '../support/modbus-faulty-server.ts';
import { hurlFaults } from '../support/modbus-fuzz.ts';
import { modbusSource } from '../support/modbus-source.ts';
import { freePort } from '../support/ports.ts';
import type { Bench, Figure } from './bench.ts';
import type { FieldReport } from './modbus-field-worker.ts';

const devices = 20;
const registersPerDevice = 500;
const maxRegisters = 125;
const maxGap = 8;
/** As long as the OPC UA bench: on some machines waking a sleeping core takes longer than a request, or does not. */
const cycles = 120;
const faultyReplies = 1_000_000;
/** How long the server is away. */
const outagesS = [1, 10, 45];

export const modbus: Bench = {
  names: [
    'modbus',
    'modbus-requests',
    'modbus-cycle',
    'modbus-cycle-samples',
    'modbus-wrong-values',
    'modbus-recovery',
  ],
  async *run({ progress }) {
    const config = { devices: plant(), maxRegisters, maxGap };
    const groups = planReads(modbusSourceSchema.parse({ kind: 'modbus', id: 'x', host: 'x', ...config }));
    const requests = groups.reduce((sum, { blocks }) => sum + blocks.length, 0);
    const note = `${devices * registersPerDevice} registers in ${devices} devices, in runs with gaps; a second`;
    const against = 'tags of which no two fit one request';
    const fewest = plant().reduce((sum, { tags }) => sum + fewestRequests(tags), 0);
    yield { name: 'modbus-requests', value: requests, unit: 'requests', reference: fewest, against, note };

    progress('modbus: cycles');
    yield* compareCycles(config, groups);

    progress(`modbus: ${faultyReplies} faulty replies`);
    yield await countWrong();

    for (const outageS of outagesS) {
      progress(`modbus: a server that is away for ${outageS} s`);
      const value = await recovery(outageS * 1000);
      yield { name: 'modbus-recovery', value, unit: 's', reference: null, note: `after ${outageS} s away` };
    }
  },
};

interface PlannedRegister {
  readonly path: string;
  readonly table: string;
  readonly address: number;
  readonly format: string;
}

/** Like real register maps: stretches of floats and words, some registers between that nobody wants, and jumps. */
function plant(): { unit: number; intervalMs: number; tags: PlannedRegister[] }[] {
  let seed = 12;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  return Array.from({ length: devices }, (_, d) => {
    const tags: PlannedRegister[] = [];
    let address = random(100);
    for (let registers = 0; registers < registersPerDevice; ) {
      const isFloat = random(2) === 0 && registers + 2 <= registersPerDevice;
      const format = isFloat ? 'float32' : 'uint16';
      tags.push({ path: `bench/d${d}/r${address}`, table: 'holding', address, format });
      registers += isFloat ? 2 : 1;
      address += isFloat ? 2 : 1;
      if (random(20) === 0) address += 1 + random(maxGap);
      else if (random(100) === 0) address += 20 + random(200);
    }
    return { unit: d + 1, intervalMs: 1000, tags };
  });
}

/** Counted without a plan: from each tag on, the next one that cannot be in the same request, whatever is grouped how. */
function fewestRequests(tags: readonly PlannedRegister[]): number {
  const endOf = (tag: PlannedRegister) => tag.address + (tag.format === 'float32' ? 2 : 1);
  let count = 0;
  let start = Number.NEGATIVE_INFINITY;
  let lastEnd = Number.NEGATIVE_INFINITY;
  for (const tag of tags) {
    if (endOf(tag) - start > maxRegisters || tag.address - lastEnd > maxGap) {
      count++;
      start = tag.address;
    }
    lastEnd = endOf(tag);
  }
  return count;
}

/** Both at 1 s on the same machine at the same time, half a second apart. */
async function* compareCycles(config: object, groups: readonly PollGroup[]): AsyncGenerator<Figure> {
  const worker = new Worker(new URL('./modbus-field-worker.ts', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: 64 },
  });
  const [[forOurs, forBare]] = (await once(worker, 'message')) as [FieldReport[]];
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), cycles * 1000);
  const [ourEnds, bareEnds] = await Promise.all([
    readOurs(config, forOurs!.port, stop.signal),
    readBare(groups, forBare!.port, stop.signal),
  ]);
  clearTimeout(timer);
  worker.postMessage('report');
  const [[ours, bare]] = (await once(worker, 'message')) as [FieldReport[]];
  await worker.terminate();
  const shared = {
    unit: 'ms',
    against: 'a loop over the same blocks with bare modbus-serial, which decodes nothing, in the same seconds',
  };
  const onTheLine = ({ cycles }: FieldReport) => medianMs(cycles.map(({ startMs, endMs }) => endMs - startMs));
  const untilHeld = ({ cycles }: FieldReport, endsMs: readonly number[]) =>
    // The last cycle may have been stopped before its end.
    medianMs(cycles.slice(0, -1).map(({ startMs }) => endsMs.find((endMs) => endMs > startMs)! - startMs));
  yield {
    ...shared,
    name: 'modbus-cycle',
    value: onTheLine(ours!),
    reference: onTheLine(bare!),
    note: `${devices * registersPerDevice} registers, from the first request to the last reply; median of ${ourEnds.length}`,
  };
  yield {
    ...shared,
    name: 'modbus-cycle-samples',
    value: untilHeld(ours!, ourEnds),
    reference: untilHeld(bare!, bareEnds),
    note: 'the same until all values are decoded samples, against undecoded registers',
  };
}

/** Without the first ones, which are those of code that is not compiled yet. */
function medianMs(cyclesMs: readonly number[]): number {
  const sorted = cyclesMs.slice(5).sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

const unixMs = () => performance.timeOrigin + performance.now();

async function readOurs(config: object, port: number, signal: AbortSignal): Promise<number[]> {
  const endsMs: number[] = [];
  for await (const { slots } of modbusSource({ ...config, port }).read(signal)) {
    endsMs.push(unixMs());
    if (slots!.bad > 0) throw new Error(`${slots!.bad} tags were bad`);
  }
  return endsMs;
}

async function readBare(groups: readonly PollGroup[], port: number, signal: AbortSignal): Promise<number[]> {
  const endsMs: number[] = [];
  const client = new modbusSerial.default();
  client.setTimeout(1000);
  await client.connectTCP('127.0.0.1', { port });
  while (!signal.aborted) {
    await delay(1000 - ((Date.now() + 500) % 1000));
    for (const { unit, blocks } of groups) {
      client.setID(unit);
      for (const { address, count } of blocks) await client.readHoldingRegisters(address, count);
    }
    endsMs.push(unixMs());
  }
  await new Promise<void>((resolve) => client.close(() => resolve()));
  return endsMs;
}

async function countWrong() {
  const seed = Date.now() % 2 ** 31;
  const base = { inProcess: true, lanes: 400, timeoutMs: 60, seed };
  const runs = [
    await hurlFaults({ ...base, transport: 'tcp', requests: faultyReplies * 0.6 }),
    await hurlFaults({ ...base, transport: 'rtu-over-tcp', requests: faultyReplies * 0.3 }),
    await hurlFaults({ ...base, transport: 'rtu', requests: faultyReplies * 0.1 }),
  ];
  const sum = (of: (run: (typeof runs)[number]) => number) => runs.reduce((total, run) => total + of(run), 0);
  const requests = sum((run) => run.requests);
  const [first = 'none'] = runs.flatMap(({ wrong }) => wrong);
  return {
    name: 'modbus-wrong-values',
    value: sum(({ wrong }) => wrong.length),
    unit: 'values',
    reference: null,
    note: `of ${requests} mistreated requests ${sum(({ right }) => right)} gave data; seed ${seed}; wrong: ${first}`,
  };
}

/** Seconds from the server's return to the first Good value, with the agent's own supervision. */
async function recovery(outageMs: number): Promise<number> {
  const port = await freePort();
  const start = () =>
    startScriptedServer('mbap', (request, peer) => peer.write(wordsReply('mbap', request, [1])), port);
  const ids = new Map(healthDeclarations('plc', 5000).map(({ path }, i) => [path, i + 100]));
  const stop = new AbortController();
  let onGood = () => {};
  const nextGood = () =>
    new Promise<number>((resolve) => {
      onGood = () => resolve(performance.now());
    });
  const running = superviseSource(
    {
      source: modbusSource({
        port,
        devices: [{ unit: 1, tags: [{ path: 'a/r', table: 'holding', address: 0, format: 'uint16' }] }],
      }),
      sampler: createSampler(new Map([[1, { mode: 'always', deadband: 0, heartbeatMs: 60_000 }]]), systemClock.now),
      health: createSourceHealth('plc', ids, 5000),
      acceptor: {
        add: async (samples) => {
          if (samples.some(({ tag, quality }) => tag === 1 && isGood(quality))) onGood();
        },
      },
      clock: systemClock,
      log: { info() {}, warn() {}, error() {} },
    },
    stop.signal,
  );
  let server = await start();
  await nextGood();
  await server[Symbol.asyncDispose]();
  await delay(outageMs);
  server = await start();
  const backAt = performance.now();
  const seconds = ((await nextGood()) - backAt) / 1000;
  stop.abort();
  await running;
  await server[Symbol.asyncDispose]();
  return seconds;
}
