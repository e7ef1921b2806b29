/** The merged elements of an asset in a bucket, from the stored series that they come from. */

import type { TimeUs } from '../../protocols/sample.ts';
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

export interface Range {
  readonly granularity: Granularity;
  /** Buckets that touch [from, to), whole. */
  readonly from: TimeUs;
  readonly to: TimeUs;
  /** What was known then; absent is now. */
  readonly asOf?: TimeUs | undefined;
}

interface Told {
  readonly elements: Elements;
  readonly parts: readonly StoredBucket[];
}

/** The stored series of a range, each read once, however many assets they add up to. */
export interface Reading {
  readonly whole: readonly Bucket[];
  /** One entry for each whole bucket; undefined where nothing is stored. */
  series(group: ElementGroup, asset: string): readonly (Told | undefined)[];
}

export function createReading(
  buckets: Pick<Buckets, 'read'>,
  plant: Plant,
  { granularity, from, to, asOf }: Range,
): Reading {
  const tier: Tier = granularity === '15min' ? 'cell' : granularity;
  const whole = bucketsOf(plant, granularity, from, to);
  const range = { from: whole[0]?.start ?? from, to: whole.at(-1)?.end ?? to };
  const known = new Map<string, readonly (Told | undefined)[]>();

  const read = (group: ElementGroup, asset: string): (Told | undefined)[] => {
    const stored = buckets.read({ tier, group, assets: [asset], ...range, asOf });
    let at = 0;
    return whole.map(({ start, end }) => {
      while (at < stored.length && stored[at]!.start < start) at++;
      const first = at;
      while (at < stored.length && stored[at]!.start < end) at++;
      const parts = stored.slice(first, at);
      if (parts.length === 0) return undefined;
      if (parts.length === 1) return { elements: finish(parts[0]!.sums), parts };
      const sums: Sums = {};
      for (const part of parts) mergeInTime(sums, part.sums);
      return { elements: finish(sums), parts };
    });
  };
  return {
    whole,
    series(group, asset) {
      const key = `${group} ${asset}`;
      const found = known.get(key) ?? read(group, asset);
      known.set(key, found);
      return found;
    },
  };
}

/** Every bucket of the range in which any of the series is stored, with its record. */
export function* rolledRecords(
  reading: Reading,
  sources: readonly { readonly group: ElementGroup; readonly assets: readonly string[] }[],
): Generator<{ readonly bucket: Bucket; readonly record: RolledRecord }> {
  const groups = sources.map(({ group, assets }) => assets.map((asset) => reading.series(group, asset)));
  for (const [index, bucket] of reading.whole.entries()) {
    const told = groups
      .map((series) => series.map((one) => one[index]).filter((one) => one !== undefined))
      .filter((list) => list.length > 0);
    const parts = told.flatMap((list) => list.flatMap((one) => one.parts));
    if (parts.length === 0) continue;
    const records = told.map((list) =>
      list.length === 1 ? list[0]!.elements : addAssets(list.map(({ elements }) => elements)),
    );
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
