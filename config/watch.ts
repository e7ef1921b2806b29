/**
 * Tells when files may have changed: at once where the system says so, within seconds where it does not (network disks,
 * folders that were replaced). Folders are watched, not files: editors write beside and rename.
 */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

export interface FileWatch extends Disposable {
  /** From now on these are meant. As long as it is not settled what they say, it is told every few seconds. */
  set(files: readonly string[], settled: boolean): void;
}

/** Editors write several times, and a table and the YAML belong together. */
const quietMs = 400;
const pollMs = 5000;

export function watchFiles(onChange: () => void): FileWatch {
  const watchers = new Map<string, FSWatcher>();
  /** What each file was like when it was looked at last. */
  let seen = new Map<string, string>();
  let isSettled = true;
  let quiet: NodeJS.Timeout | undefined;

  const look = (): void => {
    const now = new Map([...seen.keys()].map((file) => [file, signatureOf(file)]));
    const changed = [...now].some(([file, signature]) => signature !== seen.get(file));
    seen = now;
    if (changed || !isSettled) onChange();
  };
  const soon = (): void => {
    clearTimeout(quiet);
    quiet = setTimeout(look, quietMs).unref();
  };
  const poll = setInterval(look, pollMs).unref();

  const watchFolder = (folder: string): void => {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || [...seen.keys()].some((file) => basename(file) === name)) soon();
      });
      watcher.on('error', () => {
        watcher.close();
        watchers.delete(folder);
      });
      watchers.set(folder, watcher);
    } catch {
      // No watches left, or none on this disk: the poll finds it.
    }
  };

  return {
    set(files, settled) {
      isSettled = settled;
      const paths = files.map((file) => resolve(file));
      seen = new Map(paths.map((file) => [file, seen.get(file) ?? signatureOf(file)]));
      const folders = new Set(paths.map((file) => dirname(file)));
      for (const folder of folders) if (!watchers.has(folder)) watchFolder(folder);
      for (const [folder, watcher] of watchers) {
        if (folders.has(folder)) continue;
        watcher.close();
        watchers.delete(folder);
      }
    },
    [Symbol.dispose]() {
      clearInterval(poll);
      clearTimeout(quiet);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

function signatureOf(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'not there';
  }
}
