/** A definition of the catalogue, as the evaluator sees it: with the group of elements that it is computed from. */
import type { KpiDefinition } from './kpi.ts';

/** Elements that are read and added up together. */
export type ElementGroup = 'production' | 'electricity' | 'carrier' | 'completeness';

export interface CatalogueEntry extends KpiDefinition {
  readonly group: ElementGroup;
}
