/** How each KPI of the catalogue is held against the factory's truth, and how far its values are off. */
import { catalogue } from '../../hub/kpi/catalogue.ts';
import type { Comparison } from './compare.ts';

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

/** KPIs of which the hub told no number. */
export function notHeld(held: readonly Held[]): string[] {
  const ids = new Set(held.map(({ kpi }) => kpi));
  return catalogue
    .map(({ id }) => id)
    .filter((id) => !ids.has(id))
    .sort();
}
