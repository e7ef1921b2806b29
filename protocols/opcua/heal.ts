/**
 * Nodes that cannot be had are tried again, apart from all others and ever more rarely: 5 s, 10 s … 5 min. One bad node
 * costs the good ones nothing.
 */
import type { Item } from './item.ts';

const firstRetryMs = 5000;
const longestRetryMs = 300_000;

export interface Ailing {
  /** @returns whether that is news: it had been well, or bore another status. */
  add(item: Item, status: number): boolean;
  has(item: Item): boolean;
  delete(item: Item): boolean;
  /** Those whose time has come; each waits twice as long the next time. */
  due(nowMs: number): Item[];
  /** Wall time of the next; undefined where none is ill. */
  readonly nextMs: number | undefined;
  readonly size: number;
  entries(): IterableIterator<[Item, { readonly status: number }]>;
}

/** Times are of the monotonic clock. */
export function createAiling(nowMs: () => number): Ailing {
  const ailing = new Map<Item, { status: number; retryMs: number; at: number }>();
  return {
    add(item, status) {
      const known = ailing.get(item);
      const isNews = known?.status !== status;
      if (known) known.status = status;
      else ailing.set(item, { status, retryMs: firstRetryMs, at: nowMs() + firstRetryMs });
      return isNews;
    },
    has: (item) => ailing.has(item),
    delete: (item) => ailing.delete(item),
    due(now) {
      const due: Item[] = [];
      for (const [item, known] of ailing) {
        if (known.at > now) continue;
        known.retryMs = Math.min(longestRetryMs, known.retryMs * 2);
        known.at = now + known.retryMs;
        due.push(item);
      }
      return due;
    },
    get nextMs() {
      return ailing.size === 0 ? undefined : Math.min(...[...ailing.values()].map(({ at }) => at));
    },
    get size() {
      return ailing.size;
    },
    entries: () => ailing.entries(),
  };
}
