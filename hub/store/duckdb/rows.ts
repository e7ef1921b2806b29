/** Rows of segments → values, a chunk at a time, so that a long result blocks the event loop no longer than a short one. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { normaliseInteger, type SampleValue, type TimeUs } from '../../../protocols/sample.ts';
import type { Points } from '../points.ts';

/** µs and numbers come as doubles, which are exact to 2^53 and cheaper than bigint. */
export const rowColumns = 'stream::DOUBLE, tag, time::DOUBLE, n::DOUBLE, f, i, b, s, q, flags';

/** Adds each row of a SELECT of `rowColumns` to the points that `place` names for it. */
export async function addRows(
  connection: DuckDBConnection,
  sql: string,
  place: (stream: number, tag: number) => Points & { readonly tags?: number[] },
): Promise<void> {
  // Not `stream`: until it is collected, a streamed result keeps the files of its instance open.
  const result = await connection.run(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return;
    const [streams, tags, times, numbers, f, i, b, s, q, flags] = chunk.getColumns();
    for (let row = 0; row < chunk.rowCount; row++) {
      const tag = tags![row] as number;
      const points = place(streams![row] as number, tag);
      points.tags?.push(tag);
      points.times.push(times![row] as TimeUs);
      points.numbers.push(numbers![row] as number);
      const large = i![row] as bigint | null;
      points.values.push(large === null ? ((f![row] ?? b![row] ?? s![row]) as SampleValue) : normaliseInteger(large));
      points.qualities.push(q![row] as number);
      points.flags.push(flags![row] as number);
    }
  }
}
