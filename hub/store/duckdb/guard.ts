/**
 * CHECKPOINT, guarded. DuckDB writes the metadata of the new state into the very blocks that hold the old one's, in
 * place and 256 KiB at a time: a kill or a power cut within such a write leaves a block with a wrong checksum, and
 * neither state can be read any more. So these blocks and the headers are copied beside the file and synced first, and
 * are put back when the file is opened and its headers are still the old ones. The log goes only after the headers.
 */
import { constants, type FileHandle, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { syncFolder } from '../sync-folder.ts';
import { ifMissing } from './damage.ts';

/** Layout of a DuckDB file: three headers of 4 KiB, of which the last two take turns; then the blocks. */
const headerBytes = 3 * 4096;
const blockBytes = 262_144;
const offsetBytes = 8;
const checksumBytes = 4;

export const guardOf = (path: string): string => `${path}.guard`;

/** Merges the log of an attached segment into its file. */
export async function checkpoint(
  connection: DuckDBConnection,
  { database, path }: { readonly database: string; readonly path: string },
): Promise<void> {
  const result = await connection.runAndReadAll(`SELECT block_id::DOUBLE FROM pragma_metadata_info('${database}')`);
  const offsets = result.getRows().map(([block]) => headerBytes + (block as number) * blockBytes);
  await writeFile(guardOf(path), await copyOf(path, offsets), { flush: true });
  await syncFolder(dirname(path));
  await connection.run(`CHECKPOINT ${database}`);
  await rm(guardOf(path));
}

async function copyOf(path: string, offsets: readonly number[]): Promise<Buffer> {
  await using file = await open(path);
  const parts = [await read(file, 0, headerBytes)];
  for (const offset of offsets) {
    const block = await read(file, offset, blockBytes);
    // What the file does not have yet, its old state does not need.
    if (block.length < blockBytes) continue;
    const place = Buffer.alloc(offsetBytes);
    place.writeBigUInt64LE(BigInt(offset));
    parts.push(place, block);
  }
  const copy = Buffer.concat([...parts, Buffer.alloc(checksumBytes)]);
  copy.writeUInt32LE(crc32(copy.subarray(0, -checksumBytes)), copy.length - checksumBytes);
  return copy;
}

/** To be called before a file is opened: undoes a checkpoint that was cut short. True when there was one. */
export async function mend(path: string): Promise<boolean> {
  const copy = await readFile(guardOf(path)).catch(ifMissing);
  if (!copy) return false;
  const wasCutShort = isWhole(copy) && (await putBack(path, copy));
  await rm(guardOf(path));
  return wasCutShort;
}

/** A guard that is not whole was cut short itself: its checkpoint never began. */
const isWhole = (copy: Buffer): boolean =>
  copy.length > checksumBytes &&
  crc32(copy.subarray(0, -checksumBytes)) === copy.readUInt32LE(copy.length - checksumBytes);

async function putBack(path: string, copy: Buffer): Promise<boolean> {
  await using file = await open(path, constants.O_RDWR);
  const headers = await read(file, 0, headerBytes);
  // The new header is written when everything else is synced.
  if (!headers.equals(copy.subarray(0, headerBytes))) return false;
  for (let at = headerBytes; at < copy.length - checksumBytes; at += offsetBytes + blockBytes) {
    const block = copy.subarray(at + offsetBytes, at + offsetBytes + blockBytes);
    await file.write(block, 0, blockBytes, Number(copy.readBigUInt64LE(at)));
  }
  await file.sync();
  return true;
}

/** As much as there is. */
async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
