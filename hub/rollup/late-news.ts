/**
 * Tells whether something has changed in time that was told already: late samples, an import, an entry. It looks at what
 * was settled since it looked last and notes nothing; the next pass collects it.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import { isImportAgent } from '../ledger/imported.ts';
import type { Dirt, DirtBook, NewsLedger } from './dirt.ts';

export interface LateNews {
  /** Whether such samples were settled since the last look. */
  arrived(): boolean;
}

export interface LateNewsOptions {
  readonly ledger: Pick<NewsLedger, 'streams' | 'batches'>;
  readonly book: Pick<DirtBook, 'reached' | 'readOf'>;
  sites(): readonly string[];
  sitesOf(): (stream: number) => readonly string[];
}

const batchesAtOnce = 2000;

/** Whether it lies in time that was computed; what is beyond is for the pass that time brings. */
export function isLate({ site, agent, spans }: Dirt, book: Pick<DirtBook, 'reached'>): boolean {
  if (agent !== null && isImportAgent(agent)) return true;
  const reached = book.reached(site) ?? Number.NEGATIVE_INFINITY;
  return spans.some(({ start }) => start < reached);
}

export function createLateNews({ ledger, book, sites, sitesOf }: LateNewsOptions): LateNews {
  const seen = new Map<number, number>();
  return {
    arrived() {
      const all = sites();
      // A hub without plants computes nothing, and reads no batches.
      if (all.length === 0) return false;
      const newest = Math.max(...all.map((site) => book.reached(site) ?? Number.NEGATIVE_INFINITY));
      /** Asked for only when somebody may be late: it goes through all tags. */
      let ofStream: ((stream: number) => readonly string[]) | undefined;
      let arrived = false;
      for (const { number, agent, through } of ledger.streams()) {
        const from = Math.max(Math.min(seen.get(number) ?? 0, through), book.readOf(number));
        if (from >= through) continue;
        const batches = ledger.batches(number, from, batchesAtOnce);
        const minTime: TimeUs = Math.min(...batches.map((batch) => batch.minTime));
        seen.set(number, batches.length < batchesAtOnce ? through : batches.at(-1)!.last);
        if (!isImportAgent(agent) && minTime >= newest) continue;
        ofStream ??= sitesOf();
        const spans = [{ start: minTime, end: minTime + 1 }];
        arrived ||= ofStream(number).some((site) => isLate({ site, agent, spans }, book));
      }
      return arrived;
    },
  };
}
