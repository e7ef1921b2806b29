/** Writes a file of an export, durable and hashed when it resolves; text comes in pages, so memory stays flat. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ExportedFile } from './source.ts';

export async function writeFile(
  dir: string,
  name: string,
  content: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): Promise<Omit<ExportedFile, 'rows'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  await using file = await open(join(dir, name), 'wx', 0o600);
  for await (const part of content) {
    const data = typeof part === 'string' ? Buffer.from(part) : part;
    hash.update(data);
    bytes += data.byteLength;
    await file.writeFile(data);
  }
  await file.sync();
  return { name, bytes, sha256: hash.digest('hex') };
}

/** Of a file that another library wrote. */
export async function describeFile(path: string): Promise<Omit<ExportedFile, 'rows'>> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part);
  return { name: basename(path), bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}
