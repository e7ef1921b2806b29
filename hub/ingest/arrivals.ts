/** Frames that have arrived and wait for the next group, bounded in bytes: whoever delivers waits while it is full (R16). */
import { type FrameHeader, maxFrameSamples } from '../../protocols/frame.ts';

export interface Arrival {
  readonly agent: string;
  readonly header: FrameHeader;
  readonly payload: Uint8Array;
}

export interface Arrivals {
  /** Resolves when there is room for more. */
  put(arrival: Arrival): void | Promise<void>;
  /** The oldest frames, about so many samples; waits for one at least. Empty only when the signal aborts. */
  take(maxSamples: number, signal: AbortSignal): Promise<Arrival[]>;
  readonly bytes: number;
}

export function createArrivals(maxBytes: number): Arrivals {
  let waiting: Arrival[] = [];
  let bytes = 0;
  let notify: (() => void) | undefined;
  let room: PromiseWithResolvers<void> | undefined;

  const arrived = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        notify = undefined;
        resolve();
      };
      signal.addEventListener('abort', done);
      notify = done;
    });

  return {
    put(arrival) {
      waiting.push(arrival);
      bytes += arrival.payload.length;
      notify?.();
      if (bytes <= maxBytes) return;
      room ??= Promise.withResolvers<void>();
      return room.promise;
    },
    async take(maxSamples, signal) {
      while (waiting.length === 0) {
        if (signal.aborted) return [];
        await arrived(signal);
      }
      let samples = 0;
      let count = 0;
      while (count < waiting.length && samples < maxSamples)
        samples += Math.min(waiting[count++]!.header.count, maxFrameSamples);
      const taken = waiting.slice(0, count);
      waiting = waiting.slice(count);
      for (const { payload } of taken) bytes -= payload.length;
      if (bytes <= maxBytes) {
        room?.resolve();
        room = undefined;
      }
      return taken;
    },
    get bytes() {
      return bytes;
    },
  };
}
