/**
 * ISO 22400-2 production KPIs from the elements of a unit, or of several added up (R4). OEE is Σ PRI·GQ / PBT, which
 * equals availability × effectiveness × quality but stays defined when nothing ran and needs no state (kpi.md, 1).
 */
import type { CatalogueEntry } from './definition.ts';
import type { KpiResult } from './kpi.ts';
import { type CoverageLimits, judge, notDefined, pick, type Read, readElements } from './result.ts';

/** Above it, the planned run time is more likely wrong than the machine fast (R3). */
const plausibleEffectiveness = 1.2;

const common = { version: 1, scope: ['unit', 'line'], group: 'production', unit: '1', trend: 'higher' } as const;

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 1);

/** Share of planned busy time whose pieces are in the counts: a gap counts when it is bridged. */
const countedShare = (e: Read): number => (e('PBT_s') > 0 ? Math.max(0, 1 - e('PBT_uncounted_s') / e('PBT_s')) : 1);

const counterFlags = (e: Read): (string | false)[] => [
  e('counter_suspect') > 0 && 'COUNTER_SUSPECT',
  e('counter_reset') > 0 && 'COUNTER_RESET',
];

export const availability = (limits: CoverageLimits): CatalogueEntry => ({
  ...common,
  id: 'prod.availability',
  name: { en: 'Availability', fa: 'دسترس‌پذیری' },
  formula: 'APT / PBT',
  source: 'ISO 22400-2',
  compute(elements): KpiResult {
    const e = readElements(elements);
    const [apt, unknown, pbt] = [e('APT_s'), e('UNK_s'), e('PBT_s')];
    return judge(limits, {
      numerator: apt,
      denominator: pbt - unknown,
      coverage: share(pbt - unknown, pbt),
      elements: pick(elements, availabilityElements),
      bounds: unknown > 0 ? [apt / pbt, (apt + unknown) / pbt] : undefined,
      flags: [e('RUN_NO_ORDER_s') > 0 && 'RUN_NO_ORDER'],
    });
  },
});

const availabilityElements = [
  'POT_s',
  'PDOT_s',
  'PBT_s',
  'APT_s',
  'AUST_s',
  'ADET_s',
  'ADET_failure_s',
  'ADET_internal_s',
  'ADET_external_s',
  'ADET_organisational_s',
  'ADET_minor_s',
  'ADET_energy_s',
  'ADOT_s',
  'UNK_s',
  'APT_X_s',
  'UDT_X_s',
  'PMT_s',
  'CMT_s',
  'RUN_NO_ORDER_s',
];

export const effectiveness = (limits: CoverageLimits): CatalogueEntry => ({
  ...common,
  id: 'prod.effectiveness',
  name: { en: 'Effectiveness (performance)', fa: 'نرخ عملکرد (اثربخشی)' },
  formula: 'Σ PRI·PQ / APT, both in the time in which state and counters are known',
  source: 'ISO 22400-2',
  compute(elements): KpiResult {
    const e = readElements(elements);
    const inputs = pick(elements, ['PRI_PQ_known_s', 'APT_known_s', 'PBT_known_s', 'PBT_s', 'PQ', ...inputsOfTrust]);
    const coverage = share(e('PBT_known_s'), e('PBT_s'));
    if (lacksPri(e)) return notDefined('NO_PRI', coverage, inputs);
    const [planned, running] = [e('PRI_PQ_known_s'), e('APT_known_s')];
    return judge(limits, {
      numerator: planned,
      denominator: running,
      coverage,
      elements: inputs,
      suspect: e('counter_suspect') > 0,
      flags: [
        running === 0 && planned > 0 && 'PQ_WITHOUT_APT',
        running > 0 && planned / running > plausibleEffectiveness && 'PRI_SUSPECT',
        ...counterFlags(e),
      ],
    });
  },
});

const inputsOfTrust = ['PBT_uncounted_s', 'PQ_no_PRI', 'PBT_no_PRI_s', 'counter_suspect', 'counter_reset'];

export const quality = (limits: CoverageLimits): CatalogueEntry => ({
  ...common,
  id: 'prod.quality',
  name: { en: 'Quality ratio', fa: 'نسبت کیفیت' },
  formula: 'GQ / PQ',
  source: 'ISO 22400-2',
  compute(elements): KpiResult {
    const e = readElements(elements);
    return judge(limits, {
      numerator: e('GQ'),
      denominator: e('PQ'),
      coverage: countedShare(e),
      elements: pick(elements, ['GQ', 'PQ', 'SQ', 'PBT_s', 'PBT_uncounted_s', 'counter_suspect', 'counter_reset']),
      suspect: e('counter_suspect') > 0,
      flags: counterFlags(e),
    });
  },
});

export const oee = (limits: CoverageLimits): CatalogueEntry => ({
  ...common,
  id: 'prod.oee',
  name: { en: 'OEE index', fa: 'اثربخشی کلی تجهیزات (OEE)' },
  formula: 'Σ PRI·GQ / PBT',
  source: 'ISO 22400-2',
  compute(elements): KpiResult {
    const e = readElements(elements);
    const pbt = e('PBT_s');
    const inputs = pick(elements, [
      'PRI_GQ_s',
      'PBT_s',
      'PRI_PQ_s',
      'APT_s',
      'APT_X_s',
      'PQ',
      'GQ',
      'UNK_s',
      ...inputsOfTrust,
    ]);
    const coverage = countedShare(e);
    if (lacksPri(e)) return notDefined('NO_PRI', coverage, inputs);
    const certain = e('PRI_GQ_known_s');
    return judge(limits, {
      numerator: e('PRI_GQ_s'),
      denominator: pbt,
      coverage,
      elements: inputs,
      suspect: e('counter_suspect') > 0,
      bounds:
        e('PBT_uncounted_s') > 0 && pbt > 0 ? [certain / pbt, (certain + pbt - e('PBT_known_s')) / pbt] : undefined,
      flags: [e('APT_s') + e('APT_X_s') > pbt && pbt > 0 && 'CALENDAR_MISMATCH', ...counterFlags(e)],
    });
  },
});

/** R13: never 100 %, never best ever. */
const lacksPri = (e: Read): boolean => e('PQ_no_PRI') > 0 || e('PBT_no_PRI_s') > 0;
