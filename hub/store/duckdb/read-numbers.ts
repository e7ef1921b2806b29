/** Samples by their number, for `verify`: counted by DuckDB itself, and read back to be hashed. */
import type { SampleColumns } from '../../../protocols/sample.ts';
import { byNumber, noPoints } from '../points.ts';
import type { NumberRun } from '../storable.ts';
import type { NumberCount, TelemetryReader } from '../store.ts';
import { addRows, rowColumns } from './rows.ts';
import type { Extent, Segment } from './segment.ts';
import type { Session } from './session.ts';

/** A distinct count of this many numbers fits the memory limit many times over. */
const numbersPerCount = 1_048_576;

interface Holding {
  readonly segment: Segment;
  readonly extent: Extent;
}

export async function countNumbers(
  session: Session,
  segments: readonly Segment[],
  [stream, first, last]: readonly [stream: number, first: number, last: number],
  signal: AbortSignal,
): Promise<NumberCount> {
  const total: { -readonly [K in keyof NumberCount]: NumberCount[K] } = {
    points: 0,
    distinct: 0,
    min: null,
    max: null,
  };
  for (const group of overlapping(holdings(segments, stream, first, last))) {
    const sources = group.map(({ segment }) => `SELECT stream, n FROM ${segment.source}`).join(' UNION ALL ');
    const start = Math.max(first, Math.min(...group.map(({ extent }) => extent.firstNumber)));
    const end = Math.min(last, Math.max(...group.map(({ extent }) => extent.lastNumber)));
    for (let from = start; from <= end; from += numbersPerCount) {
      const to = Math.min(end, from + numbersPerCount - 1);
      const numbers = `FROM (${sources}) WHERE stream = ${stream} AND n BETWEEN ${from} AND ${to}`;
      const sql = `SELECT count(n)::DOUBLE, count(DISTINCT n)::DOUBLE, min(n)::DOUBLE, max(n)::DOUBLE ${numbers}`;
      const result = await session.read((connection) => connection.runAndReadAll(sql), signal);
      const [points, distinct, min, max] = result.getRows()[0] as [number, number, number | null, number | null];
      total.points += points;
      total.distinct += distinct;
      if (min !== null) total.min = Math.min(min, total.min ?? min);
      if (points > distinct) total.double ??= await firstDouble(session, numbers, signal);
      if (max !== null) total.max = Math.max(max, total.max ?? max);
    }
  }
  return total;
}

/** Asked for only where there is one. */
async function firstDouble(session: Session, numbers: string, signal: AbortSignal): Promise<number> {
  const sql = `SELECT n::DOUBLE ${numbers} GROUP BY n HAVING count(*) > 1 ORDER BY n LIMIT 1`;
  const result = await session.read((connection) => connection.runAndReadAll(sql), signal);
  return result.getRows()[0]![0] as number;
}

/** Runs of one query. */
const runsAtOnce = 2000;

export async function firstAmong(
  session: Session,
  segments: readonly Segment[],
  { stream, runs }: { readonly stream: number; readonly runs: readonly NumberRun[] },
  signal: AbortSignal,
): Promise<number | undefined> {
  for (let next = 0; next < runs.length; next += runsAtOnce) {
    const some = runs.slice(next, next + runsAtOnce);
    const [first, last] = [some[0]![0], some.at(-1)![1]];
    const found: number[] = [];
    for (const { segment } of holdings(segments, stream, first, last)) {
      const sql = `
        SELECT min(n)::DOUBLE FROM ${segment.source},
          (SELECT unnest([${some.map(([from]) => from)}]) AS run_first, unnest([${some.map(([, to]) => to)}]) AS run_last)
        WHERE stream = ${stream} AND n BETWEEN ${first} AND ${last} AND n BETWEEN run_first AND run_last`;
      const result = await session.read((connection) => connection.runAndReadAll(sql), signal);
      const [lowest] = result.getRows()[0] as [number | null];
      if (lowest !== null) found.push(lowest);
    }
    if (found.length > 0) return Math.min(...found);
  }
  return undefined;
}

export async function samplesByNumber(
  session: Session,
  segments: readonly Segment[],
  run: Parameters<TelemetryReader['samplesByNumber']>[0],
  signal: AbortSignal,
): Promise<{ numbers: readonly number[]; samples: SampleColumns }> {
  const { stream, first, last, from, to } = run;
  const found = { ...noPoints(), tags: [] as number[] };
  for (const { segment, extent } of holdings(segments, stream, first, last)) {
    if (extent.minTime > to || extent.maxTime < from) continue;
    const sql = `
      SELECT ${rowColumns} FROM ${segment.source}
      WHERE stream = ${stream} AND n BETWEEN ${first} AND ${last} AND time BETWEEN ${from} AND ${to} ORDER BY n`;
    await session.read((connection) => addRows(connection, sql, () => found), signal);
  }
  const { numbers, ...samples } = byNumber(found);
  return { numbers, samples };
}

function holdings(segments: readonly Segment[], stream: number, first: number, last: number): Holding[] {
  return segments.flatMap((segment) => {
    const extent = segment.extents.get(stream);
    return extent && extent.firstNumber <= last && extent.lastNumber >= first ? [{ segment, extent }] : [];
  });
}

/** Segments whose numbers overlap are counted as one: each would be a group of its own if no number were ever double. */
function overlapping(all: Holding[]): Holding[][] {
  const groups: Holding[][] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const holding of all.sort((a, b) => a.extent.firstNumber - b.extent.firstNumber)) {
    if (holding.extent.firstNumber > end) groups.push([holding]);
    else groups.at(-1)!.push(holding);
    end = Math.max(end, holding.extent.lastNumber);
  }
  return groups;
}
