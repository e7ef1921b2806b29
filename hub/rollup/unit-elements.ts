/** The production elements of a unit: its time, its pieces, and how much of both is known. Added up slice by slice. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Elements } from '../kpi/kpi.ts';
import { plannedBusy, plannedOperation, type ShiftInstance } from '../plant/calendar.ts';
import type { Plant, Unit } from '../plant/plant.ts';
import { intersect, lengthUs, overlapUs, subtract } from '../plant/spans.ts';
import { counterSteps } from './counter.ts';
import { countsEverything, pieceElements } from './pieces.ts';
import type { SiteTag, SiteTags } from './site-tags.ts';
import type { Slice } from './slice.ts';
import { stateTimeline } from './state-timeline.ts';
import { addAll, type Sums, toElements } from './sums.ts';
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

export interface UnitTally {
  add(slice: Slice): void;
  elements(): Elements;
}

export function createUnitTally(
  plant: Plant,
  unit: Unit,
  tags: UnitTags,
  instances: readonly ShiftInstance[],
  window: { readonly start: TimeUs; readonly end: TimeUs },
): UnitTally {
  const sums: Sums = {};
  const isCounted = countsEverything(tags.total, tags.good, tags.scrap);
  let countedFrom: TimeUs | undefined;
  let countedTo: TimeUs | undefined;

  return {
    add(slice) {
      const { start, end } = slice;
      const read = (tag: SiteTag | undefined) =>
        tag ? { track: slice.track(tag), known: slice.known(tag) } : { track: emptyTrack, known: [] };
      const steps = (tag: SiteTag | undefined) =>
        tag && counterSteps(slice.track(tag), { ...tag.counter, jitter: plant.counterJitter.pieces }, 'changes');

      const timeline = stateTimeline(
        unit.stateMap,
        read(tags.state),
        unit.tags.mode ? read(tags.mode) : undefined,
        start,
        end,
      );
      const counters = [tags.total, tags.good, tags.scrap].filter((tag) => tag !== undefined).slice(0, 2);
      const counted = isCounted
        ? counters
            .map(read)
            .map(({ track, known }) => trueSpans(track, known, start, end))
            .reduce(intersect)
        : [];
      const stateKnown = timeline.filter(({ state }) => state !== 'UNKNOWN');
      if (counted.length > 0) {
        countedFrom ??= counted[0]!.start;
        countedTo = counted.at(-1)!.end;
      }
      addAll(
        sums,
        timeElements({
          timeline,
          operation: plannedOperation(instances, start, end),
          busy: plannedBusy(instances, start, end),
          orders: unit.orders,
          curtailmentCountsAs: plant.curtailmentCountsAs,
          counted,
        }),
      );
      if (!isCounted) return;
      const { rates } = unit;
      const known = intersect(counted, stateKnown);
      const input = { total: steps(tags.total), good: steps(tags.good), scrap: steps(tags.scrap), rates, known };
      addAll(sums, pieceElements(input, start, end));
    },

    elements() {
      const { start, end } = window;
      const busy = plannedBusy(instances, start, end);
      // Pieces of a gap inside the window are bridged; at its edges nobody knows on which side they were made.
      const uncounted =
        countedFrom === undefined || countedTo === undefined
          ? lengthUs(busy)
          : overlapUs(busy, start, countedFrom) + overlapUs(busy, countedTo, end);
      const withoutRate = subtract(
        busy,
        unit.rates.map(({ from, to }) => ({ start: from, end: to })),
      );
      return toElements({ ...sums, PBT_uncounted_us: uncounted, PBT_no_PRI_us: lengthUs(withoutRate) });
    },
  };
}
