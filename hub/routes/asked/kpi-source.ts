/** What the routes ask for KPIs and assets; the plant model and the evaluator answer. */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { KpiDefinition, KpiValue } from '../../kpi/kpi.ts';
import type { Asset } from '../../plant/assets.ts';
import type { Granularity } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Buckets } from '../../rollup/buckets/buckets.ts';
import type { RolledPart, RolledRequest, RolledValue } from '../../rollup/values/rolled-values.ts';
import type { ValueChanges } from '../../rollup/values/value-changes.ts';
import type { Window } from './times.ts';

export interface KpiSource {
  definitions(): readonly KpiDefinition[];
  /** Those that are evaluated over any window. */
  windowed(): readonly KpiDefinition[];
  assets(): readonly Asset[];
  /** The models in force, with what people have entered. */
  plants(): readonly Plant[];
  /** All KPIs and all assets where none are named; the window is half-open. */
  evaluate(
    request: { kpis?: readonly string[]; assets?: readonly string[]; from: TimeUs; to: TimeUs },
    signal: AbortSignal,
  ): Promise<readonly KpiValue[]>;
  /** The tags whose samples that would read. */
  tagsRead(request: Parameters<KpiSource['evaluate']>[0]): readonly { readonly intervalMs: number }[];
  /** Whole buckets from what is stored. */
  rolled(request: RolledRequest): readonly RolledValue[];
  /** What a value was merged from, one tier below. */
  partsOf(value: RolledValue): readonly RolledPart[];
  /** Full paths of the tags whose samples it comes from. */
  tagsOf(value: RolledValue): readonly string[];
  /** What is stored, and what of it was restated. */
  readonly buckets: Pick<Buckets, 'read' | 'restatements' | 'restatedAt' | 'revisions' | 'newestBefore'>;
  /** What that made of figures. */
  readonly changes: Pick<ValueChanges, 'page'>;
  /** What a range becomes when it is snapped outward to whole buckets; undefined where no plant is known. */
  snap(granularity: Granularity, range: Window): Window | undefined;
}
