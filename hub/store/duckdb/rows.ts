/** Rows of segments → values, a chunk at a time, so that a long result blocks the event loop no longer than a short one. */
import type {
  DuckDBBooleanVector,
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBDoubleVector,
  DuckDBHugeIntVector,
  DuckDBUIntegerVector,
  DuckDBUTinyIntVector,
  DuckDBVarCharVector,
} from '@duckdb/node-api';
import { normaliseInteger, type SampleValue, type TimeUs } from '../../../protocols/sample.ts';
import type { Points } from '../points.ts';

/** µs and numbers come as doubles, which are exact to 2^53 and cheaper than bigint. */
export const rowColumns = 'stream::DOUBLE, tag, time::DOUBLE, n::DOUBLE, f, i, b, s, q, flags';

type Place = (stream: number, tag: number) => Points & { readonly tags?: number[] };

/** Adds each row of a SELECT of `rowColumns` to the points that `place` names for it. */
export async function addRows(connection: DuckDBConnection, sql: string, place: Place): Promise<void> {
  // Not `stream`: until it is collected, a streamed result keeps the files of its instance open.
  const result = await connection.run(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return;
    addChunk(chunk, place);
  }
}

/** Item by item from the vectors, which are DuckDB's own memory: columns as arrays of JavaScript cost more than twice as much. */
function addChunk(chunk: DuckDBDataChunk, place: Place): void {
  const streams = chunk.getColumnVector(0) as DuckDBDoubleVector;
  const tags = chunk.getColumnVector(1) as DuckDBUIntegerVector;
  const times = chunk.getColumnVector(2) as DuckDBDoubleVector;
  const numbers = chunk.getColumnVector(3) as DuckDBDoubleVector;
  const f = chunk.getColumnVector(4) as DuckDBDoubleVector;
  const i = chunk.getColumnVector(5) as DuckDBHugeIntVector;
  const b = chunk.getColumnVector(6) as DuckDBBooleanVector;
  const s = chunk.getColumnVector(7) as DuckDBVarCharVector;
  const qualities = chunk.getColumnVector(8) as DuckDBUIntegerVector;
  const flags = chunk.getColumnVector(9) as DuckDBUTinyIntVector;
  const valueAt = (row: number): SampleValue => {
    const large = i.getItem(row);
    return large === null ? (b.getItem(row) ?? s.getItem(row)) : normaliseInteger(large);
  };
  const { rowCount } = chunk;
  for (let row = 0; row < rowCount; row++) {
    const tag = tags.getItem(row)!;
    const points = place(streams.getItem(row)!, tag);
    points.tags?.push(tag);
    points.times.push(times.getItem(row)! as TimeUs);
    points.numbers.push(numbers.getItem(row)!);
    points.values.push(f.getItem(row) ?? valueAt(row));
    points.qualities.push(qualities.getItem(row)!);
    points.flags.push(flags.getItem(row)!);
  }
}
