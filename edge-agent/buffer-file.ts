/**
 * The buffer's SQLite file, synchronously: settings, schema and every statement. Runs in the buffer's worker thread.
 * One process, one connection: the exclusive lock keeps a second agent out.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ConfigError } from '../protocols/errors.ts';
import { openFrame, sealFrame } from '../protocols/frame.ts';
import type { ManifestTag } from '../protocols/manifest.ts';
import type { BufferState, Chunk, NumberedFrame, Watermark } from './buffer.ts';
import { refuseLargeManifest } from './manifest-limit.ts';

export interface BufferFileOptions {
  readonly dir: string;
  /** Soft quota of the database file: at it, appending fails and releasing still works. */
  readonly maxBytes: number;
}

const pageSize = 4096;
/** The file's size is asked for after so many frames: a look costs as much as half a frame. */
const framesPerLook = 64;
/** Older ones can corrupt a database whose WAL is reset (fixed in 3.51.3, sqlite.org/wal.html#walresetbug). */
const oldestSafeSqlite = [3, 51, 3];

/** Room for the tables of a hundred thousand tags beside the quota. */
const registrationPages = 16_384;

const schema = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS chunk (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, frame BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS tag (id INTEGER PRIMARY KEY, path TEXT NOT NULL, declaration TEXT NOT NULL,
    retired INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE IF NOT EXISTS watermark (tag INTEGER PRIMARY KEY, time INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

interface FileRegistration {
  readonly revision: number;
  readonly site: string;
  readonly tags: ManifestTag[];
  readonly ids: [string, number][];
}

export type BufferFile = ReturnType<typeof openBufferFile>;

/** @throws {ConfigError} when the folder cannot be written or another process holds the buffer. */
export function openBufferFile({ dir, maxBytes }: BufferFileOptions) {
  const db = openDatabase(dir);
  try {
    configure(db, maxBytes);
    db.exec(schema);
  } catch (error) {
    db.close();
    throw asConfigError(error, dir);
  }
  const readMeta = db.prepare<[string], unknown>('SELECT value FROM meta WHERE key = ?').pluck();
  const writeMeta = db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value');
  const insertChunk = db.prepare('INSERT INTO chunk VALUES (?, ?, ?)');
  const selectChunks = db.prepare<[{ after: number; frames: number }], { first: number; last: number; frame: Buffer }>(
    `SELECT first, last, frame FROM chunk
     WHERE first >= ifnull((SELECT max(first) FROM chunk WHERE first <= @after + 1), 0) AND last > @after
     ORDER BY first LIMIT @frames`,
  );
  const deleteChunks = db.prepare('DELETE FROM chunk WHERE first <= @through AND last <= @through');
  const selectFirst = db.prepare<[], number | null>('SELECT min(first) FROM chunk').pluck();
  const countChunks = db.prepare<[], number>('SELECT count(*) FROM chunk').pluck();
  const insertTag = db.prepare('INSERT INTO tag (path, declaration) VALUES (?, ?)');
  const retireTag = db.prepare('UPDATE tag SET retired = ? WHERE id = ?');
  const selectTags = db.prepare<[], { id: number; path: string; declaration: string; retired: number }>(
    'SELECT * FROM tag ORDER BY id',
  );

  const writeWatermark = db.prepare(
    'INSERT INTO watermark VALUES (?, ?) ON CONFLICT DO UPDATE SET time = max(time, excluded.time)',
  );
  const selectWatermarks = db.prepare<[], Watermark>('SELECT tag, time FROM watermark').raw();

  if (readMeta.get('epoch') === undefined) {
    db.transaction(() => {
      writeMeta.run('epoch', randomBytes(16).toString('hex'));
      writeMeta.run('next', 1);
      writeMeta.run('acked', 0);
      writeMeta.run('revision', 0);
    })();
  }
  const epoch = readMeta.get('epoch') as string;
  let next = readMeta.get('next') as number;
  let acked = readMeta.get('acked') as number;
  let frames = countChunks.get()!;
  let minRetained = selectFirst.get() ?? next;
  const readBytes = () => (db.pragma('page_count', { simple: true }) as number) * pageSize;
  let bytes = readBytes();

  const appendChunk = db.transaction((frame: Buffer, first: number, last: number, watermarks: readonly Watermark[]) => {
    insertChunk.run(first, last, frame);
    for (const [tag, time] of watermarks) writeWatermark.run(tag, time);
    writeMeta.run('next', last + 1);
  });
  const releaseChunks = db.transaction((through: number) => {
    const { changes } = deleteChunks.run({ through });
    writeMeta.run('acked', through);
    return changes;
  });

  const registerTags = db.transaction(
    (declared: readonly Omit<ManifestTag, 'id'>[], site: string): FileRegistration => {
      const known = new Map(selectTags.all().map((tag) => [keyOf(tag), tag]));
      const ids: [string, number][] = [];
      let changed = readMeta.get('site') !== site;
      for (const tag of declared) {
        const { path } = tag;
        const declaration = declarationOf(tag);
        const same = known.get(keyOf({ path, declaration }));
        if (same && !same.retired) ids.push([path, same.id]);
        else if (same) {
          retireTag.run(0, same.id);
          ids.push([path, same.id]);
          changed = true;
        } else {
          ids.push([path, Number(insertTag.run(path, declaration).lastInsertRowid)]);
          changed = true;
        }
      }
      const live = new Set(ids.map(([, id]) => id));
      for (const tag of known.values()) {
        if (tag.retired || live.has(tag.id)) continue;
        retireTag.run(1, tag.id);
        changed = true;
      }
      const tags = selectTags.all().map(
        (tag): ManifestTag => ({
          id: tag.id,
          path: tag.path,
          ...JSON.parse(tag.declaration),
          ...(tag.retired ? { retired: true } : {}),
        }),
      );
      const revision = (readMeta.get('revision') as number) + (changed ? 1 : 0);
      if (changed) {
        refuseLargeManifest(site, tags);
        writeMeta.run('revision', revision);
        writeMeta.run('site', site);
      }
      return { revision, site, tags, ids };
    },
  );

  /** In place of one that can be read no more: the hub lists all its numbers as dead letters, and the stream goes on. */
  const damagedFrame = (first: number, last: number): Buffer =>
    sealFrame(
      { epoch, first, count: last - first + 1, acceptedAt: 0, manifestRevision: readMeta.get('revision') as number },
      Buffer.from('damaged in the buffer'),
    );

  return {
    append({ first, count, acceptedAt, manifestRevision, payload, watermarks = [] }: Chunk): void {
      if (first !== next) throw new Error(`a chunk from ${first} cannot follow ${next - 1}`);
      const last = first + count - 1;
      const frame = sealFrame({ epoch, first, count, acceptedAt, manifestRevision }, payload);
      appendChunk(frame, first, last, watermarks);
      if (frames === 0) minRetained = first;
      next = last + 1;
      frames += 1;
      if (frames % framesPerLook === 0) bytes = readBytes();
    },

    peek(after: number, limit: { frames: number; bytes: number }): NumberedFrame[] {
      const found: NumberedFrame[] = [];
      let bytes = 0;
      for (const { first, last, frame } of selectChunks.iterate({ after, frames: limit.frames })) {
        if (found.length > 0 && bytes + frame.length > limit.bytes) break;
        bytes += frame.length;
        found.push({ first, last, bytes: isWhole(frame) ? frame : damagedFrame(first, last) });
      }
      return found;
    },

    release(through: number): void {
      if (through <= acked || through >= next) return;
      frames -= releaseChunks(through);
      acked = through;
      minRetained = selectFirst.get() ?? next;
      db.pragma('incremental_vacuum(64)');
      bytes = readBytes();
      // Registering may have gone beyond it.
      setQuota(db, maxBytes);
    },

    register(declared: readonly Omit<ManifestTag, 'id'>[], site = ''): FileRegistration {
      setQuota(db, maxBytes, registrationPages);
      try {
        return registerTags(declared, site);
      } finally {
        setQuota(db, maxBytes);
        bytes = readBytes();
      }
    },

    watermarks: (): Watermark[] => selectWatermarks.all(),

    state: (): BufferState => ({ epoch, next, acked, minRetained, frames, bytes }),

    close(): void {
      db.close();
    },
  };
}

/** SQLite does not notice a bit that has flipped on the disk; the frame's checksum does. */
function isWhole(frame: Buffer): boolean {
  try {
    openFrame(frame);
    return true;
  } catch {
    return false;
  }
}

const keyOf = ({ path, declaration }: { path: string; declaration: string }): string => `${path} ${declaration}`;

/** What makes a tag another tag when it changes. */
const declarationOf = ({
  type,
  unit,
  role,
  source,
  intervalMs,
  counter,
  definition,
}: Omit<ManifestTag, 'id'>): string => JSON.stringify({ type, unit, role, source, intervalMs, counter, definition });

function openDatabase(dir: string): Database.Database {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return new Database(join(dir, 'buffer.db'), { timeout: 0 });
  } catch (error) {
    throw asConfigError(error, dir);
  }
}

function configure(db: Database.Database, maxBytes: number): void {
  const version = db.prepare<[], string>('SELECT sqlite_version()').pluck().get()!;
  if (compareVersions(version.split('.').map(Number), oldestSafeSqlite) < 0) {
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
function setQuota(db: Database.Database, maxBytes: number, morePages = 0): void {
  db.pragma(`max_page_count = ${Math.max(64, Math.floor(maxBytes / pageSize)) + morePages}`);
}

const compareVersions = (a: number[], b: number[]): number =>
  a.map((part, i) => part - (b[i] ?? 0)).find((difference) => difference !== 0) ?? 0;

function asConfigError(error: unknown, dir: string): unknown {
  const code = (error as { code?: string }).code ?? '';
  if (code === 'SQLITE_BUSY') {
    return new ConfigError('another agent holds this buffer', {
      path: join(dir, 'buffer.db'),
      hint: 'Stop the other agent, or give this one a dataDir of its own.',
      cause: error,
    });
  }
  if (/^(EACCES|EROFS|ENOTDIR|EPERM|SQLITE_CANTOPEN|SQLITE_READONLY)/.test(code)) {
    return new ConfigError('the buffer cannot be written', {
      path: dir,
      hint: 'Give the agent a dataDir on a writable disk.',
      cause: error,
    });
  }
  return error;
}
