/**
 * `truth`: two days of the demo with every tag, on the embedded store, each frame at the hub when it would be there; the
 * share of figures that the factory's truth confirms, and of every KPI how far its worst value is off.
 */
import { join } from 'node:path';
import { compareFigures } from '../truth/compare.ts';
import { sayWhatPeopleKnow } from '../truth/entries.ts';
import { heldKpis, notHeld } from '../truth/held.ts';
import { live } from '../truth/live.ts';
import { minuteUs, mishaps, plantFiles, startUs } from '../truth/scenario.ts';
import { createTruth } from '../truth/truth.ts';
import type { Bench } from './bench.ts';

const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;

export const truth: Bench = {
  names: ['truth'],
  async *run({ dir, hours, progress }) {
    const days = Math.max(1, Math.round((hours ?? 48) / 24));
    const startedAt = performance.now();
    await using lived = await live({
      ...{ startUs, mishaps, plants: plantFiles(), said: sayWhatPeopleKnow, isPunctual: true },
      dir: join(dir, 'truth'),
      days,
      stepUs: 10 * minuteUs,
      progress: (text) => progress(`truth: ${text}`),
    });
    const wallS = (performance.now() - startedAt) / 1000;
    const compared = await compareFigures(
      lived.hub,
      createTruth(lived.agents, lived.truth, mishaps, lived.endUs),
      lived,
    );
    const wrong = compared.filter(({ agrees }) => !agrees);
    for (const one of wrong.slice(0, 20)) progress(`truth: ${JSON.stringify(one)}`);
    const held = heldKpis(compared);
    for (const { kpi, values, worst, tolerance, value } of held) {
      const allowed = value === 0 ? tolerance.toPrecision(2) : percent(tolerance / Math.abs(value));
      progress(`truth: ${kpi}: ${values} values; the worst is off by ${percent(worst)} of its tolerance of ${allowed}`);
    }
    const lacking = notHeld(held);
    if (lacking.length > 0) progress(`truth: not held: ${lacking.join(', ')}`);
    yield {
      name: 'truth',
      value: (1 - wrong.length / compared.length) * (lacking.length === 0 ? 1 : 0),
      unit: 'of the figures',
      reference: null,
      note: `${compared.length} figures, ${held.reduce((sum, { values }) => sum + values, 0)} of them numbers, of ${held.length} KPIs, ${days} days in ${wallS.toFixed(1)} s`,
      atLeast: 1,
    };
  },
};
