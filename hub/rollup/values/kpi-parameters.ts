/** What the plant model gives a KPI beside its elements: what does not add up (`hub/kpi/parameters.ts`). */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import type { DeclaredFigure, KpiParameters } from '../../kpi/parameters.ts';
import type { Validity } from '../../plant/dates.ts';
import type { Bucket } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { KpiAsset } from '../cells/site-plan.ts';
import { metersOf } from './rolled-records.ts';

/** The one in force at the end of the window. */
export const inForce = <T extends Validity>(list: readonly T[], end: TimeUs): T | undefined =>
  list.find(({ from, to }) => from < end && end <= to);

export function parametersOf(plant: Plant, asset: KpiAsset, { end, granularity }: Bucket): KpiParameters {
  const [meter, ...others] = metersOf(plant, asset).filter(({ carrier }) => carrier === 'electricity');
  const assessment = asset.scope === 'site' ? plant.assessments.findLast(({ at }) => at < end) : undefined;
  const common: KpiParameters = {
    ...{ coverage: plant.coverage, mtbfDenominator: plant.mtbfDenominator },
    ...(assessment && { assessment }),
  };
  if (!meter || others.length > 0) return common;
  const peak = inForce(
    plant.peakReferences.filter((one) => one.meter === meter.path),
    end,
  );
  const contract = inForce(
    plant.contracts.filter((one) => one.meter === meter.path),
    end,
  );
  return {
    ...common,
    demand: { intervalS: meter.demandIntervalUs / 1e6, stepS: meter.demandStepUs / 1e6 },
    ...(contract && { contractDemandKw: contract.demandKw, powerFactorLimit: contract.powerFactorLimit }),
    ...(peak && { peakShareBefore: { share: peak.share, reference: peak.source } }),
    ...(meter.closureLimit !== undefined && { closureLimit: meter.closureLimit }),
    // Demand is billed by the month.
    ...(contract?.billing && granularity === 'month' && { billing: contract.billing }),
  };
}

export interface Period {
  readonly from: TimeUs;
  readonly to: TimeUs;
}

interface DeclaredComparison extends Period {
  readonly baseline: Period | undefined;
  /** It stands in place of the baseline period. */
  readonly figure: DeclaredFigure | undefined;
}

/** What it says of a KPI's change since before the pilot. */
export function declaredOf({ pilot }: Plant, asset: KpiAsset, compared: KpiDefinition): DeclaredComparison | undefined {
  if (!pilot) return undefined;
  const { from, to, baseline, declared } = pilot;
  const figure = declared.find((one) => one.kpi === compared.id && one.asset === asset.path);
  return { from, to, baseline, figure };
}
