/**
 * The buffer's SQLite database: how it is opened and set. One process, one connection: the exclusive lock keeps a second
 * agent out. Durable means synchronous=FULL; a WAL with less loses accepted samples in a power cut.
 */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { ConfigError } from '../../protocols/errors.ts';
import { openVersioned, refuseNewerFile } from '../../protocols/sqlite/versioned-file.ts';

export const pageSize = 4096;
/** Older ones can corrupt a database whose WAL is reset (fixed in 3.51.3, sqlite.org/wal.html#walresetbug). */
const oldestSafeSqlite = [3, 51, 3];
const smallestQuotaPages = 64;
/** What an older agent must not open, or would misread, raises it. */
const layoutVersion = 1;

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

/** Before anything in the folder is touched. @throws {ConfigError} a newer agent has changed the buffer. */
export const refuseNewerBuffer = (dir: string): void => refuseNewerFile(join(dir, fileName), layoutVersion);

/**
 * @throws SQLITE_BUSY when somebody else holds the buffer.
 * @throws {ConfigError} a newer agent has changed it.
 */
export function openDatabase(dir: string, maxBytes: number): Database {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return openVersioned(join(dir, fileName), {
    version: layoutVersion,
    timeoutMs: 0,
    configure: (db) => configure(db, maxBytes),
    prepare: (db) => void db.exec(schema),
  });
}

function configure(db: Database, maxBytes: number): void {
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
export function setQuota(db: Database, maxBytes: number, morePages = 0): void {
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
