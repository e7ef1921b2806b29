/** A tag's samples as one ascending series, whichever streams they came in, and what they say between samples. */
import type { SampleValue, TimeUs } from '../../../protocols/sample.ts';
import type { Span, Spans } from '../../plant/spans.ts';
import type { SeriesKey, SeriesPoints, TelemetryReader } from '../../store/store.ts';

export interface Track extends Pick<SeriesPoints, 'times' | 'values' | 'qualities'> {
  /** Which of them an import tells, and no gateway; absent is none. */
  readonly imported?: readonly boolean[];
}

/** Where some of a tag's samples lie. */
export interface TrackKey extends SeriesKey {
  readonly imported?: boolean;
}

export const emptyTrack: Track = { times: [], values: [], qualities: [] };

/**
 * The series of all keys of a tag: a new epoch of its agent, or another agent, continues the old one. Of one time a
 * gateway's sample is told, and an import's is not, whichever came first.
 */
export function mergeTracks(parts: readonly Track[]): Track {
  const filled = parts.filter(({ times }) => times.length > 0);
  if (filled.length <= 1) return filled[0] ?? emptyTrack;
  const order = filled.flatMap(({ times }, part) => times.map((time, index) => ({ time, part, index })));
  order.sort((a, b) => a.time - b.time || a.part - b.part || a.index - b.index);
  const merged: Track = {
    times: order.map(({ time }) => time),
    values: order.map(({ part, index }) => filled[part]!.values[index]!),
    qualities: order.map(({ part, index }) => filled[part]!.qualities[index]!),
  };
  if (filled.every(({ imported }) => imported === undefined)) return merged;
  const imported = order.map(({ part, index }) => filled[part]!.imported?.[index] ?? false);
  const measured = new Set(merged.times.filter((_, index) => !imported[index]));
  return pick({ ...merged, imported }, (index) => !(imported[index] && measured.has(merged.times[index]!)));
}

/** Some of a track's samples; asked once for each, in their order. */
export function pick({ times, values, qualities, imported }: Track, isWanted: (index: number) => boolean): Track {
  const wanted = times.flatMap((_, index) => (isWanted(index) ? [index] : []));
  const some = <T>(column: readonly T[]): readonly T[] => wanted.map((index) => column[index]!);
  return {
    ...{ times: some(times), values: some(values), qualities: some(qualities) },
    ...(imported && { imported: some(imported) }),
  };
}

/** What [start, end) needs of a track: from the last number at or before it (or what held then) to the first after it. */
export function cutTrack(track: Track, start: TimeUs, end: TimeUs): Track {
  const { times, values, qualities, imported } = track;
  let first = firstAfter(times, start) - 1;
  let last = firstAfter(times, end - 1);
  for (let at = first; at >= 0; at--) {
    if (numberOf(values[at]!) === undefined) continue;
    first = at;
    break;
  }
  for (let at = last; at < times.length; at++) {
    if (numberOf(values[at]!) === undefined) continue;
    last = at;
    break;
  }
  if (first <= 0 && last >= times.length - 1) return track;
  const cut = <T>(column: readonly T[]): readonly T[] => column.slice(Math.max(0, first), last + 1);
  return {
    ...{ times: cut(times), values: cut(values), qualities: cut(qualities) },
    ...(imported && { imported: cut(imported) }),
  };
}

/** Index of the first time after the given one. */
function firstAfter(times: readonly TimeUs[], time: TimeUs): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** By the list of keys that was asked for. */
export type Tracks = Map<readonly TrackKey[], Track>;

/** One query for many tags, with what held before and what came after. @throws {ConnectionError} the store is away. */
export async function readTracks(
  reader: Pick<TelemetryReader, 'series'>,
  tags: readonly (readonly TrackKey[])[],
  { from, to }: { readonly from: TimeUs; readonly to: TimeUs },
  signal: AbortSignal,
): Promise<Tracks> {
  const tracks: Tracks = new Map();
  const keys = tags.flat();
  if (keys.length === 0) return new Map(tags.map((tag) => [tag, emptyTrack]));
  const points = await reader.series({ keys, from, to, withPrevious: true, withNext: true }, signal);
  let at = 0;
  for (const tag of tags) {
    tracks.set(tag, mergeTracks(tag.map((key, index) => toldBy(key, points[at + index]!))));
    at += tag.length;
  }
  return tracks;
}

const toldBy = ({ imported }: TrackKey, points: SeriesPoints): Track =>
  imported ? { ...points, imported: points.times.map(() => true) } : points;

/**
 * Where the latest sample is Good, or at least not Bad, in [start, end). A sample holds until the next one; whether
 * it was still true then is another question, that of the known time of its source.
 * @param since samples up to then do not count.
 */
export function heldSpans(
  { times, qualities }: Track,
  start: TimeUs,
  end: TimeUs,
  accept: 'good' | 'notBad',
  since: TimeUs = Number.NEGATIVE_INFINITY,
): Spans {
  // The two top bits of a status code: 00 is Good, 10 and 11 are Bad.
  const bits = accept === 'good' ? 30 : 31;
  const held: Span[] = [];
  let from: TimeUs | undefined;
  for (let i = firstAfter(times, since); i < times.length && times[i]! < end; i++) {
    if (qualities[i]! >>> bits === 0) from ??= Math.max(start, times[i]!);
    else if (from !== undefined) {
      if (from < times[i]!) held.push({ start: from, end: times[i]! });
      from = undefined;
    }
  }
  if (from !== undefined && from < end) held.push({ start: from, end });
  return held;
}

/** A sample as a number; undefined where it is none: Bad, a text, a truth value. */
export const numberOf = (value: SampleValue): number | undefined =>
  typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : undefined;
