/** From computed cells to the buckets above them: hours, shifts and days from cells, weeks and months from days. */
import { setImmediate as breathe } from 'node:timers/promises';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Plant } from '../plant/plant.ts';
import type { Buckets, NewBucket, StoredBucket, Tier } from './buckets.ts';
import { buckets as bucketsOf } from './grid.ts';
import { mergeInTime } from './merge.ts';
import type { Sums } from './sums.ts';
import type { Unmeasured } from './unmeasured.ts';

const steps: readonly { readonly from: Tier; readonly to: readonly Exclude<Tier, 'cell'>[] }[] = [
  { from: 'cell', to: ['hour', 'shift', 'day'] },
  { from: 'day', to: ['week', 'month', 'gregorian_month'] },
];

/** The tier that a bucket was merged from. */
export const mergedFrom = (tier: Exclude<Tier, 'cell'>): Tier => steps.find(({ to }) => to.includes(tier))!.from;

export async function mergeUpwards(
  buckets: Buckets,
  plant: Plant,
  computed: readonly NewBucket[],
  unmeasured: Unmeasured,
  now: TimeUs,
  signal: AbortSignal,
): Promise<void> {
  const all = [...Map.groupBy(computed, ({ group, asset }) => `${group} ${asset}`).values()];
  for (let at = 0; at < all.length; at += seriesAtOnce) {
    let below: readonly (readonly NewBucket[])[] = all.slice(at, at + seriesAtOnce);
    for (const { from, to } of steps) {
      const above = below.map((series) => to.flatMap((tier) => mergedFor(series, from, tier)));
      buckets.put(above.flat(), now);
      // Also those that are as they were: a run that was cut short may have stored them and gone no further.
      below = above.map((series) => series.filter(({ tier }) => tier === 'day')).filter(({ length }) => length > 0);
    }
    signal.throwIfAborted();
    await breathe();
  }

  function mergedFor(series: readonly NewBucket[], from: Tier, tier: Exclude<Tier, 'cell'>): NewBucket[] {
    const spans = parents(plant, tier, series);
    const [first, last] = [spans[0], spans.at(-1)];
    if (!first || !last) return [];
    const { group, asset } = series[0]!;
    const starts = new Set(spans.map(({ start }) => start));
    buckets.prune({ tier, group, asset }, { start: first.start, end: last.end }, starts, now);
    return spans.flatMap(({ start, end }) => {
      const parts = buckets.read({ tier: from, group, assets: [asset], from: start, to: end });
      return parts.length === 0 ? [] : [join({ tier, group, asset, start, end }, parts, plant, unmeasured, now)];
    });
  }
}

/** Each of a few dozen has a commit otherwise, and the event loop gets its turn in between. */
const seriesAtOnce = 32;

/** The buckets of a tier that any of those below lies in, ascending. */
function parents(plant: Plant, tier: Exclude<Tier, 'cell'>, changed: readonly NewBucket[]) {
  const found = new Map<TimeUs, { start: TimeUs; end: TimeUs }>();
  let last: { start: TimeUs; end: TimeUs } | undefined;
  for (const { start, end } of changed) {
    if (last && last.start <= start && end <= last.end) continue;
    for (const bucket of bucketsOf(plant, tier, start, end)) {
      found.set(bucket.start, bucket);
      last = bucket;
    }
  }
  return [...found.values()].sort((a, b) => a.start - b.start);
}

function join(
  key: Pick<NewBucket, 'tier' | 'group' | 'asset' | 'start' | 'end'>,
  parts: readonly StoredBucket[],
  plant: Plant,
  unmeasured: Unmeasured,
  now: TimeUs,
): NewBucket {
  const sums = joinedSums(key, parts, unmeasured);
  const provisional = key.end > now || parts.some((part) => part.provisional);
  return { ...key, sums, provisional, plantVersion: plant.version };
}

/** What a bucket holds that consists of these parts, ascending. */
export function joinedSums(
  key: Pick<NewBucket, 'group' | 'asset' | 'start'>,
  parts: readonly Pick<StoredBucket, 'start' | 'end' | 'sums'>[],
  unmeasured: Unmeasured | undefined,
): Sums {
  const sums: Sums = {};
  let told = key.start;
  for (const part of parts) {
    // Before the site began, and between what was imported, nobody measured.
    if (part.start > told) mergeInTime(sums, unmeasured?.(key, { start: told, end: part.start }) ?? {});
    mergeInTime(sums, part.sums);
    told = part.end;
  }
  return sums;
}
