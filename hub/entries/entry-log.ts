/** Every entry with its history: lines are added, never changed, each together with its audit event. */
import type { Database } from 'better-sqlite3';
import type { Clock } from '../../protocols/clock.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { AuditLog } from '../access/audit.ts';
import type { Spans } from '../plant/spans.ts';
import type { EntryChange, EntryContent, EntryKind, EntryRevision } from './entry.ts';

export interface EntryFilter {
  readonly site: string;
  readonly kind?: EntryKind | undefined;
  readonly asset?: string | undefined;
  /** Those that touch [from, to). */
  readonly from?: TimeUs | undefined;
  readonly to?: TimeUs | undefined;
  /** Those that were in force then; absent is now. */
  readonly asOf?: TimeUs | undefined;
  /** Those that come after one of these in the list. */
  readonly after?: { readonly from: TimeUs; readonly entry: number } | undefined;
}

/** Since when anybody ever told something of a kind of an asset, whether it was taken back or not. */
export interface FirstTold {
  readonly kind: EntryKind;
  readonly asset: string;
  readonly since: TimeUs;
}

export interface NewLine {
  /** Absent begins an entry. */
  readonly entry?: number | undefined;
  readonly site: string;
  readonly kind: EntryKind;
  readonly content: EntryContent | null;
  readonly author: string;
  readonly why: string;
  readonly touches: Spans;
}

export interface EntryLog {
  append(line: NewLine): EntryRevision;
  /** In force, ascending by their beginning. */
  list(filter: EntryFilter, limit?: number): EntryRevision[];
  firstTold(site: string): FirstTold[];
  /** Oldest first. */
  history(entry: number): EntryRevision[];
  /** What has changed after a line. */
  changes(after: number, limit: number): EntryChange[];
  /** Number of the newest line. */
  newest(): number;
}

export const entrySchema = `
  CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL, revision INTEGER NOT NULL, site TEXT NOT NULL,
    kind TEXT NOT NULL, author TEXT NOT NULL, at INTEGER NOT NULL, why TEXT NOT NULL, content TEXT, touches TEXT NOT NULL,
    UNIQUE (entry, revision)) STRICT;
  CREATE TRIGGER IF NOT EXISTS entry_keeps BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entries are corrected by another line'); END;
  CREATE TRIGGER IF NOT EXISTS entry_stays BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entries are undone by another line'); END;
  CREATE TABLE IF NOT EXISTS entry_in_force (
    entry INTEGER PRIMARY KEY, number INTEGER NOT NULL, site TEXT NOT NULL, kind TEXT NOT NULL, asset TEXT NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS entry_in_force_of_site ON entry_in_force (site, start);
`;

interface Row extends Omit<EntryRevision, 'content'> {
  readonly content: string | null;
}

const everyEntry = 1_000_000;

export function createEntryLog(db: Database, audit: AuditLog, clock: Pick<Clock, 'now'>): EntryLog {
  const columns = 'e.number, e.entry, e.revision, e.site, e.author, e.at, e.why, e.content';
  const nextNumber = db.prepare<[], number>('SELECT coalesce(max(number), 0) + 1 FROM entry').pluck();
  const newest = db.prepare<[], number>('SELECT coalesce(max(number), 0) FROM entry').pluck();
  const insert = db.prepare('INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const ofEntry = db.prepare<[number], Row>(`SELECT ${columns} FROM entry e WHERE entry = ? ORDER BY revision`);
  const putInForce = db.prepare('INSERT OR REPLACE INTO entry_in_force VALUES (?, ?, ?, ?, ?, ?, ?)');
  const dropInForce = db.prepare('DELETE FROM entry_in_force WHERE entry = ?');
  const selectFrom = (inForce: string) =>
    db.prepare<Record<string, string | number | null>, Row>(
      `SELECT ${columns} FROM ${inForce} f JOIN entry e ON e.number = f.number
     WHERE f.site = :site AND (:kind IS NULL OR f.kind = :kind) AND (:asset IS NULL OR f.asset = :asset)
       AND (:to IS NULL OR f.start < :to) AND (:from IS NULL OR f.end >= :from)
       AND (:afterEntry IS NULL OR (f.start, f.entry) > (:afterFrom, :afterEntry))
     ORDER BY f.start, f.entry LIMIT :limit`,
    );
  const select = selectFrom('entry_in_force');
  const selectThen = selectFrom(
    `(SELECT number, entry, site, kind, content ->> 'asset' AS asset, content ->> 'from' AS start, content ->> 'to' AS end
      FROM entry WHERE content IS NOT NULL AND number IN (SELECT max(number) FROM entry WHERE at <= :asOf GROUP BY entry))`,
  );
  const selectChanges = db.prepare<[number, number], { number: number; site: string; touches: string }>(
    'SELECT number, site, touches FROM entry WHERE number > ? ORDER BY number LIMIT ?',
  );

  const selectFirst = db.prepare<[string], FirstTold>(
    `SELECT kind, content ->> 'asset' AS asset, min(content ->> 'from') AS since FROM entry
     WHERE site = ? AND kind IN ('inspection', 'attendance') AND content IS NOT NULL GROUP BY 1, 2`,
  );

  const append = db.transaction((line: NewLine): EntryRevision => {
    const { site, kind, content, author, why, touches } = line;
    const number = nextNumber.get()!;
    const entry = line.entry ?? number;
    const revision = ofEntry.all(entry).length + 1;
    const at = clock.now();
    const text = content && JSON.stringify(content);
    insert.run(number, entry, revision, site, kind, author, at, why, text, JSON.stringify(touches));
    if (content) putInForce.run(entry, number, site, kind, content.asset, content.from, content.to);
    else dropInForce.run(entry);
    const what = content === null ? 'entry.undo' : revision === 1 ? 'entry.add' : 'entry.change';
    audit.append({ who: author, what, object: site, details: { entry, revision, kind, why, content: text } });
    return { number, entry, revision, site, author, at, why, content };
  });

  return {
    append: (line) => append.immediate(line),
    list({ site, kind = null, asset = null, from = null, to = null, asOf, after }, limit = everyEntry) {
      const asked = { site, kind, asset, from, to, limit };
      const beyond = { afterFrom: after?.from ?? null, afterEntry: after?.entry ?? null };
      const rows =
        asOf === undefined ? select.all({ ...asked, ...beyond }) : selectThen.all({ ...asked, ...beyond, asOf });
      return rows.map(fromRow);
    },
    firstTold: (site) => selectFirst.all(site),
    history: (entry) => ofEntry.all(entry).map(fromRow),
    changes: (after, limit) =>
      selectChanges.all(after, limit).map(({ touches, ...change }) => ({ ...change, spans: JSON.parse(touches) })),
    newest: () => newest.get()!,
  };
}

const fromRow = ({ content, ...row }: Row): EntryRevision => ({
  ...row,
  content: content === null ? null : JSON.parse(content),
});
