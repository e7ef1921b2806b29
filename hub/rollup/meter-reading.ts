/** What a meter's register says around a cell, ready to be asked for the energy of any part of it. */
import type { Meter } from '../plant/meter.ts';
import type { Plant } from '../plant/plant.ts';
import { intersect, type Spans, subtract } from '../plant/spans.ts';
import { type CounterStep, counterSteps } from './counter.ts';
import { integrateSteps } from './integrate.ts';
import { type Curve, createCurve, stepSpans } from './register.ts';
import type { SiteTag, SiteTags } from './site-tags.ts';
import type { Slice } from './slice.ts';
import { emptyTrack, type Track, trueSpans } from './track.ts';

export interface MeterReading {
  readonly steps: readonly CounterStep[];
  readonly curve: Curve;
  /** When the latest reading was known to be the truth and no step is suspect; over all steps, not only the cell. */
  readonly measured: Spans;
  /** There is no register: the energy is integrated from active power (R17). */
  readonly integrated: boolean;
}

export function readMeter(plant: Plant, meter: Meter, tags: SiteTags, cell: Slice): MeterReading {
  const register = tags.get(meter.register);
  const power = meter.power === undefined ? undefined : tags.get(meter.power);
  // A demand interval that ends in this cell may have begun before it.
  const lookbackUs = meter.carrier === 'electricity' ? meter.demandIntervalUs : 0;
  if (!register && power) {
    const track = cell.track(power, lookbackUs);
    const steps = integrateSteps(track, power.counter?.scale);
    const measured = intersect(knownOf(cell, power, track), stepSpans(steps, 'believed'));
    return { steps, curve: createCurve(steps), measured, integrated: true };
  }
  return readRegister(plant, register, cell, lookbackUs);
}

export function readRegister(
  plant: Plant,
  register: SiteTag | undefined,
  cell: Slice,
  lookbackUs: number,
): MeterReading {
  const track = register ? cell.track(register, lookbackUs) : emptyTrack;
  const steps = counterSteps(track, { ...register?.counter, jitter: plant.counterJitter.registers });
  const known = register ? knownOf(cell, register, track) : [];
  const measured = subtract(known, stepSpans(steps, 'suspect'));
  return { steps, curve: createCurve(steps), measured, integrated: false };
}

function knownOf({ start, end, known }: Slice, tag: SiteTag, track: Track): Spans {
  const [first = start, last = end] = [track.times[0], track.times.at(-1)];
  return trueSpans(track, known(tag), Math.min(first, start), Math.max(last, end));
}
