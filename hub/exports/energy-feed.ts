/**
 * What the national programme against energy imbalance asks for: energy and mean power of each quarter-hour and
 * subscription, with how far it can be trusted. A quarter-hour that nothing is known of is told, without a number.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import { type Bucket, buckets } from '../plant/grid.ts';
import type { Meter } from '../plant/meter.ts';
import type { Plant } from '../plant/plant.ts';
import { hourUs } from '../plant/zone.ts';
import type { RolledValue } from '../rollup/values/rolled-values.ts';
import type { Range } from './request.ts';
import type { ExportSource } from './source.ts';

/** From the best to the worst. `estimated`: spread over a gap between two readings. */
export const feedQualities = ['measured', 'estimated', 'partial', 'suspect', 'missing'] as const;
export type FeedQuality = (typeof feedQualities)[number];

export interface FeedRow {
  readonly subscription: string;
  readonly site: string;
  readonly start: TimeUs;
  readonly end: TimeUs;
  /** Drawn; null is not known. */
  readonly kwh: number | null;
  readonly kw: number | null;
  /** Given to the grid; null where no meter tells it. */
  readonly exportedKwh: number | null;
  /** Of the worst of its meters. */
  readonly quality: FeedQuality;
  readonly coverage: number;
  readonly provisional: boolean;
  readonly revision: number;
}

/** Ascending by start, then by subscription. */
export function energyFeed(source: Pick<ExportSource, 'rolled'>, plants: readonly Plant[], range: Range): FeedRow[] {
  return plants
    .flatMap((plant) => feedOfSite(source, plant, range))
    .sort((a, b) => a.start - b.start || (a.subscription < b.subscription ? -1 : 1));
}

function feedOfSite({ rolled }: Pick<ExportSource, 'rolled'>, plant: Plant, range: Range): FeedRow[] {
  const subscribed = plant.meters.filter(
    ({ carrier, subscription, role }) => carrier === 'electricity' && subscription !== undefined && role !== 'sub',
  );
  if (subscribed.length === 0) return [];
  const values = rolled({
    kpis: ['en.kwh'],
    assets: subscribed.map(({ path }) => path),
    granularity: '15min',
    ...range,
  });
  const known = new Map(values.map((value) => [`${value.asset} ${value.start}`, value]));
  const bySubscription = Map.groupBy(subscribed, ({ subscription }) => subscription!);
  const quarters = buckets(plant, '15min', range.from, range.to);
  return [...bySubscription].flatMap(([subscription, meters]) =>
    quarters.map((quarter) => rowOf(plant, subscription, meters, quarter, known)),
  );
}

function rowOf(
  { path: site }: Plant,
  subscription: string,
  meters: readonly Meter[],
  { start, end }: Bucket,
  known: ReadonlyMap<string, RolledValue>,
): FeedRow {
  const told = meters.map((meter) => ({ meter, value: known.get(`${meter.path} ${start}`) }));
  const sum = (role: 'drawn' | 'given'): number | null => {
    const parts = told.filter(({ meter }) => (meter.role === 'export') === (role === 'given'));
    if (parts.length === 0 || parts.some(({ value }) => value?.value == null)) return null;
    return parts.reduce((total, { value }) => total + value!.value!, 0);
  };
  const kwh = sum('drawn');
  const worst = Math.max(...told.map(({ value }) => feedQualities.indexOf(qualityOf(value))));
  return {
    ...{ subscription, site, start, end, kwh },
    kw: kwh === null ? null : kwh / ((end - start) / hourUs),
    exportedKwh: sum('given'),
    quality: feedQualities[worst]!,
    coverage: Math.min(...told.map(({ value }) => value?.coverage ?? 0)),
    provisional: told.some(({ value }) => value?.provisional ?? true),
    revision: 1 + told.reduce((total, { value }) => total + (value ? value.revision - 1 : 0), 0),
  };
}

function qualityOf(value: RolledValue | undefined): FeedQuality {
  if (value?.value == null) return 'missing';
  if (value.status === 'suspect') return 'suspect';
  if (value.status === 'partial') return 'partial';
  return (value.elements.kWh_estimated ?? 0) > 0 ? 'estimated' : 'measured';
}
