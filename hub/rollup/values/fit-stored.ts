/**
 * Fits an energy baseline to the stored periods of a reference time, and holds each of them against it. Periods whose
 * energy or variables are not known are left out, and it is told why (R7). The fit is kept by whoever writes it into
 * the plant model: a figure is held against what somebody answers for.
 */
import { type BaselineModel, cusum, expectedEnergy } from '../../kpi/baseline-model.ts';
import { share } from '../../kpi/definition.ts';
import { type FitRefusal, type FitRequest, fitBaseline } from '../../kpi/fit-baseline.ts';
import type { Elements } from '../../kpi/result.ts';
import type { Bucket } from '../../plant/grid.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Buckets } from '../buckets/buckets.ts';
import { periodsOf } from './baseline-in-force.ts';

export interface FittedPeriod {
  readonly bucket: Bucket;
  readonly energy: number | null;
  readonly expected: number | null;
  /** Running sum of energy − expected. */
  readonly cusum: number | null;
  readonly leftOut: 'not_measured' | 'estimated' | 'outage' | 'no_variable' | undefined;
}

export interface StoredFit {
  readonly fitted: BaselineModel | { readonly refused: FitRefusal };
  /** Whole ones that have ended, ascending. */
  readonly periods: readonly FittedPeriod[];
}

/** As a demand interval: less is a gap, and what lies in it was spread. */
const leastMeasured = 0.95;

export function fitStored(
  buckets: Pick<Buckets, 'read'>,
  plant: Plant,
  meter: Meter,
  request: FitRequest & { readonly period: 'day' | 'month' },
  { from, to, now }: { readonly from: number; readonly to: number; readonly now: number },
): StoredFit {
  const range = { granularity: request.period, from, to } as const;
  const whole = periodsOf(buckets, plant, meter, range)
    .filter(({ bucket }) => from <= bucket.start && bucket.end <= Math.min(to, now))
    .map(({ bucket, energy, variables }) => ({
      ...{ bucket, energy, variables },
      leftOut: whyNot(energy, variables, request),
    }));
  const used = whole.filter(({ leftOut }) => leftOut === undefined);
  const fitted = fitBaseline(
    request,
    used.map(({ energy, variables }) => ({ ...energy, ...variables })),
  );
  const held = whole.map(({ bucket, energy, variables, leftOut }) => ({
    ...{ bucket, leftOut },
    energy: leftOut === undefined ? energy[request.energy]! : null,
    expected: leftOut === undefined && !('refused' in fitted) ? expectedEnergy(fitted, variables).energy : null,
  }));
  const drift = cusum(held.map(({ energy, expected }) => ({ actual: energy, expected })));
  return { fitted, periods: held.map((period, index) => ({ ...period, cusum: drift[index]! })) };
}

function whyNot(
  energy: Elements,
  variables: Elements,
  { energy: unit, variables: names }: FitRequest,
): FittedPeriod['leftOut'] {
  const isElectric = unit === 'kWh';
  const [known = 0, length = 0] = isElectric
    ? [energy.measured_s, energy.window_s]
    : [(energy.energy_known_s ?? 0) - (energy.energy_estimated_s ?? 0), energy.energy_s];
  const estimated = (isElectric ? energy.estimated_s : energy.energy_estimated_s) ?? 0;
  if (energy[unit] === undefined || length === 0) return 'not_measured';
  if (share(known, length) < leastMeasured) return estimated > 0 ? 'estimated' : 'not_measured';
  if (energy.outage_s ?? 0) return 'outage';
  return names.some((name) => variables[name] === undefined) ? 'no_variable' : undefined;
}
