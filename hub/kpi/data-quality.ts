/** How far the data themselves can be trusted: KPIs of tags, and of assets through their tags. */
import type { CatalogueEntry } from './definition.ts';
import { type CoverageLimits, judge, pick, readElements } from './result.ts';

/** Of all the time asked for, that in which a Good value was known. Of itself everything is known: coverage is 1. */
export const completeness = (limits: CoverageLimits): CatalogueEntry => ({
  id: 'dq.complete',
  version: 1,
  group: 'completeness',
  scope: ['unit', 'line', 'meter', 'tag'],
  name: { en: 'Data completeness', fa: 'درصد تکمیل داده' },
  unit: '1',
  formula: 'known Good time / expected time, over all tags of the asset',
  trend: 'higher',
  source: 'own',
  compute(elements) {
    const e = readElements(elements);
    return judge(limits, {
      numerator: e('known_s'),
      denominator: e('expected_s'),
      coverage: 1,
      elements: pick(elements, ['known_s', 'expected_s', 'bad_s', 'slots_good', 'slots_bad', 'slots_skipped']),
    });
  },
});
