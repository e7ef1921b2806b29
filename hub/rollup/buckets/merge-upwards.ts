/**
 * From computed cells to the buckets above them: hours, shifts and days from cells, weeks and months from days. Of a
 * bucket that is still running, what its earlier parts add up to is remembered: a pass adds only what came since.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { TimeUs } from '../../../protocols/sample.ts';
import { mergeInTime } from '../../kpi/merge-sums.ts';
import type { Sums } from '../../kpi/sums.ts';
import { buckets as bucketsOf } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Span, Spans } from '../../plant/spans.ts';
import type { Buckets, NewBucket, StoredBucket, Tier } from './buckets.ts';
import type { Unmeasured } from './unmeasured.ts';

type UpperTier = Exclude<Tier, 'cell'>;
type Part = Pick<StoredBucket, 'start' | 'end' | 'sums'>;
type Series = readonly NewBucket[];

const steps: readonly { readonly from: Tier; readonly to: readonly UpperTier[] }[] = [
  { from: 'cell', to: ['hour', 'shift', 'day'] },
  { from: 'day', to: ['week', 'month', 'gregorian_month'] },
];

/** The tier that a bucket was merged from. */
export const mergedFrom = (tier: UpperTier): Tier => steps.find(({ to }) => to.includes(tier))!.from;

/** What is merged with. */
export interface Merging {
  readonly plant: Plant;
  readonly unmeasured: Unmeasured;
  /** Changes whenever what a bucket holds of unmeasured time may: then nothing that was remembered counts. */
  readonly stamp: string;
  readonly now: TimeUs;
  /** Where the same run goes on computing, if it does: a bucket that reaches further is merged then. */
  readonly next: TimeUs;
  /** Nothing from here on has been computed as it is told: a bucket that ends later is not final. */
  readonly told: TimeUs;
}

/** The parts of a bucket that begin before `through`, added up: those before the first that is not final. */
interface Prefix extends Span {
  readonly stamp: string;
  readonly through: TimeUs;
  readonly joined: Joined;
}

export type MergeUpwards = (computed: Series, merging: Merging, signal: AbortSignal) => Promise<void>;

/** Every change of cells must come by here: all buckets above them are kept by one of these. */
export function createMergeUpwards(buckets: Buckets): MergeUpwards {
  /** Of each series' newest bucket of each tier, while it runs. */
  const prefixes = new Map<string, Prefix>();

  return async (computed, merging, signal) => {
    const all = [...Map.groupBy(computed, ({ group, asset }) => `${group} ${asset}`).values()];
    const parentsOf = createParents(merging.plant);
    for (let at = 0; at < all.length; at += seriesAtOnce) {
      let below: readonly Series[] = all.slice(at, at + seriesAtOnce);
      for (const { from, to } of steps) {
        const above = below.map((series) =>
          to.flatMap((tier) => mergedFor(series, from, tier, parentsOf(tier, series), merging)),
        );
        buckets.put(above.flat(), merging.now);
        // Also those that are as they were: a run that was cut short may have stored them and gone no further.
        below = above.map((series) => series.filter(({ tier }) => tier === 'day')).filter(({ length }) => length > 0);
      }
      signal.throwIfAborted();
      await breathe();
    }
  };

  function mergedFor(series: Series, from: Tier, tier: UpperTier, spans: Spans, merging: Merging): NewBucket[] {
    const { group, asset } = series[0]!;
    const key = `${tier} ${group} ${asset}`;
    const known = prefixes.get(key);
    const goesOn = (span: Span): boolean =>
      known?.start === span.start &&
      known.end === span.end &&
      known.stamp === merging.stamp &&
      known.through <= series[0]!.start;
    const [first, last] = [spans[0], spans.at(-1)];
    if (!first || !last) return [];
    if (!goesOn(first)) {
      const starts = new Set(spans.map(({ start }) => start));
      buckets.prune({ tier, group, asset }, { start: first.start, end: last.end }, starts, merging.now);
    }
    return spans.flatMap((span) => {
      if (span.end > merging.next) {
        // What was remembered of it may hold what has just become another.
        if (known?.start === span.start && !goesOn(span)) prefixes.delete(key);
        return [];
      }
      const bucket = mergedOver({ tier, group, asset, ...span }, from, goesOn(span) ? known : undefined, merging);
      return bucket ? [bucket] : [];
    });
  }

  function mergedOver(
    key: Pick<NewBucket, 'tier' | 'group' | 'asset' | 'start' | 'end'>,
    from: Tier,
    known: Prefix | undefined,
    { plant, unmeasured, stamp, now, told }: Merging,
  ): NewBucket | undefined {
    const { tier, group, asset, start, end } = key;
    const parts = buckets.read({ tier: from, group, assets: [asset], from: known?.through ?? start, to: end });
    if (parts.length === 0) return undefined;
    const firstOpen = parts.findIndex(({ provisional }, index) => provisional || index === parts.length - 1);
    const [earlier, open] = [parts.slice(0, firstOpen), parts.slice(firstOpen)];
    const joined = joinParts(known?.joined ?? { sums: {}, told: start }, earlier, key, unmeasured);
    const prefix = { start, end, stamp, through: open[0]!.start, joined };
    if (end > now) prefixes.set(`${tier} ${group} ${asset}`, prefix);
    else if (prefixes.get(`${tier} ${group} ${asset}`)?.start === start) prefixes.delete(`${tier} ${group} ${asset}`);
    const { sums } = joinParts(joined, open, key, unmeasured);
    const provisional = end > told || open.some((part) => part.provisional);
    return { ...key, sums, provisional, plantVersion: plant.version };
  }
}

/** Each of a few dozen has a commit otherwise, and the event loop gets its turn in between. */
const seriesAtOnce = 32;

/** The buckets of a tier that any of those below lies in, ascending; most series have the same below. */
function createParents(plant: Plant): (tier: UpperTier, below: Series) => Spans {
  const known = new Map<string, Spans>();
  return (tier, below) => {
    const key = [tier, below.length, below[0]!.start, below.at(-1)!.end].join(' ');
    const found = known.get(key) ?? parents(plant, tier, below);
    known.set(key, found);
    return found;
  };
}

function parents(plant: Plant, tier: UpperTier, changed: Series): Spans {
  const found = new Map<TimeUs, Span>();
  let last: Span | undefined;
  for (const { start, end } of changed) {
    if (last && last.start <= start && end <= last.end) continue;
    for (const bucket of bucketsOf(plant, tier, start, end)) {
      last = { start: bucket.start, end: bucket.end };
      found.set(bucket.start, last);
    }
  }
  return [...found.values()].sort((a, b) => a.start - b.start);
}

interface Joined {
  readonly sums: Readonly<Sums>;
  /** The end of the last part. */
  readonly told: TimeUs;
}

/** Parts, ascending, behind what is joined already. */
function joinParts(
  before: Joined,
  parts: readonly Part[],
  key: Pick<NewBucket, 'group' | 'asset'>,
  unmeasured: Unmeasured | undefined,
): Joined {
  const sums: Sums = { ...before.sums };
  let { told } = before;
  for (const part of parts) {
    // Before the site began, and between what was imported, nobody measured.
    if (part.start > told) mergeInTime(sums, unmeasured?.(key, { start: told, end: part.start }) ?? {});
    mergeInTime(sums, part.sums);
    told = part.end;
  }
  return { sums, told };
}

/** What a bucket holds that consists of these parts, ascending. */
export const joinedSums = (
  key: Pick<NewBucket, 'group' | 'asset' | 'start'>,
  parts: readonly Part[],
  unmeasured: Unmeasured | undefined,
): Readonly<Sums> => joinParts({ sums: {}, told: key.start }, parts, key, unmeasured).sums;
