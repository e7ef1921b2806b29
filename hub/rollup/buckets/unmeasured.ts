/**
 * What a bucket holds of the time before anything of its site was known: the plan, and that nothing was measured. So
 * the month in which a site began says how much of it is told, and not that all of it is.
 */
import { addAssets } from '../../kpi/merge-sums.ts';
import type { Sums } from '../../kpi/sums.ts';
import { shiftInstances } from '../../plant/calendar.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import { cellSums, sumsKey } from '../cells/site-cells.ts';
import { type Asked, planSite, tagGroups } from '../cells/site-plan.ts';
import type { SiteTags } from '../samples/site-tags.ts';
import type { Slice } from '../samples/slice.ts';
import { emptyTrack } from '../samples/track.ts';
import type { NewBucket } from './buckets.ts';

/** Elements of a stored series over a span of which nothing is known; undefined for a series that is not asked for. */
export type Unmeasured = (series: Pick<NewBucket, 'group' | 'asset'>, span: Span) => Readonly<Sums> | undefined;

const noTags: SiteTags = new Map();

/** Made once per plant: the running month asks for the same few spans every minute. */
const knownOfPlant = new WeakMap<Plant, Map<string, Sums>>();

export function createUnmeasured(
  plant: Plant,
  series: readonly { readonly path: string; readonly asked: readonly Asked[] }[],
): Unmeasured {
  const known = knownOfPlant.get(plant) ?? new Map<string, Sums>();
  knownOfPlant.set(plant, known);
  return ({ group, asset }, span) => {
    const asked = series.find(({ path }) => path === asset)?.asked.find((one) => one.group === group);
    if (!asked) return undefined;
    const key = [group, asset, asked.asset.tags.length, span.start, span.end].join(' ');
    const sums = known.get(key) ?? { ...sumsOver(plant, asked, asset, span), absent_us: span.end - span.start };
    known.set(key, sums);
    return sums;
  };
}

function sumsOver(plant: Plant, asked: Asked, path: string, span: Span): Sums {
  const { start, end } = span;
  const plan = planSite(plant, [asked], noTags);
  return sumsOf(asked, path, cellSums(plant, noTags, plan, shiftInstances(plant, start, end), nothing(span)));
}

/** A stored series' elements among those of a cell: what is of tags is that of the asset's tags together. */
export function sumsOf({ asset, group }: Asked, path: string, cell: ReadonlyMap<string, Sums>): Sums {
  const of = (one: string): Sums => cell.get(sumsKey(group, one)) ?? {};
  return tagGroups.some((one) => one === group) ? { ...addAssets(asset.tags.map(of)) } : of(path);
}

const nothing = ({ start, end }: Span): Slice => ({
  start,
  end,
  read: () => [],
  arrivals: () => [],
  health: () => ({ known: [], sessions: [], watermark: undefined, reachedAt: () => undefined }),
  slots: () => ({ good: emptyTrack, bad: emptyTrack, skipped: emptyTrack }),
});
