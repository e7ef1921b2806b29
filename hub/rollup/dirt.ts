/**
 * What must be computed anew, and how far the ledger has been read for it. The ledger's settled batches are the only
 * news: a restart goes on where the last run stopped, and a ledger that was set back is read again from there.
 */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../protocols/sample.ts';
import type { EntryLog } from '../entries/entry-log.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Span, type Spans, union } from '../plant/spans.ts';
import { dayUs, minuteUs } from '../plant/zone.ts';

/** Time of a site in which something has changed. */
export interface Dirt {
  readonly site: string;
  /** Whose samples changed; null is everybody's, as when the plant has changed. */
  readonly agent: string | null;
  readonly spans: Spans;
}

export interface DirtBook {
  /** Reads the ledger's news; `sitesOf` tells which sites a stream speaks of. @returns whether there is more. */
  collect(
    ledger: Pick<Ledger, 'streams' | 'batches' | 'gaps'>,
    sitesOf: (stream: number) => readonly string[],
  ): boolean;
  mark(site: string, agent: string | null, span: Span): void;
  /** What people know of this time has changed. Time that was never computed needs no dirt. */
  change(site: string, spans: Spans): void;
  /** Reads what has been entered. @returns whether there is more. */
  collectEntries(entries: Pick<EntryLog, 'changes'>): boolean;
  /** The plant that a site was computed with is followed by one that differs only in this time. */
  follow(site: string, versions: { readonly before: string; readonly after: string }, spans: Spans): void;
  /** Reads the whole ledger of some streams anew: what they sent before somebody asked for it. */
  readAgain(streams: readonly number[]): void;
  /** Everything that is dirty, merged, with a token to clear just that. */
  dirty(): { readonly dirt: readonly Dirt[]; readonly upTo: number };
  clear(site: string, upTo: number): void;
  /** Whether nothing up to this is dirty any more. */
  isClean(upTo: number): boolean;
  /** Up to when a site has been computed as time passed; undefined before its first sample. */
  reached(site: string): TimeUs | undefined;
  reach(site: string, until: TimeUs, plantVersion: string): void;
  /** The plant that the site was last computed with. */
  plantVersion(site: string): string | undefined;
  /** Samples before this are deleted: what was computed from them stays as it is. */
  readonly deletedBefore: TimeUs;
  noteDeleted(before: TimeUs): void;
  /** The earliest time that ever was dirty: where a site's figures begin. */
  begun(site: string): TimeUs | undefined;
}

const schema = `
  CREATE TABLE IF NOT EXISTS ledger_read (stream INTEGER PRIMARY KEY, through INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS entries_read (id INTEGER PRIMARY KEY CHECK (id = 1), through INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS dirt (
    id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, agent TEXT, start INTEGER NOT NULL, end INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS deleted (id INTEGER PRIMARY KEY CHECK (id = 1), before INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS site_progress (
    site TEXT PRIMARY KEY, begun INTEGER NOT NULL, reached INTEGER, plant_version TEXT
  ) STRICT, WITHOUT ROWID;
`;

const batchesAtOnce = 2000;
const entriesAtOnce = 1000;
/** Batches closer to each other than this are one span: frames of a live source follow each other in a moment. */
const togetherUs = 5 * minuteUs;
/** What is older when it is accepted changes no figure: that is for an import, with a name to it (kpi.md §5.4). */
const oldestUs = 45 * dayUs;

export function openDirtBook(db: Database): DirtBook {
  db.exec(schema);
  const selectRead = db.prepare<[number], number>('SELECT through FROM ledger_read WHERE stream = ?').pluck();
  const writeRead = db.prepare(
    'INSERT INTO ledger_read VALUES (?, ?) ON CONFLICT DO UPDATE SET through = excluded.through',
  );
  const insertDirt = db.prepare('INSERT INTO dirt (site, agent, start, end) VALUES (?, ?, ?, ?)');
  const selectDirt = db.prepare<[], { id: number; site: string; agent: string | null; start: number; end: number }>(
    'SELECT * FROM dirt ORDER BY id',
  );
  const selectOldest = db.prepare<[], number | null>('SELECT min(id) FROM dirt').pluck();
  const deleteDirt = db.prepare('DELETE FROM dirt WHERE site = ? AND id <= ?');
  const writeBegun = db.prepare(
    'INSERT INTO site_progress (site, begun) VALUES (?, ?) ON CONFLICT DO UPDATE SET begun = min(begun, excluded.begun)',
  );
  const writeReached = db.prepare('UPDATE site_progress SET reached = ?, plant_version = ? WHERE site = ?');
  const selectProgress = db.prepare<[string], { begun: number; reached: number | null; plant_version: string | null }>(
    'SELECT begun, reached, plant_version FROM site_progress WHERE site = ?',
  );

  const updateVersion = db.prepare('UPDATE site_progress SET plant_version = ? WHERE site = ? AND plant_version = ?');
  const selectEntriesRead = db.prepare<[], number>('SELECT through FROM entries_read').pluck();
  const writeEntriesRead = db.prepare('INSERT OR REPLACE INTO entries_read VALUES (1, ?)');
  const forgetRead = db.prepare('DELETE FROM ledger_read WHERE stream = ?');

  const writeDeleted = db.prepare(
    'INSERT INTO deleted VALUES (1, ?) ON CONFLICT DO UPDATE SET before = max(before, excluded.before)',
  );
  const selectDeleted = db.prepare<[], number>('SELECT before FROM deleted').pluck();

  const mark = (site: string, agent: string | null, { start, end }: Span) => {
    insertDirt.run(site, agent, start, end);
    const begun = selectProgress.get(site)?.begun;
    // What came before the first sample so far has never been computed, of nobody.
    if (begun !== undefined && start < begun) insertDirt.run(site, null, start, begun);
    writeBegun.run(site, start);
  };

  const change = (site: string, spans: Spans) => {
    const { begun } = selectProgress.get(site) ?? {};
    if (begun === undefined) return;
    for (const { start, end } of spans) {
      // A piece that is seen at an instant is of the cell that ends there.
      const changed = { start: Math.max(begun, start - 1), end: Math.min(end, Number.MAX_SAFE_INTEGER) };
      if (changed.start < changed.end) insertDirt.run(site, null, changed.start, changed.end);
    }
  };

  const follow = db.transaction((site: string, { before, after }: { before: string; after: string }, spans: Spans) => {
    // Computed with yet another one, it is computed anew as a whole.
    if (updateVersion.run(after, site, before).changes > 0) change(site, spans);
  });

  const collectEntries = db.transaction((entries: Pick<EntryLog, 'changes'>): boolean => {
    const changes = entries.changes(selectEntriesRead.get() ?? 0, entriesAtOnce);
    for (const { site, spans } of changes) change(site, spans);
    const newest = changes.at(-1);
    if (newest) writeEntriesRead.run(newest.number);
    return changes.length === entriesAtOnce;
  });

  const collect = db.transaction(
    (ledger: Pick<Ledger, 'streams' | 'batches' | 'gaps'>, sitesOf: (stream: number) => readonly string[]): boolean => {
      let more = false;
      for (const { number, agent, through, expired } of ledger.streams()) {
        const read = selectRead.get(number) ?? 0;
        // A ledger that was set back will settle those numbers again.
        const from = Math.max(Math.min(read, through), expired);
        if (from === through) {
          if (read !== from) writeRead.run(number, from);
          continue;
        }
        const sites = sitesOf(number);
        const batches = ledger.batches(number, from, batchesAtOnce);
        const spans = union(
          batches.map(({ minTime, maxTime, acceptedAt }) => ({
            start: Math.max(minTime, acceptedAt - oldestUs),
            end: maxTime + togetherUs,
          })),
        );
        const gone = ledger.gaps(number).filter(({ first }) => first > from && first <= through);
        for (const { from: start, to: end } of gone) {
          if (start === null || end === null) continue;
          for (const site of sites) mark(site, agent, { start: start - togetherUs, end: end + togetherUs });
        }
        for (const { start, end } of spans) {
          for (const site of sites) mark(site, agent, { start, end: end - togetherUs + 1 });
        }
        const isAll = batches.length < batchesAtOnce;
        writeRead.run(number, isAll ? through : batches.at(-1)!.last);
        more ||= !isAll;
      }
      return more;
    },
  );

  return {
    collect: (ledger, sitesOf) => collect.immediate(ledger, sitesOf),
    mark,
    change,
    collectEntries: (entries) => collectEntries.immediate(entries),
    follow: (site, versions, spans) => follow.immediate(site, versions, spans),
    readAgain(streams) {
      for (const stream of streams) forgetRead.run(stream);
    },
    dirty() {
      const rows = selectDirt.all();
      const dirt = Map.groupBy(rows, ({ site, agent }) => `${site} ${agent ?? ''}`)
        .values()
        .map((same): Dirt => ({ site: same[0]!.site, agent: same[0]!.agent, spans: union(same) }));
      return { dirt: [...dirt], upTo: rows.at(-1)?.id ?? 0 };
    },
    isClean: (upTo) => (selectOldest.get() ?? Number.POSITIVE_INFINITY) > upTo,
    clear(site, upTo) {
      deleteDirt.run(site, upTo);
    },
    get deletedBefore() {
      return selectDeleted.get() ?? Number.NEGATIVE_INFINITY;
    },
    noteDeleted(before) {
      writeDeleted.run(before);
    },
    reached: (site) => selectProgress.get(site)?.reached ?? undefined,
    reach(site, until, plantVersion) {
      writeReached.run(until, plantVersion, site);
    },
    plantVersion: (site) => selectProgress.get(site)?.plant_version ?? undefined,
    begun: (site) => selectProgress.get(site)?.begun,
  };
}
