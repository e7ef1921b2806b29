/**
 * The rows of a buffer: frames, and gaps in the place of those that are gone. They tile the numbers from the lowest kept to
 * the last; what replaces rows does so in the transaction that counts them. Numbers are the file's own.
 */
import type Database from 'better-sqlite3';
import { frameHeaderBytes, openFrame } from '../../protocols/frame.ts';
import { type FrameGap, maxGapNumbers, readGap, sealGap } from '../../protocols/gap.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { keepCode } from './database.ts';
import type { Meta } from './meta.ts';

export interface Row {
  readonly first: number;
  readonly last: number;
  readonly keep: number;
  readonly frame: Buffer;
}

/** A row without its frame, and the beginning of that. */
interface Head {
  readonly first: number;
  readonly last: number;
  readonly keep: number;
  readonly bytes: number;
  readonly head: Buffer;
}

export type Rows = ReturnType<typeof createRows>;

export function createRows(db: Database.Database) {
  const headOf = `first, last, keep, length(frame) AS bytes, substr(frame, 1, ${frameHeaderBytes + 128}) AS head`;
  const put = db.prepare('INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?)');
  const insert = db.prepare('INSERT INTO chunk VALUES (?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM chunk WHERE first = ?');
  const selectAfter = db.prepare<[{ after: number; frames: number }], Row>(
    `SELECT first, last, keep, frame FROM chunk
     WHERE first >= ifnull((SELECT max(first) FROM chunk WHERE first <= @after + 1), 0) AND last > @after
     ORDER BY first LIMIT @frames`,
  );
  const selectLast = db.prepare<[number], Row>('SELECT * FROM chunk ORDER BY first DESC LIMIT ?');
  const selectFirst = db.prepare<[], number | null>('SELECT min(first) FROM chunk').pluck();
  const selectOldest = db.prepare<[{ through: number; rows: number }], { first: number }>(
    'SELECT first FROM chunk WHERE last <= @through ORDER BY first LIMIT @rows',
  );
  const removeUpTo = db.prepare('DELETE FROM chunk WHERE first <= ?');
  const sumBytes = db
    .prepare<[{ after: number; through: number }], number>(
      `SELECT CAST(total(length(frame)) AS INTEGER) FROM chunk
       WHERE first >= ifnull((SELECT max(first) FROM chunk WHERE first <= @after + 1), 0)
         AND last > @after AND first <= @through AND last <= @through`,
    )
    .pluck();
  const selectOfClass = db.prepare<[{ keep: number; after: number; rows: number }], Head>(
    `SELECT ${headOf} FROM chunk WHERE keep = @keep AND first > @after ORDER BY first LIMIT @rows`,
  );
  const selectBefore = db.prepare<[number], Head>(
    `SELECT ${headOf} FROM chunk WHERE first < ? ORDER BY first DESC LIMIT 1`,
  );
  const selectAt = db.prepare<[number], Head>(`SELECT ${headOf} FROM chunk WHERE first = ?`);

  /** Puts a gap in place of these numbers, which have no row any more, and of the gaps beside it that were not sent. */
  const putGap = (draft: Meta, first: number, last: number, gap: FrameGap, at: TimeUs): void => {
    let range = { first, last };
    let told = gap;
    const merge = (neighbour: Head | undefined) => {
      if (neighbour?.keep !== keepCode.gap || neighbour.first <= draft.sent) return;
      const theirs = readGap(neighbour.head.subarray(frameHeaderBytes));
      const whole = { first: Math.min(range.first, neighbour.first), last: Math.max(range.last, neighbour.last) };
      if (theirs.reason !== gap.reason || whole.last - whole.first >= maxGapNumbers) return;
      range = whole;
      told = { reason: gap.reason, ...spanOf(told, theirs) };
      remove.run(neighbour.first);
      count(draft, neighbour.last, -1, neighbour.bytes);
    };
    const before = selectBefore.get(first);
    if (before?.last === first - 1) merge(before);
    merge(selectAt.get(last + 1));
    const { epoch, offset } = draft;
    const place = { epoch, first: range.first - offset, count: range.last - range.first + 1, acceptedAt: at };
    const frame = sealGap(place, told);
    insert.run(range.first, range.last, keepCode.gap, frame);
    count(draft, range.last, 1, frame.length);
  };

  return {
    after: (after: number, frames: number): IterableIterator<Row> => selectAfter.iterate({ after, frames }),
    last: (rows: number): Row[] => selectLast.all(rows),
    first: (): number | undefined => selectFirst.get() ?? undefined,
    /** Bytes of the rows that begin to count after `after` and end at `through` at most. */
    bytes: (after: number, through: number): number => sumBytes.get({ after, through })!,

    add(draft: Meta, row: Row): void {
      insert.run(row.first, row.last, row.keep, row.frame);
      count(draft, row.last, 1, row.frame.length);
    },

    /** As it is, of another file. */
    copy: (row: Row): void => void put.run(row.first, row.last, row.keep, row.frame),

    /** Removes the oldest rows that end at `through` at most, so many; how many there were. */
    drop(draft: Meta, through: number, rows: number): number {
      const oldest = selectOldest.all({ through, rows });
      if (oldest.length === 0) return 0;
      removeUpTo.run(oldest.at(-1)!.first);
      draft.frames -= oldest.length;
      return oldest.length;
    },

    /** A frame whose bytes are not those that were written. */
    putCorrupt(draft: Meta, { first, last, frame }: Row, at: TimeUs): void {
      remove.run(first);
      count(draft, last, -1, frame.length);
      draft.corrupt += last - first + 1;
      putGap(draft, first, last, { reason: 'corrupt' }, at);
    },

    /** Numbers that were given, and of which there is no row. */
    putHole(draft: Meta, first: number, last: number, at: TimeUs): void {
      draft.corrupt += last - first + 1;
      for (let from = first; from <= last; from += maxGapNumbers) {
        putGap(draft, from, Math.min(last, from + maxGapNumbers - 1), { reason: 'corrupt' }, at);
      }
    },

    /** The oldest frames of a class, none of which has been sent, become gaps. The last of them; undefined: there is none. */
    evict(draft: Meta, keep: number, after: number, rows: number, at: TimeUs): number | undefined {
      const oldest = selectOfClass.all({ keep, after: Math.max(after, draft.sent, draft.acked), rows });
      for (const { first, last, bytes, head } of oldest) {
        remove.run(first);
        count(draft, last, -1, bytes);
        draft.evicted += last - first + 1;
        const acceptedAt = Number(head.readBigUInt64LE(32));
        putGap(draft, first, last, { reason: 'evicted', from: acceptedAt, to: acceptedAt }, at);
      }
      return oldest.at(-1)?.first;
    },
  };
}

function count(draft: Meta, last: number, rows: 1 | -1, bytes: number): void {
  draft.frames += rows;
  if (last > draft.acked) draft.pending += rows * bytes;
}

/** SQLite does not notice a bit that has flipped on the disk; the frame's checksum does. */
export function isWhole(frame: Uint8Array): boolean {
  try {
    openFrame(frame);
    return true;
  } catch {
    return false;
  }
}

function spanOf(a: FrameGap, b: FrameGap): { from?: TimeUs; to?: TimeUs } {
  if (a.from === undefined || a.to === undefined || b.from === undefined || b.to === undefined) return {};
  return { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };
}
