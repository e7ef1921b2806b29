/** Every KPI that is computed, by its id of kpi.md §5.1. A KPI whose meaning changes gets a new version there. */
import { completeness } from './data-quality.ts';
import type { CatalogueEntry } from './definition.ts';
import { carrier, electricity, peakBlock } from './energy.ts';
import { availability, effectiveness, oee, quality } from './production.ts';
import { type CoverageLimits, usualCoverage } from './result.ts';

const definitions = [availability, effectiveness, quality, oee, electricity, carrier, peakBlock, completeness];

/** The catalogue as a plant judges it: what coverage is enough is the plant's own (R5). */
export const createCatalogue = (limits: CoverageLimits = usualCoverage): readonly CatalogueEntry[] =>
  definitions.map((define) => define(limits));
