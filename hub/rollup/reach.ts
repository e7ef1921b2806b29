/**
 * How far a change reaches beyond its own time (kpi.md §5.4). A register's reading changes what was counted since the
 * one before it, and a watermark what is known since the one before; whatever holds until the next sample holds
 * until then, which matters only for samples that came late.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Span } from '../plant/spans.ts';
import { dayUs, hourUs } from '../plant/zone.ts';
import type { SeriesKey, TelemetryReader } from '../store/store.ts';
import type { SiteTag } from './site-tags.ts';
import { numberOf, readTracks } from './track.ts';

export interface ReachOptions {
  readonly reader: Pick<TelemetryReader, 'series'>;
  /** Those that may have samples in the span. */
  readonly tags: readonly SiteTag[];
  /** Those among them that grow evenly between their readings. */
  readonly registers: ReadonlySet<SiteTag>;
  /** How long before a state, and how long after it, something else is decided by it: whether a stop is a failure. */
  readonly stateAheadUs: number;
  readonly stateBackUs: number;
  /** What came is of an import: beyond its end it tells nothing but where registers and counters stood. */
  readonly historical: boolean;
  /** Nothing has been computed from here on. */
  readonly frontier: TimeUs;
}

const searchedUs = [0, hourUs, dayUs, 31 * dayUs];

/** When a register last showed a number, whichever of its keys has it: Bad readings and a new epoch lie between. */
async function lastNumberBefore(
  reader: ReachOptions['reader'],
  { keys }: SiteTag,
  time: TimeUs,
  signal: AbortSignal,
): Promise<TimeUs | undefined> {
  for (const width of searchedUs) {
    const found = await readTracks(reader, [keys], { from: time - width, to: time }, signal);
    const { times, values } = found.get(keys)!;
    const at = times.findLastIndex((one, index) => one < time && numberOf(values[index]!) !== undefined);
    if (at >= 0) return times[at];
  }
  return undefined;
}

/** Just beyond the next sample of a tag, whichever of its keys has it, if it comes within a month. */
async function firstAfter(
  reader: ReachOptions['reader'],
  { keys }: SiteTag,
  time: TimeUs,
  signal: AbortSignal,
): Promise<TimeUs | undefined> {
  const next = (await reader.series({ keys, from: time, to: time, withNext: true }, signal))
    .flatMap(({ times }) => times.slice(0, 1))
    .filter((one) => one - time <= searchedUs.at(-1)!);
  return next.length > 0 ? Math.min(...next) + 1 : undefined;
}

/** @throws {ConnectionError} the store is away. */
export async function reachOf(span: Span, options: ReachOptions, signal: AbortSignal): Promise<Span> {
  const { reader, tags, registers, stateAheadUs, stateBackUs, frontier, historical } = options;
  const health = [...new Set(tags.flatMap(({ sources }) => sources))].flatMap(({ session, through }) => [
    ...session,
    ...through,
  ]);
  const changed = async (keys: readonly SeriesKey[]): Promise<SeriesKey[]> => {
    if (keys.length === 0) return [];
    const newest = await reader.series({ keys, from: span.start, to: span.end, limit: 1 }, signal);
    return keys.filter((_, index) => newest[index]!.times.length > 0);
  };
  let start = span.start - stateAheadUs;
  let { end } = span;
  const watched = await changed(health);
  if (watched.length > 0) {
    const query = { keys: watched, from: span.start, to: span.start, withPrevious: true };
    for (const { times } of await reader.series(query, signal)) start = Math.min(start, times[0] ?? start);
  }
  for (const tag of tags) {
    if (!registers.has(tag) || (await changed(tag.keys)).length === 0) continue;
    start = Math.min(start, (await lastNumberBefore(reader, tag, span.start, signal)) ?? start);
  }
  if (historical) {
    for (const tag of tags) {
      if ((await changed(tag.keys)).length > 0)
        end = Math.max(end, (await firstAfter(reader, tag, end, signal)) ?? end);
    }
    return { start, end: Math.min(end + stateBackUs, frontier) };
  }
  if (end >= frontier) return { start, end };
  const forwards = await changed([...health, ...tags.flatMap(({ keys }) => keys)]);
  if (forwards.length > 0) {
    const query = { keys: forwards, from: span.end, to: span.end, withNext: true };
    for (const { times } of await reader.series(query, signal)) end = Math.max(end, times.at(-1) ?? frontier);
  }
  return { start, end: Math.min(Math.max(end, span.end + stateBackUs), frontier) };
}
