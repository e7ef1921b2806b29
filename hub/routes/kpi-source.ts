/** What the routes ask for KPIs and assets; the plant model and the evaluator answer. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { KpiDefinition, KpiValue } from '../kpi/kpi.ts';
import type { Asset } from '../plant/assets.ts';

export interface KpiSource {
  definitions(): readonly KpiDefinition[];
  assets(): readonly Asset[];
  /** All KPIs and all assets where none are named; the window is half-open. */
  evaluate(
    request: { kpis?: readonly string[]; assets?: readonly string[]; from: TimeUs; to: TimeUs },
    signal: AbortSignal,
  ): Promise<readonly KpiValue[]>;
}
