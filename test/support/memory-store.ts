/** A reader of samples that lie in arrays: the contract's `series`, for tests of what is computed from it. */
import type { SeriesKey, SeriesPoints, SeriesQuery, TelemetryReader } from '../../hub/store/store.ts';
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';

interface Columns {
  times: TimeUs[];
  values: SampleValue[];
  qualities: number[];
  flags: number[];
  numbers: number[];
}

export interface MemoryStore extends Pick<TelemetryReader, 'series'> {
  /** Samples may come in any order; equal times keep the order in which they came. */
  put(key: SeriesKey, time: TimeUs, value: SampleValue, quality?: number): void;
  forgetBefore(time: TimeUs): void;
  readonly points: number;
  readonly queries: number;
}

const empty = (): Columns => ({ times: [], values: [], qualities: [], flags: [], numbers: [] });

export function createMemoryStore(): MemoryStore {
  const byKey = new Map<string, Columns>();
  let points = 0;
  let queries = 0;
  const series = ({ keys, from, to, withPrevious, withNext, limit }: SeriesQuery): SeriesPoints[] => {
    queries++;
    return keys.map(({ stream, tag }) => {
      const columns = byKey.get(`${stream} ${tag}`) ?? empty();
      let first = firstAtOrAfter(columns.times, from);
      let last = firstAtOrAfter(columns.times, to);
      if (limit !== undefined) first = Math.max(first, last - limit);
      if (withPrevious) first = Math.max(0, first - 1);
      if (withNext) last = Math.min(columns.times.length, last + 1);
      const cut = <T>(column: T[]): T[] => column.slice(first, last);
      return {
        times: cut(columns.times),
        values: cut(columns.values),
        qualities: cut(columns.qualities),
        flags: cut(columns.flags),
        numbers: cut(columns.numbers),
      };
    });
  };
  return {
    async series(query, signal) {
      signal.throwIfAborted();
      return series(query);
    },
    put({ stream, tag }, time, value, quality = 0) {
      const columns = byKey.get(`${stream} ${tag}`) ?? empty();
      byKey.set(`${stream} ${tag}`, columns);
      const isLatest = columns.times.length === 0 || columns.times.at(-1)! <= time;
      const at = isLatest ? columns.times.length : firstAtOrAfter(columns.times, time + 1);
      const put = <T>(column: T[], item: T) => (isLatest ? column.push(item) : column.splice(at, 0, item));
      put(columns.times, time);
      put(columns.values, value);
      put(columns.qualities, quality);
      put(columns.flags, 0);
      put(columns.numbers, ++points);
    },
    forgetBefore(time) {
      for (const columns of byKey.values()) {
        const first = firstAtOrAfter(columns.times, time);
        for (const column of Object.values(columns)) column.splice(0, first);
      }
    },
    get points() {
      return points;
    },
    get queries() {
      return queries;
    },
  };
}

function firstAtOrAfter(times: readonly TimeUs[], time: TimeUs): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
