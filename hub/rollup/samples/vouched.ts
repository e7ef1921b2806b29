/**
 * When a series was vouched for: a source that measured it was known, and nothing of its agent was lost. What lies
 * before a loss, or before the tag was retired for a while, says nothing of the time after it.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import { clip, intersect, type Spans, subtract, union } from '../../plant/spans.ts';
import type { SiteSeries, SiteSource } from './site-tags.ts';
import { heldSpans, type Track } from './track.ts';

/** Time in which the latest sample is the truth, if it was measured after `since`. */
export interface Vouched {
  readonly since: TimeUs;
  readonly spans: Spans;
}

/** @param knownOf when a source was known */
export function vouchedFor({ measured }: SiteSeries, knownOf: (source: SiteSource) => Spans): Vouched[] {
  const bySince = new Map<TimeUs, Spans>();
  const add = (since: TimeUs, spans: Spans) => {
    if (spans.length > 0) bySince.set(since, union(bySince.get(since) ?? [], spans));
  };
  for (const { source, lives } of measured) {
    const known = subtract(knownOf(source), source.lost);
    if (known.length === 0) continue;
    let since = Number.NEGATIVE_INFINITY;
    for (const { end } of lives) {
      let from = since;
      for (const loss of source.lost) {
        if (loss.end <= from) continue;
        if (loss.start >= end) break;
        add(from, clip(known, from, Math.min(loss.start, end)));
        from = loss.end;
      }
      if (from < end) add(from, clip(known, from, end));
      since = end;
    }
  }
  return [...bySince].map(([since, spans]) => ({ since, spans })).sort((a, b) => a.since - b.since);
}

/** Where the latest sample of a track is Good, or at least not Bad, and vouched for. */
export function trueSpans(
  track: Track,
  vouched: readonly Vouched[],
  start: TimeUs,
  end: TimeUs,
  accept: 'good' | 'notBad',
): Spans {
  const parts = vouched.map(({ since, spans }) => intersect(heldSpans(track, start, end, accept, since), spans));
  return parts.length === 1 ? parts[0]! : union(...parts);
}
