/**
 * ISO 22400-2 production KPIs from the elements of a unit, or of several added up (R4). OEE is Σ PRI·GQ / PBT, which
 * equals availability × effectiveness × quality but stays defined when nothing ran and needs no state (kpi.md, 1).
 */
import { exceeds } from './compare.ts';
import { define, type Ratio, type Read, share } from './definition.ts';
import type { Flag } from './flags.ts';

/** Above it, the planned run time is more likely wrong than the machine fast (R3). */
const plausibleEffectiveness = 1.2;

export const unitScope = ['unit', 'line', 'area', 'site'] as const;

/** What every production KPI has in common, unless it says otherwise. */
export const productionKpi = {
  scope: unitScope,
  groups: ['production'],
  granularities: ['shift', 'day', 'week', 'month'],
  unit: '1',
  trend: 'higher',
  source: 'ISO 22400-2',
  rules: ['R2'],
} as const;

/** Share of planned busy time in which the state was known. */
export const stateCoverage = (e: Read<'PBT_s' | 'UNK_s'>): number => share(e('PBT_s') - e('UNK_s'), e('PBT_s'));

/** Share of planned busy time whose pieces are in the counts: a gap counts when it is bridged. */
const busyCoverage = (e: Read<'PBT_s' | 'PBT_uncounted_s'>): number =>
  share(e('PBT_s') - e('PBT_uncounted_s'), e('PBT_s'));

/** Where nothing was planned, the share of all time: a unit that was not to run may have made something. */
export const countCoverage = (e: Read<'PBT_s' | (typeof trust)[number]>): number =>
  e('PBT_s') > 0 ? busyCoverage(e) : share(e('unit_s') - e('uncounted_s'), e('unit_s'));

const counterFlags = (e: Read<'counter_suspect' | 'counter_reset'>): (Flag | false)[] => [
  e('counter_suspect') > 0 && 'COUNTER_SUSPECT',
  e('counter_reset') > 0 && 'COUNTER_RESET',
];

export const trust = ['PBT_uncounted_s', 'unit_s', 'uncounted_s', 'counter_suspect', 'counter_reset'] as const;

/** A ratio of pieces. */
export const counted = (
  e: Read<'PBT_s' | (typeof trust)[number]>,
  numerator: number,
  denominator: number,
  flags: readonly (Flag | false)[] = [],
): Ratio => ({
  numerator,
  denominator,
  coverage: countCoverage(e),
  suspect: e('counter_suspect') > 0,
  flags: [...flags, ...counterFlags(e)],
});

/** R13: never 100 %, never best ever. */
const lacksPri = (e: Read<'PQ_no_PRI' | 'PBT_no_PRI_s'>): boolean => e('PQ_no_PRI') > 0 || e('PBT_no_PRI_s') > 0;

const rates = ['PQ_no_PRI', 'PBT_no_PRI_s'] as const;

export const availability = define({
  ...productionKpi,
  id: 'prod.availability',
  name: { en: 'Availability', fa: 'دسترس‌پذیری' },
  formula: 'APT / (PBT − UNK)',
  granularities: ['hour', 'shift', 'day', 'week', 'month'],
  note: {
    en: 'Estimated from known time; the bounds take the unknown time for down or for running.',
    fa: 'از زمان معلوم برآورد شده است؛ کران‌ها زمان نامعلوم را یک‌بار توقف و یک‌بار کارکرد می‌گیرند.',
  },
  needs: ['PBT_s', 'APT_s'],
  uses: [
    'UNK_s',
    'POT_s',
    'PDOT_s',
    'AUST_s',
    'ADET_s',
    'ADET_failure_s',
    'ADET_internal_s',
    'ADET_external_s',
    'ADET_organisational_s',
    'ADET_minor_s',
    'ADET_energy_s',
    'ADOT_s',
    'APT_X_s',
    'UDT_X_s',
    'PMT_s',
    'CMT_s',
    'RUN_NO_ORDER_s',
  ],
  assess(e) {
    const [apt, unknown, pbt] = [e('APT_s'), e('UNK_s'), e('PBT_s')];
    return {
      numerator: apt,
      denominator: pbt - unknown,
      coverage: stateCoverage(e),
      bounds: unknown > 0 && pbt > 0 ? [apt / pbt, (apt + unknown) / pbt] : undefined,
      flags: [exceeds(apt, pbt - unknown) && 'CALENDAR_MISMATCH', e('RUN_NO_ORDER_s') > 0 && 'RUN_NO_ORDER'],
    };
  },
});

export const effectiveness = define({
  ...productionKpi,
  id: 'prod.effectiveness',
  name: { en: 'Effectiveness (performance)', fa: 'نرخ عملکرد (اثربخشی)' },
  formula: 'Σ PRI·PQ / APT, both in the time in which state and counters are known',
  granularities: ['hour', 'shift', 'day', 'week', 'month'],
  rules: ['R2', 'R13', 'R14'],
  needs: ['PBT_s', 'PBT_known_s', 'APT_known_s', 'PRI_PQ_known_s'],
  uses: ['PQ', ...trust, ...rates],
  assess(e) {
    const coverage = share(e('PBT_known_s'), e('PBT_s'));
    if (lacksPri(e)) return { undefined: 'NO_PRI', coverage };
    const [planned, running] = [e('PRI_PQ_known_s'), e('APT_known_s')];
    return {
      numerator: planned,
      denominator: running,
      coverage,
      suspect: e('counter_suspect') > 0,
      flags: [
        running === 0 && planned > 0 && 'PQ_WITHOUT_APT',
        running > 0 && exceeds(planned / running, plausibleEffectiveness) && 'PRI_SUSPECT',
        ...counterFlags(e),
      ],
    };
  },
});

export const quality = define({
  ...productionKpi,
  id: 'prod.quality',
  name: { en: 'Quality ratio', fa: 'نسبت کیفیت' },
  formula: 'GQ / PQ',
  granularities: ['hour', 'shift', 'day', 'week', 'month'],
  rules: ['R2', 'R12'],
  needs: ['GQ', 'PQ', 'PBT_s'],
  uses: ['SQ', ...trust],
  assess: (e) => counted(e, e('GQ'), e('PQ')),
});

export const oee = define({
  ...productionKpi,
  id: 'prod.oee',
  name: { en: 'OEE index', fa: 'اثربخشی کلی تجهیزات (OEE)' },
  formula: 'Σ PRI·GQ / PBT',
  granularities: ['hour', 'shift', 'day', 'week', 'month'],
  rules: ['R2', 'R13', 'R14'],
  note: {
    en: 'A cycle that is longer than an hour makes the hour a poor window.',
    fa: 'اگر زمان سیکل بیش از یک ساعت باشد، ساعت بازهٔ مناسبی نیست.',
  },
  needs: ['PRI_GQ_s', 'PBT_s'],
  uses: ['PRI_PQ_s', 'PRI_GQ_known_s', 'PBT_known_s', 'APT_s', 'APT_X_s', 'PQ', 'GQ', 'UNK_s', ...trust, ...rates],
  assess(e) {
    const pbt = e('PBT_s');
    const coverage = busyCoverage(e);
    if (lacksPri(e)) return { undefined: 'NO_PRI', coverage };
    const certain = e('PRI_GQ_known_s');
    return {
      numerator: e('PRI_GQ_s'),
      denominator: pbt,
      coverage,
      suspect: e('counter_suspect') > 0,
      bounds:
        e('PBT_uncounted_s') > 0 && pbt > 0 ? [certain / pbt, (certain + pbt - e('PBT_known_s')) / pbt] : undefined,
      flags: [exceeds(e('APT_s') + e('APT_X_s'), pbt) && pbt > 0 && 'CALENDAR_MISMATCH', ...counterFlags(e)],
    };
  },
});

export const nee = define({
  ...productionKpi,
  id: 'prod.nee',
  name: { en: 'NEE index', fa: 'اثربخشی خالص تجهیزات (NEE)' },
  formula: 'AUPT / PBT · E · Q = Σ PRI·GQ / PBT · (APT + AUST) / APT',
  rules: ['R2', 'R13'],
  needs: ['PRI_GQ_s', 'PBT_s', 'APT_s', 'AUST_s'],
  uses: ['UNK_s', ...trust, ...rates],
  assess(e) {
    const coverage = Math.min(busyCoverage(e), stateCoverage(e));
    if (lacksPri(e)) return { undefined: 'NO_PRI', coverage };
    return {
      numerator: e('PRI_GQ_s') * (e('APT_s') + e('AUST_s')),
      denominator: e('PBT_s') * e('APT_s'),
      coverage,
      suspect: e('counter_suspect') > 0,
      flags: counterFlags(e),
    };
  },
});
