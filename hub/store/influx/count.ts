/**
 * Counting numbers exactly. InfluxDB's own `count(distinct())` is as slow and keeps every number in its memory, so the
 * numbers are read through here and ticked off, a bit for each.
 */
import type { NumberCount } from '../store.ts';
import type { Rows } from './query.ts';

const numbersPerPage = 65_536;

/** `parts` have the number in their second column. */
export async function countNumbers(parts: AsyncIterable<Rows>): Promise<NumberCount> {
  const pages = new Map<number, Uint32Array>();
  let points = 0;
  let distinct = 0;
  let double = Number.POSITIVE_INFINITY;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for await (const { values } of parts) {
    points += values.length;
    for (const row of values) {
      const number = row[1] as number;
      if (number < min) min = number;
      if (number > max) max = number;
      if (tick(pages, number)) distinct++;
      else if (number < double) double = number;
    }
  }
  if (points === 0) return { points, distinct, min: null, max: null };
  return { points, distinct, ...(points > distinct && { double }), min, max };
}

/** The lowest number that lies in one of the ascending runs. `parts` have the number in their second column. */
export async function firstAmong(
  parts: AsyncIterable<Rows>,
  runs: readonly (readonly [first: number, last: number])[],
): Promise<number | undefined> {
  let lowest: number | undefined;
  for await (const { values } of parts) {
    for (const row of values) {
      const number = row[1] as number;
      if (number < (lowest ?? Number.POSITIVE_INFINITY) && isAmong(number, runs)) lowest = number;
    }
  }
  return lowest;
}

function isAmong(number: number, runs: readonly (readonly [first: number, last: number])[]): boolean {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[middle]![1] < number) low = middle + 1;
    else high = middle;
  }
  return low < runs.length && runs[low]![0] <= number;
}

/** Whether the number was not ticked before. */
function tick(pages: Map<number, Uint32Array>, number: number): boolean {
  const key = Math.floor(number / numbersPerPage);
  let page = pages.get(key);
  if (!page) {
    page = new Uint32Array(numbersPerPage / 32);
    pages.set(key, page);
  }
  const offset = number % numbersPerPage;
  const bit = 1 << (offset & 31);
  if (page[offset >> 5]! & bit) return false;
  page[offset >> 5]! |= bit;
  return true;
}
