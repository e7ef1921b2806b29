/** Stops and their reasons, failures and what it takes to mend them (R16). */
import { define } from './definition.ts';
import { productionKpi, stateCoverage } from './production.ts';

const stops = { ...productionKpi, source: 'own', granularities: ['shift', 'day', 'week', 'month'] } as const;

export const unplannedDowntime = define({
  ...stops,
  id: 'prod.downtime_unpl',
  name: { en: 'Unplanned downtime', fa: 'توقف برنامه‌ریزی‌نشده' },
  unit: 'h',
  formula: 'Σ ADET (failure, internal) + ADOT (failure)',
  trend: 'lower',
  rules: [],
  note: {
    en: 'Time of unknown state is not in it; the upper bound takes all of it for a stop.',
    fa: 'زمان با حالت نامعلوم در آن نیست؛ کران بالا همهٔ آن را توقف می‌گیرد.',
  },
  needs: ['PBT_s', 'ADET_failure_s'],
  uses: ['ADET_internal_s', 'ADOT_failure_s', 'UNK_s'],
  assess(e) {
    const down = e('ADET_failure_s') + e('ADET_internal_s') + e('ADOT_failure_s');
    const unknown = e('UNK_s');
    return {
      numerator: down / 3600,
      denominator: 1,
      coverage: stateCoverage(e),
      bounds: unknown > 0 ? [down / 3600, (down + unknown) / 3600] : undefined,
    };
  },
});

export const reasonCoverage = define({
  ...stops,
  id: 'prod.reason_cov',
  name: { en: 'Reason coverage', fa: 'پوشش ثبت علت توقف' },
  formula: 'stop time with a reason / stop time, minor stops apart',
  needs: ['DOWN_s', 'DOWN_reasoned_s'],
  uses: ['PBT_s', 'UNK_s'],
  assess: (e) => ({ numerator: e('DOWN_reasoned_s'), denominator: e('DOWN_s'), coverage: stateCoverage(e) }),
});

export const mtbf = define({
  ...productionKpi,
  id: 'mnt.mtbf',
  name: { en: 'MTBF', fa: 'میانگین زمان بین خرابی‌ها' },
  unit: 'h',
  formula: 'Σ AUPT / FE, or / (FE + 1) by configuration; AUPT = APT + AUST',
  granularities: ['week', 'month', 'quarter'],
  rules: ['R16'],
  parameters: ['mtbfDenominator'],
  needs: ['PBT_s', 'APT_s', 'AUST_s', 'FE'],
  uses: ['UNK_s'],
  assess(e, { mtbfDenominator = 'FE' }) {
    const operatingH = (e('APT_s') + e('AUST_s')) / 3600;
    const coverage = stateCoverage(e);
    const parameters = { mtbf_denominator: mtbfDenominator };
    if (e('FE') === 0) return { undefined: 'NO_FAILURE', coverage, bounds: [operatingH, null], parameters };
    return { numerator: operatingH, denominator: e('FE') + (mtbfDenominator === 'FE' ? 0 : 1), coverage, parameters };
  },
});

export const mttr = define({
  ...productionKpi,
  id: 'mnt.mttr',
  name: { en: 'MTTR', fa: 'میانگین زمان بازگردانی (تعمیر)' },
  unit: 'min',
  formula: 'Σ TTR / n, of the failures that ended in the window',
  trend: 'lower',
  granularities: ['week', 'month'],
  rules: ['R2', 'R16'],
  needs: ['TTR_s', 'TTR_n'],
  uses: ['FE', 'PBT_s', 'UNK_s'],
  assess: (e) => ({
    numerator: e('TTR_s') / 60,
    denominator: e('TTR_n'),
    coverage: stateCoverage(e),
    flags: [e('FE') > e('TTR_n') && 'FAILURE_OPEN'],
  }),
});

export const correctiveRatio = define({
  ...productionKpi,
  id: 'mnt.cmr',
  name: { en: 'Corrective maintenance ratio', fa: 'نسبت نت اصلاحی' },
  formula: 'CMT / (CMT + PMT)',
  trend: 'lower',
  granularities: ['month'],
  needs: ['CMT_s', 'PMT_s'],
  uses: ['PBT_s', 'UNK_s'],
  assess: (e) => ({ numerator: e('CMT_s'), denominator: e('CMT_s') + e('PMT_s'), coverage: stateCoverage(e) }),
});
