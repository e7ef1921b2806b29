/**
 * Demand from the energy of equal sub-intervals: block and sliding windows are the same sum taken at other steps
 * (kpi.md §2.1, TV-E), and what the running block will come to. A sub-interval that was not measured is null.
 */

export interface DemandWindow {
  /** Index of its first sub-interval. */
  readonly first: number;
  /** null: one of its sub-intervals was not measured. */
  readonly kw: number | null;
}

/**
 * Every window of `length` sub-intervals, one each `step` of them: `step` = `length` are blocks, 1 is the finest slide.
 * @param subHours length of a sub-interval, h.
 */
export function demandWindows(
  kwh: readonly (number | null)[],
  subHours: number,
  length: number,
  step: number,
): DemandWindow[] {
  const windows: DemandWindow[] = [];
  for (let first = 0; first + length <= kwh.length; first += step) {
    let sum: number | null = 0;
    for (let at = first; at < first + length; at++) {
      const part: number | null = kwh[at]!;
      sum = sum === null || part === null ? null : sum + part;
    }
    windows.push({ first, kw: sum === null ? null : sum / (length * subHours) });
  }
  return windows;
}

/** Demand of the running block if power stays as it is: (E so far + P · rest) / length. */
export const forecastDemand = (running: {
  readonly kwhSoFar: number;
  readonly kwNow: number;
  readonly restS: number;
  readonly intervalS: number;
}): number => (running.kwhSoFar + (running.kwNow * running.restS) / 3600) / (running.intervalS / 3600);
