/**
 * How far a change reaches beyond its own time (kpi.md §5.4). A register's reading changes what was counted since the
 * one before it, and a watermark what is known since the one before; whatever holds until the next sample holds
 * until then, which matters only for samples that came late.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Span } from '../../plant/spans.ts';
import { dayUs, hourUs } from '../../plant/zone.ts';
import type { SeriesKey, TelemetryReader } from '../../store/store.ts';
import { keysOf, type SiteTag } from './site-tags.ts';
import { numberOf, readTracks } from './track.ts';

export interface ReachOptions {
  readonly reader: Pick<TelemetryReader, 'series'>;
  /** Those that may have samples in the span. */
  readonly tags: readonly SiteTag[];
  /** Those among them that grow evenly between their readings. */
  readonly registers: ReadonlySet<SiteTag>;
  /** Those among them that tell what a unit does. */
  readonly states: ReadonlySet<SiteTag>;
  /** How long before a state, and how long after it, something else is decided by it: whether a stop is a failure. */
  readonly stateAheadUs: number;
  readonly stateBackUs: number;
  /** What came is of an import: beyond its end it tells nothing but where registers and counters stood. */
  readonly historical: boolean;
  /** Nothing has been computed from here on. */
  readonly frontier: TimeUs;
}

const searchedUs = [hourUs, dayUs, 31 * dayUs];

/** When a register last showed a number, whichever of its keys has it: Bad readings and a new epoch lie between. */
async function lastNumberBefore(
  reader: ReachOptions['reader'],
  keys: readonly SeriesKey[],
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

/** @throws {ConnectionError} the store is away. */
export async function reachOf(span: Span, options: ReachOptions, signal: AbortSignal): Promise<Span> {
  const { reader, tags, registers, states, stateAheadUs, stateBackUs, frontier, historical } = options;
  const isOpen = !historical && span.end >= frontier;
  const healthOf = (of: readonly SiteTag[]) =>
    [...new Set(of.flatMap(({ sources }) => sources))].flatMap(({ session, through }) => [...session, ...through]);
  const health = healthOf(tags);
  const told = tags.filter((tag) => registers.has(tag)).map(keysOf);
  const others = tags.filter((tag) => !registers.has(tag) && (!isOpen || states.has(tag))).flatMap(keysOf);
  const keys = [...health, ...told.flat(), ...others];
  if (keys.length === 0) return span;
  const newest = await reader.series({ keys, from: span.start, to: span.end, limit: 1 }, signal);
  const changed = new Set(keys.filter((_, index) => newest[index]!.times.length > 0));

  const ofStates = tags.filter((tag) => states.has(tag));
  // When a state was known matters as much as which it was.
  const touchesStates = [...healthOf(ofStates), ...ofStates.flatMap(keysOf)].some((key) => changed.has(key));
  let start = span.start - (touchesStates ? stateAheadUs : 0);
  const registersChanged = told.filter((own) => own.some((key) => changed.has(key)));
  const before = [...health.filter((key) => changed.has(key)), ...registersChanged.flat()];
  if (before.length > 0) {
    const query = { keys: before, from: span.start, to: span.start, withPrevious: true };
    const found = new Map((await reader.series(query, signal)).map((points, index) => [before[index]!, points]));
    for (const key of health) start = Math.min(start, found.get(key)?.times[0] ?? start);
    for (const own of registersChanged) {
      const previous = own.map((key) => found.get(key)!).filter(({ times }) => times.length > 0);
      const isTold = previous.every(({ values }) => numberOf(values[0]!) !== undefined);
      const last = isTold
        ? Math.max(...previous.map(({ times }) => times[0]!))
        : await lastNumberBefore(reader, own, span.start, signal);
      if (last !== undefined && Number.isFinite(last)) start = Math.min(start, last);
    }
  }
  if (isOpen) return { start, end: span.end };
  let end = span.end + (touchesStates ? stateBackUs : 0);
  if (changed.size > 0) {
    // What an import tells joins on to what gateways told of the same tags.
    const own = tags.map(keysOf).filter((keys) => keys.some((key) => changed.has(key)));
    const beyond = historical ? [...new Set([...changed, ...own.flat()])] : [...changed];
    // An import's span ends with its last sample, and not after it.
    const after = historical ? span.end + 1 : span.end;
    const query = { keys: beyond, from: after, to: after, withNext: true };
    const next = new Map(
      (await reader.series(query, signal)).map(({ times }, index) => [beyond[index]!, times.at(-1)]),
    );
    if (historical) {
      for (const tag of tags) {
        const first = Math.min(...keysOf(tag).map((key) => next.get(key) ?? Number.POSITIVE_INFINITY));
        if (first - span.end <= searchedUs.at(-1)!) end = Math.max(end, first + 1 + (touchesStates ? stateBackUs : 0));
      }
    } else for (const time of next.values()) end = Math.max(end, time ?? frontier);
  }
  return { start, end: Math.min(end, frontier) };
}
