/**
 * Rows in any order → ascending by time, tag and line, by a DuckDB of its own that spills to the disk: memory stays
 * the same however many rows there are. The store's instance is not touched.
 */
import { rm } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import { BIGINT, DuckDBDataChunk, DuckDBInstance, INTEGER, VARCHAR } from '@duckdb/node-api';
import type { TimeUs } from '../../../protocols/sample.ts';

export interface SortedRow {
  readonly line: number;
  readonly tag: number;
  readonly time: TimeUs;
  /** The value's text; null is none. */
  readonly text: string | null;
  readonly quality: number;
}

export interface RowSorter extends AsyncDisposable {
  add(rows: readonly SortedRow[]): Promise<void>;
  /** After the last row. */
  sorted(signal: AbortSignal): AsyncGenerator<readonly SortedRow[]>;
}

const types = [BIGINT, INTEGER, BIGINT, VARCHAR, BIGINT];
const rowsPerChunk = 2048;
const rowsPerFlush = 8 * rowsPerChunk;
const memoryLimitMb = 128;

/** @param spill a folder that is made when memory is short, and removed at the end. */
export async function openRowSorter(spill: string): Promise<RowSorter> {
  const remove = () => rm(spill, { recursive: true, force: true });
  await remove();
  // Not a file: it would be merged with its log when it is closed, which takes long and serves nobody.
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${memoryLimitMb}MB`,
    threads: '1',
    temp_directory: spill,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  await connection.run('CREATE TABLE given (line BIGINT, tag INTEGER, time BIGINT, value VARCHAR, quality BIGINT)');
  const appender = await connection.createAppender('given');
  let unflushed = 0;

  return {
    async add(rows) {
      for (let from = 0; from < rows.length; from += rowsPerChunk) {
        const some = rows.slice(from, from + rowsPerChunk);
        appender.appendDataChunk(chunkOf(some));
        unflushed += some.length;
        if (unflushed < rowsPerFlush) continue;
        appender.flushSync();
        unflushed = 0;
        await breathe();
      }
    },
    async *sorted(signal) {
      appender.closeSync();
      const interrupt = () => connection.interrupt();
      signal.addEventListener('abort', interrupt, { once: true });
      try {
        await connection.run('CREATE TABLE sorted AS SELECT * FROM given ORDER BY time, tag, line');
        await connection.run('DROP TABLE given');
        for (let from = 0; ; from += rowsPerFlush) {
          signal.throwIfAborted();
          const page = await pageFrom(from);
          if (page.length === 0) return;
          yield page;
        }
      } catch (error) {
        throw signal.aborted ? signal.reason : error;
      } finally {
        signal.removeEventListener('abort', interrupt);
      }
    },
    async [Symbol.asyncDispose]() {
      connection.closeSync();
      instance.closeSync();
      await remove();
    },
  };

  async function pageFrom(from: number): Promise<SortedRow[]> {
    const rows: SortedRow[] = [];
    const result = await connection.run(
      `SELECT line::DOUBLE, tag, time::DOUBLE, value, quality::DOUBLE FROM sorted
       WHERE rowid >= ${from} AND rowid < ${from + rowsPerFlush} ORDER BY rowid`,
    );
    for (;;) {
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) return rows;
      const [line, tag, time, text, quality] = chunk.getColumns() as [number[], number[], number[], string[], number[]];
      for (let row = 0; row < chunk.rowCount; row++) {
        const at = { line: line[row]!, tag: tag[row]!, time: time[row]! };
        rows.push({ ...at, text: text[row] ?? null, quality: quality[row]! });
      }
    }
  }
}

function chunkOf(rows: readonly SortedRow[]): DuckDBDataChunk {
  const chunk = DuckDBDataChunk.create(types, rows.length);
  const [line, tag, time, text, quality] = types.map((_, column) => chunk.getColumnVector(column));
  for (const [row, one] of rows.entries()) {
    line!.setItem(row, BigInt(one.line));
    tag!.setItem(row, one.tag);
    time!.setItem(row, BigInt(one.time));
    text!.setItem(row, one.text);
    quality!.setItem(row, BigInt(one.quality));
  }
  for (let column = 0; column < types.length; column++) chunk.getColumnVector(column).flush();
  return chunk;
}
