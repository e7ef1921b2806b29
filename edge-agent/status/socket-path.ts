/** Where a running agent listens for the commands of its own machine: in its data folder, always. */
import { closeSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A Unix socket's path has 108 bytes at most, the zero at its end included (unix(7)). */
const maxPathBytes = 100;
const name = 'agent.sock';

export interface SocketPath extends Disposable {
  /** For the system; valid until it is disposed of. */
  readonly path: string;
  /** For people. */
  readonly shown: string;
}

/**
 * Where the path is too long, it is walked from the open folder (proc(5), /proc/self/fd): a shorter place elsewhere, below
 * the temp folder, could be taken by another user first. @throws the system's error when the folder cannot be opened.
 */
export function openSocketPath(dataDir: string): SocketPath {
  const shown = resolve(dataDir, name);
  if (Buffer.byteLength(shown) <= maxPathBytes) return { path: shown, shown, [Symbol.dispose]() {} };
  const folder = openSync(resolve(dataDir), 'r');
  return {
    path: join('/proc/self/fd', String(folder), name),
    shown,
    [Symbol.dispose]: () => closeSync(folder),
  };
}
