/** Maximum demand of a meter, block and sliding, and what follows from it (kpi.md §2.1). */
import { define, type Read, share } from './definition.ts';
import { metered, meterKpi } from './energy.ts';
import type { KpiParameters } from './parameters.ts';

const statedInterval = ({ demand }: KpiParameters) =>
  demand && { interval_s: demand.intervalS, ...(demand.stepS !== undefined && { step_s: demand.stepS }) };

const peakKpi = {
  ...meterKpi,
  unit: 'kW',
  source: 'utility practice',
  rules: ['R7'],
  parameters: ['demand'],
  note: {
    en: 'Of one meter: the peak of several is that of their summed cells. Measured intervals only.',
    fa: 'از یک کنتور؛ اوج چند کنتور، اوج مجموع آن‌هاست. تنها بازه‌های اندازه‌گیری‌شده.',
  },
} as const;

const blockCoverage = (e: Read<'blocks' | 'blocks_measured'>): number => share(e('blocks_measured'), e('blocks'));

export const peakBlock = define({
  ...peakKpi,
  id: 'en.peak_block',
  name: { en: 'Max demand, block', fa: 'حداکثر دیماند (بازه ثابت)' },
  formula: 'max of the measured blocks: Δ register of the block / its length',
  needs: ['blocks', 'blocks_measured'],
  uses: ['P_max_kW', 'P_max_at_us'],
  assess: (e, parameters) => ({
    numerator: e('P_max_kW'),
    denominator: e('blocks') > 0 ? 1 : 0,
    coverage: blockCoverage(e),
    parameters: statedInterval(parameters),
  }),
});

export const peakSlide = define({
  ...peakKpi,
  id: 'en.peak_slide',
  name: { en: 'Max demand, sliding', fa: 'حداکثر دیماند (پنجره لغزان)' },
  formula: 'max of the measured sliding windows, one a step: Δ register of the window / its length',
  needs: ['slides', 'slides_measured'],
  uses: ['P_slide_max_kW', 'P_slide_max_at_us'],
  assess: (e, parameters) => ({
    numerator: e('P_slide_max_kW'),
    denominator: e('slides') > 0 ? 1 : 0,
    coverage: share(e('slides_measured'), e('slides')),
    parameters: statedInterval(parameters),
  }),
});

export const loadFactor = define({
  ...peakKpi,
  id: 'en.load_factor',
  name: { en: 'Load factor', fa: 'ضریب بار' },
  unit: '1',
  formula: 'E / (P_max · hours of the window), P_max by blocks',
  trend: 'higher',
  rules: ['R2', 'R7'],
  note: {
    en: 'Months have different lengths: the hours are those of the window.',
    fa: 'طول ماه‌ها یکسان نیست؛ ساعت‌ها همان ساعت‌های بازه‌اند.',
  },
  needs: ['kWh', 'window_s', 'blocks', 'blocks_measured'],
  uses: ['P_max_kW', 'measured_s', 'estimated_s', 'integrated_s', 'counter_suspect', 'counter_reset'],
  assess: (e, parameters) => ({
    numerator: e('kWh'),
    denominator: (e('P_max_kW') * e('window_s')) / 3600,
    ...metered(e),
    coverage: Math.min(metered(e).coverage, blockCoverage(e)),
    parameters: statedInterval(parameters),
  }),
});

export const contractUtilisation = define({
  ...peakKpi,
  id: 'en.contract_util',
  name: { en: 'Contract demand utilisation', fa: 'نسبت بهره‌گیری از دیماند قراردادی' },
  unit: '1',
  formula: 'P_max / P_contract, P_max by blocks',
  trend: 'none',
  rules: ['R2', 'R7'],
  parameters: ['demand', 'contractDemandKw'],
  needs: ['blocks', 'blocks_measured'],
  uses: ['P_max_kW', 'P_max_at_us'],
  assess(e, parameters) {
    const { contractDemandKw } = parameters;
    const coverage = blockCoverage(e);
    if (contractDemandKw === undefined) return { undefined: 'NO_CONTRACT', coverage };
    return {
      numerator: e('P_max_kW'),
      denominator: e('blocks') > 0 ? contractDemandKw : 0,
      coverage,
      parameters: { ...statedInterval(parameters), contract_kW: contractDemandKw },
    };
  },
});

const reactiveKpi = {
  ...meterKpi,
  source: 'utility practice',
  rules: ['R2'],
  needs: ['kWh_reactive', 'kvarh', 'reactive_s', 'window_s'],
  note: {
    en: 'Lagging energy only; leading energy is kept apart (kvarh_lead).',
    fa: 'تنها انرژی راکتیو پس‌فاز؛ پیش‌فاز جدا نگه داشته می‌شود (kvarh_lead).',
  },
} as const;

const reactiveCoverage = (e: Read<'reactive_s' | 'window_s'>): number => share(e('reactive_s'), e('window_s'));

export const powerFactor = define({
  ...reactiveKpi,
  id: 'en.pf',
  name: { en: 'Power factor', fa: 'ضریب توان (ضریب قدرت)' },
  unit: '1',
  formula: 'E / √(E² + Q²), in the time in which both were measured',
  trend: 'higher',
  granularities: ['hour', 'day', 'month'],
  uses: ['kvarh_lead'],
  assess: (e) => ({
    numerator: e('kWh_reactive'),
    denominator: e('kWh_reactive') === 0 ? 0 : Math.hypot(e('kWh_reactive'), e('kvarh')),
    coverage: reactiveCoverage(e),
  }),
});

export const reactiveExcess = define({
  ...reactiveKpi,
  id: 'en.reactive_excess',
  name: { en: 'Excess reactive energy', fa: 'انرژی راکتیو مازاد' },
  unit: 'kvarh',
  formula: 'max(0, Q − E·tan φ_lim), over the whole billing period',
  granularities: ['month'],
  parameters: ['powerFactorLimit'],
  uses: ['kvarh_lead'],
  assess: (e, { powerFactorLimit = 0.9 }) => ({
    numerator: Math.max(0, e('kvarh') - e('kWh_reactive') * Math.sqrt(1 / powerFactorLimit ** 2 - 1)),
    denominator: e('window_s') > 0 ? 1 : 0,
    coverage: reactiveCoverage(e),
    parameters: { power_factor_limit: powerFactorLimit },
  }),
});

const outageCoverage = (e: Read<'outage_known_s' | 'window_s'>): number => share(e('outage_known_s'), e('window_s'));

export const outages = define({
  ...meterKpi,
  id: 'en.outage',
  name: { en: 'Supply interruptions', fa: 'قطعی برق' },
  unit: 'n',
  formula: 'number of interruptions that began',
  source: 'utility practice',
  note: {
    en: 'Told apart from lost data by a device that stays powered.',
    fa: 'با دستگاهی که برقش قطع نمی‌شود از نبود داده بازشناخته می‌شود.',
  },
  needs: ['outages', 'outage_s', 'outage_known_s', 'window_s'],
  assess: (e) => ({ numerator: e('outages'), denominator: e('window_s') > 0 ? 1 : 0, coverage: outageCoverage(e) }),
});

export const outageTime = define({
  ...meterKpi,
  id: 'en.outage_min',
  name: { en: 'Supply interruptions, time', fa: 'قطعی برق (مدت)' },
  unit: 'min',
  formula: 'Σ time without supply',
  source: 'utility practice',
  needs: ['outage_s', 'outage_known_s', 'window_s'],
  assess: (e) => ({
    numerator: e('outage_s') / 60,
    denominator: e('window_s') > 0 ? 1 : 0,
    coverage: outageCoverage(e),
  }),
});
