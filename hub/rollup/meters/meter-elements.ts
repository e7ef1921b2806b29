/** The elements of a meter in one cell: what it counted and how well, demand, tariff, reactive energy, limits. */
import type { Sums } from '../../kpi/sums.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import { intersect, lengthUs, type Span, type Spans } from '../../plant/spans.ts';
import type { SiteTags } from '../samples/site-tags.ts';
import type { Slice } from '../samples/slice.ts';
import { capElements } from './cap-elements.ts';
import { demandIntervals, peakOf } from './demand.ts';
import { factorElements } from './factor-elements.ts';
import { type MeterReading, readRegister } from './meter-reading.ts';
import { outageElements } from './outage-elements.ts';
import { type Curve, registerElements } from './register.ts';
import { tariffElements } from './tariff-elements.ts';

/** Group `electricity` or `carrier`. @param offsetUs how far local time is ahead of UTC: intervals lie on its clock. */
export function meterElements(
  plant: Plant,
  meter: Meter,
  reading: MeterReading,
  tags: SiteTags,
  offsetUs: number,
  cell: Slice,
): Sums {
  const isElectric = meter.carrier === 'electricity';
  const { start, end } = cell;
  const sums = registerElements({ ...reading, amount: isElectric ? 'kWh' : 'quantity' }, start, end);
  if (reading.integrated) sums.integrated_us = sums.measured_us!;
  if (!isElectric) return sums;
  return {
    ...sums,
    ...demandElements(meter, reading, offsetUs, cell),
    ...(plant.tariffs.length > 0 && tariffElements(plant, meter, reading.curve, cell)),
    ...reactiveElements(plant, meter, reading, tags, cell),
    ...outageElements(meter, tags, cell),
  };
}

function demandElements(meter: Meter, { curve, measured }: MeterReading, offsetUs: number, cell: Span): Sums {
  const { demandIntervalUs: intervalUs, demandStepUs } = meter;
  const blocks = demandIntervals(curve, measured, cell, { intervalUs, stepUs: intervalUs, offsetUs });
  const slides = demandIntervals(curve, measured, cell, { intervalUs, stepUs: demandStepUs, offsetUs });
  const [peak, slidingPeak] = [peakOf(blocks), peakOf(slides)];
  const isMeasured = ({ kw }: (typeof blocks)[number]): boolean => kw !== undefined;
  return {
    blocks: blocks.length,
    blocks_measured: blocks.filter(isMeasured).length,
    ...(peak && { P_max_kW: peak.kw, P_max_at_us: peak.at }),
    slides: slides.length,
    slides_measured: slides.filter(isMeasured).length,
    ...(slidingPeak && { P_slide_max_kW: slidingPeak.kw, P_slide_max_at_us: slidingPeak.at }),
  };
}

/** Active and reactive energy in the time in which both registers were measured: one mask for both. */
function reactiveElements(plant: Plant, meter: Meter, reading: MeterReading, tags: SiteTags, cell: Slice): Sums {
  if (meter.reactive === undefined) return {};
  const lag = readRegister(plant, tags.get(meter.reactive), cell, 0);
  const lead =
    meter.reactiveLead === undefined ? undefined : readRegister(plant, tags.get(meter.reactiveLead), cell, 0);
  const both = intersect(reading.measured, intersect(lag.measured, lead?.measured ?? lag.measured));
  const mask = intersect(both, [cell]);
  return {
    kvarh: within(lag.curve, mask),
    ...(lead && { kvarh_lead: within(lead.curve, mask) }),
    kWh_reactive: within(reading.curve, mask),
    reactive_us: lengthUs(mask),
  };
}

/** What a register counted in some spans. */
export const within = (curve: Curve, spans: Spans): number =>
  spans.reduce((sum, { start, end }) => sum + curve.between(start, end), 0);

/** Group `energy`: the same quantity in MJ and kg of CO₂e. */
export function energyElements(plant: Plant, meter: Meter, { curve }: MeterReading, own: Sums, cell: Span): Sums {
  const estimatedUs = own.estimated_us ?? 0;
  const known = { knownUs: (own.measured_us ?? 0) + estimatedUs, estimatedUs };
  return factorElements(plant.factors, meter, curve, cell, known);
}

/** Group `cap`: empty where no limit was in force. */
export function limitElements(plant: Plant, meter: Meter, reading: MeterReading, offsetUs: number, cell: Span): Sums {
  const limits = plant.limits.filter((limit) => limit.meter === meter.path);
  if (limits.length === 0) return {};
  const intervalUs = meter.demandIntervalUs;
  const intervals = demandIntervals(reading.curve, reading.measured, cell, {
    intervalUs,
    stepUs: intervalUs,
    offsetUs,
  });
  return capElements(plant.zone, limits, intervals);
}
