/**
 * Tells whether something has changed in time that was told already: late samples, an import, an entry. It looks at what
 * was settled since it looked last and notes nothing; the next pass collects it.
 */
import { isImportAgent } from '../ledger/imported.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Dirt, DirtBook } from './dirt/dirt.ts';
import type { SitesOf } from './dirt/sites-of-streams.ts';

export interface LateNews {
  /** Whether such samples were settled since the last look. */
  arrived(): boolean;
}

export interface LateNewsOptions {
  readonly ledger: Pick<Ledger, 'streams' | 'earliestAfter'>;
  readonly book: Pick<DirtBook, 'reached' | 'readOf'>;
  sites(): readonly string[];
  sitesOf(): SitesOf;
}

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
      // A hub without plants computes nothing.
      if (all.length === 0) return false;
      const newest = Math.max(...all.map((site) => book.reached(site) ?? Number.NEGATIVE_INFINITY));
      /** Asked for only when somebody may be late: it goes through all tags. */
      let ofStream: SitesOf | undefined;
      let arrived = false;
      for (const { number, agent, through } of ledger.streams()) {
        const from = Math.min(seen.get(number) ?? book.readOf(number), through);
        seen.set(number, through);
        if (from === through) continue;
        const minTime = ledger.earliestAfter(number, from);
        if (!isImportAgent(agent) && minTime >= newest) continue;
        // A pass has read it meanwhile.
        if (book.readOf(number) >= through) continue;
        ofStream ??= sitesOf();
        const spans = [{ start: minTime, end: minTime + 1 }];
        arrived ||= ofStream(number).some((site) => isLate({ site, agent, spans }, book));
      }
      return arrived;
    },
  };
}
