/** What meters counted: R6 and R7. Energy over a gap is known in sum: it is covered, but says so. */
import { define, type Ratio, type Read, share } from './definition.ts';

export const meterKpi = {
  scope: ['meter'],
  groups: ['electricity'],
  granularities: ['day', 'month'],
  trend: 'lower',
  source: 'ISO 50001/50006',
} as const;

const meterTrust = [
  'window_s',
  'measured_s',
  'estimated_s',
  'integrated_s',
  'counter_suspect',
  'counter_reset',
] as const;
type MeterTrust = Read<(typeof meterTrust)[number]>;

/** What the registers behind a figure say of it. */
export const metered = (e: MeterTrust): Required<Pick<Ratio, 'coverage' | 'suspect' | 'flags'>> => ({
  coverage: share(e('measured_s') + e('estimated_s'), e('window_s')),
  suspect: e('counter_suspect') > 0,
  flags: [
    e('estimated_s') > 0 && 'ESTIMATED',
    e('integrated_s') > 0 && 'INTEGRATED',
    e('counter_suspect') > 0 && 'COUNTER_SUSPECT',
    e('counter_reset') > 0 && 'COUNTER_RESET',
  ],
});

export const electricity = define({
  ...meterKpi,
  id: 'en.kwh',
  name: { en: 'Electricity consumption', fa: 'مصرف برق' },
  unit: 'kWh',
  formula: 'Σ Δ register',
  granularities: ['15min', 'hour', 'shift', 'day', 'week', 'month'],
  rules: ['R6', 'R7', 'R17'],
  needs: ['kWh', 'window_s'],
  uses: ['kWh_estimated', 'measured_s', 'estimated_s', 'integrated_s', 'counter_suspect', 'counter_reset'],
  assess: (e) => ({ numerator: e('kWh'), denominator: e('window_s') > 0 ? 1 : 0, ...metered(e) }),
});

export const carrier = define({
  ...meterKpi,
  groups: ['carrier'],
  id: 'en.carrier',
  name: { en: 'Consumption by carrier', fa: 'مصرف به تفکیک حامل' },
  unit: 'own',
  formula: 'Σ Δ register: gas in m³ at standard conditions, fuel in L, water in m³',
  granularities: ['hour', 'shift', 'day', 'week', 'month'],
  rules: ['R6', 'R7'],
  needs: ['quantity', 'window_s'],
  uses: ['quantity_estimated', 'measured_s', 'estimated_s', 'integrated_s', 'counter_suspect', 'counter_reset'],
  assess: (e) => ({ numerator: e('quantity'), denominator: e('window_s') > 0 ? 1 : 0, ...metered(e) }),
});
