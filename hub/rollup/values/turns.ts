/** A long range of KPI values in parts, so that nobody waits for the whole: what is computed in one turn of the event loop. */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { BucketKind } from '../../plant/grid.ts';
import { dayUs, hourUs } from '../../plant/zone.ts';

/** Shortest length of a bucket; a shift may be anything, and is told as if it were the usual third of a day; events are rarely more than one a day. */
export const leastUs: Readonly<Record<BucketKind, number>> = {
  event: dayUs,
  '15min': hourUs / 4,
  hour: hourUs,
  shift: 8 * hourUs,
  day: dayUs,
  week: 7 * dayUs,
  month: 29 * dayUs,
  gregorian_month: 28 * dayUs,
};

/** Of all definitions, those that apply to one asset. */
export const usualKpis = 20;

/** Some tens of milliseconds of work. */
const mostPerTurn = 4000;

interface Range {
  readonly from: TimeUs;
  readonly to: TimeUs;
}

/**
 * Buckets that begin in a part belong to it, though they may end in the next one.
 * @param values in one bucket: assets × KPIs
 * @param wanted nobody reads more of them than this many
 */
export function* turns(
  granularity: BucketKind,
  { from, to }: Range,
  values: number,
  wanted = mostPerTurn,
): Generator<Range> {
  const perTurn = Math.min(wanted, mostPerTurn);
  const length = leastUs[granularity] * Math.max(1, Math.ceil(perTurn / Math.max(1, values)));
  for (let at = from; at < to; at += length) yield { from: at, to: Math.min(to, at + length) };
}
