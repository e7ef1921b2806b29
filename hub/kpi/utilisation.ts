/** How planned busy time was used: ratios of the time elements of ISO 22400-2, and the uptime of SEMI E10. */
import { define, share } from './definition.ts';
import { productionKpi, stateCoverage } from './production.ts';

export const allocationEfficiency = define({
  ...productionKpi,
  id: 'prod.alloc_eff',
  name: { en: 'Allocation efficiency', fa: 'کارایی تخصیص' },
  formula: 'AUBT / (PBT − UNK); AUBT = APT + AUST + ADET',
  note: {
    en: 'Estimated from known time; the bounds take the unknown time for idle or for busy.',
    fa: 'از زمان معلوم برآورد شده است؛ کران‌ها زمان نامعلوم را یک‌بار بیکاری و یک‌بار کار می‌گیرند.',
  },
  needs: ['PBT_s', 'APT_s', 'AUST_s', 'ADET_s'],
  uses: ['UNK_s'],
  assess(e) {
    const busy = e('APT_s') + e('AUST_s') + e('ADET_s');
    const [pbt, unknown] = [e('PBT_s'), e('UNK_s')];
    return {
      numerator: busy,
      denominator: pbt - unknown,
      coverage: stateCoverage(e),
      bounds: unknown > 0 && pbt > 0 ? [busy / pbt, (busy + unknown) / pbt] : undefined,
    };
  },
});

export const utilisationEfficiency = define({
  ...productionKpi,
  id: 'prod.util_eff',
  name: { en: 'Utilization efficiency', fa: 'کارایی بهره‌برداری' },
  formula: 'APT / AUBT; AUBT = APT + AUST + ADET',
  needs: ['PBT_s', 'APT_s', 'AUST_s', 'ADET_s'],
  uses: ['UNK_s'],
  assess: (e) => ({
    numerator: e('APT_s'),
    denominator: e('APT_s') + e('AUST_s') + e('ADET_s'),
    coverage: stateCoverage(e),
  }),
});

export const technicalEfficiency = define({
  ...productionKpi,
  id: 'prod.tech_eff',
  name: { en: 'Technical efficiency', fa: 'کارایی فنی' },
  formula: 'APT / (APT + ADET)',
  needs: ['PBT_s', 'APT_s', 'ADET_s'],
  uses: ['UNK_s'],
  assess: (e) => ({ numerator: e('APT_s'), denominator: e('APT_s') + e('ADET_s'), coverage: stateCoverage(e) }),
});

export const setupRatio = define({
  ...productionKpi,
  id: 'prod.setup_ratio',
  name: { en: 'Setup ratio', fa: 'نسبت زمان آماده‌سازی' },
  formula: 'AUST / AUPT; AUPT = APT + AUST',
  trend: 'lower',
  needs: ['PBT_s', 'APT_s', 'AUST_s'],
  uses: ['UNK_s'],
  assess: (e) => ({ numerator: e('AUST_s'), denominator: e('APT_s') + e('AUST_s'), coverage: stateCoverage(e) }),
});

export const processRatio = define({
  ...productionKpi,
  id: 'prod.process_ratio',
  name: { en: 'Production process ratio', fa: 'نسبت فرایند تولید' },
  formula: 'APT / AOET, without time run for no order',
  granularities: ['order', 'day', 'month'],
  needs: ['PBT_s', 'APT_s', 'AOET_s'],
  uses: ['UNK_s', 'RUN_NO_ORDER_s', 'AOET_assumed_s'],
  assess: (e) => ({
    numerator: e('APT_s') - e('RUN_NO_ORDER_s'),
    denominator: e('AOET_s'),
    coverage: stateCoverage(e),
    flags: [e('AOET_assumed_s') > 0 && 'ORDERS_ASSUMED'],
  }),
});

export const allocationRatio = define({
  ...productionKpi,
  id: 'prod.alloc_ratio',
  name: { en: 'Allocation ratio', fa: 'نسبت تخصیص' },
  formula: 'Σ AUBT / AOET',
  granularities: ['order', 'day', 'month'],
  note: {
    en: 'May exceed 1 when operations of an order overlap.',
    fa: 'اگر عملیات یک سفارش هم‌پوشانی داشته باشد از ۱ بیشتر می‌شود.',
  },
  needs: ['PBT_s', 'APT_s', 'AUST_s', 'ADET_s', 'AOET_s'],
  uses: ['UNK_s', 'RUN_NO_ORDER_s', 'AOET_assumed_s'],
  assess: (e) => ({
    numerator: e('APT_s') + e('AUST_s') + e('ADET_s') - e('RUN_NO_ORDER_s'),
    denominator: e('AOET_s'),
    coverage: stateCoverage(e),
    flags: [e('AOET_assumed_s') > 0 && 'ORDERS_ASSUMED'],
  }),
});

export const workerEfficiency = define({
  ...productionKpi,
  id: 'prod.worker_eff',
  name: { en: 'Worker efficiency', fa: 'کارایی نیروی کار' },
  version: 2,
  formula: 'APWT / APAT',
  note: {
    en: 'As people tell who was there and how long they worked on orders; breaks of the shifts are no attendance. No person is named.',
    fa: 'از حضور و کارکردی که افراد ثبت می‌کنند؛ استراحت‌های شیفت حضور شمرده نمی‌شود و نام کسی ثبت نمی‌شود.',
  },
  groups: ['personnel'],
  needs: ['APWT_s', 'APAT_s'],
  uses: ['crew_s', 'crew_told_s'],
  assess: (e) => ({
    numerator: e('APWT_s'),
    denominator: e('APAT_s'),
    coverage: share(e('crew_told_s'), e('crew_s')),
  }),
});

export const e10Uptime = define({
  ...productionKpi,
  id: 'prod.e10_uptime',
  name: { en: 'Operational uptime (SEMI E10)', fa: 'زمان در دسترس بودن عملیاتی (SEMI E10)' },
  formula: '(PRD + SBY) / (PRD + SBY + SDT + UDT), of the known time inside POT',
  source: 'SEMI E10',
  note: {
    en: 'PRD is RUN; SDT is SETUP, MAINT_PLANNED and POWER_CURTAIL; UDT is FAULT and MAINT_CORRECTIVE; OFF is not scheduled.',
    fa: 'PRD همان RUN است؛ SDT شامل SETUP، MAINT_PLANNED و POWER_CURTAIL؛ UDT شامل FAULT و MAINT_CORRECTIVE؛ OFF برنامه‌ریزی‌نشده است.',
  },
  groups: ['states'],
  needs: ['state_RUN_s'],
  uses: [
    'state_TRANSIENT_s',
    'state_BLOCKED_s',
    'state_STARVED_s',
    'state_HELD_s',
    'state_IDLE_s',
    'state_SETUP_s',
    'state_MAINT_PLANNED_s',
    'state_POWER_CURTAIL_s',
    'state_FAULT_s',
    'state_MAINT_CORRECTIVE_s',
    'state_UNKNOWN_s',
  ],
  assess(e) {
    const standby =
      e('state_TRANSIENT_s') + e('state_BLOCKED_s') + e('state_STARVED_s') + e('state_HELD_s') + e('state_IDLE_s');
    const up = e('state_RUN_s') + standby;
    const scheduledDown = e('state_SETUP_s') + e('state_MAINT_PLANNED_s') + e('state_POWER_CURTAIL_s');
    const operations = up + scheduledDown + e('state_FAULT_s') + e('state_MAINT_CORRECTIVE_s');
    return {
      numerator: up,
      denominator: operations,
      coverage: share(operations, operations + e('state_UNKNOWN_s')),
    };
  },
});
