/** `truth`: two days of the demo with every tag, on the embedded store; the share of figures that the factory's truth confirms. */
import { join } from 'node:path';
import { compareFigures, createTruth } from '../truth/compare.ts';
import { live } from '../truth/live.ts';
import { minuteUs, mishaps, plantFiles, startUs } from '../truth/scenario.ts';
import type { Bench } from './bench.ts';

export const truth: Bench = {
  names: ['truth'],
  async *run({ dir, hours, progress }) {
    const days = Math.max(1, Math.round((hours ?? 48) / 24));
    const startedAt = performance.now();
    await using lived = await live({
      ...{ startUs, mishaps, plants: plantFiles() },
      dir: join(dir, 'truth'),
      days,
      stepUs: 10 * minuteUs,
      progress: (text) => progress(`truth: ${text}`),
    });
    const wallS = (performance.now() - startedAt) / 1000;
    const compared = await compareFigures(lived.hub, createTruth(lived.agents, lived.truth), lived);
    const wrong = compared.filter(({ agrees }) => !agrees);
    for (const one of wrong.slice(0, 20)) progress(`truth: ${JSON.stringify(one)}`);
    yield {
      name: 'truth',
      value: 1 - wrong.length / compared.length,
      unit: 'of the figures',
      reference: null,
      note: `${compared.length} figures of ${new Set(compared.map(({ kpi }) => kpi)).size} KPIs, ${days} days in ${wallS.toFixed(1)} s`,
      atLeast: 1,
    };
  },
};
