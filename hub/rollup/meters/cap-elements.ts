/**
 * Whether the demand intervals that end in a cell kept a notified limit (kpi.md §2.1 G1). An interval is under the
 * limit when all of it is; the excess is without the tolerance; energy spread over a gap tells nothing (R7).
 */
import { exceeds } from '../../kpi/compare.ts';
import type { Sums } from '../../kpi/sums.ts';
import { dailySpans } from '../../plant/daily.ts';
import type { PowerLimit } from '../../plant/energy-model.ts';
import { overlapUs, type Span } from '../../plant/spans.ts';
import type { DemandInterval } from './demand.ts';

const hourUs = 3_600_000_000;

export function capElements(zone: string, limits: readonly PowerLimit[], intervals: readonly DemandInterval[]): Sums {
  const sums: Sums = {};
  const add = (name: string, amount: number) => {
    sums[name] = (sums[name] ?? 0) + amount;
  };
  const keepGreatest = (name: string, value: number, time: number) => {
    if ((sums[name] ?? Number.NEGATIVE_INFINITY) >= value) return;
    sums[name] = value;
    sums[name.replace(/(_kW)?$/, '_at_us')] = time;
  };
  for (const interval of intervals) {
    const { start, end, kw } = interval;
    const limit = limitOver(zone, limits, interval);
    if (!limit) continue;
    const { limitKw, tolerance } = limit;
    for (const name of ['cap_intervals', 'cap_measured', 'cap_kept', 'cap_excess_kWh']) add(name, 0);
    add('cap_intervals', 1);
    if (kw === undefined) continue;
    add('cap_measured', 1);
    if (!exceeds(kw, limitKw * (1 + tolerance))) add('cap_kept', 1);
    add('cap_excess_kWh', (Math.max(0, kw - limitKw) * (end - start)) / hourUs);
    keepGreatest('cap_worst_kW', kw - limitKw, start);
    if (limitKw > 0) keepGreatest('cap_worst_share', kw / limitKw - 1, start);
  }
  return sums;
}

/** The strictest limit that holds over all of a span. */
export const limitOver = (zone: string, limits: readonly PowerLimit[], span: Span): PowerLimit | undefined =>
  strictest(limits.filter((one) => holdsAll(zone, one, span)));

/** Of limits that hold at once; the order in the file says nothing. */
const strictest = (limits: readonly PowerLimit[]): PowerLimit | undefined =>
  limits.reduce<PowerLimit | undefined>(
    (least, one) => (least && least.limitKw <= one.limitKw ? least : one),
    undefined,
  );

function holdsAll(zone: string, limit: PowerLimit, { start, end }: Span): boolean {
  if (start < limit.from || end > limit.to) return false;
  return overlapUs(dailySpans(zone, limit, { start, end }), start, end) === end - start;
}
