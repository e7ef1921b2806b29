/**
 * The silence between frames of a serial line. After a request without a proper reply the line is drained: what a slow
 * device still sends has no id, and would be taken for the next reply.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** A line that is drained must have been silent for this long: USB adapters hold bytes back for up to 16 ms. */
const drainedMs = 50;
/** A line that is never silent for so long does not become so. */
const longestDrainMs = 2000;

export interface Silence {
  /** Something came over the line. */
  heard(): void;
  /** It carries, or may carry, what nobody waits for. */
  soil(): void;
  /** Until the next request may be sent; false when somebody keeps talking. Rejects when the signal aborts. */
  wait(signal: AbortSignal): Promise<boolean>;
}

/** `silenceMs`: between two frames, 3.5 characters. */
export function createSilence(silenceMs: number): Silence {
  let heardAt = 0;
  let isDirty = false;
  return {
    heard() {
      heardAt = performance.now();
    },
    soil() {
      isDirty = true;
      heardAt = performance.now();
    },
    async wait(signal) {
      const giveUpAt = performance.now() + longestDrainMs;
      const neededMs = isDirty ? Math.max(silenceMs, drainedMs) : silenceMs;
      for (;;) {
        const now = performance.now();
        const waitMs = heardAt + neededMs - now;
        if (waitMs <= 0) break;
        if (now > giveUpAt) return false;
        await delay(Math.ceil(waitMs), undefined, { signal });
      }
      isDirty = false;
      return true;
    },
  };
}
