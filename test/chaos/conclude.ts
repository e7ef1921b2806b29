/** The end of every run: everything is drained, stopped, and held against the invariants. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { check, type Findings, type Legal } from './check.ts';
import { duckdbEvidence, influxEvidence, readBuffer, readHarmed, readLedger } from './evidence.ts';
import type { Growth } from './growth.ts';
import type { System } from './system.ts';
import type { Watch } from './watch.ts';

export interface Conclusion extends Findings {
  drainedInS: number | null;
  peakMb: Readonly<Record<string, number>>;
  growth: Readonly<Record<string, Growth>>;
  /** Most frames that an agent had under way at once. */
  mostInFlight: number;
}

export interface ConcludeOptions {
  /** Samples that may still be under way when everything counts as drained. */
  readonly enough: number;
  /** Seconds that the backlog may take. */
  readonly within: number;
  readonly legal?: Legal | undefined;
  /** Copies of agents' buffer folders from before they were harmed, by agent. */
  readonly earlier?: ReadonlyMap<string, readonly string[]>;
  progress(text: string): void;
}

export async function conclude(system: System, watch: Watch, options: ConcludeOptions): Promise<Conclusion> {
  const { enough, within, legal, earlier = new Map<string, readonly string[]>(), progress } = options;
  for (const part of system.parts) if (!part.running) await part.start();
  progress('healed; draining');
  const growth = watch.growth();
  const drainedInS = await drain(watch.backlog, enough, within);
  for (const { part } of system.agents) {
    const code = await part.stop(within * 1000);
    if (code !== 0) progress(`${part.name} ended with ${code}`);
  }
  await system.hub.stop(30_000);
  const alone = system.parts.filter(({ endedAlone }) => endedAlone > 0);

  progress('checking');
  const { streams } = readLedger(join(system.hubDir, 'ledger.db'));
  const unreadable: string[] = [];
  const checked = system.agents.flatMap(({ part, index, dataDir }) => {
    try {
      const buffer = readBuffer(join(dataDir, 'buffer/buffer.db'));
      const copies = (earlier.get(part.name) ?? []).map((folder) => ({
        readable: readHarmed(folder),
        ...readBuffer(join(folder, 'buffer.db')),
      }));
      return [{ id: part.name, index, buffer, earlier: copies }];
    } catch (error) {
      unreadable.push(`I1 ${part.name}: its buffer cannot be read: ${error}`);
      return [];
    }
  });
  const readStored = system.influxUrl
    ? influxEvidence(system.influxUrl, 'payesh')
    : duckdbEvidence(join(system.hubDir, 'samples'));
  const findings = await check(streams, checked, readStored, { legal, shown: watch.shown });
  const inFlight = system.agents.map((agent) => agent.inFlight);
  const ended = alone.map(({ name, endedAlone }) => `${name} ended by itself, ${endedAlone} times`);
  const broken = [...unreadable, ...findings.broken, ...watch.broken, ...inFlight.flatMap((of) => of.broken), ...ended];
  if (drainedInS === null) broken.push(`I10: not drained within ${within} s`);
  return {
    ...findings,
    broken,
    drainedInS,
    peakMb: watch.peakMb,
    growth,
    mostInFlight: Math.max(...inFlight.map(({ most }) => most)),
  };
}

/** Seconds until no more waits than is enough; null when that took too long. */
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
