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
import type { Deletion, TelemetryStore } from './store/store.ts';

export interface RetentionOptions {
  readonly store: Pick<TelemetryStore, 'retain'>;
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
  const tell = (deletion: Deletion) => {
    const numbers = ledger.expire(deletion);
    // A store that deletes by itself tells the same time after time.
    if (numbers === 0 && deletion.bytes === null) return;
    onDeleted?.(deletion.before);
    const { through: _, ...details } = { ...deletion, numbers };
    log.info(details, 'samples deleted by retention');
    audit.append({ who: 'hub', what: 'retention.delete', object: 'samples', details });
  };
  while (!signal.aborted) {
    try {
      await store.retain(policy, clock.now(), tell, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ConnectionError || isWaitedOut(error))) throw error;
      log.warn({ err: error }, 'retention could not run; trying again later');
    }
    await clock.sleep(checkEveryMs, signal).catch(() => {});
  }
}
