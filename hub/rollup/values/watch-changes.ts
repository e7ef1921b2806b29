/**
 * Tells people of figures that became others after their bucket was closed, by more than a little: in the log, with an
 * alarm, and in the audit log, once each. Of a frozen month the official figure stands; what changed is beside it.
 */
import type { Database } from 'better-sqlite3';
import type { Clock } from '../../../protocols/clock.ts';
import type { AuditLog } from '../../access/audit.ts';
import type { ValueChange, ValueChanges } from './value-changes.ts';

export interface WatchOptions {
  /** Where it notes how far it has told. */
  readonly database: Database;
  readonly changes: ValueChanges;
  readonly audit: Pick<AuditLog, 'append'>;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly log: { warn(fields: object, message: string): void };
}

const everyMs = 60_000;
const bucketsAtOnce = 200;
const mostExamples = 5;

/** Runs until the signal aborts. What changed before its first start is not told. */
export async function watchChanges(options: WatchOptions, signal: AbortSignal): Promise<void> {
  const { database, changes, audit, clock, log } = options;
  database.exec(
    'CREATE TABLE IF NOT EXISTS changes_told (id INTEGER PRIMARY KEY CHECK (id = 1), through INTEGER NOT NULL) STRICT',
  );
  const note = database.prepare<[number]>('INSERT OR REPLACE INTO changes_told VALUES (1, ?)');
  let through = database.prepare<[], number>('SELECT through FROM changes_told').pluck().get() ?? changes.newest();
  note.run(through);

  while (!signal.aborted) {
    for (let more = true; more && !signal.aborted; ) {
      const page = await changes.page(through, bucketsAtOnce, { late: true }, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      if (!page) return;
      const large = page.changes.filter((change) => change.large);
      if (large.length > 0) {
        const details = { figures: large.length, examples: large.slice(0, mostExamples).map(exampleOf) };
        log.warn({ ...details, alarm: 'FIGURES_CHANGED' }, 'figures that were closed have become others');
        audit.append({ who: 'hub', what: 'figures.change', object: 'figures', details });
      }
      if (page.through !== through) note.run(page.through);
      ({ through, more } = page);
    }
    await clock.sleep(everyMs, signal).catch(() => {});
  }
}

function exampleOf({ before, after }: ValueChange) {
  const { kpi, asset, bucket, state } = (after ?? before)!;
  const at = { kpi, asset, granularity: bucket.granularity, start: bucket.start, state };
  return { ...at, before: before?.value ?? null, after: after?.value ?? null };
}
