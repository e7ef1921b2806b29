/** Energy against what a baseline expects (ISO 50006): EnPI ratio and saving, with what the model says of itself. */
import { expectedEnergy, isAccepted } from './baseline-model.ts';
import { define, type Read, share, type Undefined } from './definition.ts';
import { meterKpi } from './energy.ts';
import type { Flag } from './flags.ts';
import type { KpiParameters } from './parameters.ts';

const kWhPerMj = 1 / 3.6;

const used = [
  'kWh',
  'window_s',
  'measured_s',
  'estimated_s',
  'counter_suspect',
  'energy_MJ',
  'energy_s',
  'energy_known_s',
  'energy_estimated_s',
] as const;

const baselineKpi = {
  ...meterKpi,
  scope: ['meter', 'line', 'area', 'site'],
  groups: ['electricity', 'energy'],
  granularities: ['month'],
  rules: ['R2', 'R7'],
  parameters: ['baseline'],
  needs: [],
  uses: used,
} as const;

interface Held {
  readonly actualKwh: number;
  readonly expectedKwh: number;
  readonly coverage: number;
  readonly flags: readonly (Flag | false)[];
  readonly suspect: boolean;
  readonly parameters: Readonly<Record<string, number | string>>;
}

/** Holds the energy of the window against the sum of what the model expects of its periods. */
function hold(e: Read<(typeof used)[number]>, { baseline }: KpiParameters): Held | Undefined {
  const isElectric = baseline?.model.energy !== 'energy_MJ';
  const metered = isElectric
    ? share(e('measured_s') + e('estimated_s'), e('window_s'))
    : share(e('energy_known_s'), e('energy_s'));
  if (!baseline || baseline.periods.length === 0) return { undefined: 'NO_BASELINE', coverage: metered };
  const { model, periods, of = periods.length } = baseline;
  const coverage = metered * share(periods.length, of);
  // A record without the model's energy: nothing was measured, whatever the share of nothing is.
  if ((isElectric ? e('window_s') : e('energy_s')) === 0) return { undefined: 'NO_ENERGY', coverage: 0 };
  const expected = periods.map((period) => expectedEnergy(model, period));
  if (expected.some(({ energy }) => energy === null)) return { undefined: 'NO_VARIABLE', coverage };
  const total = expected.reduce((sum, { energy }) => sum + energy!, 0);
  const accepted = isAccepted(model);
  const scale = isElectric ? 1 : kWhPerMj;
  return {
    actualKwh: (isElectric ? e('kWh') : e('energy_MJ')) * scale,
    expectedKwh: total * scale,
    coverage,
    suspect: accepted === false || e('counter_suspect') > 0,
    flags: [
      expected.some(({ isExtrapolated }) => isExtrapolated) && 'EXTRAPOLATED',
      accepted === false && 'MODEL_REFUSED',
      accepted === undefined && 'FIT_UNKNOWN',
      e('counter_suspect') > 0 && 'COUNTER_SUSPECT',
      (isElectric ? e('estimated_s') : e('energy_estimated_s')) > 0 && 'ESTIMATED',
    ],
    parameters: {
      baseline: `${model.id} v${model.version}`,
      expected_kWh: total * scale,
      periods: periods.length,
      ...(model.fit?.cvRmse != null && { cv_rmse: model.fit.cvRmse }),
    },
  };
}

export const energyPerformance = define({
  ...baselineKpi,
  id: 'en.eei',
  name: { en: 'EnPI ratio (actual/expected)', fa: 'نسبت عملکرد انرژی' },
  unit: '1',
  formula: 'E / E_model, of the periods whose variables are known',
  granularities: ['day', 'week', 'month'],
  assess(e, parameters) {
    const held = hold(e, parameters);
    if ('undefined' in held) return held;
    const { actualKwh, expectedKwh, ...rest } = held;
    return { ...rest, numerator: actualKwh, denominator: expectedKwh };
  },
});

export const saving = define({
  ...baselineKpi,
  id: 'en.saving',
  name: { en: 'Saving vs baseline', fa: 'صرفه‌جویی نسبت به خط مبنا' },
  unit: 'MWh',
  formula: 'E_model − E',
  trend: 'higher',
  note: {
    en: 'Suspect where CV(RMSE) or NMBE of the model is beyond its limits.',
    fa: 'اگر CV(RMSE) یا NMBE مدل از حد خود بگذرد، مقدار «مشکوک» است.',
  },
  assess(e, parameters) {
    const held = hold(e, parameters);
    if ('undefined' in held) return held;
    const { actualKwh, expectedKwh, ...rest } = held;
    return { ...rest, numerator: (expectedKwh - actualKwh) / 1000, denominator: 1 };
  },
});

export const savingShare = define({
  ...baselineKpi,
  id: 'en.saving_pct',
  name: { en: 'Saving vs baseline, share', fa: 'صرفه‌جویی نسبت به خط مبنا (درصد)' },
  unit: '1',
  formula: '(E_model − E) / E_model',
  trend: 'higher',
  note: {
    en: 'Suspect where CV(RMSE) or NMBE of the model is beyond its limits.',
    fa: 'اگر CV(RMSE) یا NMBE مدل از حد خود بگذرد، مقدار «مشکوک» است.',
  },
  assess(e, parameters) {
    const held = hold(e, parameters);
    if ('undefined' in held) return held;
    const { actualKwh, expectedKwh, ...rest } = held;
    return { ...rest, numerator: expectedKwh - actualKwh, denominator: expectedKwh };
  },
});
