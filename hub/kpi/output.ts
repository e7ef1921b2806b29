/** What was made, what of it was lost, and how it stands to plan and capacity (ISO 22400-2). */
import { define, share } from './definition.ts';
import { countCoverage, counted, trust as counterTrust, productionKpi } from './production.ts';

const trust = ['PBT_s', ...counterTrust] as const;
const perHour = { ...productionKpi, unit: 'pieces/h', granularities: ['hour', 'shift', 'day', 'month'] } as const;

export const throughput = define({
  ...perHour,
  id: 'prod.throughput',
  name: { en: 'Throughput rate', fa: 'نرخ خروجی تولید' },
  formula: 'PQ / AOET, without pieces made for no order',
  needs: ['PQ', 'AOET_s'],
  uses: ['PQ_no_order', 'AOET_assumed_s', ...trust],
  assess: (e) =>
    counted(e, e('PQ') - e('PQ_no_order'), e('AOET_s') / 3600, [e('AOET_assumed_s') > 0 && 'ORDERS_ASSUMED']),
});

export const throughputWindow = define({
  ...perHour,
  id: 'prod.throughput_window',
  name: { en: 'Throughput rate, whole window', fa: 'نرخ خروجی تولید (کل بازه)' },
  formula: 'PQ / length of the window',
  note: { en: 'Of several units: per hour of a unit.', fa: 'برای چند دستگاه: در هر ساعت کار یک دستگاه.' },
  needs: ['PQ'],
  uses: trust,
  assess: (e) => counted(e, e('PQ'), e('unit_s') / 3600),
});

export const scrap = define({
  ...productionKpi,
  id: 'prod.scrap',
  name: { en: 'Scrap ratio', fa: 'نسبت ضایعات' },
  formula: 'SQ / PQ',
  trend: 'lower',
  needs: ['SQ', 'PQ'],
  uses: trust,
  assess: (e) => counted(e, e('SQ'), e('PQ')),
});

export const rework = define({
  ...productionKpi,
  id: 'prod.rework',
  name: { en: 'Rework ratio', fa: 'نسبت دوباره‌کاری' },
  formula: 'RQ / PQ, both of the units that tell rework',
  trend: 'lower',
  rules: ['R2', 'R12'],
  needs: ['RQ', 'PQ_RQ', 'PQ'],
  uses: trust,
  assess: (e) => ({
    ...counted(e, e('RQ'), e('PQ_RQ')),
    coverage: Math.min(countCoverage(e), share(e('PQ_RQ'), e('PQ'))),
  }),
});

export const plannedScrap = define({
  ...productionKpi,
  id: 'prod.planned_scrap',
  name: { en: 'Actual to planned scrap ratio', fa: 'نسبت ضایعات واقعی به برنامه‌ای' },
  version: 2,
  formula: 'Σ SQ / Σ PSQ, of units whose orders plan scrap',
  trend: 'lower',
  needs: [],
  uses: ['SQ_planned', 'PSQ', ...trust],
  assess: (e) =>
    e('PSQ') === 0 ? { undefined: 'NO_PLAN', coverage: countCoverage(e) } : counted(e, e('SQ_planned'), e('PSQ')),
});

export const firstPassYield = define({
  ...productionKpi,
  id: 'prod.fpy',
  name: { en: 'First pass yield', fa: 'بازده عبور اول (FPY)' },
  version: 2,
  formula: 'GP / IP',
  rules: ['R2', 'R12'],
  note: {
    en: 'As people tell of inspections; no role of the plant model counts inspected pieces. An entry is spread over the planned busy time of its span.',
    fa: 'از بازرسی‌هایی که افراد ثبت می‌کنند؛ هیچ نقشی در مدل کارخانه قطعهٔ بازرسی‌شده را نمی‌شمارد. هر ثبت روی زمان کار برنامه‌ریزی‌شدهٔ بازه‌اش پخش می‌شود.',
  },
  groups: ['inspection'],
  needs: ['GP', 'IP'],
  uses: ['inspect_s', 'inspect_told_s'],
  assess: (e) => ({
    numerator: e('GP'),
    denominator: e('IP'),
    coverage: share(e('inspect_told_s'), e('inspect_s')),
  }),
});

export const fallOff = define({
  ...productionKpi,
  id: 'prod.falloff',
  name: { en: 'Fall-off ratio', fa: 'نسبت افت در زنجیره تولید' },
  formula: 'SQ / PQ of the first operation',
  scope: ['line'],
  trend: 'lower',
  needs: ['SQ', 'PQ_first'],
  uses: trust,
  assess: (e) => counted(e, e('SQ'), e('PQ_first')),
});

export const loadRatio = define({
  ...productionKpi,
  id: 'prod.load_ratio',
  name: { en: 'Equipment load ratio', fa: 'نسبت بارگذاری تجهیز' },
  formula: 'PQ / (rated capacity per hour · length of the window)',
  granularities: ['day', 'week', 'month'],
  needs: ['PQ'],
  uses: ['EPC', 'EPC_none_s', ...trust],
  assess: (e) =>
    e('EPC_none_s') > 0 || e('EPC') === 0
      ? { undefined: 'NO_CAPACITY', coverage: countCoverage(e) }
      : counted(e, e('PQ'), e('EPC')),
});

export const attainment = define({
  ...productionKpi,
  id: 'prod.attainment',
  name: { en: 'Plan attainment', fa: 'تحقق برنامه تولید' },
  formula: 'Σ GQ / Σ plan, of units that have orders with a quantity',
  source: 'own',
  rules: ['R2'],
  note: {
    en: 'The plan of a running window is the target rate over the planned busy time that has passed.',
    fa: 'برنامهٔ بازهٔ در حال اجرا، نرخ هدف در زمان برنامه‌ریزی‌شدهٔ سپری‌شده است.',
  },
  needs: [],
  uses: ['GQ_planned', 'PLAN', ...trust],
  assess: (e) =>
    e('PLAN') === 0 ? { undefined: 'NO_PLAN', coverage: countCoverage(e) } : counted(e, e('GQ_planned'), e('PLAN')),
});

const volumeKpi = {
  ...productionKpi,
  granularities: ['15min', 'hour', 'shift', 'day', 'week', 'month'],
  rules: ['R6'],
} as const;

export const volume = define({
  ...volumeKpi,
  id: 'prod.volume',
  name: { en: 'Production volume', fa: 'میزان تولید' },
  unit: 'pieces',
  formula: 'Σ GQ',
  needs: ['GQ'],
  uses: trust,
  assess: (e) => counted(e, e('GQ'), 1),
});

export const volumeTonnes = define({
  ...volumeKpi,
  id: 'prod.volume_t',
  name: { en: 'Production volume by mass', fa: 'میزان تولید (تن)' },
  unit: 't',
  formula: 'Σ GQ · mass of the product',
  needs: ['GQ'],
  uses: ['GQ_t', 'GQ_no_mass', ...trust],
  assess: (e) =>
    e('GQ_no_mass') > 0 || (e('GQ') > 0 && e('GQ_t') === 0)
      ? { undefined: 'NO_MASS', coverage: countCoverage(e) }
      : counted(e, e('GQ_t'), 1),
});
