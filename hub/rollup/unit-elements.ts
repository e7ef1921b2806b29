/** The production elements of a unit in one cell: its time, its pieces, and how much of both is known. */
import { plannedBusy, plannedOperation, type ShiftInstance } from '../plant/calendar.ts';
import type { Plant, Unit } from '../plant/plant.ts';
import { intersect, lengthUs, overlapUs, type Span, subtract } from '../plant/spans.ts';
import { counterSteps } from './counter.ts';
import { curtailmentElements } from './curtailment.ts';
import { failureElements, longestFailureUs } from './failures.ts';
import { edges } from './merge.ts';
import { orderElements, productElements } from './order-elements.ts';
import { countsEverything, pieceElements, piecesIn } from './pieces.ts';
import type { SiteTag, SiteTags } from './site-tags.ts';
import type { Slice } from './slice.ts';
import { type StateSpan, stateTimeline } from './state-timeline.ts';
import { addAll, addTo, type Sums } from './sums.ts';
import { timeElements } from './time-elements.ts';
import { emptyTrack, trueSpans } from './track.ts';

/** The tags of a unit as far as they are announced. */
export interface UnitTags {
  readonly state: SiteTag | undefined;
  readonly mode: SiteTag | undefined;
  readonly total: SiteTag | undefined;
  readonly good: SiteTag | undefined;
  readonly scrap: SiteTag | undefined;
  readonly rework: SiteTag | undefined;
}

export function bindUnit({ tags }: Unit, known: SiteTags): UnitTags {
  const bind = (path: string | undefined) => (path === undefined ? undefined : known.get(path));
  return {
    state: bind(tags.state),
    mode: bind(tags.mode),
    total: bind(tags.countTotal),
    good: bind(tags.countGood),
    scrap: bind(tags.countScrap),
    rework: bind(tags.countRework),
  };
}

/** A unit's canonical states in a cell, or in so much time around it. */
export function unitTimeline(unit: Unit, tags: UnitTags, cell: Slice, backUs = 0, aheadUs = 0): StateSpan[] {
  const read = (tag: SiteTag | undefined) =>
    tag ? { track: cell.track(tag, backUs, aheadUs), known: cell.known(tag) } : unknownTrack;
  const mode = unit.tags.mode ? read(tags.mode) : undefined;
  return stateTimeline(unit.stateMap, read(tags.state), mode, cell.start - backUs, cell.end + aheadUs);
}

const unknownTrack = { track: emptyTrack, known: [] };

/** @param withFailures the slice reaches far enough back and ahead to tell failures. */
export function unitCell(
  plant: Plant,
  unit: Unit,
  tags: UnitTags,
  instances: readonly ShiftInstance[],
  cell: Slice,
  withFailures: boolean,
): Sums {
  const { start, end } = cell;
  const steps = (tag: SiteTag | undefined) =>
    tag && counterSteps(cell.track(tag), { ...tag.counter, jitter: plant.counterJitter.pieces }, 'changes');

  const timeline = unitTimeline(unit, tags, cell);
  const isCounted = countsEverything(tags.total, tags.good, tags.scrap);
  const counters = [tags.total, tags.good, tags.scrap].filter((tag) => tag !== undefined).slice(0, 2);
  const counted = isCounted
    ? counters.map((tag) => trueSpans(cell.track(tag), cell.known(tag), start, end)).reduce(intersect)
    : [];
  const operation = plannedOperation(instances, start, end);
  const busy = plannedBusy(instances, start, end);
  const { curtailmentCountsAs } = plant;
  const sums: Sums = timeElements({ timeline, operation, busy, orders: unit.orders, curtailmentCountsAs, counted });
  sums.unit_us = end - start;
  // Nobody has given a reason yet: entries do.
  sums.DOWN_us = sums.ADET_us! + sums.ADOT_us! - (sums.ADET_minor_us ?? 0);
  sums.DOWN_reasoned_us = 0;
  const [first, last] = [counted[0], counted.at(-1)];
  sums[edges.counted] = first ? 1 : 0;
  sums[edges.lead] = first ? overlapUs(busy, start, first.start) : lengthUs(busy);
  sums[edges.tail] = last ? overlapUs(busy, last.end, end) : 0;
  const rated = unit.rates.map(({ from, to }) => ({ start: from, end: to }));
  sums.PBT_no_PRI_us = lengthUs(subtract(busy, rated));
  addAll(sums, curtailmentElements(timeline, busy, unit));
  addAll(sums, orderElements(plant, unit, cell, sums.PBT_us!));
  if (withFailures) {
    const around = unitTimeline(unit, tags, cell, longestFailureUs, unit.failureUs);
    addAll(sums, failureElements(around, unit.failureUs, cell));
  }
  if (!isCounted) return sums;
  const stateKnown = timeline.filter(({ state }) => state !== 'UNKNOWN');
  const known = intersect(counted, stateKnown);
  const [total, good, scrap, rework] = [tags.total, tags.good, tags.scrap, tags.rework].map(steps);
  addAll(sums, pieceElements({ total, good, scrap, rework, rates: unit.rates, known }, start, end));
  addAll(sums, productElements(plant, unit, good, cell));
  if (unit.orders) sums.PQ_no_order = sums.PQ! - piecesIn(total ?? good, unit.orders, cell);
  if (unit.orderList.some(({ quantity }) => quantity !== undefined)) sums.GQ_planned = sums.GQ!;
  return sums;
}

/** Group `states`: canonical states inside planned operation time. */
export function stateElements(timeline: readonly StateSpan[], instances: readonly ShiftInstance[], cell: Span): Sums {
  const operation = plannedOperation(instances, cell.start, cell.end);
  const sums: Sums = {};
  for (const { start, end, state } of timeline) addTo(sums, `state_${state}_us`, overlapUs(operation, start, end));
  return sums;
}
