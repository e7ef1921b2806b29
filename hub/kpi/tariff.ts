/** Hours of a tariff and what they cost. Bands and prices are applied in the cell; demand and reactive energy here. */
import { billedIrr } from './billing.ts';
import { define, type Read } from './definition.ts';
import type { ElementName } from './element-table.ts';
import { metered, meterKpi } from './energy.ts';

type Band = 'peak' | 'mid' | 'low';

const tariffKpi = {
  ...meterKpi,
  granularities: ['day', 'week', 'month'],
  unit: '1',
  source: 'utility practice',
  rules: ['R2', 'R7'],
} as const;

const trust = ['measured_s', 'estimated_s', 'integrated_s', 'counter_suspect', 'counter_reset'] as const;
const bands = ['kWh_peak', 'kWh_mid', 'kWh_low', 'band_none_s'] as const;

const bandedKwh = (e: Read<(typeof bands)[number]>): number => e('kWh_peak') + e('kWh_mid') + e('kWh_low');

const shareOf = (band: Band, name: { en: string; fa: string }, trend: 'higher' | 'lower' | 'none') =>
  define({
    ...tariffKpi,
    id: `en.share_${band}`,
    name,
    formula: `E in ${band} hours / E`,
    trend,
    needs: ['kWh', 'window_s'],
    uses: [...bands, ...trust],
    assess: (e) =>
      e('band_none_s') > 0
        ? { undefined: 'NO_TARIFF', coverage: metered(e).coverage }
        : { numerator: e(`kWh_${band}` satisfies ElementName), denominator: bandedKwh(e), ...metered(e) },
  });

export const sharePeak = shareOf('peak', { en: 'Share of peak hours', fa: 'سهم اوج‌بار' }, 'lower');
export const shareMid = shareOf('mid', { en: 'Share of mid hours', fa: 'سهم میان‌بار' }, 'none');
export const shareLow = shareOf('low', { en: 'Share of low hours', fa: 'سهم کم‌بار' }, 'higher');

export const shifted = define({
  ...tariffKpi,
  id: 'en.shifted',
  name: { en: 'Load shifted out of peak', fa: 'بار جابه‌جاشده از اوج' },
  unit: 'kWh',
  formula: '(share of peak hours in the reference period − share now) · E',
  trend: 'higher',
  granularities: ['month'],
  note: { en: 'Negative where load moved into the peak.', fa: 'اگر بار به ساعت‌های اوج منتقل شده باشد منفی است.' },
  parameters: ['peakShareBefore'],
  needs: ['kWh', 'window_s'],
  uses: [...bands, ...trust],
  assess(e, { peakShareBefore: before }) {
    const known = metered(e);
    if (e('band_none_s') > 0) return { undefined: 'NO_TARIFF', coverage: known.coverage };
    if (!before) return { undefined: 'NO_REFERENCE', coverage: known.coverage };
    const total = bandedKwh(e);
    return {
      numerator: before.share * total - e('kWh_peak'),
      denominator: total === 0 ? 0 : 1,
      ...known,
      parameters: { share_before: before.share, reference: before.reference },
    };
  },
});

export const cost = define({
  ...tariffKpi,
  id: 'en.cost',
  name: { en: 'Energy cost', fa: 'هزینه انرژی' },
  unit: 'IRR',
  formula: 'Σ kWh · price + demand + reactive energy, the latter by the formulas of the tariff in force',
  trend: 'lower',
  granularities: ['day', 'month'],
  note: {
    en: 'An estimate, never a bill. Of less than a billing period it is the energy alone (flag ENERGY_ONLY).',
    fa: 'برآورد است و صورت‌حساب نیست. برای کمتر از یک دورهٔ صورت‌حساب تنها بهای انرژی است (نشانهٔ ENERGY_ONLY).',
  },
  parameters: ['billing', 'contractDemandKw'],
  needs: ['kWh', 'window_s'],
  uses: [
    'cost_energy_IRR',
    'price_none_s',
    'kWh_peak',
    'kWh_mid',
    'kWh_low',
    'P_max_kW',
    'kWh_reactive',
    'kvarh',
    ...trust,
  ],
  assess(e, parameters, inputs) {
    const known = metered(e);
    const energy = e('cost_energy_IRR');
    if (e('price_none_s') > 0 || inputs.cost_energy_IRR === undefined) {
      return { undefined: 'NO_TARIFF', coverage: known.coverage };
    }
    if (!parameters.billing) {
      return { numerator: energy, denominator: 1, ...known, flags: ['ENERGY_ONLY', ...known.flags] };
    }
    const billed = billedIrr(parameters.billing, inputs, parameters.contractDemandKw);
    if (typeof billed === 'string') return { undefined: billed, coverage: known.coverage };
    const { billedDemandKw, demandIrr, reactiveIrr } = billed;
    return {
      numerator: energy + demandIrr + reactiveIrr,
      denominator: 1,
      ...known,
      parameters: { billed_demand_kW: billedDemandKw, demand_IRR: demandIrr, reactive_IRR: reactiveIrr },
    };
  },
});
