/** The energy baseline of an asset's meter and what its variables were in each of the model's periods of a window. */
import type { BaselineInForce } from '../kpi/parameters.ts';
import type { Plant } from '../plant/plant.ts';
import type { Buckets } from './buckets.ts';
import type { Bucket } from './grid.ts';
import { inForce } from './kpi-parameters.ts';
import { createReading, type Input, metersOf, rolledRecords } from './rolled-records.ts';
import { type KpiAsset, unitsBehind } from './site-plan.ts';

export interface StoredBaseline {
  readonly baseline: BaselineInForce;
  /** The stored buckets that tell the variables. */
  readonly inputs: readonly Input[];
}

/**
 * undefined: the asset has no meter of its own, no baseline was in force at the end of the window, or the window is no
 * whole number of the model's periods, or one that has not ended.
 */
export function baselineOf(
  buckets: Buckets,
  plant: Plant,
  asset: KpiAsset,
  { start, end }: Bucket,
  { now, asOf }: { readonly now: number; readonly asOf?: number | undefined },
): StoredBaseline | undefined {
  const [meter, ...others] = metersOf(plant, asset);
  if (!meter || others.length > 0) return undefined;
  const found = inForce(
    plant.baselines.filter((one) => one.meter === meter.path),
    end,
  );
  if (!found) return undefined;
  const { model } = found;
  const sources = [{ group: 'production', assets: unitsBehind(plant, meter).map(({ path }) => path) }] as const;
  const range = { granularity: model.period, from: start, to: end, asOf } as const;
  const records = [...rolledRecords(createReading(buckets, plant, range), sources)];
  // Half a period has half the energy, but the whole intercept.
  const sticksOut = records.some(({ bucket }) => bucket.start < start || bucket.end > end);
  if (sticksOut || (records.length === 1 && end > now)) return undefined;
  return {
    baseline: { model, periods: records.map(({ record }) => record.elements) },
    inputs: records.flatMap(({ record }) => record.inputs),
  };
}
