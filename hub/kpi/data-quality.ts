/** How far the data themselves can be trusted. Of itself everything is known: coverage is 1. */
import { define } from './definition.ts';

const dataKpi = {
  scope: ['tag', 'meter', 'unit', 'line', 'area', 'site'],
  granularities: ['day', 'month'],
  unit: '1',
  trend: 'higher',
  source: 'own',
  rules: ['R2'],
} as const;

export const completeness = define({
  ...dataKpi,
  id: 'dq.complete',
  name: { en: 'Data completeness', fa: 'درصد تکمیل داده' },
  formula: 'known Good time / expected time, over all tags of the asset',
  groups: ['completeness'],
  granularities: ['hour', 'day', 'month'],
  needs: ['expected_s', 'known_s'],
  uses: ['bad_s', 'slots_good', 'slots_bad', 'slots_skipped'],
  assess: (e) => ({ numerator: e('known_s'), denominator: e('expected_s') }),
});
