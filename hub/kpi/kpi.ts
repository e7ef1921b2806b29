/**
 * Shapes of KPI definitions and values (ISO 22400-1 definition – instance – value; kpi.md §1.6 R1, §5.5).
 * A KPI is a pure function of elements: the sums, durations and counts that roll up by addition.
 */
import type { TimeUs } from '../../protocols/sample.ts';

/** `ok`: coverage ≥ 0.95 · `partial`: ≥ 0.80 · `no_data`: below, value null · `undefined`: denominator 0 · `suspect`: needs a person. */
export type KpiStatus = 'ok' | 'partial' | 'no_data' | 'undefined' | 'suspect';

/** Sums by name with their unit in the name: `PBT_s`, `APT_s`, `PQ`, `GQ`, `PRI_GQ_s`, `kWh`. */
export type Elements = Readonly<Record<string, number>>;

/** R1. `value` is a fraction for ratios (0.738889), never rounded, never clamped; null is "not known". */
export interface KpiResult {
  readonly value: number | null;
  readonly status: KpiStatus;
  /** Known share of what was asked for, 0 to 1. */
  readonly coverage: number;
  readonly flags: readonly string[];
  readonly elements: Elements;
  /** What the value could be if the unknown part were as bad, or as good, as possible. */
  readonly bounds?: readonly [number, number];
}

export interface KpiDefinition {
  readonly id: string;
  readonly version: number;
  readonly name: { readonly en: string; readonly fa: string };
  /** `1` for ratios; UI shows them in percent. */
  readonly unit: string;
  /** Asset kinds it is computed for. */
  readonly scope: readonly ('unit' | 'line' | 'meter' | 'tag')[];
  readonly formula: string;
  readonly trend: 'higher' | 'lower' | 'none';
  readonly source: string;
  compute(elements: Elements): KpiResult;
}

export interface KpiValue extends KpiResult {
  readonly kpi: string;
  readonly definitionVersion: number;
  /** Path of the unit, line, meter or tag. */
  readonly asset: string;
  /** Half-open window. */
  readonly start: TimeUs;
  readonly end: TimeUs;
  readonly unit: string;
  /** The window has not ended, or its sources' watermarks have not passed its end. */
  readonly provisional: boolean;
  /** Counts from 1; a recomputation with the same inputs makes no new revision. */
  readonly revision: number;
  readonly inputHash: string;
  readonly computedAt: TimeUs;
}
