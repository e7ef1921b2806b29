/**
 * How agent and hub open a SQLite file that carries its version (`PRAGMA user_version`). A newer one is refused by the
 * first bytes of the file alone: SQLite would already merge a log that its last owner left, and this one may not be able
 * to read it.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import Database from 'better-sqlite3';
import { refuseNewer } from '../file-version.ts';

export interface Layout {
  readonly version: number;
  /** How long somebody else's lock is waited for. */
  readonly timeoutMs: number;
  /** What holds for the connection. */
  configure(db: Database.Database): void;
  /**
   * Makes what is missing, in one transaction with the mark. `from`: the version that is found, 0 of a new file or of one
   * from before there were marks; what turns an older layout into this one belongs here.
   */
  prepare(db: Database.Database, from: number): void;
}

/** @throws {ConfigError} a newer program has changed it; every byte is as it was. */
export function openVersioned(file: string, { version, timeoutMs, configure, prepare }: Layout): Database.Database {
  refuseNewerFile(file, version);
  const db = new Database(file, { timeout: timeoutMs });
  return usedFirst(db, () => {
    configure(db);
    // Also where the newer mark stands in the log still.
    const from = versionOf(db);
    refuseNewer(file, from, version);
    db.transaction(() => {
      prepare(db, from);
      if (from !== version) db.pragma(`user_version = ${version}`);
    }).immediate();
    // Into the header, where the next program looks for it before it opens the file.
    if (from !== version) db.pragma('wal_checkpoint(TRUNCATE)');
    return db;
  });
}

/** Of a file that another process owns, and that is only read. @throws {ConfigError} a newer program has changed it. */
export function openToRead(file: string, version: number, timeoutMs: number): Database.Database {
  refuseNewerFile(file, version);
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: timeoutMs });
  return usedFirst(db, () => {
    refuseNewer(file, versionOf(db), version);
    return db;
  });
}

/** @throws {ConfigError} a newer program has changed it, as far as its first bytes say. */
export const refuseNewerFile = (file: string, version: number): void =>
  refuseNewer(file, versionInHeader(file), version);

/**
 * The first thing that is done with a file. Where that fails it is closed again: its lock would keep out whoever opens it
 * next, this process too.
 */
export function usedFirst<T>(file: { close(): unknown }, work: () => T): T {
  try {
    return work();
  } catch (error) {
    file.close();
    throw error;
  }
}

const versionOf = (db: Database.Database): number => db.pragma('user_version', { simple: true }) as number;

const magic = 'SQLite format 3\0';
const versionAt = 60;

/** 0 where nothing says another: no file, none of SQLite's, or a damaged one. */
function versionInHeader(file: string): number {
  const header = Buffer.alloc(versionAt + 4);
  try {
    const open = openSync(file, 'r');
    try {
      readSync(open, header, 0, header.length, 0);
    } finally {
      closeSync(open);
    }
  } catch {
    // Opening it says what is wrong.
    return 0;
  }
  return header.toString('latin1', 0, magic.length) === magic ? header.readInt32BE(versionAt) : 0;
}
