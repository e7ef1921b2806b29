/**
 * The days of the pilot in a month beside those of the baseline period, for the KPIs of what has changed (pl.delta).
 * A day belongs to the period in which it begins; one of which nothing is stored is told as not known.
 */
import { createHash } from 'node:crypto';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import type { ComparedDays } from '../../kpi/parameters.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import type { Unmeasured } from '../buckets/unmeasured.ts';
import type { KpiAsset } from '../cells/site-plan.ts';
import { type AssetRecord, assetRecords, type Site } from './asset-records.ts';
import { declaredOf, type Period, parametersOf } from './kpi-parameters.ts';
import { createReading, type Reading } from './rolled-records.ts';

type Records = (asset: KpiAsset, compared: KpiDefinition) => readonly AssetRecord[];

/** One record for every month in which a day of the pilot has ended. */
export function createComparisons(site: Site, { whole }: Reading, unmeasured: Unmeasured | undefined): Records {
  const { plant, model, buckets, times } = site;
  const now = times.asOf ?? times.now;
  const readings = new Map<string, Reading>();
  const daysIn = ({ from, to }: Period): Reading => {
    const key = `${from} ${to}`;
    const found =
      readings.get(key) ??
      createReading(buckets, plant, { granularity: 'day', from, to, asOf: times.asOf }, unmeasured);
    readings.set(key, found);
    return found;
  };

  /** Those that begin in a period and have ended. */
  const read = (asset: KpiAsset, compared: KpiDefinition, period: Period) => {
    const isOf = ({ start, end }: Span) => period.from <= start && start < period.to && end <= now;
    const reading = daysIn(period);
    const records = assetRecords(site, reading, asset, compared).filter(({ bucket }) => isOf(bucket));
    const days: ComparedDays = {
      days: records.map(({ bucket, record }) => ({ elements: record.elements, curtailed: isCurtailed(model, bucket) })),
      of: reading.whole.filter(isOf).length,
    };
    return { days, records: records.map(({ record }) => record) };
  };

  const known = new Map<string, readonly AssetRecord[]>();
  return (asset, compared) => {
    const key = `${asset.path} ${compared.id}`;
    const found = known.get(key) ?? recordsOf(asset, compared);
    known.set(key, found);
    return found;
  };

  function recordsOf(asset: KpiAsset, compared: KpiDefinition): AssetRecord[] {
    const declared = declaredOf(model, asset, compared);
    if (!declared) return [];
    const { baseline, figure } = declared;
    const nothing = { days: { days: [], of: 0 }, records: [] };
    return whole.flatMap((bucket): AssetRecord[] => {
      const period = { from: Math.max(bucket.start, declared.from), to: Math.min(bucket.end, declared.to) };
      if (period.from >= Math.min(period.to, now)) return [];
      const after = read(asset, compared, period);
      if (after.records.length === 0) return [];
      const before = figure || !baseline ? nothing : read(asset, compared, baseline);
      const parameters = parametersOf(model, asset, bucket);
      const days = [before.days.days, after.days.days];
      const records = [...before.records, ...after.records];
      return [
        {
          bucket,
          record: {
            elements: {},
            inputs: records.flatMap(({ inputs }) => inputs),
            provisional: bucket.end > now || records.some(({ provisional }) => provisional),
            plantVersion: records.at(-1)!.plantVersion,
          },
          parameters: {
            ...parameters,
            comparison: {
              ...{ before: figure ?? before.days, after: after.days, parameters },
              digest: createHash('sha256').update(JSON.stringify(days)).digest('hex').slice(0, 16),
            },
          },
        },
      ];
    });
  }
}

const isCurtailed = ({ limits, events }: Plant, { start, end }: Span): boolean =>
  [...limits, ...events].some(({ from, to }) => from < end && start < to);
