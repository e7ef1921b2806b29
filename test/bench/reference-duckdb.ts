/**
 * Bare DuckDB as a yardstick: the same rows in the same commits as the hub's store, through the appender, without marks,
 * segments, checks or giving the event loop back. What the store makes of this rate is the store's cost.
 */
import { type DuckDBAppender, DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import type { StoreBatch } from '../../hub/store/store.ts';

export interface ReferenceDuckdb extends AsyncDisposable {
  /** One transaction. */
  write(batches: readonly StoreBatch[]): Promise<void>;
}

const rowsPerChunk = 2048;

export async function openReferenceDuckdb(path: string): Promise<ReferenceDuckdb> {
  const instance = await DuckDBInstance.create(path, { threads: '2', memory_limit: '256MB' });
  const connection = await instance.connect();
  await connection.run(`CREATE TABLE sample (stream UINTEGER, n BIGINT, tag UINTEGER, time BIGINT,
    f DOUBLE, i HUGEINT, b BOOLEAN, s VARCHAR, q UINTEGER, flags UTINYINT)`);
  const appender = await connection.createAppender('sample');
  return {
    write: async (batches) => {
      await connection.run('BEGIN');
      for (const batch of batches) {
        for (let from = 0; from < batch.numbers.length; from += rowsPerChunk) appendChunk(appender, batch, from);
      }
      appender.flushSync();
      await connection.run('COMMIT');
    },
    [Symbol.asyncDispose]: async () => {
      appender.closeSync();
      connection.closeSync();
      instance.closeSync();
    },
  };
}

function appendChunk(appender: DuckDBAppender, { stream, numbers, samples }: StoreBatch, from: number): void {
  const to = Math.min(numbers.length, from + rowsPerChunk);
  const types = Array.from({ length: appender.columnCount }, (_, column) => appender.columnType(column));
  const chunk = DuckDBDataChunk.create(types);
  const values = samples.values.slice(from, to);
  chunk.setColumns([
    new Array(to - from).fill(stream),
    numbers.slice(from, to).map(BigInt),
    samples.tags.slice(from, to),
    samples.times.slice(from, to).map(BigInt),
    values.map((value) => (typeof value === 'number' ? value : null)),
    values.map((value) => (typeof value === 'bigint' ? value : null)),
    values.map((value) => (typeof value === 'boolean' ? value : null)),
    values.map((value) => (typeof value === 'string' ? value : null)),
    samples.qualities.slice(from, to),
    samples.flags.slice(from, to),
  ]);
  appender.appendDataChunk(chunk);
}
