/** KPIs of a meter: what it counted, and the maximum demand by fixed blocks (kpi.md §2.1, R6, R7). */
import type { CatalogueEntry } from './definition.ts';
import type { Elements, KpiResult } from './kpi.ts';
import { type CoverageLimits, judge, pick, readElements } from './result.ts';

const common = { version: 1, scope: ['meter'], trend: 'lower' } as const;

export const electricity = (limits: CoverageLimits): CatalogueEntry => ({
  ...common,
  id: 'en.kwh',
  group: 'electricity',
  name: { en: 'Electricity consumption', fa: 'مصرف برق' },
  unit: 'kWh',
  formula: 'Σ Δ register',
  source: 'ISO 50001/50006',
  compute: (elements) => consumption(limits, elements, 'kWh'),
});

export const carrier = (limits: CoverageLimits): CatalogueEntry => ({
  ...common,
  id: 'en.carrier',
  group: 'carrier',
  name: { en: 'Consumption by carrier', fa: 'مصرف به تفکیک حامل' },
  unit: "the meter's own",
  formula: 'Σ Δ register',
  source: 'ISO 50001/50006',
  compute: (elements) => consumption(limits, elements, 'quantity'),
});

/** Energy over a gap is known in sum: it is covered, but says so (R7). */
function consumption(limits: CoverageLimits, elements: Elements, amount: string): KpiResult {
  const e = readElements(elements);
  const names = [
    amount,
    `${amount}_estimated`,
    'window_s',
    'measured_s',
    'estimated_s',
    'counter_suspect',
    'counter_reset',
  ];
  const inputs = pick(elements, names);
  const window = e('window_s');
  return judge(limits, {
    numerator: e(amount),
    denominator: window > 0 ? 1 : 0,
    coverage: window > 0 ? (e('measured_s') + e('estimated_s')) / window : 1,
    elements: inputs,
    suspect: e('counter_suspect') > 0,
    flags: [
      e('estimated_s') > 0 && 'ESTIMATED',
      e('counter_suspect') > 0 && 'COUNTER_SUSPECT',
      e('counter_reset') > 0 && 'COUNTER_RESET',
    ],
  });
}

export const peakBlock = (limits: CoverageLimits): CatalogueEntry => ({
  ...common,
  id: 'en.peak_block',
  group: 'electricity',
  name: { en: 'Max demand, block', fa: 'حداکثر دیماند (بازه ثابت)' },
  unit: 'kW',
  formula: 'max of the measured blocks: Δ register of the block / its length',
  source: 'utility practice',
  compute(elements) {
    const e = readElements(elements);
    const blocks = e('blocks');
    return judge(limits, {
      numerator: e('P_max_kW'),
      denominator: blocks > 0 ? 1 : 0,
      coverage: blocks > 0 ? e('blocks_measured') / blocks : 1,
      elements: pick(elements, ['P_max_kW', 'P_max_at_us', 'blocks', 'blocks_measured']),
    });
  },
});
