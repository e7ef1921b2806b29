/** The production elements of a unit in one cell: its time, its pieces, and how much of both is known. */
import { edges } from '../../kpi/merge-sums.ts';
import { addAll, addTo, type Sums } from '../../kpi/sums.ts';
import { plannedBusy, plannedOperation, type ShiftInstance } from '../../plant/calendar.ts';
import type { Plant, Unit } from '../../plant/plant.ts';
import { clip, intersect, lengthUs, overlapUs, type Span, type Spans, subtract, union } from '../../plant/spans.ts';
import type { CounterStep } from '../samples/counter.ts';
import { isLive, livedIn, type SiteTag, type SiteTags } from '../samples/site-tags.ts';
import type { Slice } from '../samples/slice.ts';
import { stepsOf, trackOf, truthOf } from '../samples/tag-reading.ts';
import { curtailmentElements } from './curtailment.ts';
import { failureElements, longestFailureUs } from './failures.ts';
import { manualSteps } from './manual-counts.ts';
import { isPlanned, isScrapPlanned, orderElements, ordersIn, productElements } from './order-elements.ts';
import { countsEverything, pieceElements, piecesIn } from './pieces.ts';
import { type StateSpan, stateTimeline } from './state-timeline.ts';
import { timeElements } from './time-elements.ts';

/** The tags of a unit as far as they are announced, or were. */
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

/** Whether counters that are measured now tell what it makes. */
export function hasCounters(unit: Unit, known: SiteTags): boolean {
  const { total, good, scrap } = bindUnit(unit, known);
  return countsEverything(...[total, good, scrap].map((tag) => (tag && isLive(tag) ? tag : undefined)));
}

/** A unit's canonical states in a cell, or in so much time around it. */
export function unitTimeline(unit: Unit, tags: UnitTags, cell: Slice, backUs = 0, aheadUs = 0): StateSpan[] {
  const [start, end] = [cell.start - backUs, cell.end + aheadUs];
  const read = (tag: SiteTag | undefined) => {
    const reading = tag ? cell.read(tag, backUs, aheadUs) : [];
    return { track: trackOf(reading), told: truthOf(reading, start, end, 'notBad') };
  };
  const mode = unit.tags.mode ? read(tags.mode) : undefined;
  return stateTimeline(unit.stateMap, read(tags.state), mode, start, end);
}

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
    tag && stepsOf(cell.read(tag), { jitter: plant.counterJitter.pieces }, 'changes');

  const timeline = unitTimeline(unit, tags, cell);
  // Those that it had then.
  const [total, good, scrap, rework] = [tags.total, tags.good, tags.scrap, tags.rework].map((tag) =>
    tag && livedIn(tag, cell) ? tag : undefined,
  );
  const byCounters = countsEverything(total, good, scrap);
  const counters = [total, good, scrap].filter((tag) => tag !== undefined).slice(0, 2);
  const counted = byCounters
    ? counters.map((tag) => truthOf(cell.read(tag), start, end, 'notBad')).reduce(intersect)
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
  if (byCounters)
    markTorn(
      sums,
      counters.flatMap((tag) => steps(tag)!),
      counted,
      busy,
      cell,
    );
  const made = byCounters
    ? { total: steps(total), good: steps(good), scrap: steps(scrap), rework: steps(rework) }
    : manualSteps(plant, unit, cell);
  const rates = unit.rates.filter(({ from, to }) => from <= end && to > start);
  addAll(sums, pieceElements({ ...made, rates, known }, start, end));
  addAll(sums, productElements(plant, unit, made.good, cell));
  if (orders) sums.PQ_no_order = sums.PQ! - piecesIn(made.total ?? made.good, orders, cell);
  if (end > unit.ordersFrom && isPlanned(unit)) sums.GQ_planned = sums.GQ!;
  if (end > unit.ordersFrom && isScrapPlanned(unit)) sums.SQ_planned = sums.SQ!;
  if (unit.first) sums.PQ_first = sums.PQ!;
  return sums;
}

/** A gap after which a counter did not go on where it was is not bridged: what was made in it is not known. */
function markTorn(sums: Sums, steps: readonly CounterStep[], counted: Spans, busy: Spans, { start, end }: Span): void {
  const torn = steps.filter(({ to, delta, flag }) => to > start && to <= end && (delta === null || flag === 'RESET'));
  const gaps = torn
    .map(({ from, to }) => subtract([{ start: Math.max(from, start), end: to }], counted))
    .filter((gap) => gap.length > 0);
  const first = counted[0]?.start ?? end;
  if (gaps.some((gap) => gap[0]!.start < first)) sums[edges.torn] = 1;
  const inner = clip(union(...gaps), first, end);
  for (const [index, time] of [intersect(busy, inner), inner].entries()) {
    if (time.length > 0) sums[edges.sides[index]!.lost] = lengthUs(time);
  }
}

/** Group `states`: canonical states inside planned operation time. */
export function stateElements(timeline: readonly StateSpan[], instances: readonly ShiftInstance[], cell: Span): Sums {
  const operation = plannedOperation(instances, cell.start, cell.end);
  const sums: Sums = {};
  for (const { start, end, state } of timeline) addTo(sums, `state_${state}_us`, overlapUs(operation, start, end));
  return sums;
}
