/** Computes a span anew because somebody asks for it: what is right stays as it is, what is not gets a revision. */
import type { AuditLog } from '../access/audit.ts';
import type { Span } from '../plant/spans.ts';
import type { Buckets, Restatement } from './buckets/buckets.ts';
import type { DirtBook } from './dirt/dirt.ts';

/** Survives a restart: the dirt up to which it waits, and the restatement after which its own come. */
export interface Recomputation {
  readonly dirt: number;
  readonly after: number;
}

export interface Recomputing {
  begin(sites: readonly string[], span: Span, by: { readonly who: string; readonly why: string }): Recomputation;
  /** `restated` are all final buckets that have got other elements since it began, whatever the cause, up to a limit. */
  look(one: Recomputation, limit: number): { readonly done: boolean; readonly restated: readonly Restatement[] };
}

export function createRecomputing(options: {
  readonly dirt: DirtBook;
  readonly buckets: Buckets;
  readonly audit: AuditLog;
}): Recomputing {
  const { dirt, buckets, audit } = options;
  return {
    begin(sites, { start, end }, { who, why }) {
      const after = buckets.newestRestatement();
      for (const site of sites) {
        audit.append({ who, what: 'figures.recompute', object: site, details: { from: start, to: end, why } });
        dirt.change(site, [{ start, end }]);
      }
      return { dirt: dirt.dirty().upTo, after };
    },
    look: (one, limit) => ({ done: dirt.isClean(one.dirt), restated: buckets.restatements(one.after, limit) }),
  };
}
