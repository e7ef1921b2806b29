/** Where a site's electricity comes from and where it goes: self-supply, and the balance of the meter tree. */
import { exceeds } from './compare.ts';
import { define, type Read, share } from './definition.ts';
import { meterKpi } from './energy.ts';

export const selfSupply = define({
  ...meterKpi,
  id: 'en.selfgen',
  name: { en: 'Self-supply share', fa: 'سهم خودتأمین برق' },
  unit: '1',
  formula: 'E_own / (E_grid + E_own − E_export)',
  scope: ['site'],
  groups: ['supply'],
  trend: 'higher',
  source: 'utility practice',
  rules: ['R2', 'R7'],
  needs: ['kWh_own', 'kWh_grid', 'supply_s', 'supply_known_s'],
  uses: ['kWh_export'],
  assess: (e) => ({
    numerator: e('kWh_own'),
    denominator: e('kWh_grid') + e('kWh_own') - e('kWh_export'),
    coverage: share(e('supply_known_s'), e('supply_s')),
  }),
});

const balanceKpi = {
  ...meterKpi,
  unit: '1',
  groups: ['balance'],
  source: 'own',
  rules: ['R2', 'R7'],
  needs: ['balance_main_kWh', 'balance_sub_kWh', 'balance_s', 'balance_known_s'],
  uses: ['balance_loss_kWh'],
  note: {
    en: 'All in the time in which the meter and every one directly below it were known.',
    fa: 'همه در زمانی که کنتور و همهٔ کنتورهای زیر آن معلوم بوده‌اند.',
  },
} as const;

const balanceCoverage = (e: Read<'balance_known_s' | 'balance_s'>): number =>
  share(e('balance_known_s'), e('balance_s'));

export const closure = define({
  ...balanceKpi,
  id: 'en.closure',
  name: { en: 'Energy balance closure', fa: 'خطای تراز انرژی' },
  formula: '(main − Σ sub − declared losses) / main',
  parameters: ['closureLimit'],
  assess(e, { closureLimit = 0.05 }) {
    const main = e('balance_main_kWh');
    const open = main - e('balance_sub_kWh') - e('balance_loss_kWh');
    return {
      numerator: open,
      denominator: main,
      coverage: balanceCoverage(e),
      flags: [exceeds(Math.abs(open), closureLimit * Math.abs(main)) && 'BALANCE_OPEN'],
      parameters: { closure_limit: closureLimit },
    };
  },
});

export const meterCoverage = define({
  ...balanceKpi,
  id: 'dq.meter_cov',
  name: { en: 'Energy-meter coverage', fa: 'پوشش اندازه‌گیری انرژی' },
  formula: 'Σ sub / main',
  granularities: ['month'],
  trend: 'higher',
  assess: (e) => ({
    numerator: e('balance_sub_kWh'),
    denominator: e('balance_main_kWh'),
    coverage: balanceCoverage(e),
  }),
});
