/** Points of one tag while a store gathers them: columns that grow, are put in order and are cut. */
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';

/** A `SeriesPoints` being made. */
export interface Points {
  readonly times: TimeUs[];
  readonly values: SampleValue[];
  readonly qualities: number[];
  readonly flags: number[];
  readonly numbers: number[];
}

export const noPoints = (): Points => ({ times: [], values: [], qualities: [], flags: [], numbers: [] });

/** Ascending by (time, number). Late samples make stores hand them over in another order. */
export function inOrder(points: Points): Points {
  const { times, numbers } = points;
  return ordered(points, (a, b) => times[a]! - times[b]! || numbers[a]! - numbers[b]!);
}

/** Ascending by number. */
export function byNumber<T extends Points>(points: T): T {
  const { numbers } = points;
  return ordered(points, (a, b) => numbers[a]! - numbers[b]!);
}

function ordered<T extends Points>(points: T, compare: (a: number, b: number) => number): T {
  let at = 1;
  while (at < points.times.length && compare(at - 1, at) <= 0) at++;
  if (at >= points.times.length) return points;
  const order = [...points.times.keys()].sort(compare);
  return eachColumn(points, (column) => order.map((i) => column[i]));
}

/** One after the other. */
export const joined = (first: Points, ...more: readonly Points[]): Points =>
  eachColumn(first, (column, name) => column.concat(...more.map((points) => points[name])));

/** Array.prototype.slice of all columns. */
export const slice = (points: Points, from: number, to?: number): Points =>
  eachColumn(points, (column) => column.slice(from, to));

function eachColumn<T extends Points>(points: T, change: (column: unknown[], name: keyof Points) => unknown[]): T {
  const changed: Record<string, unknown[]> = {};
  for (const [name, column] of Object.entries(points)) changed[name] = change(column, name as keyof Points);
  return changed as unknown as T;
}
