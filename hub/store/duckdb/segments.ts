/**
 * The segments of a store: the last one is written to, the others are sealed and only read or unlinked as a whole.
 * A segment is made under a temporary name, complete with the marks of all streams, and renamed: a crash during
 * rotation leaves nothing half-made.
 */
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../protocols/clock.ts';
import type { TimeUs } from '../../../protocols/sample.ts';
import type { StoreLog } from '../log.ts';
import { filesOf, measure, readEntry, type Segment, schemaSql, sealedTable, writeEntry } from './segment.ts';
import { quoted, type Session } from './session.ts';

export interface Segments {
  /** Oldest first; the last is the current one. */
  readonly list: readonly Segment[];
  /** The highest number of every stream ever stored: what is at or below it is in the store already. */
  readonly marks: Map<number, number>;
  readonly current: Segment;
  /** Database name of the current segment. */
  readonly database: string;
  /** Seals the current segment and begins the next. Nobody may be reading. */
  rotate(now: TimeUs): Promise<void>;
  /** Unlinks a sealed segment. Nobody may be reading. */
  unlink(segment: Segment): Promise<void>;
  bytesOf(segment: Segment): Promise<number>;
}

export interface SegmentsOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly log: StoreLog;
}

const fileName = /^(\d{9})\.duckdb$/;

export async function openSegments(session: Session, { dir, clock, log }: SegmentsOptions): Promise<Segments> {
  const { writer } = session;
  const pathOf = (id: number): string => join(dir, `${String(id).padStart(9, '0')}.duckdb`);
  const databaseOf = (id: number): string => `segment_${id}`;
  const list: Segment[] = [];
  const marks = new Map<number, number>();

  async function attach(id: number): Promise<Segment> {
    const path = pathOf(id);
    const database = databaseOf(id);
    await writer.run(`ATTACH ${quoted(path)} AS ${database}`);
    await widen(database);
    const source = `${database}.sample`;
    const opened = await writer.runAndReadAll(`SELECT opened_at::DOUBLE FROM ${database}.segment`);
    const segment = {
      id,
      path,
      openedAt: opened.getRows()[0]![0] as number,
      extents: await measure(writer, source),
      source,
    };
    await readMarks(segment, `${database}.mark`);
    return segment;
  }

  /** Stream numbers took 32 bits before they were derived from their streams; samples are appended under 48 bits now. */
  async function widen(database: string): Promise<void> {
    const column = await writer.runAndReadAll(
      `SELECT data_type FROM duckdb_columns() WHERE database_name = '${database}' AND table_name = 'sample' AND column_name = 'stream'`,
    );
    if (column.getRows()[0]?.[0] === 'BIGINT') return;
    for (const table of ['sample', 'mark'])
      await writer.run(`ALTER TABLE ${database}.${table} ALTER stream TYPE BIGINT`);
  }

  /** The mark of a stream is the highest number of its rows, so that it commits with them, or what an older segment left. */
  async function readMarks(segment: Segment, carried: string): Promise<void> {
    const result = await writer.runAndReadAll(`SELECT stream::DOUBLE, n::DOUBLE FROM ${carried}`);
    const found = result.getRows() as [number, number][];
    for (const [stream, { lastNumber }] of segment.extents) found.push([stream, lastNumber]);
    for (const [stream, number] of found) marks.set(stream, Math.max(number, marks.get(stream) ?? 0));
  }

  async function sealed(id: number): Promise<Segment> {
    const path = pathOf(id);
    if (await exists(`${path}.wal`)) {
      await writer.run(`ATTACH ${quoted(path)} AS unfinished; CHECKPOINT unfinished; DETACH unfinished`);
    }
    const source = sealedTable(path, 'sample');
    const entry = await readEntry(path);
    if (entry) return { id, path, source, ...entry };
    const opened = await writer.runAndReadAll(`SELECT opened_at::DOUBLE FROM ${sealedTable(path, 'segment')}`);
    const segment = {
      id,
      path,
      source,
      openedAt: opened.getRows()[0]![0] as number,
      extents: await measure(writer, source),
    };
    await writeEntry(segment);
    return segment;
  }

  async function create(id: number, openedAt: TimeUs): Promise<void> {
    const temporary = `${pathOf(id)}.tmp`;
    const carried = [...marks].map(([stream, number]) => `(${stream}, ${number})`);
    await writer.run(`
      ATTACH ${quoted(temporary)} AS beginning;
      BEGIN;
      ${schemaSql('beginning')}
      INSERT INTO beginning.segment VALUES (${openedAt});
      ${carried.length > 0 ? `INSERT INTO beginning.mark VALUES ${carried.join(', ')};` : ''}
      COMMIT;
      CHECKPOINT beginning;
      DETACH beginning`);
    await rename(temporary, pathOf(id));
    await syncFolder(dir);
  }

  /** undefined when the file is damaged; then it has been set aside under another name. */
  async function unlessDamaged(id: number, openIt: (id: number) => Promise<Segment>): Promise<Segment | undefined> {
    try {
      return await openIt(id);
    } catch (error) {
      if (!isDamage(error)) throw error;
      for (const file of filesOf(pathOf(id))) if (await exists(file)) await rename(file, `${file}.damaged`);
      log.error({ err: error, file: `${pathOf(id)}.damaged` }, 'a segment of the store is damaged and was set aside');
      return undefined;
    }
  }

  const ids = await sweep(dir);
  for (const id of ids.slice(0, -1)) {
    const segment = await unlessDamaged(id, sealed);
    if (segment) list.push(segment);
  }
  const newest = ids.at(-1);
  let current = newest === undefined ? undefined : await unlessDamaged(newest, attach);
  if (!current) {
    const before = list.at(-1);
    if (before) await readMarks(before, sealedTable(before.path, 'mark'));
    await create((newest ?? 0) + 1, clock.now());
    current = await attach((newest ?? 0) + 1);
  }
  list.push(current);

  return {
    list,
    marks,
    get current() {
      return list.at(-1)!;
    },
    get database() {
      return databaseOf(list.at(-1)!.id);
    },
    rotate: async (now) => {
      const last = list.at(-1)!;
      await create(last.id + 1, now);
      await writer.run(`CHECKPOINT ${databaseOf(last.id)}; DETACH ${databaseOf(last.id)}`);
      const ended = { ...last, source: sealedTable(last.path, 'sample') };
      await writeEntry(ended);
      list.splice(-1, 1, ended, await attach(last.id + 1));
    },
    unlink: async (segment) => {
      for (const file of filesOf(segment.path)) await rm(file, { force: true });
      await syncFolder(dir);
      list.splice(list.indexOf(segment), 1);
    },
    bytesOf: async ({ path }) => (await sizeOf(path)) + (await sizeOf(`${path}.wal`)),
  };
}

/** Removes what a crash left half-made; the ids of the segments, ascending. */
async function sweep(dir: string): Promise<number[]> {
  const ids: number[] = [];
  for (const name of await readdir(dir)) {
    if (/\.tmp(\.wal)?$/.test(name)) await rm(join(dir, name), { force: true });
    const match = fileName.exec(name);
    if (match) ids.push(Number(match[1]));
  }
  return ids.sort((a, b) => a - b);
}

/** What DuckDB says of a file that is not, or no longer, one of its own; not of a lock, a missing right or a full disk. */
const isDamage = (error: unknown): boolean =>
  /not a valid DuckDB database file|Corrupt|Could not read enough bytes|replaying WAL/.test(String(error)) &&
  !/No space left/.test(String(error));

async function syncFolder(dir: string): Promise<void> {
  await using folder = await open(dir);
  await folder.sync();
}

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;
const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0;
