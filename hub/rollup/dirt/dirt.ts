/**
 * What must be computed anew. It comes from the ledger's news, from what people have entered, and from whoever marks it;
 * it is cleared by whoever has computed it.
 */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../../protocols/sample.ts';
import type { EntryLog } from '../../entries/entry-log.ts';
import { isImportAgent } from '../../ledger/imported.ts';
import { intersect, type Span, type Spans, union } from '../../plant/spans.ts';
import { type ImportedTime, openImportedTime } from './imported-time.ts';
import { type LedgerNews, openLedgerNews } from './ledger-news.ts';
import { openSiteProgress, type SiteProgress } from './site-progress.ts';

/** Time of a site in which something has changed. */
export interface Dirt {
  readonly site: string;
  /** Whose samples changed; null is everybody's, as when the plant has changed. */
  readonly agent: string | null;
  readonly spans: Spans;
}

export interface DirtBook
  extends LedgerNews,
    Pick<ImportedTime, 'noteReach'>,
    Pick<SiteProgress, 'begun' | 'reached' | 'reach' | 'plantVersion'> {
  /** Time before the site's own samples that has figures, because it was imported and is still stored. */
  imported(site: string): Spans;
  /** Time of the site's own samples that were deleted: its figures stand and cannot be made again. */
  deleted(site: string): Span | undefined;
  mark(site: string, agent: string | null, span: Span): void;
  /** What people know of this time has changed. Time that was never computed needs no dirt. */
  change(site: string, spans: Spans): void;
  /** Reads what has been entered. @returns whether there is more. */
  collectEntries(entries: Pick<EntryLog, 'changes'>): boolean;
  /** The plant that a site was computed with is followed by one that differs only in this time. */
  follow(site: string, versions: { readonly before: string; readonly after: string }, spans: Spans): void;
  /** Everything that is dirty, merged, with a token to clear just that. */
  dirty(): { readonly dirt: readonly Dirt[]; readonly upTo: number };
  clear(site: string, upTo: number): void;
  /** Whether nothing up to this is dirty any more. */
  isClean(upTo: number): boolean;
  /** Samples before this are deleted: what was computed from them stays as it is. */
  readonly deletedBefore: TimeUs;
  noteDeleted(before: TimeUs): void;
}

const schema = `
  CREATE TABLE IF NOT EXISTS entries_read (id INTEGER PRIMARY KEY CHECK (id = 1), through INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS dirt (
    id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, agent TEXT, start INTEGER NOT NULL, end INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS deleted (id INTEGER PRIMARY KEY CHECK (id = 1), before INTEGER NOT NULL) STRICT;
`;

const entriesAtOnce = 1000;

/** @param deletion what retention of the store goes by; only then can what was imported later still be there. */
export function openDirtBook(db: Database, { deletion = 'arrival' as 'arrival' | 'time' } = {}): DirtBook {
  db.exec(schema);
  const insertDirt = db.prepare('INSERT INTO dirt (site, agent, start, end) VALUES (?, ?, ?, ?)');
  const selectDirt = db.prepare<[], { id: number; site: string; agent: string | null; start: number; end: number }>(
    'SELECT * FROM dirt ORDER BY id',
  );
  const selectOldest = db.prepare<[], number | null>('SELECT min(id) FROM dirt').pluck();
  const deleteDirt = db.prepare('DELETE FROM dirt WHERE site = ? AND id <= ?');
  const selectEntriesRead = db.prepare<[], number>('SELECT through FROM entries_read').pluck();
  const writeEntriesRead = db.prepare('INSERT OR REPLACE INTO entries_read VALUES (1, ?)');
  const writeDeleted = db.prepare(
    'INSERT INTO deleted VALUES (1, ?) ON CONFLICT DO UPDATE SET before = max(before, excluded.before)',
  );
  const selectDeleted = db.prepare<[], number>('SELECT before FROM deleted').pluck();

  const progress = openSiteProgress(db);
  const importedTime = openImportedTime(db, deletion);
  const deletedBefore = () => selectDeleted.get() ?? Number.NEGATIVE_INFINITY;
  const imported = (site: string): Spans => importedTime.of(site, deletedBefore());

  const mark = (site: string, agent: string | null, { start, end }: Span) => {
    insertDirt.run(site, agent, start, end);
    if (agent !== null && isImportAgent(agent)) return;
    const begun = progress.begun(site);
    // What came before the first sample so far has never been computed, of nobody.
    if (begun !== undefined && start < begun) insertDirt.run(site, null, start, begun);
    progress.begin(site, start);
  };

  const news = openLedgerNews(db, {
    told: mark,
    imported(one, span, at) {
      // Exactly its time: what lies between it and the site's own samples stays untold.
      insertDirt.run(one.site, one.agent, span.start, span.end);
      progress.know(one.site);
      importedTime.add(one, span, at);
    },
    withdrawn(ledger) {
      for (const { site, span } of importedTime.takeWithdrawals(ledger))
        insertDirt.run(site, null, span.start, span.end);
    },
  });

  const change = (site: string, spans: Spans) => {
    const begun = progress.begun(site);
    const own = begun === undefined ? [] : [{ start: begun, end: Number.MAX_SAFE_INTEGER }];
    const computed = union(own, imported(site));
    // A piece that is seen at an instant is of the cell that ends there.
    const touched = spans.map(({ start, end }) => ({ start: start - 1, end }));
    for (const { start, end } of intersect(union(touched), computed)) insertDirt.run(site, null, start, end);
  };

  const follow = db.transaction((site: string, versions: { before: string; after: string }, spans: Spans) => {
    // Computed with yet another one, it is computed anew as a whole.
    if (progress.follow(site, versions)) change(site, spans);
  });

  const collectEntries = db.transaction((entries: Pick<EntryLog, 'changes'>): boolean => {
    const changes = entries.changes(selectEntriesRead.get() ?? 0, entriesAtOnce);
    for (const { site, spans } of changes) change(site, spans);
    const newest = changes.at(-1);
    if (newest) writeEntriesRead.run(newest.number);
    return changes.length === entriesAtOnce;
  });

  return {
    ...news,
    begun: progress.begun,
    reached: progress.reached,
    reach: progress.reach,
    plantVersion: progress.plantVersion,
    noteReach: importedTime.noteReach,
    imported,
    deleted(site) {
      const [start, end] = [progress.begun(site), selectDeleted.get()];
      return start !== undefined && end !== undefined && start < end ? { start, end } : undefined;
    },
    mark,
    change,
    collectEntries: (entries) => collectEntries.immediate(entries),
    follow: (site, versions, spans) => follow.immediate(site, versions, spans),
    dirty() {
      const rows = selectDirt.all();
      const dirt = Map.groupBy(rows, ({ site, agent }) => `${site} ${agent ?? ''}`)
        .values()
        .map((same): Dirt => ({ site: same[0]!.site, agent: same[0]!.agent, spans: union(same) }));
      return { dirt: [...dirt], upTo: rows.at(-1)?.id ?? 0 };
    },
    isClean: (upTo) => (selectOldest.get() ?? Number.POSITIVE_INFINITY) > upTo,
    clear: (site, upTo) => void deleteDirt.run(site, upTo),
    get deletedBefore() {
      return deletedBefore();
    },
    noteDeleted: (before) => void writeDeleted.run(before),
  };
}
