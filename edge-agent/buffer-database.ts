/**
 * The buffer's SQLite database: how it is opened and set. One process, one connection: the exclusive lock keeps a second
 * agent out. Durable means synchronous=FULL; a WAL with less loses accepted samples in a power cut.
 */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ConfigError } from '../protocols/errors.ts';

export const pageSize = 4096;
/** Older ones can corrupt a database whose WAL is reset (fixed in 3.51.3, sqlite.org/wal.html#walresetbug). */
const oldestSafeSqlite = [3, 51, 3];
const smallestQuotaPages = 64;

/** `keep`: see `keepCode`. A gap is a row like any other, whose frame says so. */
const schema = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS chunk (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, keep INTEGER NOT NULL,
    frame BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS settled (at INTEGER PRIMARY KEY, through INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS tag (id INTEGER PRIMARY KEY, path TEXT NOT NULL, declaration TEXT NOT NULL,
    retired INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE IF NOT EXISTS watermark (tag INTEGER PRIMARY KEY, time INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** As `chunk.keep` has them: what goes first when there is no room is lower, and a gap cannot go at all. */
export const keepCode = { gap: 0, bulk: 1, normal: 2, critical: 3 } as const;

const fileName = 'buffer.db';

/** @throws SQLITE_BUSY when somebody else holds the buffer. */
export function openDatabase(dir: string, maxBytes: number): Database.Database {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const db = new Database(join(dir, fileName), { timeout: 0 });
  return usedFirst(db, () => {
    configure(db, maxBytes);
    return db.exec(schema);
  });
}

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

function configure(db: Database.Database, maxBytes: number): void {
  const version = db.prepare<[], string>('SELECT sqlite_version()').pluck().get()!;
  if (!isSafeSqlite(version)) {
    throw new Error(`SQLite ${version} is older than ${oldestSafeSqlite.join('.')}, which fixed a corruption bug`);
  }
  db.pragma('locking_mode = EXCLUSIVE');
  db.pragma(`page_size = ${pageSize}`);
  db.pragma('auto_vacuum = INCREMENTAL');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  if (db.pragma('synchronous', { simple: true }) !== 2) throw new Error('SQLite did not take synchronous = FULL');
  db.pragma('wal_autocheckpoint = 256');
  db.pragma('journal_size_limit = 4194304');
  setQuota(db, maxBytes);
  db.pragma('trusted_schema = OFF');
  db.pragma('cell_size_check = ON');
  db.pragma('mmap_size = 0');
}

/** SQLite keeps it at the size that the file has where that is more already. */
export function setQuota(db: Database.Database, maxBytes: number, morePages = 0): void {
  db.pragma(`max_page_count = ${Math.max(smallestQuotaPages, Math.floor(maxBytes / pageSize)) + morePages}`);
}

function isSafeSqlite(version: string): boolean {
  const parts = version.split('.').map(Number);
  const difference = oldestSafeSqlite.map((part, i) => (parts[i] ?? 0) - part).find((each) => each !== 0);
  return (difference ?? 0) >= 0;
}

/** The file is not what was written: no waiting mends it. */
export const isDamage = (error: unknown): boolean =>
  /^SQLITE_(CORRUPT|NOTADB)/.test((error as { code?: string }).code ?? '');

const heldByAnother = (cause: unknown, dir: string): ConfigError =>
  new ConfigError('another agent holds this buffer', {
    path: join(dir, fileName),
    hint: 'Stop the other agent, or give this one a dataDir of its own.',
    cause,
  });

/** ENOENT is what making a folder in its folder says of a read-only disk. */
const needsPerson = /^(EACCES|EPERM|EROFS|ENOENT|ENOTDIR|EISDIR|EEXIST|ELOOP|ENAMETOOLONG)$/;

/**
 * Of an error at the start: what only a person can change becomes a ConfigError, what may pass stays what it is. SQLite
 * says the same of a folder that is forbidden and of a process that may open no more files; the system is asked which it
 * is. A read-only disk is the wrong one where no buffer has ever been, and one that fails where there is one.
 */
export function asConfigError(error: unknown, dir: string): unknown {
  const { code = '' } = error as { code?: string };
  if (code.startsWith('SQLITE_BUSY')) return heldByAnother(error, dir);
  const reason = /^SQLITE_(CANTOPEN|READONLY)/.test(code) ? refusalOf(dir) : code;
  if (!needsPerson.test(reason) || (reason === 'EROFS' && existsSync(join(dir, fileName)))) return error;
  return new ConfigError('the buffer cannot be written', {
    path: dir,
    hint: 'Give the agent a dataDir on a writable disk.',
    cause: error,
  });
}

/** What the system has against writing here, for which nothing has to be opened; empty when it has nothing. */
function refusalOf(dir: string): string {
  const files = [fileName, `${fileName}-wal`].map((name) => join(dir, name)).filter((file) => existsSync(file));
  for (const path of [dir, ...files]) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? '';
    }
  }
  return '';
}
