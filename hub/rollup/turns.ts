/** A long range of KPI values in parts, so that nobody waits for the whole: what is computed in one turn of the event loop. */
import type { TimeUs } from '../../protocols/sample.ts';
import { dayUs, hourUs } from '../plant/zone.ts';
import type { Granularity } from './grid.ts';

const turnUs: Readonly<Record<Granularity, number>> = {
  '15min': 4 * hourUs,
  hour: dayUs / 2,
  shift: 2 * dayUs,
  day: 4 * dayUs,
  week: 28 * dayUs,
  month: 400 * dayUs,
  gregorian_month: 400 * dayUs,
};

interface Range {
  readonly from: TimeUs;
  readonly to: TimeUs;
}

/** Buckets that begin in a part belong to it, though they may end in the next one. */
export function* turns(granularity: Granularity, { from, to }: Range): Generator<Range> {
  const length = turnUs[granularity];
  for (let at = from; at < to; at += length) yield { from: at, to: Math.min(to, at + length) };
}
