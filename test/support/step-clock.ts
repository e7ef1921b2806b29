/** A clock that stands until it is told to go on, and then waits for everybody whom it woke: hours pass in order, as fast as it goes. */
import type { Clock } from '../../protocols/clock.ts';
import type { TimeUs } from '../../protocols/sample.ts';

export interface StepClock extends Clock {
  /** Lets time come to this instant; resolves when as many are asleep again as before. Time never goes back. */
  advanceTo(time: TimeUs): Promise<void>;
  /** Time comes to this instant, and whoever sleeps is left asleep. */
  passTo(time: TimeUs): void;
  /** How many are. */
  readonly asleep: number;
  /** Resolves when so many are asleep. */
  whenAsleep(count: number): Promise<void>;
}

interface Sleeper {
  readonly due: TimeUs;
  wake(): void;
}

export function createStepClock(startUs: TimeUs): StepClock {
  const sleepers = new Set<Sleeper>();
  let now = startUs;
  let onSleep: (() => void) | undefined;
  const whenAsleep = async (count: number) => {
    if (sleepers.size >= count) return;
    await new Promise<void>((resolve) => {
      onSleep = () => sleepers.size >= count && resolve();
    });
    onSleep = undefined;
  };

  return {
    whenAsleep,
    get asleep() {
      return sleepers.size;
    },
    speed: 1,
    now: () => now,
    wallMs: (ms) => ms,
    sleep(ms, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      return new Promise<void>((resolve, reject) => {
        const done = (settle: () => void) => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', abort);
          settle();
        };
        const abort = () => done(() => reject(signal!.reason));
        const sleeper = { due: now + ms * 1000, wake: () => done(resolve) };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', abort, { once: true });
        onSleep?.();
      });
    },
    passTo(time) {
      now = Math.max(now, time);
    },
    async advanceTo(time) {
      now = Math.max(now, time);
      const asleep = sleepers.size;
      for (const sleeper of [...sleepers]) if (sleeper.due <= now) sleeper.wake();
      await whenAsleep(asleep);
    },
  };
}
