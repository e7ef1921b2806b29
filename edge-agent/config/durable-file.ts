/** A file that is there whole or not at all, whenever the power fails. */
import { closeSync, fsyncSync, mkdirSync, openSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** On the disk when it returns: written beside, synced, renamed. A link stays one: what it leads to is written. */
export function writeDurably(file: string, content: string, mode: number): void {
  const target = whereItLies(file);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const beside = `${target}.new`;
  writeFileSync(beside, content, { mode, flush: true });
  renameSync(beside, target);
  syncFolder(dirname(target));
}

/** Names are durable as well then: of files that were made, renamed or removed in it. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function whereItLies(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return file;
    throw error;
  }
}
