/**
 * Who may go in: so many together, or one alone, in the order of asking. Reads of the store go in together; what moves
 * files away under them goes in alone.
 */
import { ConnectionError } from '../../../protocols/errors.ts';

export interface Gate {
  /**
   * Runs with fewer than `places` others. Rejects with the signal's reason when aborted while waiting.
   * @throws {ConnectionError} too many are waiting.
   */
  together<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Runs when everybody before has left, and nobody goes in until it is done. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export interface GateOptions {
  readonly places: number;
  readonly maxWaiting: number;
}

export function createGate({ places, maxWaiting }: GateOptions): Gate {
  const waiting: { readonly weight: number; readonly enter: () => void }[] = [];
  let taken = 0;

  function admit(): void {
    while (waiting.length > 0 && taken + waiting[0]!.weight <= places) {
      const next = waiting.shift()!;
      taken += next.weight;
      next.enter();
    }
  }

  async function pass<T>(weight: number, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        weight,
        enter: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = () => {
        waiting.splice(waiting.indexOf(waiter), 1);
        reject(signal!.reason);
        admit();
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.push(waiter);
      admit();
    });
    try {
      return await work();
    } finally {
      taken -= weight;
      admit();
    }
  }

  return {
    together: async (work, signal) => {
      if (waiting.length >= maxWaiting)
        throw new ConnectionError(`${waiting.length} are waiting for the store already`);
      return pass(1, work, signal);
    },
    alone: (work) => pass(places, work),
  };
}
