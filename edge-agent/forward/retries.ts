/**
 * How long an agent waits before it connects again: longer and longer while nothing comes of it, with full jitter, so that
 * a thousand agents do not come back at once.
 */
export interface Retries {
  /** A connection has ended, or could not be made. */
  ended(connection: { readonly lastedMs: number; readonly delivered: boolean }): void;
  /** In a row. */
  readonly failures: number;
  /** @param spreadMs over which time the hub would have its agents spread; 0: it has not said yet. */
  waitMs(spreadMs: number): number;
}

/** Before the first attempt to come back, at least; the hub of a large fleet asks for more. */
const firstMs = 500;
const longestMs = 60_000;
/**
 * The spread says how many agents there are (5 ms each), so the longest wait can be as long as they need and no longer:
 * all of them together try fifty times a second at most. Where a broker refuses two of three attempts for a while, as a
 * cluster does that has lost a node, a small fleet is back in seconds.
 */
const spreadsPerWait = 8;

export function createRetries(): Retries {
  let failures = 0;
  return {
    get failures() {
      return failures;
    },
    ended({ lastedMs, delivered }) {
      failures = delivered || lastedMs > longestMs ? 0 : failures + 1;
    },
    waitMs(spreadMs) {
      const once = Math.max(firstMs, spreadMs);
      const most = spreadMs > 0 ? Math.min(longestMs, spreadsPerWait * once) : longestMs;
      // Twice the spread at first, a fifth of it at least: who was lost is mostly just being started again.
      const longest = Math.min(most, once * 2 ** Math.max(1, failures));
      const least = failures > 1 ? 0 : longest / 5;
      return least + Math.random() * (longest - least);
    },
  };
}
