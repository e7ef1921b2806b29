/**
 * Rows → a Parquet file, by a DuckDB of its own that spills to a file beside it: the store's instance, its memory and
 * its writer's place are not touched. Whichever store holds the samples, Parquet is made here.
 */
import { rm } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import {
  BIGINT,
  DOUBLE,
  DuckDBDataChunk,
  DuckDBTimestampTZValue,
  type DuckDBType,
  type DuckDBValue,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';
import { openScratch } from './scratch.ts';
import { quoted } from './session.ts';

export interface ParquetColumn {
  readonly name: string;
  /** `time`: µs UTC, as TIMESTAMP with UTC in the file. `integer`: 64 bits. */
  readonly type: 'text' | 'number' | 'integer' | 'time';
}
/** null is "not known" in every type. */
export type ParquetRow = readonly (string | number | null)[];

const types: Readonly<Record<ParquetColumn['type'], readonly [sql: string, type: DuckDBType]>> = {
  text: ['VARCHAR', VARCHAR],
  number: ['DOUBLE', DOUBLE],
  integer: ['BIGINT', BIGINT],
  time: ['TIMESTAMPTZ', TIMESTAMPTZ],
};
const rowsPerChunk = 2048;
const rowsPerFlush = 8 * rowsPerChunk;

/** The file is whole when it resolves; nothing is left of it when it rejects. */
export async function writeParquet(
  file: string,
  columns: readonly ParquetColumn[],
  pages: AsyncIterable<readonly ParquetRow[]>,
  signal: AbortSignal,
): Promise<void> {
  const database = `${file}.duckdb`;
  const scratch = await openScratch(database, signal);
  const { connection } = scratch;
  try {
    signal.throwIfAborted();
    const declared = columns.map(({ name, type }) => `"${name}" ${types[type][0]}`).join(', ');
    await connection.run(`CREATE TABLE rows (${declared})`);
    const appender = await connection.createAppender('rows');
    let unflushed = 0;
    for await (const page of pages) {
      for (let from = 0; from < page.length; from += rowsPerChunk) {
        signal.throwIfAborted();
        const rows = page.slice(from, from + rowsPerChunk);
        appender.appendDataChunk(chunkOf(columns, rows));
        unflushed += rows.length;
        if (unflushed < rowsPerFlush) continue;
        appender.flushSync();
        unflushed = 0;
        await breathe();
      }
    }
    appender.closeSync();
    await connection.run(`COPY rows TO ${quoted(file)} (FORMAT parquet, COMPRESSION zstd)`);
  } catch (error) {
    await rm(file, { force: true });
    throw signal.aborted ? signal.reason : error;
  } finally {
    scratch[Symbol.dispose]();
    for (const name of [database, `${database}.wal`, `${database}.tmp`])
      await rm(name, { recursive: true, force: true });
  }
}

function chunkOf(columns: readonly ParquetColumn[], rows: readonly ParquetRow[]): DuckDBDataChunk {
  const chunk = DuckDBDataChunk.create(
    columns.map(({ type }) => types[type][1]),
    rows.length,
  );
  for (const [index, { type }] of columns.entries()) {
    const vector = chunk.getColumnVector(index);
    for (const [row, cells] of rows.entries()) vector.setItem(row, toDuckDb(type, cells[index] ?? null));
    vector.flush();
  }
  return chunk;
}

function toDuckDb(type: ParquetColumn['type'], cell: ParquetRow[number]): DuckDBValue {
  if (cell === null) return null;
  if (type === 'time') return new DuckDBTimestampTZValue(BigInt(cell));
  return type === 'integer' ? BigInt(cell) : cell;
}
