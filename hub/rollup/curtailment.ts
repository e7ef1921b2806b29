/** Time in which a power curtailment kept a unit from working, and what it could have made in it (dr.lost_output). */
import type { Unit } from '../plant/plant.ts';
import { clip, lengthUs, overlapUs, type Spans } from '../plant/spans.ts';
import type { StateSpan } from './state-timeline.ts';
import type { Sums } from './sums.ts';

export function curtailmentElements(timeline: readonly StateSpan[], busy: Spans, unit: Unit): Sums {
  const sums = { CURTAIL_us: 0, CURTAIL_pieces: 0, CURTAIL_no_PRI_us: 0 };
  for (const { start, end, state } of timeline) {
    if (state !== 'POWER_CURTAIL') continue;
    const lost = clip(busy, start, end);
    const length = lengthUs(lost);
    let priced = 0;
    for (const { from, to, plannedRunTimeS } of unit.rates) {
      const ofRate = overlapUs(lost, Math.max(from, start), Math.min(to, end));
      priced += ofRate;
      sums.CURTAIL_pieces += ofRate / 1e6 / plannedRunTimeS;
    }
    sums.CURTAIL_us += length;
    sums.CURTAIL_no_PRI_us += length - priced;
  }
  return sums;
}
