/**
 * How many frames an agent may have in flight (R16). Together they may fill half of what the hub holds at most; while the
 * store takes nothing, or much is held, the answer is 0: a pause, and data wait at the edges, which have the disks.
 * Whoever was paused is told as soon as there is room again.
 */

export interface WindowsOptions {
  /** Of one agent. */
  readonly most: number;
  /** Bytes of frames that the hub holds at most. */
  readonly maxBytes: number;
  readonly heldBytes: () => number;
  /** The store or the ledger takes nothing at present. */
  readonly isBlocked: () => boolean;
  /** ms, monotonic. */
  readonly now?: () => number;
}

export interface Windows {
  /** To be told of every frame that comes. */
  arrived(agent: string, bytes: number): void;
  /** For an answer that is about to go out. */
  of(agent: string, epoch: string): number;
  /** Those who may send again, with the epoch that they were told to pause with; empty while there is no room. */
  resumed(): ReadonlyMap<string, string>;
  readonly paused: number;
}

/** An agent that has sent nothing for so long has nothing in flight. */
const activeMs = 10_000;
const countEveryMs = 1000;

export function createWindows(options: WindowsOptions): Windows {
  const { most, maxBytes, heldBytes, isBlocked, now = () => performance.now() } = options;
  const lastFrame = new Map<string, number>();
  let paused = new Map<string, string>();
  let meanBytes = 4096;
  let active = 1;
  let countedAt = Number.NEGATIVE_INFINITY;

  const countActive = () => {
    const at = now();
    if (at - countedAt < countEveryMs) return active;
    countedAt = at;
    for (const [agent, seen] of lastFrame) if (at - seen > activeMs) lastFrame.delete(agent);
    active = Math.max(1, lastFrame.size);
    return active;
  };

  return {
    arrived(agent, bytes) {
      lastFrame.set(agent, now());
      meanBytes += (bytes - meanBytes) / 64;
    },
    of(agent, epoch) {
      if (isBlocked() || heldBytes() > maxBytes * 0.75) {
        paused.set(agent, epoch);
        return 0;
      }
      paused.delete(agent);
      return Math.max(1, Math.min(most, Math.floor(maxBytes / 2 / countActive() / meanBytes)));
    },
    resumed() {
      if (paused.size === 0 || isBlocked() || heldBytes() > maxBytes / 2) return new Map();
      const some = paused;
      paused = new Map();
      return some;
    },
    get paused() {
      return paused.size;
    },
  };
}
