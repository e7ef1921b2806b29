/** How long an answer of the hub is waited for: three times what the last one took, and twice as long each time none came. */
export interface Patience {
  readonly ms: number;
  /** @param tookMs how long the answer took; absent: it is as at first. */
  answered(tookMs?: number): void;
  exhausted(): void;
}

const longestMs = 60_000;

/** @param leastMs what an answer may always take. */
export function createPatience(leastMs: number): Patience {
  let ms = leastMs;
  return {
    get ms() {
      return ms;
    },
    answered(tookMs = 0) {
      ms = Math.min(longestMs, Math.max(leastMs, 3 * tookMs));
    },
    exhausted() {
      ms = Math.min(longestMs, 2 * ms);
    },
  };
}
