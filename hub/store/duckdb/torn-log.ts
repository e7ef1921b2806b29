/**
 * DuckDB takes a log that ends in the middle of an entry for what it is: the last commit was not finished. But of a
 * write that was not synced when the power failed any sectors may be missing, and an entry with a wrong checksum it
 * refuses, with everything before it. Such a log is cut where DuckDB says that it is torn; a copy is kept.
 */
import { copyFile, mkdir, open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** Size and checksum stand before the place that the message names. */
const entryHeaderBytes = 16;

/** Bytes that were cut off; undefined when the error is another. */
export async function cutTornLog(path: string, error: unknown, aside: string): Promise<number | undefined> {
  const [, position] = /Corrupt WAL file: entry at byte position (\d+) computed/.exec(String(error)) ?? [];
  if (position === undefined) return undefined;
  const log = `${path}.wal`;
  const { size } = await stat(log);
  const end = Number(position) - entryHeaderBytes;
  if (end >= size || end < 0) return undefined;
  await mkdir(aside, { recursive: true });
  await copyFile(log, join(aside, `${basename(log)}.torn`));
  await using file = await open(log, 'r+');
  await file.truncate(end);
  await file.sync();
  return size - end;
}
