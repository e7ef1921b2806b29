/** What a site has set itself for a KPI of an asset: the target in force when a bucket ends. */
import type { KpiValue } from '../kpi/kpi.ts';
import type { Plant } from '../plant/plant.ts';

export function targetAt(plant: Plant, { kpi, asset, end }: Pick<KpiValue, 'kpi' | 'asset' | 'end'>): number | null {
  const found = plant.targets.find(
    (target) => target.kpi === kpi && target.asset === asset && target.from < end && end <= target.to,
  );
  return found?.value ?? null;
}
