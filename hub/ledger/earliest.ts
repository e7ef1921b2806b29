/**
 * The earliest time among frames beyond a number. Whoever asks again from where the answer before ended, as the roll-up
 * does of a thousand streams every two seconds, is answered from memory; everybody else by the rows.
 */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../protocols/sample.ts';
import type { BatchRow, Stream } from './ledger.ts';

export interface Earliest {
  /** Of the frames that begin after this number; Infinity when there are none. */
  after(stream: Pick<Stream, 'number' | 'through'>, number: number): TimeUs;
  settled(batch: Pick<BatchRow, 'stream' | 'minTime'>): void;
  /** To be told when a stream goes back. */
  forget(stream: number): void;
}

export function prepareEarliest(db: Database): Earliest {
  const select = db
    .prepare<[number, number], number | null>('SELECT min(min_time) FROM batch WHERE stream = ? AND first > ?')
    .pluck();
  /** By stream: the earliest of what was settled after the last answer. */
  const since = new Map<number, { after: number; time: TimeUs }>();
  return {
    after({ number: stream, through }, number) {
      const known = since.get(stream);
      since.set(stream, { after: through, time: Number.POSITIVE_INFINITY });
      return known?.after === number ? known.time : (select.get(stream, number) ?? Number.POSITIVE_INFINITY);
    },
    settled({ stream, minTime }) {
      const known = since.get(stream);
      if (known && minTime < known.time) known.time = minTime;
    },
    forget: (stream) => void since.delete(stream),
  };
}
