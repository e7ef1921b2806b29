/**
 * How often running cells, and those that are not told yet, are computed anew. Everything in them is read again each
 * time, so of a large site every minute would cost ten times what the finished cell does: it takes a quarter of the time
 * at most. What is final waits for nobody.
 */
export interface RefreshPace {
  isDue(): boolean;
  /** The last refresh, of all sites. */
  took(ms: number): void;
}

/** What takes less is done at every pass. */
const shortMs = 2000;
const restPerWork = 3;

export function createRefreshPace(now: () => number = performance.now.bind(performance)): RefreshPace {
  let last = { ms: 0, at: 0 };
  return {
    isDue: () => last.ms < shortMs || now() - last.at >= restPerWork * last.ms,
    took(ms) {
      last = { ms, at: now() };
    },
  };
}
