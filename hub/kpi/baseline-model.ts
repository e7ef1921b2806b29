/**
 * An energy baseline (ISO 50006) as it is kept: energy of a period = intercept + Σ terms. One shape for a ratio, one or
 * two variables, a change point, and a table of coefficients from elsewhere.
 */
import { exceeds } from './compare.ts';
import type { ElementName } from './element-table.ts';
import type { Elements } from './result.ts';

/** coefficient × x, or × max(0, x − above), or × max(0, below − x). */
export interface BaselineTerm {
  readonly variable: ElementName;
  readonly coefficient: number;
  readonly above?: number;
  readonly below?: number;
}

/** By ASHRAE Guideline 14: NMBE and CV(RMSE) are shares of the mean, with n − fitted in the denominator. */
export interface FitStatistics {
  readonly n: number;
  /** Coefficients that were fitted, the intercept included. */
  readonly fitted: number;
  /** null where the energy did not vary. */
  readonly r2: number | null;
  readonly rmse: number;
  /** null where the mean is 0. */
  readonly cvRmse: number | null;
  readonly nmbe: number | null;
}

/** Up to which CV(RMSE) and |NMBE| a model is accepted. */
export interface AcceptanceLimits {
  readonly cvRmse: number;
  readonly nmbe: number;
}

/** ASHRAE Guideline 14-2014 for monthly and for hourly data; daily data are held to the monthly limits. */
const guideline14: { readonly [period in BaselineModel['period']]: AcceptanceLimits } = {
  month: { cvRmse: 0.15, nmbe: 0.05 },
  day: { cvRmse: 0.15, nmbe: 0.05 },
  hour: { cvRmse: 0.3, nmbe: 0.1 },
};

export interface BaselineModel {
  readonly id: string;
  readonly version: number;
  readonly kind: 'ratio' | 'linear' | 'change_point' | 'table';
  readonly energy: 'kWh' | 'energy_MJ';
  /** Length of what one evaluation stands for. */
  readonly period: 'month' | 'day' | 'hour';
  readonly intercept: number;
  readonly terms: readonly BaselineTerm[];
  /** Least and greatest value of each variable in the baseline period: outside it the model is extrapolated. */
  readonly range: Readonly<Record<string, readonly [number, number]>>;
  /** Absent of a table whose fit nobody told. */
  readonly fit?: FitStatistics;
  /** Guideline 14 for its period when left out. */
  readonly limits?: AcceptanceLimits;
}

export interface Expected {
  /** In the unit of the model's energy; null: a variable is missing. */
  readonly energy: number | null;
  readonly isExtrapolated: boolean;
}

/** What the model expects of one of its periods. */
export function expectedEnergy({ intercept, terms, range }: BaselineModel, variables: Elements): Expected {
  let energy = intercept;
  let isExtrapolated = false;
  for (const { variable, coefficient, above, below } of terms) {
    const x = variables[variable];
    if (x === undefined) return { energy: null, isExtrapolated: false };
    const [least, greatest] = range[variable] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    if (exceeds(least, x) || exceeds(x, greatest)) isExtrapolated = true;
    energy +=
      coefficient * (above !== undefined ? Math.max(0, x - above) : below !== undefined ? Math.max(0, below - x) : x);
  }
  return { energy, isExtrapolated };
}

/** Whether the fit is within the limits; undefined: nobody told the fit. */
export function isAccepted({ fit, limits, period }: BaselineModel): boolean | undefined {
  if (!fit) return undefined;
  const { cvRmse, nmbe } = limits ?? guideline14[period];
  if (fit.cvRmse === null || fit.nmbe === null) return false;
  return !exceeds(fit.cvRmse, cvRmse) && !exceeds(Math.abs(fit.nmbe), nmbe);
}

/** Running sum of actual − expected, period by period; a period without one of both adds nothing and shows null. */
export function cusum(
  periods: readonly { readonly actual: number | null; readonly expected: number | null }[],
): (number | null)[] {
  let sum = 0;
  return periods.map(({ actual, expected }) => {
    if (actual === null || expected === null) return null;
    sum += actual - expected;
    return sum;
  });
}
