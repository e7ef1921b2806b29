/** What screens are shown while a backlog is sent: the newest samples, once a second, neither stored nor waited for. */
import { encodePayload, maxFrameSamples, sealFrame, toColumns } from '../../protocols/frame.ts';
import type { Sample, TimeUs } from '../../protocols/sample.ts';

export interface LiveOptions {
  /** The newest sample of every tag that has changed since the last call; absent: screens wait for the backlog. */
  readonly newest: (() => readonly Sample[]) | undefined;
  /** Of the machine, as `acceptedAt` is. */
  readonly now: () => TimeUs;
  /** Whose values they are, and by which manifest. */
  readonly header: () => { readonly epoch: string; readonly manifestRevision: number };
}

export interface Live {
  /** A frame to be shown, where it is time for one. `oldest`: when what is under way longest was accepted, if anything is. */
  due(oldest: TimeUs | undefined, isPaused: boolean): Uint8Array | undefined;
  /** When to ask again, ms as of performance.now(), while anything is under way or nothing may be. */
  readonly nextMs: number;
}

/** A backlog so old is news to screens no more. */
const lateAfterUs = 2_000_000;
const everyMs = 1000;

export function createLive({ newest, now, header }: LiveOptions): Live {
  let shownAt = 0;
  return {
    due(oldest, isPaused) {
      if (!newest || performance.now() - shownAt < everyMs) return undefined;
      const isLate = oldest === undefined ? isPaused : now() - oldest > lateAfterUs;
      if (!isLate) return undefined;
      shownAt = performance.now();
      const samples = newest().slice(0, maxFrameSamples);
      if (samples.length === 0) return undefined;
      return sealFrame(
        { ...header(), first: 1, count: samples.length, acceptedAt: now() },
        encodePayload(toColumns(samples)),
      );
    },
    get nextMs() {
      return newest ? Math.max(performance.now(), shownAt) + everyMs : Number.POSITIVE_INFINITY;
    },
  };
}
