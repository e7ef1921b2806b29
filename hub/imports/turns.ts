/** Whose turn it is. An import that fails is tried again, after a pause that doubles, and holds up no other meanwhile. */

export interface Turns {
  /** The first that does not wait. */
  next<T extends { readonly id: string }>(all: readonly T[]): T | undefined;
  /** @returns how long it waits, ms. */
  failed(id: string): number;
  went(id: string): void;
  /** Until the first that waits may be tried again, ms. */
  readonly untilMs: number;
}

const firstMs = 1000;
const longestMs = 600_000;

export function createTurns(now: () => number = performance.now.bind(performance)): Turns {
  const waiting = new Map<string, { readonly ms: number; readonly until: number }>();
  return {
    next: (all) => all.find(({ id }) => (waiting.get(id)?.until ?? Number.NEGATIVE_INFINITY) <= now()),
    failed(id) {
      const ms = Math.min(longestMs, 2 * (waiting.get(id)?.ms ?? firstMs / 2));
      waiting.set(id, { ms, until: now() + ms });
      return ms;
    },
    went: (id) => void waiting.delete(id),
    get untilMs() {
      return Math.max(0, Math.min(...[...waiting.values()].map(({ until }) => until)) - now());
    },
  };
}
