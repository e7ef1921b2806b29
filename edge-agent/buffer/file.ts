/**
 * The buffer's file, synchronously: batches in, frames out, and what becomes of them. Runs in the buffer's worker thread.
 * Every change is one transaction; whatever cannot be kept is counted and stays in its place as a gap.
 */
import type Database from 'better-sqlite3';
import { sealFrame } from '../../protocols/frame.ts';
import type { ManifestTag } from '../../protocols/manifest.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { usedFirst } from '../../protocols/sqlite/versioned-file.ts';
import type { Batch, BufferState, StreamState, Watermark } from './buffer.ts';
import { keepCode, openDatabase } from './database.ts';
import { openMark, readMark } from './mark.ts';
import { epochFrom, newEpoch, openMeta } from './meta.ts';
import { createOutgoing } from './outgoing.ts';
import { createRoom } from './room.ts';
import { createRows, isWhole, type Row } from './rows.ts';
import { createTagTable, type FileRegistration, readTags } from './tags.ts';

export interface BufferFileOptions {
  readonly dir: string;
  /** Quota of the database file. */
  readonly maxBytes: number;
  /** At the quota: what matters least goes (the default), or nothing new is taken. */
  readonly full?: 'evict' | 'stop' | undefined;
  /** How long what the hub has settled is kept, in case it asks again, as long as there is room. Default 24 h. */
  readonly replayMs?: number | undefined;
  /** Default true. */
  readonly hasBallast?: boolean | undefined;
}

const defaultReplayMs = 86_400_000;
/** The file's size is asked for after so many frames: a look costs as much as half a frame. */
const framesPerLook = 64;
/** Of the rows at either end, which are looked at when the file is opened. */
const rowsLookedAt = 100;
/** Settled rows that are removed at a time. */
const rowsDropped = 2000;
const milestonesPerReplay = 1440;

export type BufferFile = ReturnType<typeof openBufferFile>;

/**
 * @param appended samples that were appended before, through what this takes the place of.
 * @throws SQLITE_BUSY when another process holds the buffer.
 */
export function openBufferFile(options: BufferFileOptions, appended = 0) {
  const db = openDatabase(options.dir, options.maxBytes);
  return usedFirst(db, () => createBufferFile(db, options, appended));
}

function createBufferFile(db: Database.Database, options: BufferFileOptions, appended: number) {
  const { dir, maxBytes, full = 'evict', replayMs = defaultReplayMs, hasBallast = true } = options;
  const now = (): TimeUs => Date.now() * 1000;
  const meta = openMeta(db);
  const numbers = meta.now;
  const rows = createRows(db);
  const tags = createTagTable(db, meta);
  const outgoing = createOutgoing(meta, rows, now);
  const { mend } = outgoing;
  const room = createRoom(db, meta, rows, { dir, maxBytes, full, now, sent: () => outgoing.sent, hasBallast });
  const mark = openMark(dir);

  const writeWatermark = db.prepare(
    'INSERT INTO watermark VALUES (?, ?) ON CONFLICT DO UPDATE SET time = max(time, excluded.time)',
  );
  const selectWatermarks = db.prepare<[], Watermark>('SELECT tag, time FROM watermark').raw();
  const noteSettled = db.prepare('INSERT OR REPLACE INTO settled VALUES (?, ?)');
  const selectExpired = db.prepare<[number], number | null>('SELECT max(through) FROM settled WHERE at <= ?').pluck();
  const forgetSettled = db.prepare('DELETE FROM settled WHERE at < ? AND through < ?');
  const lastSettledAt = db.prepare<[], number | null>('SELECT max(at) FROM settled').pluck();

  let bytes = room.bytes();
  let minRetained = 0;
  let framesSinceLook = 0;
  let settledAt = lastSettledAt.get() ?? 0;
  const remember = () => {
    minRetained = Math.max(rows.first() ?? numbers.next, numbers.offset + 1);
    mark.write(numbers);
  };
  lookAtEnds();
  remember();

  /** What stands in the file when it is opened, held against itself and against the mark. */
  function lookAtEnds(): void {
    const marked = readMark(dir);
    const isSame = marked?.epoch === numbers.epoch && marked.offset === numbers.offset;
    const [newest] = rows.last(1);
    if (marked && !isSame && !newest && numbers.next === 1) {
      throw Object.assign(new Error('the database is empty, and was not'), { code: 'SQLITE_CORRUPT' });
    }
    const given = Math.max(isSame ? marked.next : 0, newest ? newest.last + 1 : 0);
    if (given > numbers.next) {
      meta.transact((draft) => {
        draft.acked = Math.max(draft.acked, isSame ? Math.min(marked.acked, given - 1) : 0);
        const from = Math.max(draft.next, draft.acked + 1, newest ? newest.last + 1 : 0);
        if (from < given) rows.putHole(draft, from, given - 1, now());
        draft.next = given;
        draft.sent = Math.max(draft.sent, draft.acked);
        draft.pending = rows.bytes(draft.acked, given);
        draft.regressedAt = now();
      });
    }
    const oldest = [...rows.after(numbers.acked, rowsLookedAt)];
    for (const row of [...oldest, ...rows.last(rowsLookedAt)]) if (!isWhole(row.frame)) mend([row]);
  }

  function dropExpired(): void {
    const expired = replayMs === 0 ? numbers.acked : selectExpired.get(now() - replayMs * 1000);
    if (!expired) return;
    meta.transact((draft) => {
      rows.drop(draft, Math.min(expired, draft.acked), rowsDropped);
      forgetSettled.run(now() - replayMs * 1000, expired);
    });
  }

  function insert({ chunks, acceptedAt, manifestRevision, watermarks = [] }: Batch): void {
    const { epoch, offset } = numbers;
    let first = numbers.next;
    const added = chunks.map(({ keep, count, payload }): Row => {
      const frame = sealFrame({ epoch, first: first - offset, count, acceptedAt, manifestRevision }, payload);
      const row = { first, last: first + count - 1, keep: keepCode[keep], frame };
      first += count;
      return row;
    });
    meta.transact((draft) => {
      for (const row of added) rows.add(draft, row);
      for (const [tag, time] of watermarks) writeWatermark.run(tag, time);
      draft.next = first;
    });
  }

  function insertWithRoom(batch: Batch): void {
    try {
      insert(batch);
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_FULL' || !room.make()) throw error;
      look();
      insertWithRoom(batch);
    }
  }

  function look(): void {
    framesSinceLook = 0;
    room.tend();
    remember();
    bytes = room.bytes();
  }

  return {
    get appended() {
      return appended;
    },

    /** Samples that are in the file, and were not known to be when it was opened. */
    foundAppended(count: number): void {
      appended += count;
    },

    append(batch: Batch): void {
      if (batch.after !== appended) throw new Error(`a batch after ${batch.after} cannot follow ${appended}`);
      const { frames, next } = numbers;
      insertWithRoom(batch);
      if (frames === 0) minRetained = next;
      appended += numbers.next - next;
      mark.write(numbers);
      framesSinceLook += batch.chunks.length;
      if (framesSinceLook < framesPerLook) return;
      try {
        look();
      } catch {
        // The batch is kept: what is wrong with the file is told by whoever needs it next.
      }
    },

    peek: outgoing.peek,

    fingerprints: outgoing.fingerprints,

    release(wire: number): void {
      const through = wire + numbers.offset;
      if (through <= numbers.acked || through >= numbers.next) return;
      const at = now();
      const isMilestone = Math.abs(at - settledAt) >= (replayMs * 1000) / milestonesPerReplay;
      meta.transact((draft) => {
        draft.pending -= rows.bytes(draft.acked, through);
        draft.acked = through;
        draft.sent = Math.max(draft.sent, through);
        if (isMilestone) noteSettled.run(at, through);
      });
      if (isMilestone) settledAt = at;
      dropExpired();
      room.restoreQuota();
      look();
    },

    rewind(wire: number): void {
      // What is here no more cannot be asked for again.
      const through = Math.max(wire + numbers.offset, minRetained - 1);
      if (through >= numbers.acked) return;
      meta.transact((draft) => {
        draft.acked = through;
        draft.pending = rows.bytes(draft.acked, draft.next);
      });
      remember();
    },

    renew(wire: number): void {
      if (wire + numbers.offset >= numbers.next) throw new RangeError(`number ${wire} was never given`);
      meta.transact((draft) => {
        const after = wire + draft.offset;
        const [row] = [...rows.after(after, 2)].filter(({ first }) => first > after);
        draft.epoch = row ? epochFrom(draft.epoch, outgoing.fingerprint(row)) : newEpoch();
        draft.offset = (row?.first ?? draft.next) - 1;
        draft.acked = draft.offset;
        draft.sent = draft.offset;
        draft.pending = rows.bytes(draft.offset, draft.next);
        draft.regressedAt = now();
        noteSettled.run(0, draft.offset);
      });
      outgoing.forgetSent();
      remember();
    },

    register(declared: readonly Omit<ManifestTag, 'id'>[], site = ''): FileRegistration {
      const registered = room.beyondQuota(() => tags.register(declared, site));
      bytes = room.bytes();
      return registered;
    },

    /** What an earlier file has registered and seen. */
    inherit(from: Pick<FileRegistration, 'revision' | 'site' | 'tags'>, watermarks: Iterable<Watermark>): void {
      room.beyondQuota(() => {
        tags.inherit(from);
        for (const [tag, time] of watermarks) writeWatermark.run(tag, time);
      });
    },

    /** Tags as they are registered, and the manifest's revision; 0 before anything is. */
    registered: (): Pick<FileRegistration, 'revision' | 'site' | 'tags'> => ({
      revision: numbers.revision,
      site: numbers.site ?? '',
      tags: readTags(db),
    }),

    watermarks: (): Watermark[] => selectWatermarks.all(),

    state: (): Omit<BufferState, 'quarantined'> => ({
      ...streamState(),
      frames: numbers.frames,
      bytes,
      pendingBytes: numbers.pending,
      evicted: numbers.evicted,
      corrupt: numbers.corrupt,
      diskFullSince: room.diskFullSince,
      regressedAt: numbers.regressedAt || undefined,
    }),

    streamState,

    /** Writes what the log has into the file, and syncs both: what was read from memory only is on the disk after it. */
    settleLog: (): void => void db.pragma('wal_checkpoint(TRUNCATE)'),

    close(): void {
      mark.close();
      db.close();
    },
  };

  function streamState(): StreamState {
    const { epoch, offset, next, acked } = numbers;
    return { epoch, next: next - offset, acked: acked - offset, minRetained: minRetained - offset };
  }
}
