/**
 * A segment is one DuckDB file with the samples of one period of arrival. Its catalogue entry, in memory and for a
 * sealed one in a JSON file beside it, says what it holds, so that reads pass it by without opening it.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import type { TimeUs } from '../../../protocols/sample.ts';
import { ifMissing } from './damage.ts';
import { guardOf } from './guard.ts';
import { quoted } from './session.ts';

/** What a segment holds of one stream. */
export interface Extent {
  rows: number;
  firstNumber: number;
  lastNumber: number;
  minTime: TimeUs;
  maxTime: TimeUs;
}

export interface Segment {
  readonly id: number;
  readonly path: string;
  /** When it was begun, by the hub's clock: nothing in it arrived earlier. */
  readonly openedAt: TimeUs;
  /** By stream. */
  readonly extents: Map<number, Extent>;
  /** Its samples as a table of a FROM clause, and the marks that were carried into it. */
  readonly source: string;
  readonly marks: string;
}

/** Value columns: `f` every JavaScript number, `i` integers beyond 2^53 (int64 and uint64), `b`, `s`; all null is Bad. */
export const schemaSql = (database: string): string => `
  CREATE TABLE ${database}.sample (
    stream BIGINT NOT NULL, n BIGINT NOT NULL, tag UINTEGER NOT NULL, time BIGINT NOT NULL,
    f DOUBLE, i HUGEINT, b BOOLEAN, s VARCHAR, q UINTEGER NOT NULL, flags UTINYINT NOT NULL);
  CREATE TABLE ${database}.mark (stream BIGINT NOT NULL, n BIGINT NOT NULL);
  CREATE TABLE ${database}.segment (opened_at BIGINT NOT NULL);`;

export const sealedTable = (path: string, table: 'sample' | 'mark' | 'segment'): string =>
  `read_duckdb(${quoted(path)}, table_name = '${table}')`;

export const rowsOf = ({ extents }: { readonly extents: ReadonlyMap<number, Extent> }): number => {
  let rows = 0;
  for (const extent of extents.values()) rows += extent.rows;
  return rows;
};

export function extend(extents: Map<number, Extent>, stream: number, more: Extent): void {
  const extent = extents.get(stream);
  if (!extent) {
    extents.set(stream, { ...more });
    return;
  }
  extent.rows += more.rows;
  extent.firstNumber = Math.min(extent.firstNumber, more.firstNumber);
  extent.lastNumber = Math.max(extent.lastNumber, more.lastNumber);
  extent.minTime = Math.min(extent.minTime, more.minTime);
  extent.maxTime = Math.max(extent.maxTime, more.maxTime);
}

/** Reads from the rows themselves what the catalogue says of them. */
export async function measure(connection: DuckDBConnection, source: string): Promise<Map<number, Extent>> {
  const result = await connection.runAndReadAll(`
    SELECT stream::DOUBLE, count(*)::DOUBLE, min(n)::DOUBLE, max(n)::DOUBLE, min(time)::DOUBLE, max(time)::DOUBLE
    FROM ${source} GROUP BY stream`);
  const extents = new Map<number, Extent>();
  for (const [stream, rows, firstNumber, lastNumber, minTime, maxTime] of result.getRows() as number[][]) {
    extents.set(stream!, {
      rows: rows!,
      firstNumber: firstNumber!,
      lastNumber: lastNumber!,
      minTime: minTime!,
      maxTime: maxTime!,
    });
  }
  return extents;
}

/** From the file's own counts, without reading rows. */
export async function countRows(connection: DuckDBConnection, source: string): Promise<number> {
  const result = await connection.runAndReadAll(`SELECT count(*)::DOUBLE FROM ${source}`);
  return result.getRows()[0]![0] as number;
}

/** The highest number of every stream when the segment was begun. */
export async function readMarks(connection: DuckDBConnection, { marks }: Segment): Promise<Map<number, number>> {
  const result = await connection.runAndReadAll(`SELECT stream::DOUBLE, n::DOUBLE FROM ${marks}`);
  return new Map(result.getRows() as [number, number][]);
}

const entrySchema = z.strictObject({
  version: z.literal(1),
  openedAt: z.int(),
  /** stream, rows, first and last number, min and max time. */
  streams: z.array(z.tuple([z.int(), z.int(), z.int(), z.int(), z.int(), z.int()])),
});

export const entryPath = (path: string): string => path.replace(/\.duckdb$/, '.json');

/** undefined when the entry is missing or cannot be read: then it is made from the segment again. */
export async function readEntry(
  path: string,
  file = entryPath(path),
): Promise<Pick<Segment, 'openedAt' | 'extents'> | undefined> {
  const text = await readFile(file, 'utf8').catch(ifMissing);
  try {
    const { openedAt, streams } = entrySchema.parse(JSON.parse(text ?? ''));
    const extents = new Map<number, Extent>();
    for (const [stream, rows, firstNumber, lastNumber, minTime, maxTime] of streams) {
      extents.set(stream, { rows, firstNumber, lastNumber, minTime, maxTime });
    }
    return { openedAt, extents };
  } catch {
    return undefined;
  }
}

export async function writeEntry({ path, openedAt, extents }: Segment): Promise<void> {
  const streams = [...extents].map(([stream, extent]) => [
    stream,
    extent.rows,
    extent.firstNumber,
    extent.lastNumber,
    extent.minTime,
    extent.maxTime,
  ]);
  const temporary = `${entryPath(path)}.tmp`;
  await writeFile(temporary, JSON.stringify({ version: 1, openedAt, streams }), { flush: true });
  await rename(temporary, entryPath(path));
}

/** Every file that belongs to a segment. */
export const filesOf = (path: string): string[] => [path, `${path}.wal`, guardOf(path), entryPath(path)];
