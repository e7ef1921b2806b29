/**
 * Which versions of a plant model gave a figure its parameters. Elements have revisions of their own; what a KPI is
 * given beside them (contract, baseline, references, limits of coverage) counts as one too when it changes afterwards.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import type { Bucket } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { KpiAsset } from '../cells/site-plan.ts';
import { modelInForce } from './baseline-in-force.ts';
import { declaredOf, parametersOf } from './kpi-parameters.ts';

export interface AppliedPlant {
  readonly plant: Plant;
  readonly number: number;
  readonly author: string;
  readonly appliedAt: TimeUs;
}

/** Versions of a site, the oldest first. */
export type PlantHistory = (site: string) => readonly AppliedPlant[];

/**
 * What a plant model gives a definition for a bucket: part of a value's hash, and a revision where another version gives
 * something else. What comes along out of buckets (periods of a baseline, days of a comparison, the baseline of an event)
 * is of the elements, and the definition states it.
 */
export function givenTo(
  { parameters: read, compares }: KpiDefinition,
  { plant, asset, bucket }: { readonly plant: Plant; readonly asset: KpiAsset; readonly bucket: Bucket },
): Record<string, unknown> {
  const given: Record<string, unknown> = { coverage: plant.coverage };
  if (read.length === 0) return given;
  const parameters = parametersOf(plant, asset, bucket);
  for (const name of read) {
    if (name === 'baseline') given.baseline = modelInForce(plant, asset, bucket);
    else if (name === 'comparison') given.comparison = compares && declaredOf(plant, asset, compares);
    else if (parameters[name] !== undefined) given[name] = parameters[name];
  }
  return given;
}

/** Members of a plant that parameters are made of. */
const members = [
  'coverage',
  'mtbfDenominator',
  'contracts',
  'baselines',
  'peakReferences',
  'events',
  'assessments',
  'pilot',
  'meters',
] as const;
const keys = new WeakMap<Plant, string>();

function keyOf(plant: Plant): string {
  const known = keys.get(plant);
  if (known !== undefined) return known;
  const key = JSON.stringify(members.map((name) => plant[name]));
  keys.set(plant, key);
  return key;
}

/** Those up to a time that differ from the one before in anything a parameter may come from. */
export function parameterVersions(history: readonly AppliedPlant[], until: TimeUs): readonly AppliedPlant[] {
  const applied = history.filter(({ appliedAt }) => appliedAt <= until);
  return applied.filter(({ plant }, at) => at === 0 || keyOf(plant) !== keyOf(applied[at - 1]!.plant));
}

/** How often what is given changed after a time. */
export function changesAfter(versions: readonly AppliedPlant[], time: TimeUs, given: (plant: Plant) => object): number {
  const first = versions.findIndex(({ appliedAt }) => appliedAt > time);
  if (first < 0) return 0;
  const compared = versions.slice(Math.max(0, first - 1));
  if (compared.length < 2) return 0;
  const texts = compared.map(({ plant }) => JSON.stringify(given(plant)));
  return texts.filter((text, at) => at > 0 && text !== texts[at - 1]).length;
}
