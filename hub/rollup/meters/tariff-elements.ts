/** The energy of a cell by tariff band, and what it costs: applied here, where band, price and date are known. */
import type { Sums } from '../../kpi/sums.ts';
import { dailySpans } from '../../plant/daily.ts';
import type { EnergyModel, Tariff } from '../../plant/energy-model.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Span } from '../../plant/spans.ts';
import type { Curve } from './register.ts';

/** kWh of each band, energy spread over a gap included (R7); time without a band or a price is told. */
export function tariffElements(
  { tariffs, zone }: Pick<EnergyModel, 'tariffs'> & { readonly zone: string },
  meter: Meter,
  curve: Curve,
  cell: Span,
): Sums {
  const sums: Sums = { kWh_peak: 0, kWh_mid: 0, kWh_low: 0, cost_energy_IRR: 0 };
  let banded = 0;
  let priced = 0;
  for (const tariff of tariffs.filter((one) => isFor(one, meter))) {
    const start = Math.max(cell.start, tariff.from);
    const end = Math.min(cell.end, tariff.to);
    if (start >= end) continue;
    for (const band of tariff.bands) {
      for (const span of dailySpans(zone, band, { start, end })) {
        const kwh = curve.between(span.start, span.end);
        sums[`kWh_${band.band}`]! += kwh;
        banded += span.end - span.start;
        if (!tariff.prices) continue;
        sums.cost_energy_IRR! += kwh * tariff.prices[band.band];
        priced += span.end - span.start;
      }
    }
  }
  const length = cell.end - cell.start;
  return { ...sums, band_none_us: length - banded, price_none_us: length - priced };
}

const isFor = ({ meters }: Tariff, { path }: Meter): boolean => meters?.includes(path) ?? true;
