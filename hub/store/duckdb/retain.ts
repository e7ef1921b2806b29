/**
 * Retention of whole segments, because DELETE frees no bytes in DuckDB: a segment goes when what arrived after it spans
 * the age, or as the oldest one when the disk quota is exceeded; the current segment never goes.
 *
 * No clock is believed. The age of a segment is the sum of the spans of those after it, and a segment spans no more than
 * the longest that it may be open. So a clock that leaps ahead ages everything by one such span and deletes no history,
 * and a time without samples, or with the hub switched off, ages nothing.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';

export interface RetainPolicy {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** How long a segment may be open. */
  readonly segmentMs: number;
}

/** Nobody may be reading or writing. What went is found under `segments.gone`. */
export async function retainSegments(segments: Segments, policy: RetainPolicy, now: TimeUs): Promise<void> {
  const ages = agesOf(segments.list, policy.segmentMs * 1000, now);
  let total = 0;
  for (const segment of segments.list) total += await segments.bytesOf(segment);
  for (const [place, segment] of segments.list.slice(0, -1).entries()) {
    const why = ages[place]! >= policy.maxAgeMs * 1000 ? 'age' : total > policy.maxBytes ? 'quota' : undefined;
    if (!why) break;
    total -= await segments.bytesOf(segment);
    await segments.unlink(segment, why);
  }
}

/** How long ago each was sealed, as the segments after it tell it. */
function agesOf(list: readonly Segment[], longest: number, now: TimeUs): number[] {
  const ages: number[] = [];
  let age = 0;
  let end = now;
  for (const { openedAt } of list.toReversed()) {
    ages.unshift(age);
    age += Math.min(longest, Math.max(0, end - openedAt));
    end = openedAt;
  }
  return ages;
}
