/**
 * Series of a window with the neighbours that were asked for. What a store must do is only this: read all points of a
 * span, and find the nearest ones from an edge on. The neighbours of most tags lie a moment away, so the window is read
 * with a little on both sides of it, and only what is not there is looked for.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import { joined, noPoints, type Points, slice } from './points.ts';
import type { SeriesKey, SeriesQuery } from './store.ts';

/** Half-open. */
export interface TimeSpan {
  readonly from: TimeUs;
  readonly to: TimeUs;
}

/** At most `count` points of each key, from one end of a span. */
export interface Cut {
  readonly end: 'newest' | 'oldest';
  readonly count: number;
}

/** All points of a span, or those of a cut: one entry for each key, in order of time. */
export type ReadPoints = (keys: readonly SeriesKey[], span: TimeSpan, cut?: Cut) => Promise<readonly Points[]>;

export const nearbyUs = 10_000_000;

export async function readWindow(read: ReadPoints, query: SeriesQuery): Promise<readonly Points[]> {
  const { keys, limit, from, to } = query;
  if (limit === undefined) return whole(read, query);
  const newest = await read(keys, { from, to }, { end: 'newest', count: limit });
  if (!query.withPrevious && !query.withNext) return newest;
  const before = await whole(read, { ...query, to: from, withNext: false });
  const after = await whole(read, { ...query, from: to, withPrevious: false });
  return newest.map((points, index) => slice(joined(before[index]!, points, after[index]!), -limit));
}

async function whole(read: ReadPoints, query: SeriesQuery): Promise<Points[]> {
  const { keys, from, to, withPrevious = false, withNext = false } = query;
  const [start, end] = [withPrevious ? from - nearbyUs : from, withNext ? to + nearbyUs : to];
  const around = start < end ? await read(keys, { from: start, to: end }) : keys.map(noPoints);
  const firsts = around.map(({ times }) => firstFrom(times, from));
  const ends = around.map(({ times }) => firstFrom(times, to));

  /** The one neighbour of those keys that lack it, by their index. */
  const beyond = async (lacks: (index: number) => boolean, span: TimeSpan, from: Cut['end']) => {
    const indexes = [...keys.keys()].filter(lacks);
    if (indexes.length === 0) return new Map<number, Points>();
    const wanted = indexes.map((index) => keys[index]!);
    const found = await read(wanted, span, { end: from, count: 1 });
    return new Map(indexes.map((index, at) => [index, found[at]!]));
  };
  const lacksPrevious = (index: number) => withPrevious && firsts[index] === 0;
  const lacksNext = (index: number) => withNext && ends[index] === around[index]!.times.length;
  const previous = await beyond(lacksPrevious, { from: Number.NEGATIVE_INFINITY, to: start }, 'newest');
  const next = await beyond(lacksNext, { from: end, to: Number.POSITIVE_INFINITY }, 'oldest');

  return around.map((points, index) => {
    const first = Math.max(0, firsts[index]! - Number(withPrevious));
    const window = slice(points, first, ends[index]! + Number(withNext));
    const [one, other] = [previous.get(index), next.get(index)];
    return one || other ? joined(one ?? noPoints(), window, other ?? noPoints()) : window;
  });
}

/** Index of the first time at or after the given one. */
function firstFrom(times: readonly TimeUs[], time: TimeUs): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
