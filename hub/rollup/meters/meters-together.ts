/** What several meters, or a meter and the units behind it, say together in one cell. */
import type { Sums } from '../../kpi/sums.ts';
import type { Meter } from '../../plant/meter.ts';
import { intersect, lengthUs, type Span, type Spans, subtract, union } from '../../plant/spans.ts';
import type { StateSpan } from '../units/state-timeline.ts';
import { within } from './meter-elements.ts';
import type { MeterReading } from './meter-reading.ts';
import { stepSpans } from './register.ts';

export interface ReadMeter {
  readonly meter: Meter;
  readonly reading: MeterReading;
}

/** Measured, or inside a gap between two believable readings. */
const told = ({ steps, measured }: MeterReading, cell: Span): Spans =>
  intersect(union(measured, stepSpans(steps, 'believed')), [cell]);

/** Group `balance`: a meter against those directly below it, in the time in which all were told. */
export function balanceElements(upper: ReadMeter, below: readonly ReadMeter[], cell: Span): Sums {
  const mask = [upper, ...below].map(({ reading }) => told(reading, cell)).reduce(intersect);
  const main = within(upper.reading.curve, mask);
  return {
    balance_main_kWh: main,
    balance_sub_kWh: below.reduce((sum, { reading }) => sum + within(reading.curve, mask), 0),
    balance_loss_kWh: main * upper.meter.lossShare,
    balance_us: cell.end - cell.start,
    balance_known_us: lengthUs(mask),
  };
}

/** Group `supply` of a site: from the grid, its own, and given away. */
export function supplyElements(meters: readonly ReadMeter[], cell: Span): Sums {
  const sum = (role: Meter['role']): number =>
    meters
      .filter(({ meter }) => meter.role === role)
      .reduce((all, { reading }) => all + reading.curve.between(cell.start, cell.end), 0);
  const known = meters.map(({ reading }) => told(reading, cell)).reduce(intersect);
  return {
    kWh_grid: sum('main'),
    kWh_own: sum('generation'),
    kWh_export: sum('export'),
    supply_us: cell.end - cell.start,
    supply_known_us: lengthUs(known),
  };
}

/** A longer step has no shape: how its energy fell on running and standing is shared out by time. */
const shapelessUs = 60_000_000;

/**
 * Group `split`: the energy of a meter by whether any unit behind it was in RUN. What lies in time in which a unit is
 * not known, or in which the meter was not measured, is neither.
 */
export function splitElements({ reading }: ReadMeter, timelines: readonly (readonly StateSpan[])[], cell: Span): Sums {
  const { curve, steps, measured } = reading;
  const runs = union(...timelines.map((timeline) => timeline.filter(({ state }) => state === 'RUN')));
  const unknown = union(...timelines.map((timeline) => timeline.filter(({ state }) => state === 'UNKNOWN')));
  const shaped = intersect(measured, [cell]);
  const running = intersect(shaped, runs);
  const standing = subtract(subtract(shaped, runs), unknown);
  const [run, stand] = [within(curve, running), within(curve, standing)];
  const long = steps
    .filter(({ from, to }) => to - from > shapelessUs)
    .map(({ from, to }) => ({ start: from, end: to }));
  return {
    kWh_run: run,
    kWh_not_run: stand,
    kWh_unsplit: curve.between(cell.start, cell.end) - run - stand,
    kWh_allocated: within(curve, intersect(union(running, standing), union(long))),
  };
}
