/** What the samples of a tag say in and around a span, over all addresses that were read under its path. */
import { type Spans, union } from '../../plant/spans.ts';
import { type CounterRules, type CounterStep, counterSteps } from './counter.ts';
import type { SiteSeries } from './site-tags.ts';
import { mergeTracks, type Track } from './track.ts';
import { trueSpans, type Vouched } from './vouched.ts';

export interface SeriesReading {
  readonly series: SiteSeries;
  readonly track: Track;
  readonly vouched: readonly Vouched[];
}

/** In the order in which the addresses came. */
export type TagReading = readonly SeriesReading[];

export const trackOf = (reading: TagReading): Track => mergeTracks(reading.map(({ track }) => track));

/** Where the latest sample is the truth, and Good or at least not Bad. */
export function truthOf(reading: TagReading, start: number, end: number, accept: 'good' | 'notBad'): Spans {
  const parts = reading.map(({ track, vouched }) => trueSpans(track, vouched, start, end, accept));
  return parts.length === 1 ? parts[0]! : union(...parts);
}

/** When any of its sources vouched for it. */
export const vouchedOf = (reading: TagReading): Spans =>
  union(...reading.flatMap(({ vouched }) => vouched.map(({ spans }) => spans)));

/** Steps of one counter after the other: from the last reading of an address to the first of the next is no step. */
export function stepsOf(
  reading: TagReading,
  { jitter }: Pick<CounterRules, 'jitter'>,
  which: 'all' | 'changes' = 'all',
): readonly CounterStep[] {
  const each = reading
    .filter(({ track }) => track.times.length > 0)
    .map(({ series, track }) => ({
      begin: track.times[0]!,
      steps: counterSteps(track, { ...series.counter, jitter }, which),
    }));
  if (each.length <= 1) return each[0]?.steps ?? [];
  return each.flatMap(({ steps }, index) => {
    const next = each[index + 1]?.begin ?? Number.POSITIVE_INFINITY;
    return steps.filter(({ to }) => to <= next);
  });
}
