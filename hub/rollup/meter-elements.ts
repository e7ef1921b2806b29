/** The elements of a meter in one cell: what its register counted, how much of that is measured, and the demand. */
import type { Meter } from '../plant/meter.ts';
import type { Plant } from '../plant/plant.ts';
import { subtract } from '../plant/spans.ts';
import { counterSteps } from './counter.ts';
import { blockDemand } from './demand.ts';
import { createCurve, registerElements, stepSpans } from './register.ts';
import type { SiteTag } from './site-tags.ts';
import type { Slice } from './slice.ts';
import type { Sums } from './sums.ts';
import { emptyTrack, trueSpans } from './track.ts';

/** @param offsetUs how far local time is ahead of UTC: demand blocks lie on the local clock. */
export function meterCell(
  plant: Plant,
  meter: Meter,
  register: SiteTag | undefined,
  offsetUs: number,
  cell: Slice,
): Sums {
  const { start, end } = cell;
  const isElectric = meter.carrier === 'electricity';
  // A demand block that ends in this cell may have begun before it.
  const track = register ? cell.track(register, isElectric ? meter.demandIntervalUs : 0) : emptyTrack;
  const steps = counterSteps(track, { ...register?.counter, jitter: plant.counterJitter.registers });
  const curve = createCurve(steps);
  const [first = start, last = end] = [track.times[0], track.times.at(-1)];
  const known = register ? trueSpans(track, cell.known(register), Math.min(first, start), Math.max(last, end)) : [];
  const measured = subtract(known, stepSpans(steps, 'suspect'));
  const sums = registerElements({ steps, curve, measured, amount: isElectric ? 'kWh' : 'quantity' }, start, end);
  if (!isElectric) return sums;
  const { blocks, measuredBlocks, peakKw, peakAt } = blockDemand(
    curve,
    measured,
    cell,
    meter.demandIntervalUs,
    offsetUs,
  );
  sums.blocks = blocks;
  sums.blocks_measured = measuredBlocks;
  if (peakKw !== undefined) sums.P_max_kW = peakKw;
  if (peakAt !== undefined) sums.P_max_at_us = peakAt;
  return sums;
}
