/**
 * How far the ledger has been read, and which time its news speak of. A restart goes on where the last run stopped; a
 * ledger that was set back is read again from there.
 */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../../protocols/sample.ts';
import { isImportAgent } from '../../ledger/imported.ts';
import type { Ledger, Stream } from '../../ledger/ledger.ts';
import { type Span, union } from '../../plant/spans.ts';
import { dayUs, minuteUs } from '../../plant/zone.ts';
import { lossesOf } from '../samples/lost-time.ts';
import type { SitesOf } from './sites-of-streams.ts';

export type NewsLedger = Pick<Ledger, 'streams' | 'batches' | 'batchAt' | 'gaps' | 'amendments'>;

/** Who is told of news, in the transaction that notes them as read. */
export interface NewsReader {
  /** Samples of an agent, or a loss. */
  told(site: string, agent: string, span: Span): void;
  imported(
    imported: { readonly stream: number; readonly site: string; readonly agent: string },
    span: Span,
    at: TimeUs,
  ): void;
  /** Imports may have been undone. */
  withdrawn(ledger: Pick<Ledger, 'streams'>): void;
}

export interface LedgerNews {
  /** Some streams a step; `sitesOf` tells which sites a stream speaks of, and is asked at each. */
  collect(ledger: NewsLedger, sitesOf: () => SitesOf): Generator<void>;
  /** Up to which number of a stream it has read. */
  readOf(stream: number): number;
  /** Reads the whole ledger of some streams anew: what they sent before somebody asked for it. */
  readAgain(streams: readonly number[]): void;
}

const batchesAtOnce = 2000;
/** Streams with news that are read in one transaction. */
const streamsAtOnce = 50;
/** Batches closer to each other than this are one span: frames of a live source follow each other in a moment. */
const togetherUs = 5 * minuteUs;
/** What is older when it is accepted changes no figure: that is for an import, with a name to it (kpi.md §5.4). */
const oldestUs = 45 * dayUs;

export function openLedgerNews(db: Database, reader: NewsReader): LedgerNews {
  db.exec(`
    CREATE TABLE IF NOT EXISTS amendments_read (id INTEGER PRIMARY KEY CHECK (id = 1), through INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS ledger_read (stream INTEGER PRIMARY KEY, through INTEGER NOT NULL) STRICT`);
  const selectRead = db.prepare<[number], number>('SELECT through FROM ledger_read WHERE stream = ?').pluck();
  const writeRead = db.prepare(
    'INSERT INTO ledger_read VALUES (?, ?) ON CONFLICT DO UPDATE SET through = excluded.through',
  );
  const moveBack = db.prepare('UPDATE ledger_read SET through = min(through, ?) WHERE stream = ?');
  const forgetRead = db.prepare('DELETE FROM ledger_read WHERE stream = ?');
  const selectAmendmentsRead = db.prepare<[], number>('SELECT through FROM amendments_read').pluck();
  const writeAmendmentsRead = db.prepare('INSERT OR REPLACE INTO amendments_read VALUES (1, ?)');

  const readOf = (stream: number): number => selectRead.get(stream) ?? 0;

  const collectChanges = db.transaction((ledger: NewsLedger, sitesOf: SitesOf): void => {
    collectAmendments(ledger, sitesOf);
    reader.withdrawn(ledger);
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
        for (const site of sitesOf(stream)) reader.told(site, agents.get(stream)!, span);
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
    for (const [at, stream] of streams.entries()) {
      if (at < place) continue;
      if (read === streamsAtOnce) return at;
      const { number, agent, through, expired } = stream;
      const readTo = readOf(number);
      // A ledger that was set back will settle those numbers again.
      const from = Math.max(Math.min(readTo, through), expired);
      if (from === through) {
        if (readTo !== from) writeRead.run(number, from);
        continue;
      }
      read += 1;
      const sites = sitesOf(number);
      tellLosses(ledger, stream, byAgent.get(agent)!, from, sites);
      const upTo = tellBatches(ledger, stream, from, sites);
      writeRead.run(number, upTo);
      if (upTo < through) return at;
    }
    return undefined;
  });

  const tellLosses = (
    ledger: NewsLedger,
    { number, agent, through }: Stream,
    ofAgent: readonly Stream[],
    from: number,
    sites: readonly string[],
  ): void => {
    for (const { gap, span } of lossesOf(ledger, number, ofAgent)) {
      // Of one that ended where the last reading did, the frame after it is known only now.
      if (gap.first > through || (gap.last ?? through) < from) continue;
      const around = { start: span.start - togetherUs, end: span.end + togetherUs };
      for (const site of sites) reader.told(site, agent, around);
    }
  };

  /** @returns up to which number it has told. */
  const tellBatches = (
    ledger: NewsLedger,
    { number, agent, through }: Stream,
    from: number,
    sites: readonly string[],
  ): number => {
    const isImport = isImportAgent(agent);
    const batches = ledger.batches(number, from, batchesAtOnce);
    const spans = union(
      batches.map(({ minTime, maxTime, acceptedAt }) => ({
        start: isImport ? minTime : Math.max(minTime, acceptedAt - oldestUs),
        end: maxTime + togetherUs,
      })),
    );
    for (const { start, end } of spans) {
      const last = end - togetherUs;
      for (const site of sites) {
        if (isImport) {
          // Nothing is known beyond an import's last sample, which is of the cell that ends there.
          const span = { start, end: Math.max(last, start + 1) };
          reader.imported({ stream: number, site, agent }, span, batches.at(-1)?.settledAt ?? 0);
        } else reader.told(site, agent, { start, end: last + 1 });
      }
    }
    return batches.length < batchesAtOnce ? through : batches.at(-1)!.last;
  };

  return {
    readOf,
    *collect(ledger, sitesOf) {
      collectChanges.immediate(ledger, sitesOf());
      for (let place: number | undefined = 0; place !== undefined; ) {
        place = collectFrom.immediate(ledger, sitesOf(), place);
        yield;
      }
    },
    readAgain(streams) {
      for (const stream of streams) forgetRead.run(stream);
    },
  };
}
