/**
 * The elements of a site, cell by cell: a pure function of the samples in and around a cell, the plant with what people
 * have entered of it, and nothing else. Whatever is longer than a cell is merged from cells, so that it is the same however it came about.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { ElementGroup } from '../../kpi/element.ts';
import type { Sums } from '../../kpi/sums.ts';
import { type ShiftInstance, shiftInstances } from '../../plant/calendar.ts';
import { cells } from '../../plant/grid.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import { zoneOffsetUs } from '../../plant/zone.ts';
import { energyElements, limitElements, meterElements } from '../meters/meter-elements.ts';
import { readMeter } from '../meters/meter-reading.ts';
import { balanceElements, splitElements, supplyElements } from '../meters/meters-together.ts';
import { registerElements } from '../meters/register.ts';
import type { SiteSource, SiteTag, SiteTags } from '../samples/site-tags.ts';
import { cellOf, readSlice, type Slice, type SliceReader, sliceSpans } from '../samples/slice.ts';
import { inspectionElements, personnelElements } from '../units/told-elements.ts';
import { bindUnit, stateElements, unitCell, unitTimeline } from '../units/unit-elements.ts';
import { completenessElements, slotCount } from './completeness.ts';
import { clockElements, connectivityElements } from './connectivity.ts';
import { allSources, metersBelow, type SiteGroup, type SitePlan, suppliers, unitsBehind } from './site-plan.ts';
import { createTimeliness } from './timeliness.ts';
import { weatherElements } from './weather.ts';

export interface SiteCell extends Span {
  /** By group and path: of units, meters, tags, and the site. */
  readonly sums: ReadonlyMap<string, Sums>;
  readonly slots: ReadonlyMap<SiteSource, Sums>;
  /** How far each source had told everything when this was read. */
  readonly watermarks: ReadonlyMap<SiteSource, TimeUs>;
}

export const sumsKey = (group: ElementGroup, path: string): string => `${group} ${path}`;

/** Ascending cells of the window. @throws {ConnectionError} the store is away. */
export async function* siteCells(
  reader: SliceReader,
  plant: Plant,
  tags: SiteTags,
  plan: SitePlan,
  { start, end }: Span,
  signal: AbortSignal,
): AsyncGenerator<SiteCell> {
  const instances = shiftInstances(plant, start, end);
  const sources = [...new Set([...plan.needs.tags.flatMap((tag) => tag.sources), ...(plan.needs.sources ?? [])])];
  const slotsOf = (cell: Slice, source: SiteSource): Sums =>
    Object.fromEntries(
      Object.entries(cell.slots(source)).map(([name, track]) => [
        `slots_${name}`,
        slotCount(track, cell.start, cell.end),
      ]),
    );

  for (const span of sliceSpans(plan.needs.tags, start, end, zoneOffsetUs(plant.zone, start))) {
    signal.throwIfAborted();
    const slice = await readSlice(reader, plan.needs, span, signal);
    const watermarks = new Map<SiteSource, TimeUs>();
    for (const source of sources) {
      const { watermark } = slice.health(source);
      if (watermark !== undefined) watermarks.set(source, watermark);
    }
    for (const span of cells(plant, slice.start, slice.end)) {
      const cell = cellOf(slice, span);
      const slots = new Map(plan.needs.slots.map((source) => [source, slotsOf(cell, source)]));
      yield { ...span, sums: cellSums(plant, tags, plan, instances, cell), slots, watermarks };
    }
  }
}

/** Everything that the plan asks of one cell. */
export function cellSums(
  plant: Plant,
  tags: SiteTags,
  plan: SitePlan,
  instances: readonly ShiftInstance[],
  cell: Slice,
): Map<string, Sums> {
  const sums = new Map<string, Sums>();
  const offsetUs = zoneOffsetUs(plant.zone, cell.start);
  for (const unit of plan.units) {
    const elements = unitCell(plant, unit, bindUnit(unit, tags), instances, cell, plan.withFailures);
    sums.set(sumsKey('production', unit.path), elements);
  }
  const timelines = new Map(plan.stateUnits.map((unit) => [unit, unitTimeline(unit, bindUnit(unit, tags), cell)]));
  for (const [unit, timeline] of timelines) {
    sums.set(sumsKey('states', unit.path), stateElements(timeline, instances, cell));
  }
  const readings = new Map(plan.readMeters.map((meter) => [meter, readMeter(plant, meter, tags, cell)]));
  const read = (meter: Meter) => ({ meter, reading: readings.get(meter)! });
  const ofMeter = (meter: Meter, group: ElementGroup): Sums => {
    const reading = readings.get(meter)!;
    switch (group) {
      case 'energy': {
        const own = registerElements({ ...reading, amount: 'quantity' }, cell.start, cell.end);
        return energyElements(plant, meter, reading, own, cell);
      }
      case 'split': {
        const states = unitsBehind(plant, meter).map((unit) => timelines.get(unit)!);
        return splitElements(read(meter), states, cell);
      }
      case 'balance':
        return balanceElements(read(meter), metersBelow(plant, meter).map(read), cell);
      case 'cap':
        return limitElements(plant, meter, reading, offsetUs, cell);
      default:
        return meterElements(plant, meter, reading, tags, offsetUs, cell);
    }
  };
  for (const { meter, group } of plan.meters) sums.set(sumsKey(group, meter.path), ofMeter(meter, group));
  const ofSite = (group: SiteGroup): Sums => {
    switch (group) {
      case 'supply':
        return supplyElements(suppliers(plant).map(read), cell);
      case 'weather':
        return weatherElements(plant, tags, cell);
      case 'connectivity':
        return connectivityElements(plant, allSources(tags), cell);
      case 'clock':
        return clockElements(allSources(tags), cell);
    }
  };
  for (const group of plan.site) sums.set(sumsKey(group, plant.path), ofSite(group));
  for (const { group, path } of plan.told) {
    const elementsOf = group === 'inspection' ? inspectionElements : personnelElements;
    sums.set(sumsKey(group, path), elementsOf(plant, path, instances, cell));
  }
  const timeliness = createTimeliness(cell);
  const completeness = (tag: SiteTag | undefined): Sums => {
    // What the plant means and nobody announced is missing at all times.
    const [reading, lives] = tag ? [cell.read(tag), tag.lives] : [[], [cell]];
    return completenessElements(reading, lives, cell.start, cell.end);
  };
  for (const { group, paths } of plan.tags) {
    const elementsOf = group === 'timeliness' ? timeliness : completeness;
    for (const path of paths) sums.set(sumsKey(group, path), elementsOf(tags.get(path)));
  }
  return sums;
}
