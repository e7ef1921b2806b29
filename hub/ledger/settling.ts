/** What settling writes: a frame with its dead letters, or a gap, and how far its stream has come. Within a transaction. */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../protocols/sample.ts';
import type { SettledFrame, SettledGap, Stream } from './ledger.ts';

export type Progress = Pick<Stream, 'through' | 'samples' | 'deadLetters' | 'lastAcceptedAt'>;

export interface Settling {
  frame(settled: SettledFrame, before: Progress, now: TimeUs): Progress;
  gap(settled: SettledGap, before: Progress): Progress;
  /** What was under way when a stream was closed comes before the gap of unknown end. */
  moveUnknownEnd(stream: number, last: number): void;
  reach(stream: number, progress: Progress, now: TimeUs): void;
  /** The same where nothing was settled by this ledger. */
  reachOnly(stream: number, through: number): void;
}

export function prepareSettling(db: Database): Settling {
  const insertBatch = db.prepare('INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  // A verdict that outlived going back is there already.
  const insertDeadLetter = db.prepare(
    'INSERT INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const deleteVerdicts = db.prepare('DELETE FROM dead_letter WHERE stream = ? AND number BETWEEN ? AND ?');
  const insertGap = db.prepare('INSERT INTO gap VALUES (?, ?, ?, ?, ?, ?, ?)');
  const moveOpenGap = db.prepare('UPDATE gap SET first = ? WHERE stream = ? AND last IS NULL');
  const writeThrough = db.prepare(
    'UPDATE stream SET through = ?, samples = ?, dead_letters = ?, last_accepted_at = ?, settled_at = ? WHERE number = ?',
  );
  const writeThroughOnly = db.prepare('UPDATE stream SET through = ? WHERE number = ?');

  return {
    frame({ batch, deadLetters }, before, now) {
      const { stream, first, last, contentHash, minTime, maxTime, acceptedAt } = batch;
      insertBatch.run(stream, first, last, Buffer.from(contentHash, 'hex'), minTime, maxTime, acceptedAt, now);
      for (const letter of deadLetters) {
        const { number, reason, tag, time, value, quality, flags } = letter;
        insertDeadLetter.run(stream, number, reason, tag, time, value, quality, flags, now);
      }
      return {
        through: last,
        samples: before.samples + last - first + 1 - deadLetters.length,
        deadLetters: before.deadLetters + deadLetters.length,
        lastAcceptedAt: acceptedAt,
      };
    },
    gap({ gap, at }, { samples, deadLetters, lastAcceptedAt }) {
      const { stream, first, last, reason, from = null, to = null } = gap;
      deleteVerdicts.run(stream, first, last);
      insertGap.run(stream, first, last, reason, at, from, to);
      return { through: last, samples, deadLetters, lastAcceptedAt };
    },
    moveUnknownEnd: (stream, last) => void moveOpenGap.run(last + 1, stream),
    reach(stream, { through, samples, deadLetters, lastAcceptedAt }, now) {
      writeThrough.run(through, samples, deadLetters, lastAcceptedAt, now, stream);
    },
    reachOnly: (stream, through) => void writeThroughOnly.run(through, stream),
  };
}
