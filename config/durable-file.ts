/** A file that is there whole or not at all, whenever the power fails. */
import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** On the disk when it returns. Keeps the mode of the file that it replaces, where `mode` is not given. */
export function writeDurably(file: string, content: string, mode: number): void {
  const beside = `${file}.new`;
  writeFileSync(beside, content, { mode, flush: true });
  renameSync(beside, file);
  syncFolder(dirname(file));
}

export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
