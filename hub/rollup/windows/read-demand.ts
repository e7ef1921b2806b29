/** The demand intervals of a meter over a window, by blocks or by a window that slides, read slice by slice. */
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import { zoneOffsetUs } from '../../plant/zone.ts';
import type { TelemetryReader } from '../../store/store.ts';
import { planSite } from '../cells/site-plan.ts';
import { type DemandInterval, demandIntervals } from '../meters/demand.ts';
import { readMeter } from '../meters/meter-reading.ts';
import type { SiteTag, SiteTags } from '../samples/site-tags.ts';
import { readSlice, sliceSpans } from '../samples/slice.ts';

export interface DemandMethod {
  readonly intervalUs: number;
  /** The interval's own length for blocks. */
  readonly stepUs: number;
}

/** The tags that a meter's demand is read from. */
export const demandTags = (plant: Plant, meter: Meter, tags: SiteTags): readonly SiteTag[] =>
  planOf(plant, meter, tags).needs.tags;

function planOf(plant: Plant, meter: Meter, tags: SiteTags) {
  const asset = { path: meter.path, scope: 'meter', units: [], meter, tags: [] } as const;
  return planSite(plant, [{ asset, group: 'electricity' }], tags);
}

/** Intervals that end in (start, end], ascending. @throws {ConnectionError} the store is away. */
export async function readDemand(
  reader: Pick<TelemetryReader, 'series'>,
  plant: Plant,
  meter: Meter,
  tags: SiteTags,
  { intervalUs, stepUs }: DemandMethod,
  { start, end }: Span,
  signal: AbortSignal,
): Promise<DemandInterval[]> {
  const asked = { ...meter, demandIntervalUs: intervalUs, demandStepUs: stepUs };
  const { needs } = planOf(plant, asked, tags);
  const found: DemandInterval[] = [];
  for (const span of sliceSpans(needs.tags, start, end, zoneOffsetUs(plant.zone, start))) {
    signal.throwIfAborted();
    const slice = await readSlice(reader, needs, span, signal);
    const { curve, measured } = readMeter(plant, asked, tags, slice);
    const offsetUs = zoneOffsetUs(plant.zone, span.start);
    found.push(...demandIntervals(curve, measured, span, { intervalUs, stepUs, offsetUs }));
  }
  return found;
}
