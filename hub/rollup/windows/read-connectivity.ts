/** When the sources of a site were known, from their health tags, day by day: what is not known is an outage. */
import type { TimeUs } from '../../../protocols/sample.ts';
import { lengthUs, type Span, type Spans, subtract, union } from '../../plant/spans.ts';
import { dayUs, minuteUs } from '../../plant/zone.ts';
import type { TelemetryReader } from '../../store/store.ts';
import type { SiteSource } from '../samples/site-tags.ts';
import { sourceHealth } from '../samples/source-health.ts';
import { readTracks } from '../samples/track.ts';

export interface SourceOutages {
  readonly source: SiteSource;
  /** Everything up to here has been told; undefined: nothing of the window. Later is no outage, but not known yet. */
  readonly toldUntil: TimeUs | undefined;
  readonly knownUs: number;
  /** Ascending; one that goes on at the beginning of the window is cut there. */
  readonly outages: Spans;
}

/** A watermark is written some time after the moment that it tells of. */
const watermarkDelayUs = 10 * minuteUs;

/** @throws {ConnectionError} the store is away. */
export async function readConnectivity(
  reader: Pick<TelemetryReader, 'series'>,
  sources: readonly SiteSource[],
  { start, end }: Span,
  signal: AbortSignal,
): Promise<SourceOutages[]> {
  const known = new Map(sources.map((source) => [source, [] as Span[]]));
  const told = new Map<SiteSource, TimeUs>();
  for (let from = start; from < end; from += dayUs) {
    signal.throwIfAborted();
    const to = Math.min(end, from + dayUs);
    const keys = sources.flatMap(({ session, through }) => [session, through]);
    const tracks = await readTracks(reader, keys, { from, to: to + watermarkDelayUs }, signal);
    for (const [source, spans] of known) {
      const health = sourceHealth(tracks.get(source.session)!, tracks.get(source.through)!);
      const until = Math.min(end, health.watermark ?? Number.NEGATIVE_INFINITY);
      if (until > start) told.set(source, Math.max(until, told.get(source) ?? until));
      for (const span of subtract(health.known, source.lost)) {
        const cut = { start: Math.max(span.start, from), end: Math.min(span.end, to) };
        if (cut.start < cut.end) spans.push(cut);
      }
    }
  }
  return [...known].map(([source, spans]) => {
    const all = union(spans);
    const toldUntil = told.get(source);
    const window = toldUntil === undefined ? [] : [{ start, end: toldUntil }];
    return { source, toldUntil, knownUs: lengthUs(all), outages: subtract(window, all) };
  });
}
