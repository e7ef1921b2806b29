/**
 * Damaged buffers, set aside and salvaged. Each has a folder below `quarantine/`, with the files as they were found and a
 * note of how far it has come; what could be read of it stands below `salvage/` until the hub has it. Where the
 * disk has no room for that, it is tried again.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { usedFirst } from '../../protocols/sqlite/versioned-file.ts';
import { isDiskTrouble, type Quarantined } from './buffer.ts';
import { type BufferFile, openBufferFile } from './file.ts';
import { markName } from './mark.ts';
import type { Salvaged } from './salvage.ts';

export interface Salvage {
  readonly file: BufferFile;
  readonly registered: ReturnType<BufferFile['registered']>;
  /** The hub has everything: the salvage is removed, and the damaged file is kept until the next one is done. */
  done(): void;
}

export interface Quarantine {
  readonly list: readonly Quarantined[];
  /** What was salvaged and is not at the hub, the oldest first. */
  readonly salvages: readonly Salvage[];
  /** Moves the files of the buffer away, and begins to salvage. */
  setAside(reason: string): void;
  close(): void;
}

const files = ['buffer.db', 'buffer.db-wal', 'buffer.db-shm', 'buffer.db-journal', markName];
const noteName = 'quarantine.json';

const firstRetryMs = 500;
const longestRetryMs = 60_000;

/** @param changed called when a salvage has ended */
export function openQuarantine(dir: string, changed: (what: Quarantined) => void): Quarantine {
  const root = join(dir, 'quarantine');
  const entries: Quarantined[] = [];
  const salvages: (Salvage & { at: number })[] = [];
  const workers = new Set<Worker>();
  const retries = new Set<NodeJS.Timeout>();

  /** A note that a full disk does not take is behind: what it speaks of is done again at the next start. */
  const note = (entry: Quarantined, state: Quarantined['state']): Quarantined => {
    const noted = { ...entry, state };
    entries[entries.findIndex(({ folder }) => folder === entry.folder)] = noted;
    try {
      writeNote(noted);
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
    }
    return noted;
  };
  const salvageDir = ({ at }: Quarantined): string => join(dir, 'salvage', String(at));

  const open = (entry: Quarantined): void => {
    const options = { dir: salvageDir(entry), maxBytes: Number.MAX_SAFE_INTEGER, replayMs: 0, hasBallast: false };
    const file = openBufferFile({ ...options, full: 'stop' });
    const registered = usedFirst(file, file.registered);
    const done = () => {
      salvages.splice(
        salvages.findIndex((each) => each.file === file),
        1,
      );
      file.close();
      rmSync(salvageDir(entry), { recursive: true, force: true });
      note(entry, 'done');
      forgetOlder(entry);
    };
    salvages.push({ file, registered, at: entry.at, done });
    salvages.sort((a, b) => a.at - b.at);
  };

  /** Of files that have nothing more to give, the newest is kept for whoever wants to know how it came. */
  const forgetOlder = ({ at }: Quarantined): void => {
    for (const entry of entries.filter((each) => each.at < at && each.state === 'done')) {
      for (const name of files) rmSync(join(entry.folder, name), { force: true });
    }
  };

  const salvage = (entry: Quarantined, failures = 0): void => {
    rmSync(salvageDir(entry), { recursive: true, force: true });
    mkdirSync(salvageDir(entry), { recursive: true, mode: 0o700 });
    const worker = new Worker(new URL('./salvage.ts', import.meta.url), {
      workerData: { from: entry.folder, to: salvageDir(entry) },
    });
    workers.add(worker);
    // A file that it cannot cope with is one of which nothing could be read.
    let salvaged: Salvaged = 'nothing';
    worker.once('message', (message: Salvaged) => {
      salvaged = message;
    });
    worker.once('error', () => {});
    worker.once('exit', () => {
      // When the buffer is closed meanwhile, it is begun anew at the next start.
      if (!workers.delete(worker)) return;
      if (salvaged === 'something' && !opens(entry)) salvaged = 'disk trouble';
      if (salvaged !== 'disk trouble') return changed(note(entry, salvaged === 'something' ? 'sending' : 'failed'));
      rmSync(salvageDir(entry), { recursive: true, force: true });
      const again = () => {
        retries.delete(retry);
        salvage(entry, failures + 1);
      };
      const retry = setTimeout(again, Math.min(longestRetryMs, firstRetryMs * 2 ** failures));
      retries.add(retry);
    });
  };
  const opens = (entry: Quarantined): boolean => {
    try {
      open(entry);
      return true;
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
      return false;
    }
  };

  for (const name of existsSync(root) ? readdirSync(root).sort() : []) {
    const entry = readNote(join(root, name));
    if (!entry) continue;
    entries.push(entry);
    if (entry.state === 'salvaging') salvage(entry);
    if (entry.state !== 'sending') continue;
    if (existsSync(salvageDir(entry))) open(entry);
    else note(entry, 'done');
  }

  return {
    list: entries,
    salvages,
    setAside(reason) {
      const at = Date.now() * 1000;
      const folder = join(root, new Date(at / 1000).toISOString().replaceAll(':', '-'));
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const entry: Quarantined = { at, folder, reason, state: 'salvaging' };
      try {
        // Without it nobody would know, at the next start, what the files are.
        writeNote(entry);
      } catch (error) {
        rmSync(folder, { recursive: true });
        throw error;
      }
      entries.push(entry);
      for (const name of files) {
        if (existsSync(join(dir, name))) renameSync(join(dir, name), join(folder, name));
      }
      salvage(entry);
    },
    close() {
      for (const retry of retries) clearTimeout(retry);
      for (const worker of workers) void worker.terminate();
      workers.clear();
      for (const { file } of salvages) file.close();
    },
  };
}

function writeNote(entry: Quarantined): void {
  const temporary = join(entry.folder, `${noteName}.new`);
  writeFileSync(temporary, JSON.stringify(entry));
  renameSync(temporary, join(entry.folder, noteName));
}

function readNote(folder: string): Quarantined | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, noteName), 'utf8'));
  } catch {
    return undefined;
  }
}
