/**
 * Frames that have arrived and wait for the next group, bounded in bytes: whoever delivers waits while it is full (R16).
 * A commit costs as much as thousands of samples, so small groups follow each other at a pace; one after a rest, and one
 * that is large, waits for nothing.
 */
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

/** A group of so many samples is large. */
const largeGroup = 8192;

/** @param paceMs from one small group to the next. */
export function createArrivals(maxBytes: number, paceMs = 0): Arrivals {
  let waiting: Arrival[] = [];
  let bytes = 0;
  let samples = 0;
  let nextAt = 0;
  let notify: (() => void) | undefined;
  let room: PromiseWithResolvers<void> | undefined;

  /** Something arrived, the signal aborted, or the time is over. */
  const arrived = (signal: AbortSignal, longestMs?: number) =>
    new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        notify = undefined;
        resolve();
      };
      const timer = longestMs === undefined ? undefined : setTimeout(done, longestMs);
      signal.addEventListener('abort', done);
      notify = done;
    });

  const isLarge = () => samples >= largeGroup || bytes > maxBytes;

  return {
    put(arrival) {
      waiting.push(arrival);
      bytes += arrival.payload.length;
      samples += weight(arrival);
      if (waiting.length === 1 || isLarge()) notify?.();
      if (bytes <= maxBytes) return;
      room ??= Promise.withResolvers<void>();
      return room.promise;
    },
    async take(maxSamples, signal) {
      while (waiting.length === 0 && !signal.aborted) await arrived(signal);
      for (let restMs = nextAt - performance.now(); restMs > 0 && !isLarge() && !signal.aborted; ) {
        await arrived(signal, restMs);
        restMs = nextAt - performance.now();
      }
      if (signal.aborted) return [];
      let taken = 0;
      let count = 0;
      while (count < waiting.length && taken < maxSamples) taken += weight(waiting[count++]!);
      const group = waiting.slice(0, count);
      waiting = waiting.slice(count);
      samples -= taken;
      for (const { payload } of group) bytes -= payload.length;
      if (bytes <= maxBytes) {
        room?.resolve();
        room = undefined;
      }
      nextAt = performance.now() + paceMs;
      return group;
    },
    get bytes() {
      return bytes;
    },
  };
}

/** A gap counts as a frame. */
const weight = ({ header }: Arrival): number => Math.min(header.count, maxFrameSamples);
