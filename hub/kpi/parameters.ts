/**
 * What a KPI needs to know and what does not add up, beside the merged elements. What varies in time within a bucket
 * (tariff, factor, cap, planned run time) is no parameter: it is applied in the cell. Of what changed within the
 * window, the one in force at its end is given. All are optional: a KPI that lacks its own is `undefined` and says so.
 */
import type { BaselineModel } from './baseline-model.ts';
import type { Elements } from './result.ts';

/** Coverage from which a value is `ok` or `partial` (R5). */
export interface CoverageLimits {
  readonly ok: number;
  readonly partial: number;
}

export const usualCoverage: CoverageLimits = { ok: 0.95, partial: 0.8 };

export interface KpiParameters {
  readonly coverage?: CoverageLimits;
  /** R16; `FE` when left out. */
  readonly mtbfDenominator?: 'FE' | 'FE+1';
  /** How the meter's demand is made: stated with every peak. Step is of the sliding window. */
  readonly demand?: { readonly intervalS: number; readonly stepS?: number };
  readonly contractDemandKw?: number;
  /** Reactive energy is free down to this power factor; 0.9 when left out. */
  readonly powerFactorLimit?: number;
  /** Only for a whole billing period; without it en.cost is the energy alone (flag `ENERGY_ONLY`). */
  readonly billing?: Billing;
  /** Share of peak hours in the reference period, 0 to 1, and which that was. */
  readonly peakShareBefore?: { readonly share: number; readonly reference: string };
  readonly baseline?: BaselineInForce;
  /** How the baseline of an event was made: stated with the reduction. */
  readonly cbl?: {
    readonly method: string;
    readonly fallback?: string;
    readonly days: number;
    readonly adjustmentKw?: number;
  };
  /** An energy balance may stay open by this share; 0.05 when left out. */
  readonly closureLimit?: number;
  readonly comparison?: Comparison;
  readonly assessment?: Assessment;
}

/** Formulas of a tariff (`expression.ts`), each in IRR but the first. Names they may use are in `billing.ts`. */
export interface Billing {
  /** kW to be paid for: `max(P_max_kW, 0.9 * contract_kW)`. */
  readonly billedDemandKw: string;
  readonly demandIrr: string;
  /** `max(0, 0.9 / pf - 1) * energy_IRR`; left out where reactive energy is not charged. */
  readonly reactiveIrr?: string;
  /** Further numbers that the formulas name: prices, factors. */
  readonly constants: Readonly<Record<string, number>>;
}

export interface BaselineInForce {
  readonly model: BaselineModel;
  /** Merged elements of each of the model's periods (days, months) of the window whose variables are known, in order. */
  readonly periods: readonly Elements[];
  /** How many periods the window consists of; all are known when left out. */
  readonly of?: number;
}

/** Two periods by business days, each with the elements that the compared KPI needs (pl.delta). */
export interface Comparison {
  readonly before: ComparedDays | DeclaredFigure;
  readonly after: ComparedDays;
  /** What the compared KPI is given beside its elements: the same for both, so that only the periods differ. */
  readonly parameters: KpiParameters;
  /** Of the elements of all days: who has it has the same days. */
  readonly digest: string;
}

export interface ComparedDays {
  readonly days: readonly ComparedDay[];
  /** How many the period has: those without elements are not known. */
  readonly of: number;
}

export interface ComparedDay {
  readonly elements: Elements;
  /** A limit was notified for it, or an event called. */
  readonly curtailed: boolean;
}

/** A figure from signed records of a time in which nothing was measured here. */
export interface DeclaredFigure {
  readonly value: number;
  /** Which it is of. */
  readonly days: number;
  readonly source: string;
}

/** A readiness assessment as people recorded it. */
export interface Assessment {
  readonly model: 'siri' | 'acatech';
  readonly modelVersion: string;
  readonly assessor: string;
  /** ISO date. */
  readonly date: string;
  /** What the assessor gave as the whole: 0 to 5 of SIRI, 1 to 6 of acatech. */
  readonly score: number;
  readonly dimensions: Readonly<Record<string, number>>;
}
