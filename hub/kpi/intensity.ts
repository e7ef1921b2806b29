/** Electricity against what was made and against what the units behind the meter did. */
import { perPieces } from './carriers.ts';
import { define, share } from './definition.ts';
import { metered, meterKpi } from './energy.ts';
import { counted, unitScope } from './production.ts';

export const specificEnergy = define({
  ...meterKpi,
  id: 'en.sec',
  name: { en: 'Specific energy consumption', fa: 'مصرف ویژه انرژی (SEC)' },
  unit: 'kWh/unit',
  formula: 'E / (Σ GQ · standard coefficient)',
  scope: ['meter', ...unitScope],
  granularities: ['shift', 'day', 'week', 'month'],
  groups: ['electricity', 'production'],
  rules: ['R2', 'R6', 'R7'],
  note: {
    en: 'Where nothing good was made its energy shows in en.standby.',
    fa: 'اگر قطعهٔ سالمی تولید نشده باشد، انرژی آن در en.standby دیده می‌شود.',
  },
  needs: ['kWh', 'window_s', 'GQ_std'],
  uses: [
    'kWh_estimated',
    'measured_s',
    'estimated_s',
    'integrated_s',
    'counter_suspect',
    'counter_reset',
    'PBT_s',
    'PBT_uncounted_s',
    'unit_s',
    'uncounted_s',
  ],
  assess: (e) => perPieces(counted(e, e('kWh'), e('GQ_std')), metered(e)),
});

export const standby = define({
  ...meterKpi,
  id: 'en.standby',
  name: { en: 'Non-productive energy share', fa: 'سهم انرژی غیرمولد' },
  unit: '1',
  formula: 'E while no unit behind the meter was in RUN / E whose states are known',
  granularities: ['shift', 'day', 'week', 'month'],
  groups: ['split'],
  source: 'own',
  rules: ['R2'],
  note: {
    en: 'From energy by the minute or finer; shared out by an allocation it has the flag ALLOCATED.',
    fa: 'از انرژی دقیقه‌ای یا ریزتر؛ اگر با ضریب تسهیم تقسیم شده باشد نشانهٔ ALLOCATED دارد.',
  },
  needs: ['kWh_run', 'kWh_not_run'],
  uses: ['kWh_unsplit', 'kWh_allocated'],
  assess(e) {
    const split = e('kWh_run') + e('kWh_not_run');
    return {
      numerator: e('kWh_not_run'),
      denominator: split,
      coverage: share(split, split + e('kWh_unsplit')),
      flags: [e('kWh_allocated') > 0 && 'ALLOCATED'],
    };
  },
});
