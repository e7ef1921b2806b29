/** One chaos run: starts the system, inflicts what was planned, heals, drains, and looks for what is broken. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { check, type Findings } from './check.ts';
import { duckdbEvidence, influxEvidence, readBuffer, readLedger } from './evidence.ts';
import { createRandom } from './random.ts';
import { type Fault, type FaultName, planFaults } from './schedule.ts';
import { type Part, type System, startSystem } from './system.ts';
import { tickMs } from './truth.ts';
import { startWatch } from './watch.ts';

export interface RunOptions {
  readonly dir: string;
  readonly seed: number;
  readonly seconds: number;
  readonly agents: number;
  /** Samples a second of each agent. */
  readonly rate: number;
  readonly broker: 'embedded' | 'mosquitto';
  readonly store: 'duckdb' | 'influx';
  readonly smallDisk: boolean;
  readonly faults: readonly FaultName[];
  /** Seconds that the backlog may take once everything is healed. */
  readonly drain: number;
  progress(text: string): void;
}

export interface Result extends Findings {
  seed: number;
  kills: number;
  pauses: number;
  partitions: number;
  diskFulls: number;
  drainedInS: number | null;
  peakMb: Readonly<Record<string, number>>;
}

export async function run(options: RunOptions): Promise<Result> {
  const { dir, seed, seconds, progress } = options;
  mkdirSync(dir, { recursive: true });
  const random = createRandom(seed);
  const { agents, rate, broker, store, smallDisk } = options;
  const ofSystem = createRandom(seed + 1);
  await using system = await startSystem({
    dir,
    agents,
    tagsPerAgent: Math.ceil((rate * tickMs) / 1000),
    broker,
    store,
    smallDisk,
    random: ofSystem.next,
  });
  using watch = startWatch(system);
  const counts = { kills: 0, pauses: 0, partitions: 0, diskFulls: 0 };

  const targets = {
    processes: system.parts.map(({ name }) => name),
    brokerLinks: [...system.links.keys()].filter((name) => name.endsWith('-broker')),
    storeLinks: [...system.links.keys()].filter((name) => name.endsWith('-store')),
    smallDisks: system.agents.filter((agent) => agent.smallDisk).map(({ part }) => part.name),
  };
  const planned = planFaults(random, seconds * 1000, targets, options.faults);
  const underWay = new Set<Promise<void>>();
  const startedAt = performance.now();
  for (const { atMs, fault } of planned) {
    await delay(Math.max(0, startedAt + atMs - performance.now()));
    const work = inflict(system, fault, counts).finally(() => underWay.delete(work));
    underWay.add(work);
    progress(`${Math.round(atMs / 1000)} s: ${describe(fault)}`);
  }
  await delay(Math.max(0, startedAt + seconds * 1000 - performance.now()));
  await Promise.all(underWay);
  for (const part of system.parts) if (!part.running) await part.start();
  progress('healed; draining');

  const drainedInS = await drain(watch.backlog, rate * agents * 2, options.drain);
  for (const { part } of system.agents) {
    const code = await part.stop(options.drain * 1000);
    if (code !== 0) progress(`${part.name} ended with ${code}`);
  }
  await system.hub.stop(30_000);
  const alone = system.parts.filter(({ endedAlone }) => endedAlone > 0);

  progress('checking');
  const { streams } = readLedger(join(system.hubDir, 'ledger.db'));
  const checked = system.agents.map(({ part, index, dataDir }) => ({
    id: part.name,
    index,
    buffer: readBuffer(join(dataDir, 'buffer/buffer.db')),
  }));
  const readStored = system.influxUrl
    ? influxEvidence(system.influxUrl, 'payesh')
    : duckdbEvidence(join(system.hubDir, 'samples'));
  const findings = await check(streams, checked, readStored);
  const ended = alone.map(({ name, endedAlone }) => `${name} ended by itself, ${endedAlone} times`);
  const broken = [...findings.broken, ...watch.broken, ...ended];
  if (drainedInS === null) broken.push(`I10: not drained within ${options.drain} s`);
  return { seed, ...counts, ...findings, broken, drainedInS, peakMb: watch.peakMb };
}

/** Seconds until no more waits than two seconds bring; null when that took too long. */
async function drain(
  backlog: () => Promise<number | undefined>,
  enough: number,
  withinS: number,
): Promise<number | null> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < withinS * 1000) {
    const waiting = await backlog();
    if (waiting !== undefined && waiting <= enough) return Math.round((performance.now() - startedAt) / 100) / 10;
    await delay(200);
  }
  return null;
}

/** Inflicts a fault and heals it. One that no longer fits, as its process is down already, is passed over. */
async function inflict(
  system: System,
  fault: Fault,
  counts: { kills: number; pauses: number; partitions: number; diskFulls: number },
): Promise<void> {
  const partOf = (name: string): Part => system.parts.find((part) => part.name === name)!;
  switch (fault.kind) {
    case 'kill': {
      const part = partOf(fault.process);
      if (!part.running) return;
      counts.kills += 1;
      await part.kill();
      await delay(fault.downMs);
      // Another fault may hit it while it starts; whoever comes last starts it again.
      if (!part.running) await part.start().catch(() => {});
      return;
    }
    case 'pause': {
      const part = partOf(fault.process);
      if (!part.running) return;
      counts.pauses += 1;
      part.pause();
      await delay(fault.forMs);
      part.resume();
      return;
    }
    case 'partition': {
      const proxy = system.links.get(fault.link)!;
      counts.partitions += 1;
      proxy.inflict(fault.fault);
      await delay(fault.forMs);
      proxy.heal();
      return;
    }
    case 'disk-full': {
      const agent = system.agents.find(({ part }) => part.name === fault.agent)!;
      counts.diskFulls += 1;
      system.fillDisk(agent, true);
      await delay(fault.forMs);
      system.fillDisk(agent, false);
    }
  }
}

function describe(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `kill -9 ${fault.process}, down ${Math.round(fault.downMs)} ms`;
    case 'pause':
      return `pause ${fault.process} for ${Math.round(fault.forMs)} ms`;
    case 'partition':
      return `${fault.fault.kind} on ${fault.link} for ${Math.round(fault.forMs)} ms`;
    case 'disk-full':
      return `disk of ${fault.agent} full for ${Math.round(fault.forMs)} ms`;
  }
}
