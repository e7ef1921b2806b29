/** The elements of a meter: what its register counted, how much of that is measured, and the demand by blocks. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Elements } from '../kpi/kpi.ts';
import type { Meter, Plant } from '../plant/plant.ts';
import { subtract } from '../plant/spans.ts';
import { counterSteps } from './counter.ts';
import { blockDemand, type Demand, joinDemand, noDemand } from './demand.ts';
import { createCurve, registerElements, stepSpans } from './register.ts';
import type { SiteTag } from './site-tags.ts';
import type { Slice } from './slice.ts';
import { addAll, type Sums, toElements } from './sums.ts';
import { emptyTrack, trueSpans } from './track.ts';

export interface MeterTally {
  add(slice: Slice): void;
  elements(): Elements;
}

/** @param offsetUs how far local time is ahead of UTC: demand blocks lie on the local clock. */
export function createMeterTally(
  plant: Plant,
  meter: Meter,
  register: SiteTag | undefined,
  offsetUs: number,
): MeterTally {
  const sums: Sums = {};
  const amount = meter.carrier === 'electricity' ? 'kWh' : 'quantity';
  let demand: Demand = noDemand;
  return {
    add(slice) {
      const { start, end } = slice;
      const track = register ? slice.track(register) : emptyTrack;
      const steps = counterSteps(track, { ...register?.counter, jitter: plant.counterJitter.registers });
      const curve = createCurve(steps);
      const [first = start, last = end] = [track.times[0], track.times.at(-1)];
      const known = register
        ? trueSpans(track, slice.known(register), Math.min(first, start), Math.max(last, end))
        : [];
      const measured = subtract(known, stepSpans(steps, 'suspect'));
      addAll(sums, registerElements({ steps, curve, measured, amount }, start, end));
      if (meter.carrier === 'electricity') {
        demand = joinDemand(demand, blockDemand(curve, measured, { start, end }, meter.demandIntervalUs, offsetUs));
      }
    },
    elements: () => ({ ...toElements(sums), ...demandElements(demand) }),
  };
}

const demandElements = ({ blocks, measuredBlocks, peakKw, peakAt }: Demand): Record<string, number> => ({
  blocks,
  blocks_measured: measuredBlocks,
  ...(peakKw !== undefined && { P_max_kW: peakKw }),
  ...(peakAt !== undefined && { P_max_at_us: peakAt satisfies TimeUs }),
});
