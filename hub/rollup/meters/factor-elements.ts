/** What a carrier's quantity is in MJ and in kg of CO₂e, by the factors in force (kpi.md §2.1). */
import type { Sums } from '../../kpi/sums.ts';
import type { Factor } from '../../plant/energy-model.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Span } from '../../plant/spans.ts';
import type { Curve } from './register.ts';

const kinds = [
  { kind: 'conversion', amount: 'energy_MJ', none: 'energy_no_factor_us' },
  { kind: 'emission', amount: 'CO2e_kg', none: 'CO2e_no_factor_us' },
] as const;

/** @param known how much of the cell was measured or estimated, and estimated, µs. */
export function factorElements(
  factors: readonly Factor[],
  meter: Meter,
  curve: Curve,
  cell: Span,
  known: { readonly knownUs: number; readonly estimatedUs: number },
): Sums {
  const length = cell.end - cell.start;
  const sums: Sums = { energy_us: length, energy_known_us: known.knownUs, energy_estimated_us: known.estimatedUs };
  for (const { kind, amount, none } of kinds) {
    sums[amount] = 0;
    sums[none] = length;
    for (const factor of factors) {
      if (factor.kind !== kind || factor.carrier !== meter.carrier) continue;
      const start = Math.max(cell.start, factor.from);
      const end = Math.min(cell.end, factor.to);
      if (start >= end) continue;
      sums[amount] += curve.between(start, end) * factor.value;
      sums[none] -= end - start;
    }
  }
  return sums;
}
