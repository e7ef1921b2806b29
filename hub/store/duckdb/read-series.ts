/**
 * Series out of segments. Only segments that hold the stream at that time are opened, one after the other, so that
 * memory stays small; DuckDB's zone maps find the time within. The newest points before an instant (and the oldest
 * after it) are looked for nearby first: 15 minutes, then 16 times as far, and so on.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import { inOrder, joined, noPoints, type Points, slice } from '../points.ts';
import type { SeriesKey, SeriesPoints, SeriesQuery } from '../store.ts';
import { addRows, rowColumns } from './rows.ts';
import type { Segment } from './segment.ts';
import type { Session } from './session.ts';

const nearbyUs = 15 * 60 * 1_000_000;
const widening = 16;

/** Points by stream and tag. */
type Gathered = Map<number, Map<number, Points>>;

interface Span {
  readonly from: TimeUs;
  /** Exclusive. */
  readonly to: TimeUs;
}

/** At most `count` points of each key, from one end of the span. */
interface Cut {
  readonly end: 'newest' | 'oldest';
  readonly count: number;
}

export async function readSeries(
  session: Session,
  segments: readonly Segment[],
  query: SeriesQuery,
  signal: AbortSignal,
): Promise<readonly SeriesPoints[]> {
  const { keys, from, to, limit = Number.POSITIVE_INFINITY } = query;

  async function scan(wanted: readonly SeriesKey[], span: Span, cut?: Cut): Promise<Gathered> {
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
      const sql = `
        SELECT ${rowColumns} FROM ${segment.source}
        WHERE time >= ${span.from} AND time < ${span.to} AND (${anyKey.join(' OR ')})
        ${cut ? `QUALIFY row_number() OVER (PARTITION BY stream, tag ORDER BY ${orderOf(cut)}) <= ${cut.count}` : ''}
        ORDER BY time, n`;
      await session.read(
        (connection) => addRows(connection, sql, (stream, tag) => gathered.get(stream)!.get(tag)!),
        signal,
      );
    }
    return gathered;
  }

  async function nearest(span: Span, cut: Cut): Promise<Points[]> {
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

  async function all(span: Span): Promise<Points[]> {
    const gathered = await scan(keys, span);
    return keys.map(({ stream, tag }) => inOrder(gathered.get(stream)!.get(tag)!));
  }

  const window =
    limit === Number.POSITIVE_INFINITY
      ? await all({ from, to })
      : await nearest({ from, to }, { end: 'newest', count: limit });
  const previous = query.withPrevious
    ? await nearest({ from: Number.NEGATIVE_INFINITY, to: from }, { end: 'newest', count: 1 })
    : [];
  const next = query.withNext
    ? await nearest({ from: to, to: Number.POSITIVE_INFINITY }, { end: 'oldest', count: 1 })
    : [];
  return window.map((points, index) =>
    slice(joined(previous[index] ?? noPoints(), points, next[index] ?? noPoints()), -limit),
  );
}

const orderOf = ({ end }: Cut): string => (end === 'newest' ? 'time DESC, n DESC' : 'time, n');

function overlaps(segment: Segment, stream: number, { from, to }: Span): boolean {
  const extent = segment.extents.get(stream);
  return extent !== undefined && extent.minTime < to && extent.maxTime >= from;
}

/** The part of a span in which there is anything of the keys' streams. */
function within({ from, to }: Span, segments: readonly Segment[], keys: readonly SeriesKey[]): Span {
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
function* steps({ from, to }: Span, end: Cut['end']): Generator<Span> {
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
