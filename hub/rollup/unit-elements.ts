/** The production elements of a unit in one cell: its time, its pieces, and how much of both is known. */
import { plannedBusy, plannedOperation, type ShiftInstance } from '../plant/calendar.ts';
import type { Plant, Unit } from '../plant/plant.ts';
import { intersect, lengthUs, overlapUs, subtract } from '../plant/spans.ts';
import { counterSteps } from './counter.ts';
import { edges } from './merge.ts';
import { countsEverything, pieceElements } from './pieces.ts';
import type { SiteTag, SiteTags } from './site-tags.ts';
import type { Slice } from './slice.ts';
import { stateTimeline } from './state-timeline.ts';
import { addAll, type Sums } from './sums.ts';
import { timeElements } from './time-elements.ts';
import { emptyTrack, trueSpans } from './track.ts';

/** The tags of a unit as far as they are announced. */
export interface UnitTags {
  readonly state: SiteTag | undefined;
  readonly mode: SiteTag | undefined;
  readonly total: SiteTag | undefined;
  readonly good: SiteTag | undefined;
  readonly scrap: SiteTag | undefined;
}

export function bindUnit({ tags }: Unit, known: SiteTags): UnitTags {
  const bind = (path: string | undefined) => (path === undefined ? undefined : known.get(path));
  return {
    state: bind(tags.state),
    mode: bind(tags.mode),
    total: bind(tags.countTotal),
    good: bind(tags.countGood),
    scrap: bind(tags.countScrap),
  };
}

export function unitCell(
  plant: Plant,
  unit: Unit,
  tags: UnitTags,
  instances: readonly ShiftInstance[],
  cell: Slice,
): Sums {
  const { start, end } = cell;
  const read = (tag: SiteTag | undefined) =>
    tag ? { track: cell.track(tag), known: cell.known(tag) } : { track: emptyTrack, known: [] };
  const steps = (tag: SiteTag | undefined) =>
    tag && counterSteps(cell.track(tag), { ...tag.counter, jitter: plant.counterJitter.pieces }, 'changes');

  const mode = unit.tags.mode ? read(tags.mode) : undefined;
  const timeline = stateTimeline(unit.stateMap, read(tags.state), mode, start, end);
  const isCounted = countsEverything(tags.total, tags.good, tags.scrap);
  const counters = [tags.total, tags.good, tags.scrap].filter((tag) => tag !== undefined).slice(0, 2);
  const counted = isCounted
    ? counters
        .map(read)
        .map(({ track, known }) => trueSpans(track, known, start, end))
        .reduce(intersect)
    : [];
  const operation = plannedOperation(instances, start, end);
  const busy = plannedBusy(instances, start, end);
  const sums: Sums = timeElements({
    timeline,
    operation,
    busy,
    orders: unit.orders,
    curtailmentCountsAs: plant.curtailmentCountsAs,
    counted,
  });
  const [first, last] = [counted[0], counted.at(-1)];
  sums[edges.counted] = first ? 1 : 0;
  sums[edges.lead] = first ? overlapUs(busy, start, first.start) : lengthUs(busy);
  sums[edges.tail] = last ? overlapUs(busy, last.end, end) : 0;
  const withoutRate = subtract(
    busy,
    unit.rates.map(({ from, to }) => ({ start: from, end: to })),
  );
  sums.PBT_no_PRI_us = lengthUs(withoutRate);
  if (!isCounted) return sums;
  const stateKnown = timeline.filter(({ state }) => state !== 'UNKNOWN');
  const known = intersect(counted, stateKnown);
  const input = {
    total: steps(tags.total),
    good: steps(tags.good),
    scrap: steps(tags.scrap),
    rates: unit.rates,
    known,
  };
  addAll(sums, pieceElements(input, start, end));
  return sums;
}
