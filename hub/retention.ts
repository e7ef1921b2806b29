/**
 * Retention: now and then lets the store delete what is too old or too much, tells the ledger, so that what was deleted
 * on purpose is not taken for lost, and writes every deletion into the audit log.
 */
import type { Clock } from '../protocols/clock.ts';
import { ConnectionError } from '../protocols/errors.ts';
import type { TimeUs } from '../protocols/sample.ts';
import type { AuditLog } from './access/audit.ts';
import type { Ledger } from './ledger/ledger.ts';
import { isWaitedOut } from './ledger/waited-out.ts';
import type { TelemetryStore } from './store/store.ts';

export interface RetentionOptions {
  readonly store: Pick<TelemetryStore, 'retain' | 'kind'>;
  readonly ledger: Pick<Ledger, 'expire'>;
  readonly audit: Pick<AuditLog, 'append'>;
  readonly clock: Clock;
  readonly policy: { readonly maxAgeMs: number; readonly maxBytes: number };
  /** Samples older than this are deleted, in part at least. */
  onDeleted?(before: TimeUs): void;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

const checkEveryMs = 60_000;

/** Runs until the signal aborts. */
export async function runRetention(
  { store, ledger, audit, clock, policy, onDeleted, log }: RetentionOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const now = clock.now();
      const deletions = await store.retain(policy, now, signal);
      // Whole segments go by when their samples arrived, points of InfluxDB by when they were measured.
      const by = store.kind === 'duckdb' ? 'arrival' : 'time';
      ledger.expire(Math.max(now - policy.maxAgeMs * 1000, ...deletions.map(({ before }) => before)), by);
      for (const deletion of deletions) {
        onDeleted?.(deletion.before);
        log.info({ ...deletion }, 'samples deleted by retention');
        audit.append({ who: 'hub', what: 'retention.delete', object: 'samples', details: { ...deletion } });
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ConnectionError || isWaitedOut(error))) throw error;
      log.warn({ err: error }, 'retention could not run; trying again later');
    }
    await clock.sleep(checkEveryMs, signal).catch(() => {});
  }
}
