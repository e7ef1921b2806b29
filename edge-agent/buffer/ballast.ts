/**
 * A file of real blocks that is given up when the disk is full: SQLite can then neither delete nor write its log, and this
 * is the room in which it does. Made again as soon as there is room for it twice.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface Ballast {
  /** Whether there was any. */
  spend(): boolean;
  /** Makes it where it is missing and the disk has room. Whether it is there now. */
  restore(): boolean;
}

const blockBytes = 64 * 1024;

/** Four times SQLite's log at its largest, or a small part of a small quota. */
export const ballastBytes = (maxBytes: number): number =>
  Math.min(16 * 1024 ** 2, Math.max(2 * 1024 ** 2, Math.floor(maxBytes / 64)));

export function createBallast(dir: string, bytes: number): Ballast {
  const path = join(dir, 'ballast');
  const fill = () => {
    const file = openSync(path, 'w', 0o600);
    try {
      // Not zeros: a file system may keep those as a hole.
      const block = randomFillSync(Buffer.allocUnsafe(blockBytes));
      for (let written = 0; written < bytes; written += blockBytes) writeSync(file, block);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  };
  return {
    spend() {
      const isThere = existsSync(path);
      rmSync(path, { force: true });
      return isThere;
    },
    restore() {
      if (existsSync(path)) return true;
      try {
        const { bavail, bsize } = statfsSync(dir);
        if (bavail * bsize < 2 * bytes) return false;
        fill();
        return true;
      } catch {
        rmSync(path, { force: true });
        return false;
      }
    },
  };
}
