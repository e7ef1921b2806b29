/** Whether sources have told everything of a cell: then it is final, and worth computing once and for all. */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Span } from '../../plant/spans.ts';
import { minuteUs } from '../../plant/zone.ts';
import type { TelemetryReader } from '../../store/store.ts';
import { livedIn, type SiteSource } from './site-tags.ts';
import { numberOf } from './track.ts';

/** A bucket whose sources say nothing more is final after this. */
const graceUs = 15 * minuteUs;
/** How long after the time that it tells of a watermark may be written. */
const watermarkDelayUs = 10 * minuteUs;

type Watermarks = ReadonlyMap<SiteSource, TimeUs>;

/** @param aheadUs how far beyond its end a cell is told by its samples */
export function isFinal(
  sources: Iterable<SiteSource>,
  watermarks: Watermarks,
  { start, end }: Span,
  { aheadUs, now }: { readonly aheadUs: number; readonly now: TimeUs },
): boolean {
  if (end >= now) return false;
  if (now >= end + graceUs) return true;
  for (const source of sources) {
    if (source.historical || !livedIn(source, { start, end: end + aheadUs })) continue;
    if ((watermarks.get(source) ?? Number.NEGATIVE_INFINITY) < end + aheadUs) return false;
  }
  return true;
}

/** The newest watermark since a time of each source that has told one. @throws {ConnectionError} the store is away. */
export async function readWatermarks(
  reader: Pick<TelemetryReader, 'series'>,
  sources: readonly SiteSource[],
  { start, end }: Span,
  signal: AbortSignal,
): Promise<Watermarks> {
  const keys = sources.flatMap(({ through }) => through);
  const watermarks = new Map<SiteSource, TimeUs>();
  if (keys.length === 0) return watermarks;
  const newest = await reader.series({ keys, from: start, to: end + watermarkDelayUs, limit: 1 }, signal);
  let at = 0;
  for (const source of sources) {
    for (const { values } of newest.slice(at, at + source.through.length)) {
      const told = values.length > 0 ? numberOf(values.at(-1)!) : undefined;
      if (told !== undefined) watermarks.set(source, Math.max(told, watermarks.get(source) ?? told));
    }
    at += source.through.length;
  }
  return watermarks;
}
