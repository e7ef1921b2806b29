/**
 * How often a running cell is computed anew. Everything in it is read again each time, so of a large site every minute
 * would cost eight times what the finished cell does: it takes a quarter of the time at most. What has ended waits for nobody.
 */
export interface RefreshPace {
  isDue(site: string): boolean;
  /** @param share of what was computed, which the running cell was. */
  took(site: string, ms: number, share: number): void;
}

/** What takes less is done at every pass. */
const shortMs = 2000;
const restPerWork = 3;

export function createRefreshPace(now: () => number = performance.now.bind(performance)): RefreshPace {
  const last = new Map<string, { readonly ms: number; readonly at: number }>();
  return {
    isDue(site) {
      const { ms, at } = last.get(site) ?? { ms: 0, at: 0 };
      return ms < shortMs || now() - at >= restPerWork * ms;
    },
    took: (site, ms, share) => void last.set(site, { ms: ms * share, at: now() }),
  };
}
