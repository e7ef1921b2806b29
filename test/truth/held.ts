/** How each KPI of the catalogue is held against the factory's truth, and how far its values are off. */
import { catalogue } from '../../hub/kpi/catalogue.ts';
import type { Comparison } from './compare.ts';

const comparedElsewhere = 'two days are no month beside a time before';

/** KPIs that the factory of two days says nothing of, and why. */
export const notOfTheFactory: Readonly<Record<string, string>> = {
  'prod.fpy': 'no source tells serial numbers of pieces',
  'prod.worker_eff': 'nobody can enter yet what people worked',
  ...Object.fromEntries(catalogue.flatMap(({ id, compares }) => (compares ? [[id, comparedElsewhere]] : []))),
};

export interface Held {
  readonly kpi: string;
  /** Values that were compared. */
  readonly values: number;
  /** The greatest distance of a value from the middle of its range, as a share of half the range: above 1 it is wrong. */
  readonly worst: number;
  /** Half the range of that one. */
  readonly tolerance: number;
  /** That one. */
  readonly value: number;
}

/** One for each KPI of which the hub told a number, ascending by id. */
export function heldKpis(compared: readonly Comparison[]): Held[] {
  const found = new Map<string, Held>();
  for (const { kpi, value, truth } of compared) {
    if (value === null) continue;
    const before = found.get(kpi);
    const [low, high] = [truth?.low ?? Number.NaN, truth?.high ?? Number.NaN];
    const tolerance = (high - low) / 2;
    const rounding = 1e-9 * Math.max(1, Math.abs(value));
    const worst = Math.abs(value - (low + high) / 2) / (tolerance + rounding);
    const isWorst = !before || !(worst <= before.worst);
    const values = (before?.values ?? 0) + 1;
    found.set(kpi, isWorst ? { kpi, values, worst, tolerance, value } : { ...before, values });
  }
  return [...found.values()].sort((a, b) => (a.kpi < b.kpi ? -1 : 1));
}

/** KPIs that are neither held nor excused, and those that are excused although they could be held. */
export function misplaced(held: readonly Held[]): string[] {
  const ids = new Set(held.map(({ kpi }) => kpi));
  return catalogue
    .map(({ id }) => id)
    .filter((id) => ids.has(id) === id in notOfTheFactory)
    .sort();
}
