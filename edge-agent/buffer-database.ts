/**
 * The buffer's SQLite database: how it is opened and set. One process, one connection: the exclusive lock keeps a second
 * agent out. Durable means synchronous=FULL; a WAL with less loses accepted samples in a power cut.
 */
import { mkdirSync } from 'node:fs';
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

/** @throws {ConfigError} when another process holds the buffer. */
export function openDatabase(dir: string, maxBytes: number): Database.Database {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const db = new Database(join(dir, 'buffer.db'), { timeout: 0 });
  try {
    configure(db, maxBytes);
    db.exec(schema);
    return db;
  } catch (error) {
    db.close();
    throw (error as { code?: string }).code === 'SQLITE_BUSY' ? heldByAnother(error, dir) : error;
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
    path: join(dir, 'buffer.db'),
    hint: 'Stop the other agent, or give this one a dataDir of its own.',
    cause,
  });

/**
 * Of an error at the start: a disk that cannot be written then is the wrong one; later it is one that fails. ENOENT is
 * what making a folder in its folder says of a read-only disk.
 */
export function asConfigError(error: unknown, dir: string): unknown {
  const { code = '' } = error as { code?: string };
  if (!/^(EACCES|ENOENT|EROFS|ENOTDIR|EPERM|SQLITE_CANTOPEN|SQLITE_READONLY)/.test(code)) return error;
  return new ConfigError('the buffer cannot be written', {
    path: dir,
    hint: 'Give the agent a dataDir on a writable disk.',
    cause: error,
  });
}
