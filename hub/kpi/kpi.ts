/**
 * Shapes of KPI definitions and values (ISO 22400-1 definition – instance – value; kpi.md §5.5).
 * A KPI is a pure function of elements (`elements.ts`), which add up over time and assets, and of parameters
 * (`parameters.ts`), which do not.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import type { ElementGroup } from './element.ts';
import type { ElementName } from './element-table.ts';
import type { KpiParameters } from './parameters.ts';
import type { Elements, KpiResult } from './result.ts';

/** Kinds of assets, and the curtailment event, which is what the KPIs of demand response are computed for. */
export type KpiScope = 'site' | 'area' | 'line' | 'unit' | 'meter' | 'tag' | 'event';

/** Usual lengths of a bucket. `month` is Jalali, or Gregorian on request; `order`, `event` have windows of their own. */
export type Granularity = '15min' | 'hour' | 'shift' | 'day' | 'week' | 'month' | 'quarter' | 'order' | 'event';

/** Edge rules of kpi.md §1.6. R1, R3, R4, R5, R8 and R15 hold for every KPI and are not repeated. */
export type EdgeRule = 'R2' | 'R4' | 'R6' | 'R7' | 'R9' | 'R10' | 'R11' | 'R12' | 'R13' | 'R14' | 'R16' | 'R17';

export interface KpiDefinition {
  /** As in kpi.md §5.1; `id_variant` where a row of it has several figures. */
  readonly id: string;
  /** Another meaning of the figure is another version. */
  readonly version: number;
  readonly name: { readonly en: string; readonly fa: string };
  /** `1` for ratios; UI shows them in percent. `own`: that of the meter, or of the KPI that is compared. */
  readonly unit: string;
  /** Asset kinds it is computed for. */
  readonly scope: readonly KpiScope[];
  readonly granularities: readonly Granularity[];
  readonly formula: string;
  readonly trend: 'higher' | 'lower' | 'none';
  readonly source: string;
  readonly rules: readonly EdgeRule[];
  /** What else must be known to read the figure rightly, in a sentence. */
  readonly note?: { readonly en: string; readonly fa: string };
  /** Groups of elements it is computed from: their merged records become one record. */
  readonly groups: readonly ElementGroup[];
  /** Elements without which it is `no_data` (flag `NO_INPUT`). */
  readonly needs: readonly ElementName[];
  /** Elements that are used or shown where they are there; absent counts as 0. */
  readonly uses: readonly ElementName[];
  /** The KPI whose figures of two periods it compares; its groups are those of it. */
  readonly compares?: KpiDefinition | undefined;
  /** Members of the parameters that it reads, besides `coverage`. */
  readonly parameters: readonly (keyof KpiParameters)[];
  /** Never throws, and is never NaN or infinite, for finite elements. */
  compute(elements: Elements, parameters?: KpiParameters): KpiResult;
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
