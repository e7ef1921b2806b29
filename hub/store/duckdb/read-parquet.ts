/** A Parquet file of anybody's → rows of text, page by page, by a DuckDB of its own in little memory. */
import { openScratch } from './scratch.ts';
import { quoted } from './session.ts';

/** A row's cells by the column's name in lower case; empty ones are left out. */
export type ParquetCells = Readonly<Record<string, string>>;

/** @throws {Error} it is no Parquet file; the message says why. */
export async function* readParquet(
  file: string,
  wanted: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<readonly ParquetCells[]> {
  using scratch = await openScratch(':memory:', signal, `${file}.tmp`);
  const { connection } = scratch;
  try {
    signal.throwIfAborted();
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet(${quoted(file)})`);
    const columns = described.getRowObjects().map(({ column_name, column_type }) => ({
      name: String(column_name),
      type: String(column_type),
    }));
    const found = columns.filter(({ name }) => wanted.includes(name.toLowerCase()));
    const cells = found.map(({ name, type }) => textOf(`"${name.replaceAll('"', '""')}"`, type)).join(', ');
    const names = found.map(({ name }) => name.toLowerCase());
    // Streamed, in the file's order: nothing of it is kept, and the instance is nobody else's.
    const result = await connection.stream(`SELECT ${cells || 'NULL'} FROM read_parquet(${quoted(file)})`);
    for (;;) {
      signal.throwIfAborted();
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) return;
      yield chunk
        .getRows()
        .map((row) =>
          Object.fromEntries(names.flatMap((name, index) => (row[index] == null ? [] : [[name, String(row[index])]]))),
        );
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

/** Instants as ISO 8601 in UTC, wall times without an offset, numbers so that they read back the same. */
function textOf(column: string, type: string): string {
  if (type === 'TIMESTAMP WITH TIME ZONE')
    return `strftime(make_timestamp(epoch_us(${column})), '%Y-%m-%dT%H:%M:%S.%fZ')`;
  if (type.startsWith('TIMESTAMP')) return `strftime(${column}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%f')`;
  return `CAST(${column} AS VARCHAR)`;
}
