/** Time in which a power curtailment kept a unit from working, and what it could have made in it (dr.lost_output). */
import type { Sums } from '../../kpi/sums.ts';
import type { Plant, Unit } from '../../plant/plant.ts';
import { clip, lengthUs, overlapUs, type Spans } from '../../plant/spans.ts';
import type { StateSpan } from './state-timeline.ts';

export function curtailmentElements(
  { outputReferences }: Pick<Plant, 'outputReferences'>,
  timeline: readonly StateSpan[],
  busy: Spans,
  unit: Unit,
): Sums {
  const sums = { CURTAIL_us: 0, CURTAIL_pieces: 0, CURTAIL_good: 0, CURTAIL_no_PRI_us: 0, CURTAIL_no_reference_us: 0 };
  const references = outputReferences.filter((one) => one.unit === unit.path);
  for (const { start, end, state } of timeline) {
    if (state !== 'POWER_CURTAIL') continue;
    const lost = clip(busy, start, end);
    const length = lengthUs(lost);
    let priced = 0;
    let referred = 0;
    for (const { from, to, plannedRunTimeS } of unit.rates) {
      const [begin, stop] = [Math.max(from, start), Math.min(to, end)];
      const ofRate = overlapUs(lost, begin, stop);
      priced += ofRate;
      sums.CURTAIL_pieces += ofRate / 1e6 / plannedRunTimeS;
      for (const { effectiveness, quality, ...valid } of references) {
        const ofBoth = overlapUs(lost, Math.max(valid.from, begin), Math.min(valid.to, stop));
        sums.CURTAIL_good += (ofBoth / 1e6 / plannedRunTimeS) * effectiveness * quality;
      }
    }
    for (const { from, to } of references) referred += overlapUs(lost, Math.max(from, start), Math.min(to, end));
    sums.CURTAIL_no_reference_us += length - referred;
    sums.CURTAIL_us += length;
    sums.CURTAIL_no_PRI_us += length - priced;
  }
  return sums;
}
