/**
 * An energy baseline (ISO 50006) as it is kept: energy of a period = intercept + Σ terms. One shape for a ratio, one or
 * two variables, a change point, and a table of coefficients from elsewhere.
 */
import type { ElementName } from './element-table.ts';

/** coefficient × x, or × max(0, x − above), or × max(0, below − x). */
export interface BaselineTerm {
  readonly variable: ElementName;
  readonly coefficient: number;
  readonly above?: number;
  readonly below?: number;
}

/** ASHRAE Guideline 14: NMBE and CV(RMSE) are shares of the mean, with n − p in the denominator. */
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

export interface AcceptanceLimits {
  readonly cvRmse: number;
  readonly nmbe: number;
}

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
