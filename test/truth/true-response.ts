/**
 * What the hub must find of caps and of events in which less was asked for, from the factory's truth alone: by
 * quarter-hours, each as well known as `true-meters.ts` says.
 */
import { exactly, minus, over, type Range, type Stretch, sum, times } from './ranges.ts';
import type { Event } from './scenario.ts';
import { type Interval, intervals, type MeterView } from './true-meters.ts';

const hourUs = 3_600_000_000;
const quarterUs = hourUs / 4;
const dayUs = 24 * hourUs;

export interface Cap {
  readonly startH: number;
  readonly endH: number;
  readonly limitKw: number;
}

/** Quarter-hours under a cap: hours of a day from local midnight. */
export function capped(view: MeterView, window: Stretch, caps: readonly Cap[], localOffsetUs: number) {
  const found = intervals(view, window, quarterUs).flatMap(({ span, kw }) => {
    const hour = ((span[0] + localOffsetUs) % dayUs) / hourUs;
    const cap = caps.find(({ startH, endH }) => startH <= hour && hour + 0.25 <= endH);
    return cap ? [{ limitKw: cap.limitKw, kw }] : [];
  });
  if (found.length === 0) return undefined;
  const measured = found.flatMap(({ limitKw, kw }) => (kw ? [{ limitKw, kw }] : []));
  const above = measured.map(({ limitKw, kw }) => minus(kw, exactly(limitKw)));
  return {
    compliance: {
      low: measured.filter(({ limitKw, kw }) => kw.high <= limitKw).length / found.length,
      high: measured.filter(({ limitKw, kw }) => kw.low <= limitKw).length / found.length,
    },
    excessKwh: times(sum(...above.map(({ low, high }) => ({ low: Math.max(0, low), high: Math.max(0, high) }))), 1 / 4),
    worst: highest(measured.map(({ limitKw, kw }) => minus(times(kw, 1 / limitKw), exactly(1)))),
  };
}

const highest = (all: readonly Range[]): Range | undefined =>
  all.length === 0
    ? undefined
    : { low: Math.max(...all.map(({ low }) => low)), high: Math.max(...all.map(({ high }) => high)) };

/** The two hours that begin four hours before an event tell how its day went. */
const before = { beginsUs: 4 * hourUs, lastsUs: 2 * hourUs };
const largestAdjustment = 0.2;

export interface Reduction {
  /** Energy that was expected and not used, in the measured quarter-hours. */
  readonly kwh: Range;
  readonly hours: number;
  readonly requestedKwh: number;
}

/** undefined: there is nothing to expect, or nothing was measured. */
export function reduced(view: MeterView, event: Event): Reduction | undefined {
  const { from, to, requestKw, referenceKw, isDayBefore } = event;
  const quarters = (begin: number, end: number): Interval[] => intervals(view, [begin, end], quarterUs);
  const mean = (all: readonly Interval[]): Range | undefined =>
    all.some(({ kw }) => !kw) ? undefined : times(sum(...all.map(({ kw }) => kw!)), 1 / all.length);
  const own = quarters(from, to);
  const expected = own.map((_, index): Range | undefined =>
    isDayBefore ? quarters(from - dayUs, to - dayUs)[index]!.kw : exactly(referenceKw),
  );
  if (expected.some((kw) => !kw)) return undefined;
  const adjustment = isDayBefore ? adjusting(expected as Range[]) : exactly(0);
  const measured = own.flatMap(({ kw }, index) => (kw ? [minus(sum(expected[index]!, adjustment), kw)] : []));
  const hours = measured.length / 4;
  return hours === 0 ? undefined : { kwh: times(sum(...measured), 1 / 4), hours, requestedKwh: requestKw * hours };

  function adjusting(day: readonly Range[]): Range {
    const window = (time: number) => quarters(time - before.beginsUs, time - before.beginsUs + before.lastsUs);
    const [then, now] = [mean(window(from - dayUs)), mean(window(from))];
    if (!then || !now) return exactly(0);
    const level = times(sum(...day), 1 / day.length);
    const cap = (one: number) =>
      Math.max(-largestAdjustment * level.high, Math.min(largestAdjustment * level.high, one));
    const wanted = minus(now, then);
    return { low: cap(wanted.low), high: cap(wanted.high) };
  }
}

/** By KPI, of several events together. */
export function reductionFigures(all: readonly (Reduction | undefined)[]): Map<string, Range | undefined> {
  const told = all.filter((one) => one !== undefined);
  const kwh = sum(...told.map((one) => one.kwh));
  const hours = told.reduce((total, one) => total + one.hours, 0);
  const requested = told.reduce((total, one) => total + one.requestedKwh, 0);
  return new Map([
    ['dr.reduction', hours > 0 ? times(kwh, 1 / hours) : undefined],
    ['dr.reduction_kwh', hours > 0 ? kwh : undefined],
    ['dr.performance', over(kwh, exactly(requested))],
  ]);
}
