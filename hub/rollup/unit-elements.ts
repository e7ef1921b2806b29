/** The production elements of a unit in one cell: its time, its pieces, and how much of both is known. */
import { plannedBusy, plannedOperation, type ShiftInstance } from '../plant/calendar.ts';
import type { Plant, Unit } from '../plant/plant.ts';
import { clip, intersect, lengthUs, overlapUs, type Span, subtract, union } from '../plant/spans.ts';
import { counterSteps } from './counter.ts';
import { curtailmentElements } from './curtailment.ts';
import { failureElements, longestFailureUs } from './failures.ts';
import { manualSteps } from './manual-counts.ts';
import { edges } from './merge.ts';
import { isPlanned, orderElements, ordersIn, productElements } from './order-elements.ts';
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

/** Whether its announced counters tell what it makes. */
export function hasCounters(unit: Unit, known: SiteTags): boolean {
  const { total, good, scrap } = bindUnit(unit, known);
  return countsEverything(total, good, scrap);
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
  const byCounters = countsEverything(tags.total, tags.good, tags.scrap);
  const counters = [tags.total, tags.good, tags.scrap].filter((tag) => tag !== undefined).slice(0, 2);
  const counted = byCounters
    ? counters.map((tag) => trueSpans(cell.track(tag), cell.known(tag), start, end)).reduce(intersect)
    : clip(union(unit.counts), start, end);
  const orders = ordersIn(unit, cell);
  const operation = plannedOperation(instances, start, end);
  const busy = plannedBusy(instances, start, end);
  const { curtailmentCountsAs } = plant;
  const sums: Sums = timeElements({
    ...{ timeline, operation, busy, orders, curtailmentCountsAs, counted },
    stops: unit.stops,
  });
  sums.unit_us = end - start;
  sums.DOWN_us = sums.ADET_us! + sums.ADOT_us! - (sums.ADET_minor_us ?? 0);
  const [first, last] = [counted[0], counted.at(-1)];
  sums[edges.counted] = first ? 1 : 0;
  for (const [index, time] of [busy, [{ start, end }]].entries()) {
    const { lead, tail } = edges.sides[index]!;
    sums[lead] = first ? overlapUs(time, start, first.start) : lengthUs(time);
    sums[tail] = last ? overlapUs(time, last.end, end) : 0;
  }
  const rated = unit.rates.map(({ from, to }) => ({ start: from, end: to }));
  sums.PBT_no_PRI_us = lengthUs(subtract(busy, rated));
  addAll(sums, curtailmentElements(plant, timeline, busy, unit));
  addAll(sums, orderElements(plant, unit, orders, cell, sums.PBT_us!));
  if (withFailures) {
    const around = unitTimeline(unit, tags, cell, longestFailureUs, unit.failureUs);
    addAll(sums, failureElements(around, unit.failureUs, cell));
  }
  if (!byCounters && counted.length === 0) return sums;
  const stateKnown = timeline.filter(({ state }) => state !== 'UNKNOWN');
  const known = intersect(counted, stateKnown);
  const { total, good, scrap, rework } = byCounters
    ? { total: steps(tags.total), good: steps(tags.good), scrap: steps(tags.scrap), rework: steps(tags.rework) }
    : manualSteps(plant, unit, cell);
  const rates = unit.rates.filter(({ from, to }) => from <= end && to > start);
  addAll(sums, pieceElements({ total, good, scrap, rework, rates, known }, start, end));
  addAll(sums, productElements(plant, unit, good, cell));
  if (orders) sums.PQ_no_order = sums.PQ! - piecesIn(total ?? good, orders, cell);
  if (end > unit.ordersFrom && isPlanned(unit)) sums.GQ_planned = sums.GQ!;
  if (unit.first) sums.PQ_first = sums.PQ!;
  return sums;
}

/** Group `states`: canonical states inside planned operation time. */
export function stateElements(timeline: readonly StateSpan[], instances: readonly ShiftInstance[], cell: Span): Sums {
  const operation = plannedOperation(instances, cell.start, cell.end);
  const sums: Sums = {};
  for (const { start, end, state } of timeline) addTo(sums, `state_${state}_us`, overlapUs(operation, start, end));
  return sums;
}
