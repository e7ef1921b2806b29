/**
 * What a telemetry store must do for figures: an hour of the demo on it, each frame at the hub when it would be there,
 * gives the figures that the factory's truth tells. Whoever runs it for two stores holds what it returns side by side.
 */
import type { Test } from 'tap';
import { compareFigures, figuresUntil } from '../truth/compare.ts';
import { heldKpis } from '../truth/held.ts';
import { figuresOnly, live } from '../truth/live.ts';
import { type Mishap, minuteUs, plantFiles, startUs } from '../truth/scenario.ts';
import { createTruth } from '../truth/truth.ts';

const after = (minutes: number) => startUs + minutes * minuteUs;
const mishaps: readonly Mishap[] = [
  {
    ...{ kind: 'device silent', source: 'line-1-plc', tags: 'packaging/line-1/capper/' },
    from: after(20),
    to: after(26),
  },
  { ...{ kind: 'source lost', source: 'utilities' }, from: after(31), to: after(37) },
  { ...{ kind: 'offline', agent: 'packaging' }, from: after(42), to: after(52) },
];

/** KPIs that depend on when the hub had what. */
export const ofTiming = ['dq.ontime', 'dq.backfill', 'dq.latency', 'dq.latency_p50', 'dq.uptime', 'dq.clock'];

/** @returns every figure that does not run on, as text, without how it came about. */
export async function storeFigures(t: Test, place: { dir: string; influx?: string | undefined }): Promise<string[]> {
  const plants = plantFiles();
  await using lived = await live({
    ...{ ...place, startUs, mishaps, plants, measured: figuresOnly, isPunctual: true },
    ...{ days: 1 / 24, stepUs: 30 * minuteUs },
  });
  const compared = await compareFigures(lived.hub, createTruth(lived.agents, lived.truth, mishaps), lived);
  t.same(compared.filter(({ agrees }) => !agrees).slice(0, 20), []);
  const held = heldKpis(compared).map(({ kpi }) => kpi);
  t.same(
    ofTiming.filter((kpi) => !held.includes(kpi)),
    [],
    `${compared.length} figures of ${held.length} KPIs`,
  );
  const figures = await figuresUntil(lived.hub, lived.computedUs);
  return figures.filter(({ provisional }) => !provisional).map(({ figure }) => figure);
}
