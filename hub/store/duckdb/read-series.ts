/**
 * Series out of segments. Only segments that hold the stream at that time are opened, one after the other, so that
 * memory stays small; DuckDB's zone maps find the time within. The newest points before an instant (and the oldest
 * after it) are looked for nearby first, then 16 times as far, and so on.
 */
import { inOrder, joined, noPoints, type Points, slice } from '../points.ts';
import type { SeriesKey, SeriesPoints, SeriesQuery } from '../store.ts';
import { type Cut, nearbyUs, readWindow, type TimeSpan } from '../window.ts';
import { addRows, rowColumns } from './rows.ts';
import type { Segment } from './segment.ts';
import type { Session } from './session.ts';

const widening = 16;

/** Points by stream and tag. */
type Gathered = Map<number, Map<number, Points>>;

export async function readSeries(
  session: Session,
  segments: readonly Segment[],
  query: SeriesQuery,
  signal: AbortSignal,
): Promise<readonly SeriesPoints[]> {
  async function scan(wanted: readonly SeriesKey[], span: TimeSpan, cut?: Cut): Promise<Gathered> {
    const gathered: Gathered = new Map();
    for (const { stream, tag } of wanted) {
      if (!gathered.has(stream)) gathered.set(stream, new Map());
      gathered.get(stream)!.set(tag, noPoints());
    }
    for (const segment of segments) {
      const holding = [...gathered].filter(([stream]) => overlaps(segment, stream, span));
      if (holding.length === 0) continue;
      const anyKey = holding.map(
        ([stream, tags]) => `(stream = ${stream} AND tag IN (${[...tags.keys()].join(', ')}))`,
      );
      // In no order: rows come as they arrived, which mostly is that of time.
      const sql = `
        SELECT ${rowColumns} FROM ${segment.source}
        WHERE time >= ${span.from} AND time < ${span.to} AND (${anyKey.join(' OR ')})
        ${cut ? `QUALIFY row_number() OVER (PARTITION BY stream, tag ORDER BY ${orderOf(cut)}) <= ${cut.count}` : ''}`;
      await session.read((connection) => addRows(connection, sql, placeIn(gathered)), signal);
    }
    return gathered;
  }

  async function all(keys: readonly SeriesKey[], span: TimeSpan): Promise<Points[]> {
    const gathered = await scan(keys, span);
    return keys.map(({ stream, tag }) => inOrder(gathered.get(stream)!.get(tag)!));
  }

  async function nearest(keys: readonly SeriesKey[], span: TimeSpan, cut: Cut): Promise<Points[]> {
    const found = keys.map(noPoints);
    for (const step of steps(within(span, segments, keys), cut.end)) {
      const pending = keys.filter((_, index) => found[index]!.times.length < cut.count);
      if (pending.length === 0) break;
      const gathered = await scan(pending, step, cut);
      for (const [index, { stream, tag }] of keys.entries()) {
        const more = gathered.get(stream)?.get(tag);
        if (!more || found[index]!.times.length >= cut.count) continue;
        found[index] =
          cut.end === 'newest'
            ? slice(joined(inOrder(more), found[index]!), -cut.count)
            : slice(joined(found[index]!, inOrder(more)), 0, cut.count);
      }
    }
    return found;
  }

  return readWindow((keys, span, cut) => (cut ? nearest(keys, span, cut) : all(keys, span)), query);
}

/** Where to put rows; those of a stream mostly follow each other. */
function placeIn(gathered: Gathered): (stream: number, tag: number) => Points {
  let of: number | undefined;
  let tags: Map<number, Points> | undefined;
  return (stream, tag) => {
    if (stream !== of) [of, tags] = [stream, gathered.get(stream)];
    return tags!.get(tag)!;
  };
}

const orderOf = ({ end }: Cut): string => (end === 'newest' ? 'time DESC, n DESC' : 'time, n');

function overlaps(segment: Segment, stream: number, { from, to }: TimeSpan): boolean {
  const extent = segment.extents.get(stream);
  return extent !== undefined && extent.minTime < to && extent.maxTime >= from;
}

/** The part of a span in which there is anything of the keys' streams. */
function within({ from, to }: TimeSpan, segments: readonly Segment[], keys: readonly SeriesKey[]): TimeSpan {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  const streams = new Set(keys.map(({ stream }) => stream));
  for (const { extents } of segments) {
    for (const stream of streams) {
      const extent = extents.get(stream);
      if (!extent) continue;
      first = Math.min(first, extent.minTime);
      last = Math.max(last, extent.maxTime);
    }
  }
  return { from: Math.max(from, first), to: Math.min(to, last + 1) };
}

/** Cuts a span into steps that widen from one end of it. */
function* steps({ from, to }: TimeSpan, end: Cut['end']): Generator<TimeSpan> {
  for (let reach = nearbyUs; from < to; reach *= widening) {
    if (end === 'newest') {
      const edge = Math.max(from, to - reach);
      yield { from: edge, to };
      to = edge;
    } else {
      const edge = Math.min(to, from + reach);
      yield { from, to: edge };
      from = edge;
    }
  }
}
