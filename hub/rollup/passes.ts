/**
 * When the roll-up makes its passes: every minute over everything, and in between over what has changed in time that was
 * told already, soon after it has all come. Such a pass takes half of the time at most, however often somebody is late.
 */
import type { Clock } from '../../protocols/clock.ts';
import { ConnectionError } from '../../protocols/errors.ts';

export interface Passes {
  /** Over everything. @throws {ConnectionError} the store is away: nothing is forgotten. */
  whole(signal: AbortSignal): Promise<void>;
  /** Over what is late. @throws {ConnectionError} the same. */
  late(signal: AbortSignal): Promise<void>;
  /** Whether something late has come since the last look, or waits to be computed. */
  look(): { readonly arrived: boolean; readonly waits: boolean };
}

export interface PassesOptions {
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

const everyMs = 60_000;
/** Of the wall's time: a clock that hurries has its whole passes as often. */
const lookEveryMs = 2000;

/** Runs until the signal aborts. */
export async function makePasses(passes: Passes, { clock, log }: PassesOptions, signal: AbortSignal): Promise<void> {
  let lateFrom = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const isWell = await attempt((one) => passes.whole(one));
    await untilNext(isWell);
  }

  /** A minute, from the end of the last whole pass. */
  async function untilNext(isWell: boolean): Promise<void> {
    const begunAt = clock.now();
    let expected = false;
    let leftMs = everyMs;
    while (leftMs > 0 && !signal.aborted) {
      const stepMs = Math.min(leftMs, isWell ? lookEveryMs * clock.speed : everyMs);
      await clock.sleep(stepMs, signal).catch(() => {});
      // A clock that was set back makes nobody wait longer.
      leftMs = Math.min(leftMs - stepMs, everyMs - (clock.now() - begunAt) / 1000);
      if (leftMs <= 0 || signal.aborted || !isWell) continue;
      const { arrived, waits } = passes.look();
      expected ||= arrived || waits;
      // While more comes it would be computed again and again.
      if (!expected || arrived || performance.now() < lateFrom) continue;
      const startedAt = performance.now();
      isWell = await attempt((one) => passes.late(one));
      lateFrom = 2 * performance.now() - startedAt;
      expected = false;
    }
  }

  async function attempt(pass: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    try {
      await pass(signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (!(error instanceof ConnectionError)) throw error;
      log.warn({ err: error }, 'the roll-up could not read the store; trying again');
      return false;
    }
  }
}
