/**
 * The segments of a store: the last one is written to, the others are sealed and only read or unlinked as a whole.
 * A segment is made under a temporary name, complete with the marks of all streams, and renamed: a crash during
 * rotation leaves nothing half-made. One that cannot be read, or has fewer rows than when it was sealed, is set aside
 * in the folder `damaged`, and what it held is known as lost.
 */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../../../protocols/clock.ts';
import type { TimeUs } from '../../../protocols/sample.ts';
import type { StoreLog } from '../log.ts';
import type { Deletion } from '../store.ts';
import { syncFolder } from '../sync-folder.ts';
import { ifMissing, isDamage } from './damage.ts';
import { type Gone, readGone, unlinkSegment } from './gone.ts';
import { checkpoint, mend } from './guard.ts';
import { type Held, nothingHeld } from './held.ts';
import { lostRuns } from './lost.ts';
import {
  countRows,
  filesOf,
  measure,
  readEntry,
  readMarks,
  rowsOf,
  type Segment,
  schemaSql,
  sealedTable,
  writeEntry,
} from './segment.ts';
import { quoted, type Session } from './session.ts';
import { cutTornLog } from './torn-log.ts';

export interface Segments {
  /** Oldest first; the last is the current one. */
  readonly list: readonly Segment[];
  /** By stream. Whoever commits tells what is held then. */
  readonly held: Map<number, Held>;
  readonly current: Segment;
  /** Database name of the current segment. */
  readonly database: string;
  /** After every commit: a log that is new has a name that the disk may not have yet. */
  logged(): Promise<void>;
  /** Merges the log of the current segment into its file when it is long. */
  mergeWhenLong(): Promise<void>;
  /** Seals the current segment and begins the next. Nobody may be reading. */
  rotate(now: TimeUs): Promise<void>;
  /** Deletes a sealed segment. Nobody may be reading. */
  unlink(segment: Segment, why: Deletion['why']): Promise<void>;
  /** What was deleted and has not been told yet; whoever tells it takes it out. */
  readonly gone: Gone[];
  bytesOf(segment: Segment): Promise<number>;
}

export interface SegmentsOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly log: StoreLog;
  /** The log of the current segment is merged when it is longer. */
  readonly longestLogBytes: number;
  /** How long a segment may be open. */
  readonly segmentMs: number;
}

const damagedFolder = 'damaged';
const fileName = /^(\d{9})\.duckdb$/;

export async function openSegments(session: Session, options: SegmentsOptions): Promise<Segments> {
  const { dir, clock, log, longestLogBytes } = options;
  const { writer } = session;
  const pathOf = (id: number): string => join(dir, `${String(id).padStart(9, '0')}.duckdb`);
  const databaseOf = (id: number): string => `segment_${id}`;
  const list: Segment[] = [];
  const held = new Map<number, Held>();
  let logIsNew = true;

  async function attach(id: number): Promise<Segment> {
    const path = pathOf(id);
    const database = databaseOf(id);
    await writer.run(`ATTACH ${quoted(path)} AS ${database}`);
    const source = `${database}.sample`;
    const opened = await writer.runAndReadAll(`SELECT opened_at::DOUBLE FROM ${database}.segment`);
    const segment = {
      id,
      path,
      openedAt: opened.getRows()[0]![0] as number,
      extents: await measure(writer, source),
      source,
      marks: `${database}.mark`,
    };
    await learnMarks(segment);
    logIsNew = true;
    return segment;
  }

  /** The mark of a stream is the highest number of its rows, so that it commits with them, or what an older segment left. */
  async function learnMarks(segment: Segment): Promise<void> {
    const found = [...(await readMarks(writer, segment))];
    for (const [stream, { lastNumber }] of segment.extents) found.push([stream, lastNumber]);
    for (const [stream, number] of found) {
      const { mark, lost } = held.get(stream) ?? nothingHeld;
      held.set(stream, { mark: Math.max(number, mark), lost });
    }
  }

  async function sealed(id: number): Promise<Segment> {
    const path = pathOf(id);
    if (await exists(`${path}.wal`)) {
      await writer.run(`ATTACH ${quoted(path)} AS unfinished`);
      await checkpoint(writer, { database: 'unfinished', path });
      await writer.run('DETACH unfinished');
    }
    const source = sealedTable(path, 'sample');
    const marks = sealedTable(path, 'mark');
    const entry = await readEntry(path);
    if (entry) {
      const segment = { id, path, source, marks, ...entry };
      const [found, recorded] = [await countRows(writer, source), rowsOf(segment)];
      if (found === recorded) return segment;
      if (found < recorded) throw new Error(`Corrupt: ${found} of the ${recorded} rows that were sealed`);
    }
    const opened = await writer.runAndReadAll(`SELECT opened_at::DOUBLE FROM ${sealedTable(path, 'segment')}`);
    const segment = {
      id,
      path,
      source,
      marks,
      openedAt: opened.getRows()[0]![0] as number,
      extents: await measure(writer, source),
    };
    await writeEntry(segment);
    return segment;
  }

  async function create(id: number, openedAt: TimeUs): Promise<void> {
    const temporary = `${pathOf(id)}.tmp`;
    const carried = [...held].map(([stream, { mark }]) => `(${stream}, ${mark})`);
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

  /** undefined when the file is damaged; then it has been set aside. */
  async function unlessDamaged(id: number, openIt: (id: number) => Promise<Segment>): Promise<Segment | undefined> {
    const path = pathOf(id);
    const aside = join(dir, damagedFolder);
    try {
      if (await mend(path)) log.warn({ file: path }, 'a checkpoint that was cut short is undone');
      return await openIt(id);
    } catch (error) {
      if (!isDamage(error)) throw error;
      const bytes = await cutTornLog(path, error, aside);
      if (bytes !== undefined) {
        log.warn(
          { file: `${path}.wal`, bytes },
          'the end of a log, written when the power failed, is torn and was cut',
        );
        return unlessDamaged(id, openIt);
      }
      await mkdir(aside, { recursive: true });
      for (const file of filesOf(path)) if (await exists(file)) await rename(file, join(aside, basename(file)));
      await syncFolder(dir);
      log.error(
        { err: error, file: join(aside, basename(path)) },
        'a segment of the store is damaged and was set aside',
      );
      return undefined;
    }
  }

  const gone = await readGone(options);
  const ids = await sweep(dir);
  for (const id of ids.slice(0, -1)) {
    const segment = await unlessDamaged(id, sealed);
    if (segment) list.push(segment);
  }
  const newest = ids.at(-1);
  let current = newest === undefined ? undefined : await unlessDamaged(newest, attach);
  if (!current) {
    const before = list.at(-1);
    if (before) await learnMarks(before);
    await create((newest ?? 0) + 1, clock.now());
    current = await attach((newest ?? 0) + 1);
  }
  list.push(current);
  for (const [stream, runs] of await lostRuns(writer, list, join(dir, damagedFolder))) {
    const { mark } = held.get(stream) ?? nothingHeld;
    // Above the mark everything is taken anyway.
    const lost = runs.map(([first, last]) => [first, Math.min(last, mark)] as const);
    held.set(stream, { mark, lost: lost.filter(([first, last]) => first <= last) });
  }

  return {
    list,
    held,
    get current() {
      return list.at(-1)!;
    },
    get database() {
      return databaseOf(list.at(-1)!.id);
    },
    logged: async () => {
      if (!logIsNew) return;
      await syncFolder(dir);
      logIsNew = false;
    },
    mergeWhenLong: async () => {
      const { id, path } = list.at(-1)!;
      if ((await sizeOf(`${path}.wal`)) < longestLogBytes) return;
      await checkpoint(writer, { database: databaseOf(id), path });
      logIsNew = true;
    },
    rotate: async (now) => {
      const last = list.at(-1)!;
      await create(last.id + 1, now);
      await checkpoint(writer, { database: databaseOf(last.id), path: last.path });
      await writer.run(`DETACH ${databaseOf(last.id)}`);
      const { path } = last;
      const ended = { ...last, source: sealedTable(path, 'sample'), marks: sealedTable(path, 'mark') };
      await writeEntry(ended);
      list.splice(-1, 1, ended, await attach(last.id + 1));
    },
    gone,
    unlink: async (segment, why) => {
      const place = list.indexOf(segment);
      const end = list[place + 1]!.openedAt;
      gone.push(await unlinkSegment(segment, { why, bytes: await bytesOf(segment), end }, options));
      list.splice(place, 1);
    },
    bytesOf,
  };
}

const bytesOf = async ({ path }: Segment): Promise<number> => (await sizeOf(path)) + (await sizeOf(`${path}.wal`));

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

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(ifMissing)) !== undefined;
const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(ifMissing))?.size ?? 0;
