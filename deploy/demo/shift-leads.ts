/**
 * The demo's people. A shift lead of each line tells what no machine does: the pieces of one machine are inspected as they
 * come, and an operator is there at each, who works on orders while it runs or is set up. What was made they read off the
 * hub, as they would off the machine's display.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../protocols/clock.ts';
import { askHub, tellHub } from './api.ts';

const lines = [
  { line: 'sahand/machining-plant/machining/line-1', inspected: 'cnc-2', operators: 3 },
  { line: 'aras/packaging-plant/packaging/line-1', inspected: 'filler', operators: 3 },
] as const;

interface Options {
  readonly url: string;
  /** Of somebody who may enter. */
  readonly token: string;
  readonly clock: Clock;
  /** When the shift begins for them, µs of the clock. */
  readonly from: number;
}

interface Told {
  readonly kpi: string;
  readonly asset: string;
  readonly provisional: boolean;
  readonly elements: Readonly<Record<string, number>>;
}

const secondUs = 1_000_000;
/** Once this share of their time is untold they tell it, so that their figures stay known while the demo runs. */
const untoldShare = 1 / 10;
const leastUs = 30 * secondUs;
const lookEveryMs = 1000;

/** Runs until the signal aborts. */
export async function leadShifts({ url, token, clock, from }: Options, stop: AbortSignal): Promise<void> {
  const toldUntil = new Map<string, number>(lines.map(({ line }) => [line, from]));
  let complained = false;
  while (!stop.aborted) {
    for (const one of lines) {
      const begin = toldUntil.get(one.line)!;
      // What was measured just now is still on its way.
      const end = Math.floor((clock.now() - 5 * clock.speed * secondUs) / secondUs) * secondUs;
      if (end - begin < Math.max(leastUs, (end - from) * untoldShare)) continue;
      try {
        const entries = await entriesOf(one, { begin, end });
        if (entries.length === 0) continue;
        // An entry that fails is not tried again, since it may have come: its time stays untold at worst.
        toldUntil.set(one.line, end);
        for (const entry of entries) await tellHub(url, '/api/v1/entries', token, entry);
      } catch (error) {
        if (stop.aborted) return;
        if (!complained) console.error(`shift lead of ${one.line}: ${(error as Error).message}`);
        complained = true;
      }
    }
    await delay(lookEveryMs, undefined, { signal: stop }).catch(() => {});
  }

  /** None before the hub knows all of the time. */
  async function entriesOf(
    { line, inspected, operators }: (typeof lines)[number],
    { begin, end }: { readonly begin: number; readonly end: number },
  ): Promise<object[]> {
    const iso = (time: number) => new Date(time / 1000).toISOString();
    const span = { from: iso(begin), to: iso(end) };
    const unit = `${line}/${inspected}`;
    const query = new URLSearchParams({ kpi: 'prod.quality,prod.availability', asset: `${line},${unit}`, ...span });
    const { data } = (await askHub(url, `/api/v1/kpi-values?${query}`, token)) as { data: readonly Told[] };
    const of = (kpi: string, asset: string) => data.find((value) => value.kpi === kpi && value.asset === asset);
    const [made, ran] = [of('prod.quality', unit), of('prod.availability', line)];
    if (!made || !ran || made.provisional || ran.provisional || made.elements.PQ === undefined) return [];
    const { PQ, GQ = 0 } = made.elements;
    const { APT_s = 0, AUST_s = 0 } = ran.elements;
    return [
      { kind: 'inspection', asset: unit, ...span, inspected: PQ, good: GQ },
      { kind: 'attendance', asset: line, ...span, people: operators, worked_h: (APT_s + AUST_s) / 3600 },
    ];
  }
}
