/**
 * Elements while they are being added up: durations in whole µs under names ending in `_us`, so that adding them in
 * any order is exact; they become seconds only when they leave as a KPI's elements.
 */
import type { Elements } from '../kpi/result.ts';

export type Sums = Record<string, number>;

export function addTo(sums: Sums, name: string, amount: number): void {
  sums[name] = (sums[name] ?? 0) + amount;
}

export function addAll(sums: Sums, others: Readonly<Record<string, number>>): void {
  for (const name in others) addTo(sums, name, others[name]!);
}

/** `APT_us` 1500000 becomes `APT_s` 1.5; other names stay, and so do instants, whose names end in `_at_us`. */
export function toElements(sums: Readonly<Sums>): Elements {
  const elements: Record<string, number> = {};
  for (const [name, amount] of Object.entries(sums)) {
    if (name.endsWith('_us') && !name.endsWith('_at_us')) elements[`${name.slice(0, -3)}_s`] = amount / 1e6;
    else elements[name] = amount;
  }
  return elements;
}
