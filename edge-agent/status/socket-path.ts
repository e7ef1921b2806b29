/** Where a running agent listens for the commands of its own machine. */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A Unix socket's path has 108 bytes at most, the zero at its end included (unix(7)). */
const maxPathBytes = 100;

/** In the data folder, or below the temp folder where that path is too long. */
export function socketPath(dataDir: string): string {
  const path = resolve(dataDir, 'agent.sock');
  if (Buffer.byteLength(path) <= maxPathBytes) return path;
  return join(tmpdir(), `payesh-${createHash('sha256').update(path).digest('hex').slice(0, 24)}.sock`);
}
