/** The merged elements of an asset in a bucket, from the stored series that they come from. */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { ElementGroup } from '../../kpi/element.ts';
import { elementSpec, mergeElements } from '../../kpi/elements.ts';
import { addAssets, finish } from '../../kpi/merge-sums.ts';
import type { Elements } from '../../kpi/result.ts';
import { type Bucket, buckets as bucketsOf, type Granularity } from '../../plant/grid.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Buckets, StoredBucket, Tier } from '../buckets/buckets.ts';
import { joinedSums, mergedFrom } from '../buckets/merge-upwards.ts';
import type { Unmeasured } from '../buckets/unmeasured.ts';
import { type KpiAsset, suppliers, unitsBehind } from '../cells/site-plan.ts';

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
      return (asset.meter ? unitsBehind(plant, asset.meter) : asset.units).map(({ path }) => path);
    case 'inspection':
      return toldAt(plant.inspections, asset);
    case 'personnel':
      return toldAt(plant.attendances, asset);
    case 'completeness':
    case 'timeliness':
      return completed.filter((path) => path === asset.path || path.startsWith(`${asset.path}/`));
    case 'supply':
      return asset.scope === 'site' && suppliers(plant).length > 0 ? [asset.path] : [];
    case 'connectivity':
    case 'clock':
      return asset.scope === 'site' ? [asset.path] : [];
    case 'weather':
      return asset.scope === 'site' && plant.weather ? [asset.path] : [];
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

/** The places themselves, and those below. */
const toldAt = (told: ReadonlyMap<string, unknown>, { path }: KpiAsset): string[] =>
  [...told.keys()].filter((one) => one === path || one.startsWith(`${path}/`));

const bears = ({ carrier }: Meter, group: ElementGroup): boolean =>
  group === 'energy' || (group === 'carrier') === (carrier !== 'electricity');

/** What goes from an asset back to the grid: its energy counts against that of the meters. */
export function exportMeters(plant: Plant, { scope, path, units }: KpiAsset, group: ElementGroup): Meter[] {
  if (scope === 'meter' || scope === 'tag' || (group !== 'electricity' && group !== 'energy')) return [];
  return plant.meters.filter(
    (one) => one.role === 'export' && bears(one, group) && measures(plant, one, { scope, path, units }),
  );
}

function measures(plant: Plant, meter: Meter, { scope, path, units }: Pick<KpiAsset, 'scope' | 'path' | 'units'>) {
  return meter.measures.includes(path) || (scope === 'site' && unitsBehind(plant, meter).length === units.length);
}

/** The meter itself, or the meters that measure just the asset and lie below no other that does. */
export function metersOf(plant: Plant, { scope, meter, path, units }: KpiAsset): Meter[] {
  if (scope === 'meter') return meter ? [meter] : [];
  if (scope === 'tag') return [];
  const measuring = plant.meters.filter((one) => one.role !== 'export' && measures(plant, one, { scope, path, units }));
  return measuring.filter((one) => !measuring.some((other) => other.path === one.parent));
}

export interface Range {
  readonly granularity: Granularity;
  /** Buckets that touch [from, to), whole. */
  readonly from: TimeUs;
  readonly to: TimeUs;
  /** What was known then; absent is now. */
  readonly asOf?: TimeUs | undefined;
  /** Names of elements that are read; absent is all. */
  readonly only?: ReadonlySet<string> | undefined;
}

interface Told {
  readonly elements: Elements;
  readonly parts: readonly StoredBucket[];
}

/** The stored series of a range, each read once, however many assets they add up to. */
export interface Reading {
  readonly tier: Tier;
  readonly whole: readonly Bucket[];
  /** One entry for each whole bucket; undefined where nothing is stored. */
  series(group: ElementGroup, asset: string): readonly (Told | undefined)[];
}

interface Window {
  readonly from: TimeUs;
  readonly to: TimeUs;
}

/** @param unmeasured what a bucket that is put together for `asOf` holds of the time before its first part. */
export function createReading(
  buckets: Pick<Buckets, 'read'>,
  plant: Plant,
  { granularity, from, to, asOf, only }: Range,
  unmeasured?: Unmeasured,
): Reading {
  const tier: Tier = granularity === '15min' ? 'cell' : granularity;
  const whole = bucketsOf(plant, granularity, from, to);
  const range = { from: whole[0]?.start ?? from, to: whole.at(-1)?.end ?? to };
  const known = new Map<string, readonly (Told | undefined)[]>();

  /** A bucket that was not final then is what was final of it: its days, and of the running one its cells. */
  const stored = (group: ElementGroup, asset: string, of: Tier, span: Window): StoredBucket[] => {
    const found = buckets.read({ tier: of, group, assets: [asset], ...span, asOf });
    if (asOf === undefined || of === 'cell') return found;
    const told = new Set(found.map(({ start }) => start));
    const missing = bucketsOf(plant, of, span.from, Math.min(span.to, asOf)).filter(({ start }) => !told.has(start));
    const parts = missing.flatMap((one) => stored(group, asset, mergedFrom(of), { from: one.start, to: one.end }));
    return [...found, ...parts].sort((a, b) => a.start - b.start);
  };

  const read = (group: ElementGroup, asset: string): (Told | undefined)[] => {
    const rows = stored(group, asset, tier, range);
    let at = 0;
    return whole.map(({ start, end }) => {
      while (at < rows.length && rows[at]!.start < start) at++;
      const first = at;
      while (at < rows.length && rows[at]!.start < end) at++;
      const parts = rows.slice(first, at);
      const [begin] = parts;
      if (!begin) return undefined;
      if (parts.length === 1 && begin.tier === tier) return { elements: finish(begin.sums, only), parts };
      return { elements: finish(joinedSums({ group, asset, start }, parts, unmeasured), only), parts };
    });
  };
  return {
    tier,
    whole,
    series(group, asset) {
      const key = `${group} ${asset}`;
      const found = known.get(key) ?? read(group, asset);
      known.set(key, found);
      return found;
    },
  };
}

/** Stored series of a group that add up to an asset's. */
export interface Source {
  readonly group: ElementGroup;
  readonly assets: readonly string[];
  /** Meters of what is given away. */
  readonly exported?: readonly string[];
}

/** Energy, emissions and money that go out count against what comes in; how well they are known counts the same. */
const flowUnits = ['kWh', 'kvarh', 'MJ', 'kg', 'IRR'];

const givenAway = (told: Told | undefined): Told | undefined =>
  told && {
    ...told,
    elements: Object.fromEntries(
      Object.entries(told.elements).map(([name, amount]) => [
        name,
        flowUnits.includes(elementSpec(name)?.unit ?? '') ? -amount : amount,
      ]),
    ),
  };

/** Every bucket of the range in which any of the series is stored, with its record. */
export function* rolledRecords(
  reading: Reading,
  sources: readonly Source[],
): Generator<{ readonly bucket: Bucket; readonly record: RolledRecord }> {
  const groups = sources.map(({ group, assets, exported = [] }) => [
    ...assets.map((asset) => reading.series(group, asset)),
    ...exported.map((asset) => reading.series(group, asset).map(givenAway)),
  ]);
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
        provisional: parts.some(({ provisional, tier }) => provisional || tier !== reading.tier),
        plantVersion: parts.at(-1)!.plantVersion,
      },
    };
  }
}
