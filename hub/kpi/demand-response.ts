/**
 * Two families (kpi.md §2.1): keeping a notified cap, and reducing against a baseline. An interval that was not
 * measured is not compliant, and counted apart; estimated energy is in none of them (R7).
 */
import { define, type Read, share } from './definition.ts';
import type { Flag } from './flags.ts';
import type { KpiParameters } from './parameters.ts';
import { productionKpi, unitScope } from './production.ts';
import type { Elements } from './result.ts';

export interface EventInterval {
  readonly hours: number;
  /** null was not measured. */
  readonly kwh: number | null;
  /** null has no baseline. */
  readonly cblKw: number | null;
}

/** Elements of group `event`, from the quarter-hours of an event and its baseline. */
export function eventElements(intervals: readonly EventInterval[], requestKw?: number): Elements {
  const sums = { event_s: 0, event_measured_s: 0, event_kWh: 0, event_cbl_kWh: 0 };
  for (const { hours, kwh, cblKw } of intervals) {
    sums.event_s += hours * 3600;
    if (kwh === null || cblKw === null) continue;
    sums.event_measured_s += hours * 3600;
    sums.event_kWh += kwh;
    sums.event_cbl_kWh += cblKw * hours;
  }
  return { ...sums, ...(requestKw !== undefined && { event_request_kWh: (requestKw * sums.event_measured_s) / 3600 }) };
}

const capKpi = {
  scope: ['meter', 'event'],
  groups: ['cap'],
  granularities: ['event', 'day', 'month'],
  source: 'utility practice',
  trend: 'lower',
  rules: ['R2', 'R7'],
} as const;

const capCoverage = (e: Read<'cap_measured' | 'cap_intervals'>): number => share(e('cap_measured'), e('cap_intervals'));

const unmeasured = (e: Read<'cap_measured' | 'cap_intervals'>): Flag | false =>
  e('cap_measured') < e('cap_intervals') && 'UNMEASURED';

export const capCompliance = define({
  ...capKpi,
  id: 'dr.compliance',
  name: { en: 'Cap compliance', fa: 'پایبندی به سقف مجاز دیماند' },
  unit: '1',
  formula: 'measured intervals with P ≤ L·(1 + tolerance) / all intervals under the cap',
  trend: 'higher',
  note: {
    en: 'An interval that was not measured is not compliant; the upper bound takes it for compliant.',
    fa: 'بازه‌ای که اندازه‌گیری نشده پایبند شمرده نمی‌شود؛ کران بالا آن را پایبند می‌گیرد.',
  },
  needs: ['cap_intervals', 'cap_measured', 'cap_kept'],
  assess(e) {
    const [all, measured, kept] = [e('cap_intervals'), e('cap_measured'), e('cap_kept')];
    return {
      numerator: kept,
      denominator: all,
      coverage: capCoverage(e),
      flags: [unmeasured(e)],
      bounds: measured < all ? [kept / all, (kept + all - measured) / all] : undefined,
    };
  },
});

export const capExcess = define({
  ...capKpi,
  id: 'dr.excess',
  name: { en: 'Energy above cap', fa: 'انرژی مازاد بر سقف مجاز' },
  unit: 'kWh',
  formula: 'Σ max(0, P − L) · length of the interval',
  granularities: ['event', 'month'],
  needs: ['cap_intervals', 'cap_measured', 'cap_excess_kWh'],
  assess: (e) => ({
    numerator: e('cap_excess_kWh'),
    denominator: e('cap_intervals') > 0 ? 1 : 0,
    coverage: capCoverage(e),
    flags: [unmeasured(e)],
  }),
});

export const capWorst = define({
  ...capKpi,
  id: 'dr.excess_worst',
  name: { en: 'Worst interval against cap', fa: 'بدترین بازه نسبت به سقف مجاز' },
  unit: '1',
  formula: 'max(P / L − 1) of the measured intervals',
  granularities: ['event', 'month'],
  note: {
    en: 'Negative where all stayed below. Under a cap of 0 kW only cap_worst_kW says how far.',
    fa: 'اگر همهٔ بازه‌ها زیر سقف بمانند منفی است. در سقف صفر کیلووات تنها cap_worst_kW اندازهٔ تجاوز را می‌گوید.',
  },
  needs: ['cap_intervals', 'cap_measured', 'cap_worst_share'],
  uses: ['cap_worst_share_at_us', 'cap_worst_kW', 'cap_worst_at_us'],
  assess: (e) => ({
    numerator: e('cap_worst_share'),
    denominator: e('cap_intervals') > 0 ? 1 : 0,
    coverage: capCoverage(e),
    flags: [unmeasured(e)],
  }),
});

const eventKpi = {
  scope: ['event', 'meter'],
  groups: ['event'],
  granularities: ['event', 'month'],
  source: 'utility practice',
  trend: 'higher',
  rules: ['R2', 'R7'],
  parameters: ['cbl'],
  needs: ['event_s', 'event_measured_s', 'event_kWh', 'event_cbl_kWh'],
} as const;

const eventCoverage = (e: Read<'event_measured_s' | 'event_s'>): number => share(e('event_measured_s'), e('event_s'));

const statedBaseline = (cbl: KpiParameters['cbl']) =>
  cbl && {
    ...{ cbl_method: cbl.method, cbl_days: cbl.days },
    ...(cbl.adjustmentKw !== undefined && { cbl_adjustment_kW: cbl.adjustmentKw }),
    ...(cbl.fallback && { cbl_fallback: cbl.fallback }),
  };

export const reduction = define({
  ...eventKpi,
  id: 'dr.reduction',
  name: { en: 'Load reduction vs baseline', fa: 'کاهش بار نسبت به خط مبنا' },
  unit: 'kW',
  formula: 'mean of CBL − P over the measured intervals',
  assess: (e, { cbl }) => ({
    numerator: (e('event_cbl_kWh') - e('event_kWh')) * 3600,
    denominator: e('event_measured_s'),
    coverage: eventCoverage(e),
    flags: [cbl?.fallback !== undefined && 'FALLBACK'],
    parameters: statedBaseline(cbl),
  }),
});

export const reducedEnergy = define({
  ...eventKpi,
  id: 'dr.reduction_kwh',
  name: { en: 'Energy reduced vs baseline', fa: 'انرژی کاهش‌یافته نسبت به خط مبنا' },
  unit: 'kWh',
  formula: 'Σ (CBL − P) · length, of the measured intervals',
  assess: (e, { cbl }) => ({
    numerator: e('event_cbl_kWh') - e('event_kWh'),
    denominator: e('event_s') > 0 ? 1 : 0,
    coverage: eventCoverage(e),
    flags: [cbl?.fallback !== undefined && 'FALLBACK'],
    parameters: statedBaseline(cbl),
  }),
});

export const performance = define({
  ...eventKpi,
  id: 'dr.performance',
  name: { en: 'Delivered/requested reduction', fa: 'تحقق تعهد کاهش بار' },
  unit: '1',
  formula: 'reduction / request, both of the measured intervals',
  uses: ['event_request_kWh'],
  assess: (e, { cbl }, inputs) =>
    inputs.event_request_kWh === undefined
      ? { undefined: 'NO_REQUEST', coverage: eventCoverage(e) }
      : {
          numerator: e('event_cbl_kWh') - e('event_kWh'),
          denominator: e('event_request_kWh'),
          coverage: eventCoverage(e),
          flags: [cbl?.fallback !== undefined && 'FALLBACK'],
          parameters: statedBaseline(cbl),
        },
});

const lostKpi = {
  ...productionKpi,
  scope: unitScope,
  source: 'own',
  trend: 'lower',
  rules: [],
} as const;

export const lostHours = define({
  ...lostKpi,
  id: 'dr.lost_hours',
  name: { en: 'Production time lost to curtailment', fa: 'توقف ناشی از محدودیت انرژی' },
  unit: 'h',
  formula: 'Σ time in POWER_CURTAIL inside shifts, however it is booked',
  granularities: ['day', 'month'],
  needs: ['CURTAIL_s'],
  uses: ['PBT_s', 'UNK_s', 'ADET_energy_s'],
  assess: (e) => ({
    numerator: e('CURTAIL_s') / 3600,
    denominator: 1,
    coverage: share(e('PBT_s') - e('UNK_s'), e('PBT_s')),
  }),
});

export const lostOutput = define({
  ...lostKpi,
  id: 'dr.lost_output',
  name: { en: 'Output lost to curtailment', fa: 'تولید ازدست‌رفته' },
  unit: 'pieces',
  formula: 'Σ (lost time / PRI) · E_ref · Q_ref, by the references in force',
  granularities: ['month'],
  rules: ['R13'],
  note: {
    en: 'An estimate: what the unit would have made at its reference effectiveness and quality.',
    fa: 'برآورد است: آنچه دستگاه با عملکرد و کیفیت مرجع خود تولید می‌کرد.',
  },
  needs: ['CURTAIL_s', 'CURTAIL_pieces'],
  uses: ['CURTAIL_good', 'CURTAIL_no_PRI_s', 'CURTAIL_no_reference_s', 'PBT_s', 'UNK_s'],
  assess(e) {
    const coverage = share(e('PBT_s') - e('UNK_s'), e('PBT_s'));
    if (e('CURTAIL_no_PRI_s') > 0) return { undefined: 'NO_PRI', coverage };
    if (e('CURTAIL_no_reference_s') > 0) return { undefined: 'NO_REFERENCE', coverage };
    return { numerator: e('CURTAIL_good'), denominator: 1, coverage, flags: ['ESTIMATE'] };
  },
});
