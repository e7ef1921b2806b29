/** What a meter's register says around a cell, ready to be asked for the energy of any part of it. */
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import { intersect, type Span, type Spans, subtract } from '../../plant/spans.ts';
import type { CounterStep } from '../samples/counter.ts';
import { livedIn, type SiteTag, type SiteTags } from '../samples/site-tags.ts';
import type { Slice } from '../samples/slice.ts';
import { stepsOf, type TagReading, truthOf } from '../samples/tag-reading.ts';
import { integrateSteps } from './integrate.ts';
import { type Curve, createCurve, stepSpans } from './register.ts';

export interface MeterReading {
  readonly steps: readonly CounterStep[];
  readonly curve: Curve;
  /** When the latest reading was known to be the truth and no step is suspect; over all steps, not only the cell. */
  readonly measured: Spans;
  /** There is no register: the energy is integrated from active power (R17). */
  readonly integrated: boolean;
}

export function readMeter(plant: Plant, meter: Meter, tags: SiteTags, cell: Slice): MeterReading {
  const register = meter.register === undefined ? undefined : tags.get(meter.register);
  const power = meter.power === undefined ? undefined : tags.get(meter.power);
  // A demand interval that ends in this cell may have begun before it.
  const lookbackUs = meter.carrier === 'electricity' ? meter.demandIntervalUs : 0;
  if (power && livedIn(power, cell) && !(register && livedIn(register, cell))) {
    const reading = cell.read(power, lookbackUs);
    const steps = reading.flatMap(({ series, track }) => integrateSteps(track, series.counter?.scale));
    const measured = intersect(toldAround(reading, cell), stepSpans(steps, 'believed'));
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
  const reading = register ? cell.read(register, lookbackUs) : [];
  const steps = stepsOf(reading, { jitter: plant.counterJitter.registers });
  const measured = subtract(toldAround(reading, cell), stepSpans(steps, 'suspect'));
  return { steps, curve: createCurve(steps), measured, integrated: false };
}

/** When it was the truth, from the first sample that was read to the last. */
function toldAround(reading: TagReading, { start, end }: Span): Spans {
  const edges = reading.flatMap(({ track: { times } }) => (times.length > 0 ? [times[0]!, times.at(-1)!] : []));
  return truthOf(reading, Math.min(start, ...edges), Math.max(end, ...edges), 'notBad');
}
