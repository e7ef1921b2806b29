/**
 * What went with the segments that were set aside, as exact runs of numbers: what their catalogue entries say, or else
 * what the marks before and after them leave, less what other segments hold.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { NumberRun } from '../storable.ts';
import { ifMissing } from './damage.ts';
import { readEntry, readMarks, type Segment } from './segment.ts';

/** By stream, ascending. `aside` is the folder of the damaged ones, which need not be there; `list` is oldest first. */
export async function lostRuns(
  connection: DuckDBConnection,
  list: readonly Segment[],
  aside: string,
): Promise<Map<number, NumberRun[]>> {
  const lost = new Map<number, NumberRun[]>();
  const names = (await readdir(aside).catch(ifMissing)) ?? [];
  for (const name of names.filter((file) => file.endsWith('.duckdb')).sort()) {
    for (const [stream, run] of await wentWith(connection, list, join(aside, name), Number.parseInt(name, 10))) {
      const left = without([run], await heldElsewhere(connection, list, stream, run));
      const known = lost.get(stream) ?? [];
      lost.set(stream, [...known, ...known.reduce((runs, other) => without(runs, [other]), left)]);
    }
  }
  for (const runs of lost.values()) runs.sort((a, b) => a[0] - b[0]);
  return lost;
}

async function wentWith(
  connection: DuckDBConnection,
  list: readonly Segment[],
  path: string,
  id: number,
): Promise<Map<number, NumberRun>> {
  const entry = await readEntry(path);
  if (entry) {
    return new Map([...entry.extents].map(([stream, extent]) => [stream, [extent.firstNumber, extent.lastNumber]]));
  }
  const after = list.find((segment) => segment.id > id);
  const runs = new Map<number, NumberRun>();
  for (const [stream, mark] of after ? await readMarks(connection, after) : []) {
    const before = list.filter((segment) => segment.id < id).map(({ extents }) => extents.get(stream)?.lastNumber ?? 0);
    const first = Math.max(0, ...before) + 1;
    if (first <= mark) runs.set(stream, [first, mark]);
  }
  return runs;
}

/** The runs of numbers that segments hold within one. */
async function heldElsewhere(
  connection: DuckDBConnection,
  list: readonly Segment[],
  stream: number,
  [first, last]: NumberRun,
): Promise<NumberRun[]> {
  const found: NumberRun[] = [];
  for (const { extents, source } of list) {
    const extent = extents.get(stream);
    if (!extent || extent.firstNumber > last || extent.lastNumber < first) continue;
    const result = await connection.runAndReadAll(`
      SELECT min(n)::DOUBLE, max(n)::DOUBLE
      FROM (SELECT n, n - row_number() OVER (ORDER BY n) AS run FROM ${source}
        WHERE stream = ${stream} AND n BETWEEN ${first} AND ${last})
      GROUP BY run ORDER BY 1`);
    found.push(...(result.getRows() as [number, number][]));
  }
  return found.sort((a, b) => a[0] - b[0]);
}

/** Runs less what others cover. */
function without(runs: readonly NumberRun[], others: readonly NumberRun[]): NumberRun[] {
  return others.reduce<NumberRun[]>(
    (left, [first, last]) =>
      left.flatMap(([from, to]): NumberRun[] =>
        last < from || to < first
          ? [[from, to]]
          : (
              [
                [from, first - 1],
                [last + 1, to],
              ] satisfies NumberRun[]
            ).filter(([start, end]) => start <= end),
      ),
    [...runs],
  );
}
