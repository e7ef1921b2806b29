/** All carriers of an asset in one measure: MJ by their conversion factors, kg CO₂e by their emission factors. */
import { define, type Ratio, type Read, share, type Undefined } from './definition.ts';
import { meterKpi } from './energy.ts';
import { counted, trust as counterTrust, unitScope } from './production.ts';

type EnergyTrust = Read<'energy_s' | 'energy_known_s' | 'energy_estimated_s'>;

const known = (e: EnergyTrust): Pick<Ratio, 'coverage' | 'flags'> & { readonly coverage: number } => ({
  coverage: share(e('energy_known_s'), e('energy_s')),
  flags: [e('energy_estimated_s') > 0 && 'ESTIMATED'],
});

/** A figure over pieces: what is less known of the two decides. */
export function perPieces(pieces: Ratio, energy: Pick<Ratio, 'coverage' | 'flags' | 'suspect'>): Ratio {
  return {
    ...pieces,
    coverage: Math.min(pieces.coverage ?? 1, energy.coverage ?? 1),
    suspect: pieces.suspect === true || energy.suspect === true,
    flags: [...new Set([...(energy.flags ?? []), ...(pieces.flags ?? [])])],
  };
}

const noFactor = (e: EnergyTrust): Undefined => ({ undefined: 'NO_FACTOR', coverage: known(e).coverage });

const carrierKpi = {
  ...meterKpi,
  groups: ['energy'],
  scope: ['meter', ...unitScope],
  granularities: ['day', 'week', 'month'],
  rules: ['R2'],
} as const;
const perUnit = { ...carrierKpi, scope: unitScope, groups: ['energy', 'production'] } as const;
const trust = ['PBT_s', ...counterTrust, 'energy_known_s', 'energy_estimated_s'] as const;

export const carrierGj = define({
  ...carrierKpi,
  id: 'en.carrier_gj',
  name: { en: 'Energy consumption, all carriers', fa: 'مصرف انرژی (همه حامل‌ها)' },
  unit: 'GJ',
  formula: 'Σ Mᵢ·Rᵢ; R by the factors in force',
  needs: ['energy_MJ', 'energy_s'],
  uses: ['energy_no_factor_s', 'energy_known_s', 'energy_estimated_s'],
  assess: (e) =>
    e('energy_no_factor_s') > 0
      ? noFactor(e)
      : { numerator: e('energy_MJ') / 1000, denominator: e('energy_s') > 0 ? 1 : 0, ...known(e) },
});

export const comprehensiveEnergy = define({
  ...perUnit,
  id: 'en.cec',
  name: { en: 'Comprehensive energy per unit', fa: 'مصرف جامع انرژی به ازای واحد تولید' },
  unit: 'MJ/unit',
  formula: 'Σ Mᵢ·Rᵢ / PQ',
  source: 'ISO 22400-2',
  needs: ['energy_MJ', 'energy_s', 'PQ'],
  uses: ['energy_no_factor_s', ...trust],
  assess: (e) => (e('energy_no_factor_s') > 0 ? noFactor(e) : perPieces(counted(e, e('energy_MJ'), e('PQ')), known(e))),
});

export const comprehensiveEnergyGood = define({
  ...perUnit,
  id: 'en.cec_good',
  name: { en: 'Comprehensive energy per good unit', fa: 'مصرف جامع انرژی به ازای واحد سالم' },
  unit: 'MJ/unit',
  formula: 'Σ Mᵢ·Rᵢ / GQ',
  source: 'ISO 22400-2',
  needs: ['energy_MJ', 'energy_s', 'GQ'],
  uses: ['energy_no_factor_s', ...trust],
  assess: (e) => (e('energy_no_factor_s') > 0 ? noFactor(e) : perPieces(counted(e, e('energy_MJ'), e('GQ')), known(e))),
});

export const energyByMass = define({
  ...perUnit,
  id: 'en.sec_gj',
  name: { en: 'Specific energy consumption by mass', fa: 'مصرف ویژه انرژی به ازای تن' },
  unit: 'GJ/t',
  formula: 'Σ Mᵢ·Rᵢ / (Σ GQ · mass)',
  needs: ['energy_MJ', 'energy_s', 'GQ'],
  uses: ['GQ_t', 'GQ_no_mass', 'energy_no_factor_s', ...trust],
  assess(e) {
    if (e('energy_no_factor_s') > 0) return noFactor(e);
    if (e('GQ_no_mass') > 0) return { undefined: 'NO_MASS', coverage: known(e).coverage };
    return perPieces(counted(e, e('energy_MJ') / 1000, e('GQ_t')), known(e));
  },
});

export const emissions = define({
  ...carrierKpi,
  id: 'en.co2e',
  name: { en: 'CO₂-equivalent', fa: 'انتشار معادل دی‌اکسیدکربن' },
  unit: 'kg',
  formula: 'Σ activity · factor',
  granularities: ['day', 'month'],
  source: 'own',
  needs: ['CO2e_kg', 'energy_s'],
  uses: ['CO2e_no_factor_s', 'energy_known_s', 'energy_estimated_s'],
  assess: (e) =>
    e('CO2e_no_factor_s') > 0
      ? noFactor(e)
      : { numerator: e('CO2e_kg'), denominator: e('energy_s') > 0 ? 1 : 0, ...known(e) },
});

export const emissionsPerUnit = define({
  ...perUnit,
  id: 'en.co2e_unit',
  name: { en: 'CO₂-equivalent per good unit', fa: 'انتشار معادل دی‌اکسیدکربن به ازای واحد سالم' },
  unit: 'kg/unit',
  formula: 'Σ activity · factor / GQ',
  granularities: ['day', 'month'],
  source: 'own',
  needs: ['CO2e_kg', 'energy_s', 'GQ'],
  uses: ['CO2e_no_factor_s', ...trust],
  assess: (e) => (e('CO2e_no_factor_s') > 0 ? noFactor(e) : perPieces(counted(e, e('CO2e_kg'), e('GQ')), known(e))),
});
