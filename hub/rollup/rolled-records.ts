/** The merged elements of an asset in a bucket, from the stored series that they come from. */
import type { ElementGroup } from '../kpi/element-table.ts';
import { mergeElements } from '../kpi/elements.ts';
import type { Elements } from '../kpi/result.ts';
import type { Meter } from '../plant/meter.ts';
import type { Plant } from '../plant/plant.ts';
import type { Buckets, StoredBucket, Tier } from './buckets.ts';
import { type Bucket, buckets as bucketsOf, type Granularity } from './grid.ts';
import { addAssets, finish, mergeInTime } from './merge.ts';
import { type KpiAsset, suppliers, unitsBehind } from './site-plan.ts';
import type { Sums } from './sums.ts';

/** A stored bucket that a value was computed from. */
export type Input = Pick<StoredBucket, 'group' | 'asset' | 'tier' | 'start' | 'end' | 'revision' | 'computedAt'>;

export interface RolledRecord {
  readonly elements: Elements;
  readonly inputs: readonly Input[];
  readonly provisional: boolean;
  readonly plantVersion: string;
}

/** The stored series whose records add up to those of an asset; none where the group says nothing of it. */
export function seriesOf(plant: Plant, asset: KpiAsset, group: ElementGroup, completed: readonly string[]): string[] {
  switch (group) {
    case 'production':
    case 'states':
      return asset.units.map(({ path }) => path);
    case 'completeness':
      return completed.filter((path) => path === asset.path || path.startsWith(`${asset.path}/`));
    case 'supply':
      return asset.scope === 'site' && suppliers(plant).length > 0 ? [asset.path] : [];
    case 'electricity':
    case 'energy':
    case 'split':
    case 'cap':
    case 'carrier':
    case 'balance':
      return metersOf(plant, asset)
        .filter((meter) => bears(meter, group))
        .map(({ path }) => path);
    default:
      return [];
  }
}

const bears = ({ carrier }: Meter, group: ElementGroup): boolean =>
  group === 'energy' || (group === 'carrier') === (carrier !== 'electricity');

/** The meter itself, or the meters that measure just the asset and lie below no other that does. */
export function metersOf(plant: Plant, { scope, meter, path, units }: KpiAsset): Meter[] {
  if (scope === 'meter') return meter ? [meter] : [];
  if (scope === 'tag') return [];
  const measuring = plant.meters.filter(
    (one) =>
      one.role !== 'export' &&
      (one.measures.includes(path) || (scope === 'site' && unitsBehind(plant, one).length === units.length)),
  );
  return measuring.filter((one) => !measuring.some((other) => other.path === one.parent));
}

/** Every bucket of the range in which any of the series is stored, with its record. */
export function* rolledRecords(
  buckets: Buckets,
  plant: Plant,
  sources: readonly { readonly group: ElementGroup; readonly assets: readonly string[] }[],
  { granularity, from, to, asOf }: { granularity: Granularity; from: number; to: number; asOf?: number | undefined },
): Generator<{ readonly bucket: Bucket; readonly record: RolledRecord }> {
  const tier: Tier = granularity === '15min' ? 'cell' : granularity;
  const whole = bucketsOf(plant, granularity, from, to);
  const range = { from: whole[0]?.start ?? from, to: whole.at(-1)?.end ?? to };
  const series = sources.flatMap(({ group, assets }) =>
    assets.map((asset) => ({
      group,
      stored: buckets.read({ tier, group, assets: [asset], ...range, asOf }),
      at: 0,
    })),
  );
  for (const bucket of whole) {
    const parts: StoredBucket[] = [];
    const byGroup = new Map<ElementGroup, Elements[]>();
    for (const one of series) {
      const sums: Sums = {};
      let found = false;
      while (one.at < one.stored.length && one.stored[one.at]!.start < bucket.start) one.at++;
      for (; one.at < one.stored.length && one.stored[one.at]!.start < bucket.end; one.at++) {
        const part = one.stored[one.at]!;
        mergeInTime(sums, part.sums);
        parts.push(part);
        found = true;
      }
      if (!found) continue;
      const list = byGroup.get(one.group);
      if (list) list.push(finish(sums));
      else byGroup.set(one.group, [finish(sums)]);
    }
    if (parts.length === 0) continue;
    const records = [...byGroup.values()].map((list) => (list.length === 1 ? list[0]! : addAssets(list)));
    yield {
      bucket,
      record: {
        elements: records.length === 1 ? records[0]! : mergeElements(records, 'time'),
        inputs: parts,
        provisional: parts.some(({ provisional }) => provisional),
        plantVersion: parts.at(-1)!.plantVersion,
      },
    };
  }
}
