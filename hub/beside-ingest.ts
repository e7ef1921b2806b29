/**
 * Work beside the taking of samples (roll-up, exports, reports, imports). What goes wrong in it, a full disk or a fault of
 * ours, is told and tried again; it never ends the hub, because samples come first.
 */
import type { Clock } from '../protocols/clock.ts';
import type { TimeUs } from '../protocols/sample.ts';

export interface BesideIngest {
  /** Runs until the signal aborts, begun anew after each failure. Never rejects. */
  run(name: string, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** What has failed, and has not gone well for ten minutes since. */
  warnings(): readonly string[];
}

export interface BesideIngestOptions {
  readonly clock: Clock;
  readonly log: { error(fields: object, message: string): void };
}

const firstRetryMs = 1000;
const longestRetryMs = 300_000;
/** Work that went well for so long begins at the first wait again. */
const wellAfterUs = 600_000_000;

export function createBesideIngest({ clock, log }: BesideIngestOptions): BesideIngest {
  const failed = new Map<string, { readonly at: TimeUs; readonly reason: string }>();
  return {
    warnings: () =>
      [...failed].flatMap(([name, { at, reason }]) =>
        clock.now() - at > wellAfterUs ? [] : [`${name} failed and is tried again: ${reason}`],
      ),
    async run(name, work, signal) {
      for (let inARow = 0; !signal.aborted; ) {
        const begunAt = clock.now();
        try {
          return await work(signal);
        } catch (error) {
          if (signal.aborted) return;
          const at = clock.now();
          failed.set(name, { at, reason: error instanceof Error ? error.message : String(error) });
          if (at - begunAt > wellAfterUs) inARow = 0;
          const retryMs = Math.min(longestRetryMs, firstRetryMs * 2 ** inARow++);
          log.error(
            { err: error, work: name, retryMs, alarm: 'WORK_FAILED' },
            'work beside the taking of samples failed; samples are taken all the same, and it is tried again',
          );
          await clock.sleep(retryMs, signal).catch(() => {});
        }
      }
    },
  };
}
