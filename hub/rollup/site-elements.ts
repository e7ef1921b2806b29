/** Reads a window of one site, slice by slice, and adds up the elements of everything that was asked of it. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { ElementGroup } from '../kpi/definition.ts';
import type { Elements } from '../kpi/kpi.ts';
import { shiftInstances } from '../plant/calendar.ts';
import type { Plant } from '../plant/plant.ts';
import { zoneOffsetUs } from '../plant/zone.ts';
import type { TelemetryReader } from '../store/store.ts';
import { completenessElements, slotCount } from './completeness.ts';
import { createMeterTally } from './meter-elements.ts';
import type { KpiAsset, SitePlan } from './site-plan.ts';
import type { SiteSource, SiteTags } from './site-tags.ts';
import { readSlice, type Slice, sliceSpans } from './slice.ts';
import { addAll, addTo, type Sums, toElements } from './sums.ts';
import { emptyTrack } from './track.ts';
import { bindUnit, createUnitTally } from './unit-elements.ts';

export interface SiteElements {
  /** Of a line, the sums of its units' (R4). */
  of(asset: KpiAsset, group: ElementGroup): Elements;
  /** Everything that a source measured up to here has been read; undefined is nothing yet. */
  watermark(source: SiteSource): TimeUs | undefined;
}

/** @throws {ConnectionError} the store is away. */
export async function siteElements(
  reader: Pick<TelemetryReader, 'series'>,
  plant: Plant,
  tags: SiteTags,
  plan: SitePlan,
  window: { readonly start: TimeUs; readonly end: TimeUs },
  signal: AbortSignal,
): Promise<SiteElements> {
  const { start, end } = window;
  const instances = shiftInstances(plant, start, end);
  const offsetUs = zoneOffsetUs(plant.zone, start);
  const units = new Map(
    plan.units.map((unit) => [unit.path, createUnitTally(plant, unit, bindUnit(unit, tags), instances, window)]),
  );
  const meters = new Map(
    plan.meters.map((meter) => [meter.path, createMeterTally(plant, meter, tags.get(meter.register), offsetUs)]),
  );
  const completeness = new Map<string, Sums>(plan.tags.map((path) => [path, {}]));
  const slots = new Map<SiteSource, Sums>(plan.needs.slots.map((source) => [source, {}]));
  const watermarks = new Map<SiteSource, TimeUs>();

  const addCompleteness = (slice: Slice) => {
    for (const [path, sums] of completeness) {
      const tag = tags.get(path);
      const [track, known] = tag ? [slice.track(tag), slice.known(tag)] : [emptyTrack, []];
      addAll(sums, completenessElements(track, known, slice.start, slice.end));
    }
    for (const [source, sums] of slots) {
      for (const [name, track] of Object.entries(slice.slots(source))) {
        addTo(sums, `slots_${name}`, slotCount(track, slice.start, slice.end));
      }
    }
  };
  for (const span of sliceSpans(plan.needs.tags, start, end, offsetUs)) {
    signal.throwIfAborted();
    const slice = await readSlice(reader, plan.needs, span, signal);
    for (const tally of units.values()) tally.add(slice);
    for (const tally of meters.values()) tally.add(slice);
    addCompleteness(slice);
    for (const source of plan.needs.tags.flatMap((tag) => tag.sources)) {
      const { watermark } = slice.health(source);
      if (watermark !== undefined) watermarks.set(source, Math.max(watermark, watermarks.get(source) ?? watermark));
    }
  }

  const sumOf = (parts: readonly Elements[]): Elements => {
    const sums: Sums = {};
    for (const part of parts) addAll(sums, part);
    return sums;
  };
  return {
    of(asset, group) {
      if (group === 'production') return sumOf(asset.units.map(({ path }) => units.get(path)!.elements()));
      if (group !== 'completeness') return meters.get(asset.meter!.path)!.elements();
      const sums: Sums = {};
      for (const path of asset.tags) addAll(sums, completeness.get(path)!);
      if (asset.scope === 'tag')
        for (const source of tags.get(asset.path)?.sources ?? []) addAll(sums, slots.get(source)!);
      return toElements(sums);
    },
    watermark: (source) => watermarks.get(source),
  };
}
