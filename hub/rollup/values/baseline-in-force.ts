/**
 * The energy baseline of an asset's meter, and what energy and variables were in each of the model's periods that a
 * window consists of. A variable that was not known in a period is left out of it: unknown production is not none.
 */
import type { BaselineModel } from '../../kpi/baseline-model.ts';
import { mergeElements } from '../../kpi/elements.ts';
import type { BaselineInForce } from '../../kpi/parameters.ts';
import { countCoverage } from '../../kpi/production.ts';
import type { Elements } from '../../kpi/result.ts';
import type { Bucket } from '../../plant/grid.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Buckets } from '../buckets/buckets.ts';
import { type KpiAsset, unitsBehind } from '../cells/site-plan.ts';
import { inForce } from './kpi-parameters.ts';
import { createReading, exportMeters, type Input, metersOf, type Range, rolledRecords } from './rolled-records.ts';

export interface StoredBaseline {
  readonly baseline: BaselineInForce;
  /** Energy of the same periods. */
  readonly energy: Elements;
  /** The stored buckets of both. */
  readonly inputs: readonly Input[];
}

/**
 * undefined: the asset has no meter of its own, no baseline was in force at the end of the window, or the window is no
 * whole number of the model's periods, or none of them has ended.
 */
export function baselineOf(
  buckets: Buckets,
  plant: Plant,
  asset: KpiAsset,
  { start, end }: Bucket,
  { now, asOf }: { readonly now: number; readonly asOf?: number | undefined },
): StoredBaseline | undefined {
  const meter = meterOf(plant, asset);
  const model = meter && modelOf(plant, meter, end);
  if (!model) return undefined;
  const all = periodsOf(buckets, plant, meter, { granularity: model.period, from: start, to: end, asOf });
  // Half a period has half the energy, but the whole intercept.
  if (all.some(({ bucket }) => bucket.start < start || bucket.end > end)) return undefined;
  const ended = all.filter(({ bucket }) => bucket.end <= now);
  if (ended.length === 0) return undefined;
  const known = ended.filter(({ variables }) => model.terms.every(({ variable }) => variables[variable] !== undefined));
  // Energy and expectation are of the same periods; where none is known, it is told that a variable is missing.
  const periods = known.length > 0 ? known : ended;
  return {
    baseline: { model, periods: periods.map(({ variables }) => variables), of: ended.length },
    energy: mergeElements(
      periods.map(({ energy }) => energy),
      'time',
    ),
    inputs: periods.flatMap(({ inputs }) => inputs),
  };
}

/** The meter whose baseline is that of an asset. */
function meterOf(plant: Plant, asset: KpiAsset): Meter | undefined {
  const [meter, ...others] = metersOf(plant, asset);
  return others.length > 0 || exportMeters(plant, asset, 'energy').length > 0 ? undefined : meter;
}

const modelOf = ({ baselines }: Plant, { path }: Meter, end: number): BaselineModel | undefined =>
  inForce(
    baselines.filter((one) => one.meter === path),
    end,
  )?.model;

/** The same without the periods: what the plant model gives. */
export function modelInForce(plant: Plant, asset: KpiAsset, { end }: Bucket): BaselineModel | undefined {
  const meter = meterOf(plant, asset);
  return meter && modelOf(plant, meter, end);
}

export interface BaselinePeriod {
  readonly bucket: Bucket;
  /** Elements of the meter; empty where nothing is stored. */
  readonly energy: Elements;
  /** What is known of production behind the meter, and of the weather. */
  readonly variables: Elements;
  readonly inputs: readonly Input[];
}

/** Every period that touches the range, whether anything of it is stored or not. */
export function periodsOf(buckets: Pick<Buckets, 'read'>, plant: Plant, meter: Meter, range: Range): BaselinePeriod[] {
  const reading = createReading(buckets, plant, range);
  const isElectric = meter.carrier === 'electricity';
  const energies = new Map(
    rolledRecords(reading, [
      ...(isElectric ? [{ group: 'electricity', assets: [meter.path] } as const] : []),
      { group: 'energy', assets: [meter.path] },
    ]).map(({ bucket, record }) => [bucket, record]),
  );
  const production = unitsBehind(plant, meter).map(({ path }) => path);
  const weather = plant.weather ? reading.series('weather', plant.path) : [];
  const made = new Map(
    rolledRecords(reading, [{ group: 'production', assets: production }]).map(({ bucket, record }) => [bucket, record]),
  );
  return reading.whole.map((bucket, index) => {
    const [energy, pieces, degrees] = [energies.get(bucket), made.get(bucket), weather[index]];
    return {
      bucket,
      energy: energy?.elements ?? {},
      variables: {
        ...(pieces && knownPieces(pieces.elements, plant.coverage.partial)),
        ...(degrees && knownDegrees(degrees.elements, plant.coverage.partial)),
      },
      inputs: [...(energy?.inputs ?? []), ...(pieces?.inputs ?? []), ...(degrees?.parts ?? [])],
    };
  });
}

/** Of a period in which enough was counted; a mass only where every product has one. */
function knownPieces(elements: Elements, least: number): Elements {
  if (countCoverage((name) => elements[name] ?? 0) < least) return {};
  const { GQ_t, ...rest } = elements;
  return GQ_t === undefined || elements.GQ_no_mass ? rest : elements;
}

const knownDegrees = (
  { HDD_Kd = 0, CDD_Kd = 0, weather_s = 0, weather_known_s = 0 }: Elements,
  least: number,
): Elements => (weather_known_s < least * weather_s ? {} : { HDD_Kd, CDD_Kd });
