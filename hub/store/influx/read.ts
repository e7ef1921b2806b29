/**
 * Reading back with InfluxQL, one statement a series. InfluxDB orders by ns, of which the last three digits are the
 * number's: samples of the same µs are put in the order of their numbers here, and where a limit may have cut through
 * such a µs, that µs is asked for once more as a whole.
 */
import {
  isBad,
  normaliseInteger,
  type SampleColumns,
  type SampleValue,
  type TimeUs,
} from '../../../protocols/sample.ts';
import { byNumber, inOrder, joined, noPoints, type Points, slice } from '../points.ts';
import type { SeriesKey, SeriesPoints, SeriesQuery, TelemetryReader } from '../store.ts';
import { type Cut, readWindow, type TimeSpan } from '../window.ts';
import { countNumbers, firstAmong } from './count.ts';
import type { QueryClient } from './query.ts';

interface Ask extends TimeSpan {
  readonly key: SeriesKey;
  readonly cut?: Cut | undefined;
}

const statementsPerRequest = 100;
const fields = 'f, i, u, b, s, q, o, n';

/** `measurement` is what stands behind FROM. */
export function createInfluxReader({ query }: QueryClient, measurement: string): TelemetryReader {
  async function fetchPoints(asks: readonly Ask[], signal: AbortSignal): Promise<Points[]> {
    const found = asks.map(noPoints);
    for (let first = 0; first < asks.length; first += statementsPerRequest) {
      const statements = asks.slice(first, first + statementsPerRequest).map(statementOf);
      for await (const { statement, values } of query(statements, signal)) {
        for (const row of values) addRow(found[first + statement]!, row);
      }
    }
    return found.map(inOrder);
  }

  const statementOf = ({ key, from, to, cut }: Ask): string =>
    `SELECT ${fields} FROM ${measurement} WHERE "stream" = '${key.stream}' AND "tag" = '${key.tag}'${within(from, to)}` +
    // One more than wanted shows whether the cut goes through a µs.
    (cut ? ` ORDER BY time ${cut.end === 'newest' ? 'DESC' : 'ASC'} LIMIT ${cut.count + 1}` : '');

  async function fetchCut(asks: readonly Ask[], signal: AbortSignal): Promise<Points[]> {
    const found = await fetchPoints(asks, signal);
    const torn = asks.flatMap((ask, index) => {
      const time = tornTime(found[index]!, ask.cut);
      return time === undefined ? [] : [{ index, time, ask: { key: ask.key, from: time, to: time + 1 } }];
    });
    const whole = await fetchPoints(
      torn.map(({ ask }) => ask),
      signal,
    );
    for (const [position, { index, time }] of torn.entries()) {
      const { times } = found[index]!;
      const newest = asks[index]!.cut!.end === 'newest';
      const rest = newest
        ? slice(found[index]!, times.lastIndexOf(time) + 1)
        : slice(found[index]!, 0, times.indexOf(time));
      found[index] = newest ? joined(whole[position]!, rest) : joined(rest, whole[position]!);
    }
    return found.map((points, index) => cutTo(points, asks[index]!.cut));
  }

  async function series(seriesQuery: SeriesQuery, signal: AbortSignal): Promise<readonly SeriesPoints[]> {
    signal.throwIfAborted();
    const asks = (keys: readonly SeriesKey[], span: TimeSpan, cut?: Cut) => keys.map((key) => ({ key, ...span, cut }));
    return readWindow((...wanted) => fetchCut(asks(...wanted), signal), seriesQuery);
  }

  async function samplesByNumber(
    run: Parameters<TelemetryReader['samplesByNumber']>[0],
    signal: AbortSignal,
  ): Promise<{ numbers: readonly number[]; samples: SampleColumns }> {
    const { stream, first, last, from, to } = run;
    const found = { ...noPoints(), tags: [] as number[] };
    const statement = `SELECT ${fields} FROM ${measurement} WHERE ${numbered(stream, first, last)}${within(from, to + 1)} GROUP BY "tag"`;
    for await (const { tags, values } of query([statement], signal)) {
      for (const row of values) {
        if (addRow(found, row)) found.tags.push(Number(tags.tag));
      }
    }
    const { numbers, ...samples } = byNumber(found);
    return { numbers, samples };
  }

  const numbersOf = (stream: number, [first, last]: readonly [number, number], signal: AbortSignal) =>
    query([`SELECT n FROM ${measurement} WHERE ${numbered(stream, first, last)} GROUP BY "tag"`], signal);

  return {
    series,
    samplesByNumber,
    countNumbers: (stream, first, last, signal) => countNumbers(numbersOf(stream, [first, last], signal)),
    firstAmong: async (stream, runs, signal) =>
      runs.length === 0 ? undefined : firstAmong(numbersOf(stream, [runs[0]![0], runs.at(-1)![1]], signal), runs),
  };
}

const numbered = (stream: number, first: number, last: number): string =>
  `"stream" = '${stream}' AND n >= ${first} AND n <= ${last}`;

/** Bounds that int64 ns cannot carry are none. */
function within(from: TimeUs, to: TimeUs): string {
  const [first, end] = [Math.ceil(from), Math.ceil(to)];
  const after = Number.isSafeInteger(first) ? ` AND time >= ${first}u` : '';
  return Number.isSafeInteger(end) ? `${after} AND time < ${end}u` : after;
}

/**
 * False for a point whose write is under way: a query may see some of its fields before the others. A sample has a number,
 * and lacks its value exactly when it is Bad.
 */
function addRow(points: Points, row: readonly unknown[]): boolean {
  const [time, f, i, u, b, s, q, o, n] = row;
  const value = sampleValue(f, i, u, b, s);
  const quality = (q ?? 0) as number;
  if (n === null || (value === null) !== isBad(quality)) return false;
  points.times.push(time as TimeUs);
  points.values.push(value);
  points.qualities.push(quality);
  points.flags.push((o ?? 0) as number);
  points.numbers.push(n as number);
  return true;
}

function sampleValue(f: unknown, i: unknown, u: unknown, b: unknown, s: unknown): SampleValue {
  // Number: a large double that was parsed beside an int64 came as bigint.
  if (f !== null) return Number(f);
  if (i !== null) return normaliseInteger(BigInt(i as number | bigint));
  if (u !== null) return BigInt(u as string);
  return (b ?? s) as SampleValue;
}

/** The µs through which a limit may have cut: that of the surplus point, where its neighbour has the same. */
function tornTime({ times }: Points, cut: Ask['cut']): TimeUs | undefined {
  if (!cut || times.length <= cut.count) return undefined;
  const [surplus, neighbour] = cut.end === 'newest' ? [times[0], times[1]] : [times.at(-1), times.at(-2)];
  return surplus === neighbour ? surplus : undefined;
}

function cutTo(points: Points, cut: Ask['cut']): Points {
  if (!cut) return points;
  return cut.end === 'newest' ? slice(points, -cut.count) : slice(points, 0, cut.count);
}
