/**
 * What must be computed anew, and how far the ledger has been read for it. The ledger's settled batches are the only
 * news: a restart goes on where the last run stopped, and a ledger that was set back is read again from there.
 */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../protocols/sample.ts';
import type { EntryLog } from '../entries/entry-log.ts';
import { isImportAgent } from '../ledger/imported.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { intersect, type Span, type Spans, union } from '../plant/spans.ts';
import { dayUs, minuteUs } from '../plant/zone.ts';
import { lossesOf } from './samples/lost-time.ts';
import type { SitesOf } from './sites-of-streams.ts';

/** A stretch of time that was imported. */
interface ImportedRow {
  readonly stream: number;
  readonly site: string;
  readonly start: number;
  readonly end: number;
  readonly settled_at: number;
  readonly withdrawn: number;
  readonly reach_start: number | null;
  readonly reach_end: number | null;
}

/** Time of a site in which something has changed. */
export interface Dirt {
  readonly site: string;
  /** Whose samples changed; null is everybody's, as when the plant has changed. */
  readonly agent: string | null;
  readonly spans: Spans;
}

export interface DirtBook {
  /** Reads the ledger's news, some streams a step; `sitesOf` tells which sites a stream speaks of, and is asked at each. */
  collect(ledger: NewsLedger, sitesOf: () => SitesOf): Generator<void>;
  /** Up to which number of a stream it has read. */
  readOf(stream: number): number;
  /** Time before the site's own samples that has figures, because it was imported and is still stored. */
  imported(site: string): Spans;
  /** Time of the site's own samples that were deleted: its figures stand and cannot be made again. */
  deleted(site: string): Span | undefined;
  /** What an import's samples have changed; when it is undone, that changes again. */
  noteReach(agent: string, reach: Span): void;
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
  /** `until` is null while nothing but imports is known of the site. */
  reach(site: string, until: TimeUs | null, plantVersion: string): void;
  /** The plant that the site was last computed with. */
  plantVersion(site: string): string | undefined;
  /** Samples before this are deleted: what was computed from them stays as it is. */
  readonly deletedBefore: TimeUs;
  noteDeleted(before: TimeUs): void;
  /** The earliest time that ever was dirty: where a site's figures begin. */
  begun(site: string): TimeUs | undefined;
}

export type NewsLedger = Pick<Ledger, 'streams' | 'batches' | 'batchAt' | 'gaps' | 'amendments'>;

const schema = `
  CREATE TABLE IF NOT EXISTS amendments_read (id INTEGER PRIMARY KEY CHECK (id = 1), through INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS ledger_read (stream INTEGER PRIMARY KEY, through INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS entries_read (id INTEGER PRIMARY KEY CHECK (id = 1), through INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS dirt (
    id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, agent TEXT, start INTEGER NOT NULL, end INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS imported (
    stream INTEGER NOT NULL, agent TEXT NOT NULL, site TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
    settled_at INTEGER NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0, reach_start INTEGER, reach_end INTEGER,
    PRIMARY KEY (stream, site, start)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS deleted (id INTEGER PRIMARY KEY CHECK (id = 1), before INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS site_progress (
    site TEXT PRIMARY KEY, begun INTEGER NOT NULL, reached INTEGER, plant_version TEXT
  ) STRICT, WITHOUT ROWID;
`;

const batchesAtOnce = 2000;
/** Streams with news that are read in one transaction. */
const streamsAtOnce = 50;
const entriesAtOnce = 1000;
/** Batches closer to each other than this are one span: frames of a live source follow each other in a moment. */
const togetherUs = 5 * minuteUs;
/** What is older when it is accepted changes no figure: that is for an import, with a name to it (kpi.md §5.4). */
const oldestUs = 45 * dayUs;

/** Of a site of which there is nothing but what was imported. */
const notBegun = Number.MAX_SAFE_INTEGER;

/** @param deletion what retention of the store goes by; only then can what was imported later still be there. */
export function openDirtBook(db: Database, { deletion = 'arrival' as 'arrival' | 'time' } = {}): DirtBook {
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
  const selectAmendmentsRead = db.prepare<[], number>('SELECT through FROM amendments_read').pluck();
  const writeAmendmentsRead = db.prepare('INSERT OR REPLACE INTO amendments_read VALUES (1, ?)');
  const moveBack = db.prepare('UPDATE ledger_read SET through = min(through, ?) WHERE stream = ?');
  const forgetRead = db.prepare('DELETE FROM ledger_read WHERE stream = ?');

  const writeDeleted = db.prepare(
    'INSERT INTO deleted VALUES (1, ?) ON CONFLICT DO UPDATE SET before = max(before, excluded.before)',
  );
  const selectDeleted = db.prepare<[], number>('SELECT before FROM deleted').pluck();

  const writeImported = db.prepare(`
    INSERT INTO imported (stream, agent, site, start, end, settled_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET end = max(end, excluded.end), settled_at = max(settled_at, excluded.settled_at)`);
  const selectImported = db.prepare<[], ImportedRow>('SELECT * FROM imported');
  const writeWithdrawn = db.prepare('UPDATE imported SET withdrawn = ? WHERE stream = ?');
  const writeReach = db.prepare(`
    UPDATE imported SET reach_start = min(coalesce(reach_start, :start), :start),
      reach_end = max(coalesce(reach_end, :end), :end) WHERE agent = :agent AND start >= :start AND end <= :end`);

  const begunOf = (site: string): TimeUs | undefined => {
    const begun = selectProgress.get(site)?.begun;
    return begun === notBegun ? undefined : begun;
  };

  const imported = (site: string): Spans => {
    const deletedBefore = selectDeleted.get() ?? Number.NEGATIVE_INFINITY;
    const isThere = (row: ImportedRow) =>
      row.site === site && (deletion === 'arrival' ? row.settled_at : row.start) >= deletedBefore;
    return union(selectImported.all().filter(isThere));
  };

  /** An import that was undone, or is in force again. */
  const collectWithdrawals = (ledger: Pick<Ledger, 'streams'>): void => {
    const rows = selectImported.all();
    if (rows.length === 0) return;
    const streams = new Map(ledger.streams().map((stream) => [stream.number, stream]));
    for (const { stream, site, start, end, withdrawn, reach_start, reach_end } of rows) {
      const is = Number((streams.get(stream)?.withdrawnAt ?? null) !== null);
      if (is === withdrawn) continue;
      writeWithdrawn.run(is, stream);
      insertDirt.run(site, null, reach_start ?? start, reach_end ?? end);
    }
  };

  const mark = (site: string, agent: string | null, { start, end }: Span) => {
    insertDirt.run(site, agent, start, end);
    if (agent !== null && isImportAgent(agent)) return;
    const begun = begunOf(site);
    // What came before the first sample so far has never been computed, of nobody.
    if (begun !== undefined && start < begun) insertDirt.run(site, null, start, begun);
    writeBegun.run(site, start);
  };

  /** Exactly its time: what lies between it and the site's own samples stays untold. */
  const markImported = (stream: number, site: string, agent: string, { start, end }: Span, settledAt: TimeUs) => {
    insertDirt.run(site, agent, start, end);
    writeBegun.run(site, notBegun);
    writeImported.run(stream, agent, site, start, end, settledAt);
  };

  const change = (site: string, spans: Spans) => {
    const computed = union([{ start: begunOf(site) ?? notBegun, end: Number.MAX_SAFE_INTEGER }], imported(site));
    // A piece that is seen at an instant is of the cell that ends there.
    const touched = spans.map(({ start, end }) => ({ start: start - 1, end }));
    for (const { start, end } of intersect(union(touched), computed)) insertDirt.run(site, null, start, end);
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

  const collectChanges = db.transaction((ledger: NewsLedger, sitesOf: SitesOf): void => {
    collectAmendments(ledger, sitesOf);
    collectWithdrawals(ledger);
  });

  /** Numbers that are settled a second time, and dead letters that were stored, are news though no number is new. */
  const collectAmendments = (ledger: NewsLedger, sitesOf: SitesOf): void => {
    const agents = new Map(ledger.streams().map(({ number, agent }) => [number, agent]));
    const amendments = ledger.amendments(selectAmendmentsRead.get() ?? 0);
    for (const amendment of amendments) {
      const { stream } = amendment;
      if ('rewoundTo' in amendment) moveBack.run(amendment.rewoundTo, stream);
      else {
        const span = { start: amendment.from, end: amendment.to + 1 };
        for (const site of sitesOf(stream)) mark(site, agents.get(stream)!, span);
      }
    }
    const newest = amendments.at(-1);
    if (newest) writeAmendmentsRead.run(newest.sequence);
  };

  /** Reads streams from a place on. @returns where to go on; undefined: there is no more. */
  const collectFrom = db.transaction((ledger: NewsLedger, sitesOf: SitesOf, place: number): number | undefined => {
    const streams = ledger.streams();
    const byAgent = Map.groupBy(streams, ({ agent }) => agent);
    let read = 0;
    for (const [at, { number, agent, through, expired }] of streams.entries()) {
      if (at < place) continue;
      if (read === streamsAtOnce) return at;
      const isImport = isImportAgent(agent);
      const readTo = selectRead.get(number) ?? 0;
      // A ledger that was set back will settle those numbers again.
      const from = Math.max(Math.min(readTo, through), expired);
      if (from === through) {
        if (readTo !== from) writeRead.run(number, from);
        continue;
      }
      read += 1;
      const sites = sitesOf(number);
      const batches = ledger.batches(number, from, batchesAtOnce);
      const spans = union(
        batches.map(({ minTime, maxTime, acceptedAt }) => ({
          start: isImport ? minTime : Math.max(minTime, acceptedAt - oldestUs),
          end: maxTime + togetherUs,
        })),
      );
      for (const { gap, span } of lossesOf(ledger, number, byAgent.get(agent)!)) {
        // Of one that ended where the last reading did, the frame after it is known only now.
        if (gap.first > through || (gap.last ?? through) < from) continue;
        for (const site of sites) mark(site, agent, { start: span.start - togetherUs, end: span.end + togetherUs });
      }
      for (const { start, end } of spans) {
        for (const site of sites) {
          const last = end - togetherUs;
          // Nothing is known beyond an import's last sample, which is of the cell that ends there.
          const span = { start, end: isImport ? Math.max(last, start + 1) : last + 1 };
          if (isImport) markImported(number, site, agent, span, batches.at(-1)?.settledAt ?? 0);
          else mark(site, agent, span);
        }
      }
      const isAll = batches.length < batchesAtOnce;
      writeRead.run(number, isAll ? through : batches.at(-1)!.last);
      if (!isAll) return at;
    }
    return undefined;
  });

  function* collect(ledger: NewsLedger, sitesOf: () => SitesOf): Generator<void> {
    collectChanges.immediate(ledger, sitesOf());
    for (let place: number | undefined = 0; place !== undefined; ) {
      place = collectFrom.immediate(ledger, sitesOf(), place);
      yield;
    }
  }

  return {
    readOf: (stream) => selectRead.get(stream) ?? 0,
    collect,
    imported,
    deleted(site) {
      const [start, end] = [begunOf(site), selectDeleted.get()];
      return start !== undefined && end !== undefined && start < end ? { start, end } : undefined;
    },
    noteReach: (agent, { start, end }) => void writeReach.run({ agent, start, end }),
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
    begun: begunOf,
  };
}
