/**
 * Bare DuckDB as a yardstick: the same rows in the same commits as the hub's store, through the appender, without marks,
 * segments, checks or giving the event loop back. What the store makes of this rate is the store's cost.
 */
import { DuckDBDataChunk, DuckDBInstance, type DuckDBType } from '@duckdb/node-api';
import type { StoreBatch } from '../../hub/store/store.ts';

export interface ReferenceDuckdb extends AsyncDisposable {
  /** The function it gives writes them in one transaction. */
  prepare(batches: readonly StoreBatch[]): () => Promise<void>;
}

const rowsPerChunk = 2048;

export async function openReferenceDuckdb(path: string): Promise<ReferenceDuckdb> {
  const instance = await DuckDBInstance.create(path, { threads: '2', memory_limit: '256MB' });
  const connection = await instance.connect();
  await connection.run(`CREATE TABLE sample (stream UINTEGER, n BIGINT, tag UINTEGER, time BIGINT,
    f DOUBLE, i HUGEINT, b BOOLEAN, s VARCHAR, q UINTEGER, flags UTINYINT)`);
  const appender = await connection.createAppender('sample');
  const types = Array.from({ length: appender.columnCount }, (_, column) => appender.columnType(column));
  return {
    prepare: (batches) => async () => {
      await connection.run('BEGIN');
      for (const batch of batches) {
        for (let from = 0; from < batch.numbers.length; from += rowsPerChunk) {
          appender.appendDataChunk(chunkOf(types, batch, from));
        }
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

function chunkOf(
  types: readonly DuckDBType[],
  { stream, numbers, samples }: StoreBatch,
  from: number,
): DuckDBDataChunk {
  const to = Math.min(numbers.length, from + rowsPerChunk);
  const chunk = DuckDBDataChunk.create(types, to - from);
  const [s, n, tag, time, ...rest] = types.map((_, column) => chunk.getColumnVector(column));
  const [f, i, b, text, q, flags] = rest;
  for (let row = 0; row < to - from; row++) {
    const index = from + row;
    const value = samples.values[index]!;
    s!.setItem(row, stream);
    n!.setItem(row, BigInt(numbers[index]!));
    tag!.setItem(row, samples.tags[index]!);
    time!.setItem(row, BigInt(samples.times[index]!));
    f!.setItem(row, typeof value === 'number' ? value : null);
    i!.setItem(row, typeof value === 'bigint' ? value : null);
    b!.setItem(row, typeof value === 'boolean' ? value : null);
    text!.setItem(row, typeof value === 'string' ? value : null);
    q!.setItem(row, samples.qualities[index]!);
    flags!.setItem(row, samples.flags[index]!);
  }
  for (let column = 0; column < types.length; column++) chunk.getColumnVector(column).flush();
  return chunk;
}
