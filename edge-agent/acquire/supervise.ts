/** Runs one source for ever: reads, hands on, and when the connection is lost waits longer and longer, with jitter. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../protocols/clock.ts';
import { ConfigError, ConnectionError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Source } from '../../protocols/source.ts';
import type { Acceptor } from './accept.ts';
import type { SourceHealth } from './health.ts';
import type { Sampler } from './sampler.ts';

/** How a source is, for people. */
export interface SourceState {
  /** `connecting` until the first attempt has ended. */
  readonly state: 'connecting' | 'up' | 'down';
  /** Since when it is up, or not up. */
  readonly since: TimeUs;
  /** Why the last attempt failed; undefined while it is up. */
  readonly error?: Error | undefined;
  /** When the next attempt begins; undefined while one is under way. */
  readonly retryAt?: TimeUs | undefined;
}

export interface SuperviseOptions {
  readonly source: Source;
  readonly sampler: Sampler;
  readonly health: SourceHealth;
  readonly acceptor: Pick<Acceptor, 'add'>;
  readonly clock: Clock;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** Told at every change. */
  readonly onState?: (state: SourceState) => void;
}

const firstRetryMs = 1000;
/** A server that is there again has its values read within 30 s, the time that an attempt takes included. */
const longestRetryMs = 8000;
/** What was there a while ago mostly comes back soon, from a restart or a pulled cable. */
const recentMs = 600_000;
const recentRetryMs = 3000;

/** @param awayMs since when it has been away; Infinity where it never was there. @returns with jitter, wall time. */
export function retryMs(failures: number, awayMs: number): number {
  const longest = Math.min(awayMs < recentMs ? recentRetryMs : longestRetryMs, firstRetryMs * 2 ** failures);
  return longest / 2 + Math.random() * (longest / 2);
}

/**
 * Resolves when the signal aborts. What an operator must mend (a key that cannot be read) keeps this source down until it
 * is mended, and no other; so does a fault of the driver, which a device that nobody foresaw can bring about.
 */
export async function superviseSource(options: SuperviseOptions, signal: AbortSignal): Promise<void> {
  const { source, sampler, health, acceptor, clock, log, onState = () => {} } = options;
  let downSince = clock.now();
  let lostAtMs = Number.NEGATIVE_INFINITY;
  let told: string | undefined;
  let error: Error | undefined;
  onState({ state: 'connecting', since: downSince });

  for (let failures = 0; !signal.aborted; failures++) {
    if (failures > 0) onState({ state: 'down', since: downSince, error });
    try {
      for await (const reading of source.read(signal)) {
        let now = clock.now();
        // One session has ended, and the next begins a moment later.
        if (reading.resumed) await acceptor.add(health.ended(now++));
        if (!health.up) {
          log.info({ source: source.id, failures }, 'source connected');
          failures = 0;
          told = undefined;
          sampler.reset();
          onState({ state: 'up', since: now });
        }
        const samples = sampler.take(reading.samples, now);
        await acceptor.add([...samples, ...health.after(reading, now)]);
      }
    } catch (failure) {
      error = failure instanceof Error ? failure : new Error(String(failure));
      if (health.up || error.message !== told) tell(error);
      told = error.message;
    } finally {
      if (health.up) {
        lostAtMs = performance.now();
        downSince = clock.now();
      }
      await acceptor.add(health.ended(clock.now()));
    }
    if (signal.aborted) return;
    const waitMs = retryMs(failures, performance.now() - lostAtMs);
    onState({ state: 'down', since: downSince, error, retryAt: clock.now() + waitMs * 1000 * clock.speed });
    await delay(waitMs, undefined, { signal }).catch(() => {});
  }

  function tell(failure: Error): void {
    const fields = { source: source.id, err: failure };
    if (failure instanceof ConnectionError) log.warn(fields, 'source lost; trying again');
    else if (failure instanceof ConfigError) {
      log.error({ ...fields, at: failure.path, hint: failure.hint }, 'source cannot run until this is mended');
    } else log.error(fields, 'the driver failed on what this source sent; trying again, and the others go on');
  }
}
