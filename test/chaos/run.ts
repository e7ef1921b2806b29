/** One chaos run: starts the system, inflicts what was planned, heals, drains, and looks for what is broken. */
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Legal } from './check.ts';
import { type Conclusion, conclude } from './conclude.ts';
import { describe, type FaultCounts, inflict, noFaults } from './inflict.ts';
import { createRandom } from './random.ts';
import { type FaultName, planFaults } from './schedule.ts';
import { startSystem } from './system.ts';
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
  /** Nothing may grow. */
  readonly soak: boolean;
  /** Seconds that the backlog may take once everything is healed. */
  readonly drain: number;
  progress(text: string): void;
}

export interface Result extends Conclusion, FaultCounts {
  seed: number;
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
  const counts = noFaults();

  const targets = {
    processes: system.parts.map(({ name }) => name),
    brokerLinks: [...system.links.keys()].filter((name) => name.endsWith('-broker')),
    storeLinks: [...system.links.keys()].filter((name) => name.endsWith('-store')),
    smallDisks: system.smallDisks,
    writers: ['hub', ...system.agents.map(({ part }) => part.name)],
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
  const wasFull = planned.some(({ fault }) => fault.kind === 'disk-full' && fault.disk !== 'hub');
  const legal: Legal = wasFull ? { gaps: ['evicted'] } : {};
  const conclusion = await conclude(system, watch, {
    enough: rate * agents * 2,
    within: options.drain,
    legal,
    progress,
  });
  const grown = options.soak ? growing(conclusion.growth) : [];
  return { seed, ...counts, ...conclusion, broken: [...conclusion.broken, ...grown] };
}

/** More than the breath of a collector, over so short a time. */
const maxMbPerHour = 60;
const maxMoreFiles = 8;

const growing = (growth: Conclusion['growth']): string[] =>
  Object.entries(growth).flatMap(([name, { mbPerHour, files, minutes }]) =>
    (mbPerHour > maxMbPerHour && minutes >= 5) || files > maxMoreFiles
      ? [`F40 ${name} grows by ${mbPerHour} MB an hour and by ${files} files`]
      : [],
  );
