/** A bell: one loop waits for it, anybody may ring it. A ring while nobody waits is kept, so none is missed. */
export interface Wake {
  ring(): void;
  /** Resolves at the next ring, after so many ms of wall time, or when the signal aborts; never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export function createWake(): Wake {
  let rung = false;
  let resolve: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      resolve?.();
    },
    async wait(ms, signal) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((done) => {
          const finish = () => {
            clearTimeout(timer);
            signal.removeEventListener('abort', finish);
            resolve = undefined;
            done();
          };
          const timer = setTimeout(finish, ms);
          signal.addEventListener('abort', finish);
          resolve = finish;
        });
      }
      rung = false;
    },
  };
}
