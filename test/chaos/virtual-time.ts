/** Time that passes only when it is told to, and chance from a seed: of this whole process, for schedules that would last hours. */
import { syncBuiltinESMExports } from 'node:module';
import { mock } from 'node:test';
import type { Random } from './random.ts';

export interface VirtualTime extends Disposable {
  /** Lets so much time pass, and everything happen that was to happen meanwhile. */
  pass(ms: number): Promise<void>;
  /** Lets everything happen that waits for nothing but its turn. */
  settle(): Promise<void>;
}

const startMs = Date.UTC(2026, 10, 23, 8);
/** What a timer sets off has happened before the next timer of a later step. */
const stepMs = 50;

export function startVirtualTime(random: Random): VirtualTime {
  const realRandom = Math.random;
  const realImmediate = setImmediate;
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: startMs });
  // Also what has been imported by name.
  syncBuiltinESMExports();
  performance.now = () => Date.now() - startMs;
  Math.random = random.next;
  const settle = async () => {
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => realImmediate(resolve));
  };
  return {
    settle,
    async pass(ms) {
      for (let left = ms; left > 0; left -= stepMs) {
        mock.timers.tick(Math.min(stepMs, left));
        await settle();
      }
    },
    [Symbol.dispose]() {
      mock.timers.reset();
      Math.random = realRandom;
      syncBuiltinESMExports();
      // The prototype's own comes back.
      delete (performance as { now?: unknown }).now;
    },
  };
}
