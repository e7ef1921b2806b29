/**
 * How far a change reaches beyond its own time (kpi.md §5.4). A register's reading changes what was counted since the
 * one before it, and a watermark what is known since the one before; whatever holds until the next sample holds
 * until then, which matters only for samples that came late.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Span } from '../plant/spans.ts';
import type { SeriesKey, TelemetryReader } from '../store/store.ts';
import type { SiteTag } from './site-tags.ts';

export interface ReachOptions {
  readonly reader: Pick<TelemetryReader, 'series'>;
  /** Those that may have samples in the span. */
  readonly tags: readonly SiteTag[];
  /** Those among them that grow evenly between their readings. */
  readonly registers: ReadonlySet<SiteTag>;
  /** How long before a state, and how long after it, something else is decided by it: whether a stop is a failure. */
  readonly stateAheadUs: number;
  readonly stateBackUs: number;
  /** Nothing has been computed from here on. */
  readonly frontier: TimeUs;
}

/** @throws {ConnectionError} the store is away. */
export async function reachOf(span: Span, options: ReachOptions, signal: AbortSignal): Promise<Span> {
  const { reader, tags, registers, stateAheadUs, stateBackUs, frontier } = options;
  const health = [...new Set(tags.flatMap(({ sources }) => sources))].flatMap(({ session, through }) => [
    ...session,
    ...through,
  ]);
  const changed = async (keys: readonly SeriesKey[]): Promise<SeriesKey[]> => {
    if (keys.length === 0) return [];
    const newest = await reader.series({ keys, from: span.start, to: span.end, limit: 1 }, signal);
    return keys.filter((_, index) => newest[index]!.times.length > 0);
  };
  const backwards = await changed([...health, ...tags.filter((tag) => registers.has(tag)).flatMap(({ keys }) => keys)]);
  let start = span.start - stateAheadUs;
  let { end } = span;
  if (backwards.length > 0) {
    const query = { keys: backwards, from: span.start, to: span.start, withPrevious: true };
    for (const { times } of await reader.series(query, signal)) start = Math.min(start, times[0] ?? start);
  }
  if (end >= frontier) return { start, end };
  const forwards = await changed([...health, ...tags.flatMap(({ keys }) => keys)]);
  if (forwards.length > 0) {
    const query = { keys: forwards, from: span.end, to: span.end, withNext: true };
    for (const { times } of await reader.series(query, signal)) end = Math.max(end, times.at(-1) ?? frontier);
  }
  return { start, end: Math.min(Math.max(end, span.end + stateBackUs), frontier) };
}
