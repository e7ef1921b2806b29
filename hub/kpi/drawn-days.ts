/** Elements of days as columns, so that thousands of draws of them are merged in no time. */
import { maxima } from './elements.ts';
import type { Elements } from './result.ts';

/** @param names what is merged; times of maxima are not. @returns merges the days of some indices. */
export function columnsOf(days: readonly Elements[], names: Iterable<string>): (drawn: readonly number[]) => Elements {
  const times = new Set(maxima.values());
  const columns = [...names]
    .filter((name) => !times.has(name))
    .map((name) => ({
      name,
      column: Float64Array.from(days, (day) => day[name] ?? Number.NaN),
      isMax: maxima.has(name),
    }));
  return (drawn) => {
    const merged: Record<string, number> = {};
    for (const { name, column, isMax } of columns) {
      // NaN is a day without it: what no day has, the draw has not.
      let whole = Number.NaN;
      for (const day of drawn) {
        const one = column[day]!;
        if (Number.isNaN(one)) continue;
        if (Number.isNaN(whole)) whole = one;
        else whole = isMax ? Math.max(whole, one) : whole + one;
      }
      if (!Number.isNaN(whole)) merged[name] = whole;
    }
    return merged;
  };
}
