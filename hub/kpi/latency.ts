/**
 * Latencies as a histogram, because percentiles do not add up and counts do (R4). Twenty buckets a decade of
 * milliseconds: a percentile read from it is at most 6 % off. Bucket 0 is up to 1 ms, bucket i up to 10^(i/20) ms.
 */
import type { Elements } from './result.ts';

const perDecade = 20;
/** Ten days and more. */
const last = 180;

/** Number of the bucket that a latency lies in; of one below 0 (a clock ahead) it is 0. */
export const latencyBucket = (latencyMs: number): number =>
  latencyMs > 1 ? Math.min(last, Math.ceil(Math.log10(latencyMs) * perDecade)) : 0;

/** Name of the element that counts a bucket. */
export const latencyElement = (bucket: number): string => `latency_b${bucket}`;

/** Element names and counts, in no order. */
export const latencyBuckets = (elements: Elements): [string, number][] =>
  Object.entries(elements).filter(([name]) => /^latency_b\d+$/.test(name));

export interface Percentile {
  readonly seconds: number;
  /** Edges of the bucket that it lies in. */
  readonly bounds: readonly [number, number];
}

/** @param rank 0.95 is the value that 95 % do not exceed. undefined: nothing was counted. */
export function latencyPercentile(elements: Elements, rank: number): Percentile | undefined {
  const buckets = latencyBuckets(elements)
    .map(([name, count]) => ({ index: Number(name.slice('latency_b'.length)), count }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => a.index - b.index);
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  let before = 0;
  for (const { index, count } of buckets) {
    if (before + count >= rank * total) {
      const bounds = [index === 0 ? 0 : upperEdgeS(index - 1), upperEdgeS(index)] as const;
      const within = (rank * total - before) / count;
      return { seconds: bounds[0] + within * (bounds[1] - bounds[0]), bounds };
    }
    before += count;
  }
  return undefined;
}

const upperEdgeS = (index: number): number => 10 ** (index / perDecade) / 1000;
