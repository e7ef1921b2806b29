/**
 * What the hub must find of meters, from the factory's truth alone. How far it may be off, and why:
 *
 * - A register shows whole counts, so at each edge of a window it may be a count off; it is read up to a second late.
 * - What ran through it in hidden time is known in sum and taken to have run evenly.
 * - A display of power shows tenths of a kW, and is taken to change evenly between its readings.
 */
import {
  about,
  both,
  exactly,
  joined,
  lasting,
  minus,
  notNegative,
  over,
  type Range,
  type Stretch,
  shared,
  sum,
  times,
  without,
} from './ranges.ts';
import type { MeterRecording } from './recording.ts';

export interface MeterView {
  readonly recording: MeterRecording;
  readonly startUs: number;
  readonly hidden: readonly Stretch[];
  /** What one count of its register is. */
  readonly count: number;
  /** What may run through it between a change and its reading. */
  readonly late: number;
  /** There is no register, only a display of power, which may be off by so much, kW; in hidden time it tells nothing. */
  readonly displayKw?: number;
}

const hourUs = 3_600_000_000;
const quarterUs = hourUs / 4;
/** An interval tells a demand when at most this share of it is not known. */
const mostUnknown = 0.05;

/** What has run through it since the start, as far as it was told. */
function shownAt({ recording, startUs, hidden }: MeterView, time: number): number {
  const trueAt = (t: number): number => {
    const second = (t - startUs) / 1e6;
    const [whole, part] = [Math.floor(second), second % 1];
    const { seconds } = recording;
    const [a, b] = [seconds[whole] ?? seconds.at(-1)!, seconds[whole + 1] ?? seconds.at(-1)!];
    return a + (b - a) * part;
  };
  const gap = hidden.find(([a, b]) => a < time && time < b);
  if (!gap) return trueAt(time);
  if (gap[1] === Number.POSITIVE_INFINITY) return trueAt(gap[0]);
  const [a, b] = [trueAt(gap[0]), trueAt(gap[1])];
  return a + ((b - a) * (time - gap[0])) / (gap[1] - gap[0]);
}

/** Between two instants; an edge inside a gap lies on a line between readings that may both be a count off. */
export function consumed(view: MeterView, [from, to]: Stretch): Range {
  if (view.displayKw !== undefined) return displayed(view, without([[from, to]], view.hidden));
  const inGap = (t: number) => view.hidden.some(([a, b]) => a < t && t < b);
  const edges = 2 + (inGap(from) ? 2 : 0) + (inGap(to) ? 2 : 0);
  return about(shownAt(view, to) - shownAt(view, from), edges * view.count + view.late);
}

/** By a display of power in known time. */
const displayed = (view: MeterView, known: readonly Stretch[]): Range => {
  const middle = known.reduce((all, [a, b]) => all + shownAt(view, b) - shownAt(view, a), 0);
  return about(middle, view.late * known.length + ((view.displayKw ?? 0) * lasting(known)) / hourUs);
};

/** The highest mean power of measured intervals, kW. */
export function peak(view: MeterView, [from, to]: Stretch, stepUs: number): Range {
  const found: Range = { low: Number.NEGATIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
  return intervals(view, [from, to], stepUs).reduce(
    (most, { kw }) => (kw ? { low: Math.max(most.low, kw.low), high: Math.max(most.high, kw.high) } : most),
    found,
  );
}

export interface Interval {
  readonly span: Stretch;
  /** undefined where it was not measured. */
  readonly kw: Range | undefined;
}

/** Quarter-hours that end in (from, to], one a step. */
export function intervals(view: MeterView, [from, to]: Stretch, stepUs: number): Interval[] {
  const found: Interval[] = [];
  for (let end = (Math.floor(from / stepUs) + 1) * stepUs; end <= to; end += stepUs) {
    const span: Stretch = [end - quarterUs, end];
    const unknown = view.hidden.reduce((all, one) => all + shared(one, span), 0);
    const isCut = view.hidden.some(([a, b]) => span.some((edge) => a < edge && edge < b));
    const isMeasured = unknown <= mostUnknown * quarterUs && !isCut && span[0] >= view.startUs;
    found.push({ span, kw: isMeasured ? times(consumed(view, span), hourUs / quarterUs) : undefined });
  }
  return found;
}

export const bands = [
  { band: 'low', startH: 0, endH: 5 },
  { band: 'mid', startH: 5, endH: 17 },
  { band: 'peak', startH: 17, endH: 21 },
  { band: 'low', startH: 21, endH: 24 },
] as const;
export type Band = (typeof bands)[number]['band'];

/** By hours of autumn and winter. */
export function byBand(view: MeterView, window: Stretch, localOffsetUs: number): Readonly<Record<Band, Range>> {
  const dayUs = 24 * hourUs;
  const found = { peak: exactly(0), mid: exactly(0), low: exactly(0) };
  const firstDay = Math.floor((window[0] + localOffsetUs) / dayUs) * dayUs - localOffsetUs;
  for (let day = firstDay; day < window[1]; day += dayUs) {
    for (const { band, startH, endH } of bands) {
      for (const part of both([window], [[day + startH * hourUs, day + endH * hourUs]])) {
        found[band] = sum(found[band], consumed(view, part));
      }
    }
  }
  return found;
}

/** The share of energy that was used while no unit was in RUN, of all that can be told apart. */
export function standby(
  view: MeterView,
  window: Stretch,
  units: readonly { readonly runs: readonly Stretch[]; readonly hidden: readonly Stretch[]; readonly lateUs: number }[],
  swingKw: number,
): Range | undefined {
  const runs = joined(units.flatMap(({ runs, hidden }) => without(runs, hidden)));
  const known = without([window], view.hidden);
  const running = both(known, runs);
  const standing = without(without(known, runs), joined(units.flatMap(({ hidden }) => hidden)));
  const energy = (spans: readonly Stretch[]) =>
    spans.reduce((all, [a, b]) => all + shownAt(view, b) - shownAt(view, a), 0);
  // Each change lies somewhere within a count, and is seen a little late: to either side, so that most of it cancels out.
  const changes = running.length + standing.length;
  const lateUs = Math.max(...units.map((unit) => unit.lateUs));
  const moved = 3 * view.count * Math.sqrt(changes) + (changes * lateUs * swingKw) / hourUs / 2 + 2 * view.late;
  const [run, stand] = [energy(running), energy(standing)];
  return over(about(stand, moved), about(run + stand, 2 * view.count + view.late));
}

/** (main − sub) / main, in the time in which both were known. */
export function closure(main: MeterView, part: MeterView, window: Stretch): Range | undefined {
  const known = without([window], joined([...main.hidden, ...part.hidden]));
  const all = sum(...known.map((stretch) => consumed({ ...main, hidden: [] }, stretch)));
  return over(minus(all, displayed(part, known)), all);
}

/** Active and reactive energy of the time in which both were measured. */
export function reactive(view: MeterView, window: Stretch): { readonly active: Range; readonly reactive: Range } {
  const known = without([window], view.hidden);
  const through = (seconds: number[]) =>
    sum(...known.map((one) => consumed({ ...view, hidden: [], recording: { seconds, reactive: [] } }, one)));
  return { active: through(view.recording.seconds), reactive: through(view.recording.reactive) };
}

export const powerFactor = ({ active, reactive: q }: ReturnType<typeof reactive>): Range => ({
  low: active.low / Math.hypot(active.low, q.high),
  high: active.high / Math.hypot(active.high, q.low),
});

/** How often and how long the supply was away, in minutes, as a display tells that shows it up to so much later. */
export function outages(
  cuts: readonly Stretch[],
  { hidden }: MeterView,
  window: Stretch,
  lateUs: number,
): { readonly count: Range; readonly minutes: Range } {
  const seen = without(cuts, hidden);
  const own = both(seen, [window]);
  return {
    count: exactly(cuts.filter(([from]) => from >= window[0] && from < window[1]).length),
    minutes: notNegative(about(lasting(own) / 60e6, (own.length * 2 * lateUs) / 60e6)),
  };
}
