/**
 * What the schema of a single value cannot see: whether the parts of a plant file agree with each other.
 * Every issue carries the path into the document, so that it is told with line and column, and ends with what to do.
 */
import { checkAssets, checkOrders, checkProducts, checkReasons } from './check-assets.ts';
import { checkExceptions, checkShifts, checkShiftValidity } from './check-calendar.ts';
import { checkEnergy, checkMeters } from './check-energy.ts';
import type { PlantIssue } from './check-parts.ts';
import { checkPilot } from './check-pilot.ts';
import { checkReferences } from './check-references.ts';
import type { PlantConfig } from './schema.ts';

const checks = [
  checkCoverage,
  checkShifts,
  checkShiftValidity,
  checkExceptions,
  checkAssets,
  checkProducts,
  checkOrders,
  checkReasons,
  checkMeters,
  checkEnergy,
  checkReferences,
  checkPilot,
];

/** Every contradiction in a plant file; none is a plant that can be built. */
export const checkPlant = (config: PlantConfig): PlantIssue[] => checks.flatMap((check) => check(config));

function checkCoverage({ coverage }: PlantConfig): PlantIssue[] {
  if (coverage.partial <= coverage.ok) return [];
  const message = { en: 'is above "ok"; give a smaller share', fa: 'از «ok» بیشتر است؛ سهم کوچک‌تری بدهید' };
  return [{ path: ['coverage', 'partial'], message }];
}
