/**
 * Which versions of a plant model gave a figure its parameters. Elements have revisions of their own; what a KPI is
 * given beside them (contract, baseline, references, limits of coverage) counts as one too when it changes afterwards.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import type { KpiParameters } from '../../kpi/parameters.ts';
import type { Plant } from '../../plant/plant.ts';

export interface AppliedPlant {
  readonly plant: Plant;
  readonly number: number;
  readonly author: string;
  readonly appliedAt: TimeUs;
}

/** Versions of a site, the oldest first. */
export type PlantHistory = (site: string) => readonly AppliedPlant[];

/** What a definition was given, without the elements that come along with a baseline: part of a value's hash. */
export function givenTo({ parameters: read }: KpiDefinition, parameters: KpiParameters): Record<string, unknown> {
  const given: Record<string, unknown> = { coverage: parameters.coverage };
  for (const name of read) {
    if (name === 'baseline') given.baseline = parameters.baseline?.model;
    else if (name === 'comparison') given.comparison = parameters.comparison?.declared;
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
