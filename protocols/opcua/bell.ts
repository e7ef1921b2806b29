/** Wakes the one who waits for something to come from several sides. A ring while nobody waits is kept for the next. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, at once where it has rung. Rejects with the signal's reason. */
  wait(signal: AbortSignal): Promise<void>;
}

export function createBell(): Bell {
  let hasRung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      hasRung = true;
      wake?.();
    },
    async wait(signal) {
      if (!hasRung && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        signal.addEventListener('abort', resolve as () => void, { once: true });
        await promise;
        signal.removeEventListener('abort', resolve as () => void);
        wake = undefined;
      }
      signal.throwIfAborted();
      hasRung = false;
    },
  };
}
