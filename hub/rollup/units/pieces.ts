/**
 * Pieces of a unit. What a counter shows at the edge of a window is its last reading at or before it, so a piece is
 * of the window in which its count was seen; pieces that were made during a gap are so of the window in which the gap
 * ends, as if bridged (TV-C). Effectiveness may use only those that were counted in known time: of a step that began in
 * a gap or ends in one, the share of its time that is known.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Sums } from '../../kpi/sums.ts';
import type { Rate } from '../../plant/rates.ts';
import { overlapUs, type Spans } from '../../plant/spans.ts';
import type { CounterStep } from '../samples/counter.ts';

export interface PiecesInput {
  /** Steps of the counters that the unit has. */
  readonly total: readonly CounterStep[] | undefined;
  readonly good: readonly CounterStep[] | undefined;
  readonly scrap: readonly CounterStep[] | undefined;
  /** Sent to rework; undefined where the unit does not tell. */
  readonly rework: readonly CounterStep[] | undefined;
  readonly rates: readonly Rate[];
  /** The mask that effectiveness shares with the running time: state and counters both known. */
  readonly known: Spans;
}

interface Tally {
  pieces: number;
  priS: number;
  knownPriS: number;
  withoutPri: number;
}

/**
 * PQ, GQ, SQ and what they weigh in planned run time, of (start, end]. Of total, good and scrap any two give the
 * third. `PQ_no_PRI` are pieces for which no planned run time was valid; the sums of PRI are without them.
 */
export function pieceElements(
  { total, good, scrap, rework, rates, known }: PiecesInput,
  start: TimeUs,
  end: TimeUs,
): Sums {
  let suspect = 0;
  let reset = 0;
  const tally = (steps: readonly CounterStep[] | undefined): Tally => {
    const sum = { pieces: 0, priS: 0, knownPriS: 0, withoutPri: 0 };
    for (const { from, to, delta, flag } of steps ?? []) {
      if (to <= start || to > end) continue;
      if (flag === 'RESET') reset++;
      if (delta === null) suspect++;
      if (!delta) continue;
      sum.pieces += delta;
      const rate = rateAt(rates, to);
      if (rate) {
        sum.priS += delta * rate.plannedRunTimeS;
        // What lies before the cell is judged by nobody: the step is of this cell.
        const since = Math.min(Math.max(from, start), to - 1);
        sum.knownPriS += (delta * rate.plannedRunTimeS * overlapUs(known, since, to)) / (to - since);
      } else sum.withoutPri += delta;
    }
    return sum;
  };
  const [ofTotal, ofGood, ofScrap] = [tally(total), tally(good), tally(scrap)];
  const produced = total ? ofTotal : combine(ofGood, ofScrap, 1);
  const goodOnes = good ? ofGood : combine(ofTotal, ofScrap, -1);
  const reworked = rework && tally(rework).pieces;
  return {
    PQ: produced.pieces,
    GQ: goodOnes.pieces,
    SQ: scrap ? ofScrap.pieces : produced.pieces - goodOnes.pieces - (reworked ?? 0),
    ...(reworked !== undefined && { RQ: reworked, PQ_RQ: produced.pieces }),
    PRI_PQ_s: produced.priS,
    PRI_GQ_s: goodOnes.priS,
    PRI_PQ_known_s: produced.knownPriS,
    PRI_GQ_known_s: goodOnes.knownPriS,
    PQ_no_PRI: produced.withoutPri,
    counter_suspect: suspect,
    counter_reset: reset,
  };
}

/** Pieces of (start, end] whose count was seen in one of the spans. */
export function piecesIn(
  steps: readonly CounterStep[] | undefined,
  spans: Spans,
  { start, end }: { readonly start: TimeUs; readonly end: TimeUs },
): number {
  const isIn = createMembership(spans);
  let sum = 0;
  for (const { to, delta } of steps ?? []) if (delta && to > start && to <= end && isIn(to)) sum += delta;
  return sum;
}

const combine = (a: Tally, b: Tally, sign: 1 | -1): Tally => ({
  pieces: a.pieces + sign * b.pieces,
  priS: a.priS + sign * b.priS,
  knownPriS: a.knownPriS + sign * b.knownPriS,
  withoutPri: a.withoutPri + sign * b.withoutPri,
});

/** Whether a unit's counters tell how much it made, and how much of that was good. */
export const countsEverything = (...[total, good, scrap]: readonly unknown[]): boolean =>
  [total, good, scrap].filter((counter) => counter !== undefined).length >= 2;

/** What is seen at the instant at which a rate ends was made before. */
const rateAt = (rates: readonly Rate[], time: TimeUs): Rate | undefined =>
  rates.find(({ from, to }) => from < time && time <= to);

/** Whether times lie in (start, end] of one of the spans; times asked for must ascend. */
function createMembership(spans: Spans): (time: TimeUs) => boolean {
  let at = 0;
  return (time) => {
    while (at < spans.length && spans[at]!.end < time) at++;
    return at < spans.length && spans[at]!.start < time;
  };
}
