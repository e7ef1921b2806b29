/** Stretches of time that were imported: exactly theirs has figures, and what their samples change is changed when they are undone. */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { type Span, type Spans, union } from '../../plant/spans.ts';

export interface ImportedTime {
  /** What is still stored of a site. */
  of(site: string, deletedBefore: TimeUs): Spans;
  add(
    imported: { readonly stream: number; readonly site: string; readonly agent: string },
    span: Span,
    at: TimeUs,
  ): void;
  /** What an import's samples have changed; when it is undone, that changes again. */
  noteReach(agent: string, reach: Span): void;
  /** Imports that were undone, or are in force again, since it was asked last: what that changes. */
  takeWithdrawals(ledger: Pick<Ledger, 'streams'>): { readonly site: string; readonly span: Span }[];
}

interface Row {
  readonly stream: number;
  readonly site: string;
  readonly start: number;
  readonly end: number;
  readonly settled_at: number;
  readonly withdrawn: number;
  readonly reach_start: number | null;
  readonly reach_end: number | null;
}

/** @param deletion what retention of the store goes by; only then can what was imported later still be there. */
export function openImportedTime(db: Database, deletion: 'arrival' | 'time'): ImportedTime {
  db.exec(`
    CREATE TABLE IF NOT EXISTS imported (
      stream INTEGER NOT NULL, agent TEXT NOT NULL, site TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
      settled_at INTEGER NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0, reach_start INTEGER, reach_end INTEGER,
      PRIMARY KEY (stream, site, start)
    ) STRICT, WITHOUT ROWID`);
  const insert = db.prepare(`
    INSERT INTO imported (stream, agent, site, start, end, settled_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET end = max(end, excluded.end), settled_at = max(settled_at, excluded.settled_at)`);
  const selectAll = db.prepare<[], Row>('SELECT * FROM imported');
  const writeWithdrawn = db.prepare('UPDATE imported SET withdrawn = ? WHERE stream = ?');
  const writeReach = db.prepare(`
    UPDATE imported SET reach_start = min(coalesce(reach_start, :start), :start),
      reach_end = max(coalesce(reach_end, :end), :end) WHERE agent = :agent AND start >= :start AND end <= :end`);
  return {
    of(site, deletedBefore) {
      const isThere = (row: Row) =>
        row.site === site && (deletion === 'arrival' ? row.settled_at : row.start) >= deletedBefore;
      return union(selectAll.all().filter(isThere));
    },
    add: ({ stream, agent, site }, { start, end }, at) => void insert.run(stream, agent, site, start, end, at),
    noteReach: (agent, { start, end }) => void writeReach.run({ agent, start, end }),
    takeWithdrawals(ledger) {
      const rows = selectAll.all();
      if (rows.length === 0) return [];
      const streams = new Map(ledger.streams().map((stream) => [stream.number, stream]));
      return rows.flatMap(({ stream, site, start, end, withdrawn, reach_start, reach_end }) => {
        const is = Number((streams.get(stream)?.withdrawnAt ?? null) !== null);
        if (is === withdrawn) return [];
        writeWithdrawn.run(is, stream);
        return [{ site, span: { start: reach_start ?? start, end: reach_end ?? end } }];
      });
    },
  };
}
