/** The file as it came: written piece by piece, held against what was announced. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

/** Durable on return. The first piece begins the file anew. */
export async function writePiece(path: string, offset: number, bytes: Uint8Array, isFirst: boolean): Promise<void> {
  await using file = await open(path, isFirst ? 'w' : 'r+', 0o600);
  await file.write(bytes, 0, bytes.length, offset);
  await file.sync();
}

/** Its SHA-256, as 64 hex digits. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part);
  return hash.digest('hex');
}
