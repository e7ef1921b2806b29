/** Up to where a stream is no longer accounted for, because retention has deleted its samples. */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Stream } from './ledger.ts';

export interface Expiry {
  /** The end of the frame that holds a number, never beyond `through`. */
  upTo(stream: Stream, number: number): number;
  /** The end of the last frame that held something from before a time. */
  before(stream: Stream, time: TimeUs): number;
  /** Within a transaction. */
  write(stream: Stream, last: number): void;
}

export function prepareExpiry(db: Database): Expiry {
  const selectEnd = db
    .prepare<[number, number], number | null>('SELECT max(last) FROM batch WHERE stream = ? AND first <= ?')
    .pluck();
  const selectOldest = db.prepare<[number], { last: number; min_time: number; settled_at: number }>(
    'SELECT last, min_time, settled_at FROM batch WHERE stream = ? ORDER BY first',
  );
  const writeExpired = db.prepare('UPDATE stream SET expired = ? WHERE number = ?');
  const deletions = [
    'DELETE FROM batch WHERE stream = ? AND first <= ?',
    'DELETE FROM dead_letter WHERE stream = ? AND number <= ?',
    'DELETE FROM gap_acknowledgement WHERE (stream, first) IN (SELECT stream, first FROM gap WHERE stream = ? AND last <= ?)',
    'DELETE FROM gap WHERE stream = ? AND last <= ?',
    'DELETE FROM elsewhere WHERE stream = ? AND last <= ?',
  ].map((sql) => db.prepare(sql));

  return {
    upTo({ number, through }, wanted) {
      const last = Math.min(wanted, through);
      return Math.max(last, selectEnd.get(number, last) ?? 0);
    },
    before({ number, expired, settledAt }, time) {
      let last = expired;
      for (const batch of selectOldest.iterate(number)) {
        const isLater = batch.min_time >= time && batch.settled_at > time;
        // What was settled later than the newest was settled by a clock that was ahead: it tells nothing.
        const wasAhead = batch.settled_at > (settledAt ?? 0);
        if (isLater && !wasAhead) break;
        if (!isLater) last = batch.last;
      }
      return last;
    },
    write({ number }, last) {
      writeExpired.run(last, number);
      for (const deletion of deletions) deletion.run(number, last);
    },
  };
}
