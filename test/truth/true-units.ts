/**
 * What the hub must find of units, from the factory's truth alone. How far it may be off, and why:
 *
 * - A polled state is seen at the next poll, so each change of a state moves up to one period from it to its neighbour; a
 *   subscribed one has its own time, and only what lasts no longer than the sampling is not seen.
 * - A polled piece is counted in the window of the poll that saw it; what was made in hidden time is counted when it ends.
 * - A crash hides up to five seconds more: what was read since the last watermark is not known to be all.
 */
import {
  about,
  both,
  exactly,
  joined,
  lasting,
  minus,
  notNegative,
  over,
  product,
  type Range,
  type Stretch,
  shared,
  sum,
  times,
  without,
} from './ranges.ts';
import type { UnitRecording } from './recording.ts';

export interface UnitView {
  readonly recording: UnitRecording;
  /** Planned stops of the plant, ascending. */
  readonly plannedStops: readonly Stretch[];
  /** When nothing was told of it, and how much earlier that may have begun for the hub, µs. */
  readonly hidden: readonly Stretch[];
  readonly hiddenEarlierUs: number;
  /** How late a change may be seen, µs; 0 has its own time. */
  readonly lateUs: number;
  /** What is shorter may be missed, µs. */
  readonly shortestUs: number;
  readonly failureUs: number;
  /** When an order was there, with its quantity; undefined is always. */
  readonly orders: readonly { readonly from: number; readonly to: number; readonly quantity: number }[] | undefined;
  readonly capacityPerHour: number | undefined;
}

/** What adds up over units and time. */
export type UnitSums = Readonly<Record<keyof ReturnType<typeof unitSums>, Range>>;

/** Time that is booked as a delay while an order is there, and as down time while none is. */
const idleStates = ['TRANSIENT', 'BLOCKED', 'STARVED', 'HELD', 'IDLE', 'PLANNED_STOP'];

export function unitSums(view: UnitView, window: Stretch) {
  const { recording, hidden, lateUs, capacityPerHour } = view;
  const [from, to] = window;
  const { plannedRunTimeS } = recording;
  const operation: Stretch[] = [window];
  const busy = without(operation, view.plannedStops);
  const known = without(busy, hidden);
  const touched = hidden.filter((one) => shared(one, window) > 0);
  const edgeS = (touched.length * view.hiddenEarlierUs) / 1e6;
  const orders = view.orders?.map((order): Stretch => [order.from, order.to]);
  const spans = statesIn(recording, window);

  const inState = (states: readonly string[], time: readonly Stretch[]): Range => {
    const own = spans.filter(({ state }) => states.includes(state));
    const seconds = lasting(both(joined(own.map(({ span }) => span)), time)) / 1e6;
    const missed = spans.filter(({ span }) => span[1] - span[0] <= view.shortestUs).length * view.shortestUs;
    const late = own.length > 0 ? (own.length + 1) * lateUs : 0;
    return notNegative(about(seconds, (late + missed) / 1e6 + edgeS + 0.002));
  };
  const withOrder = orders ? both(known, orders) : known;
  const withoutOrder = orders ? without(known, orders) : [];
  const unknown = about(lasting(both(busy, hidden)) / 1e6, edgeS + 0.002);
  const curtailedWithoutOrder = inState(['POWER_CURTAIL'], withoutOrder);
  const pbt = minus(exactly(lasting(busy) / 1e6), withoutOrder.length > 0 ? curtailedWithoutOrder : exactly(0));

  // What hidden time has held back is no older than this.
  const pieces = piecesIn(recording, [from - longestHiddenUs, to]);
  const counts = (isCounted: (good: boolean) => boolean, time: Stretch = window) => {
    let [low, high, seen] = [0, 0, 0];
    for (const { t, good } of pieces) {
      if (!isCounted(good)) continue;
      const shown = hidden.find(([a, b]) => t > a && t <= b)?.[1] ?? t;
      if (shown > time[0] && shown <= time[1]) seen++;
      if (shown > time[0] && shown <= time[1] - lateUs) low++;
      if (shown > time[0] - lateUs && shown <= time[1]) high++;
    }
    return { low: Math.min(low, seen), high: Math.max(high, seen) };
  };
  /** Pieces whose count was seen in known time. */
  const knownCounts = (): Range => {
    const whole = without([window], hidden).map((stretch) => {
      let [low, high] = [0, 0];
      for (const { t } of pieces) {
        if (hidden.some(([a, b]) => t > a && t <= b)) continue;
        if (t > stretch[0] && t <= stretch[1] - lateUs) low++;
        if (t > stretch[0] - lateUs && t <= stretch[1]) high++;
      }
      return { low, high };
    });
    // Those of a crash's last seconds are known to the factory and not to the hub.
    return minus(sum(...whole), { low: 0, high: Math.ceil(edgeS / plannedRunTimeS) });
  };

  const [pq, gq, sq] = [counts(() => true), counts((good) => good), counts((good) => !good)];
  const inOrders = orders
    ? sum(
        ...orders.map((order): Range => {
          const [a, b] = [Math.max(order[0], from), Math.min(order[1], to)];
          return a < b ? counts(() => true, [a, b]) : exactly(0);
        }),
      )
    : pq;
  const runS = inState(['RUN'], known);
  const plan = view.orders
    ? view.orders.reduce((all, order) => {
        const whole = without([[order.from, order.to]], view.plannedStops);
        return all + (order.quantity * lasting(both(whole, [window]))) / lasting(whole);
      }, 0)
    : 0;
  const failures = failuresIn(view, window);
  return {
    PBT: pbt,
    known: minus(pbt, unknown),
    UNK: unknown,
    APT: runS,
    AUST: inState(['SETUP'], known),
    ADET: sum(inState(['FAULT'], known), inState([...idleStates, 'POWER_CURTAIL'], withOrder)),
    ADET_failure: inState(['FAULT'], known),
    ADET_internal: inState(['HELD'], withOrder),
    minor: inState(['TRANSIENT'], withOrder),
    ADOT: inState(idleStates, withoutOrder),
    runWithOrder: orders ? inState(['RUN'], withOrder) : runS,
    setupWithOrder: inState(['SETUP'], known),
    curtailed: inState(['POWER_CURTAIL'], known),
    PQ: pq,
    GQ: gq,
    SQ: sq,
    PRI_GQ: times(gq, plannedRunTimeS),
    PRI_PQ_known: times(notNegative(knownCounts()), plannedRunTimeS),
    inOrders,
    AOET: orders ? exactly(lasting(both(orders, [window])) / 1e6) : pbt,
    plan: exactly(plan),
    planned: view.orders ? gq : exactly(0),
    capacity: exactly(capacityPerHour === undefined ? 0 : (capacityPerHour * (to - from)) / 3.6e9),
    window: exactly((to - from) / 1e6),
    failures: failures.began,
    restored: failures.ended,
    restoring: failures.seconds,
  };
}

export const addUnits = (all: readonly UnitSums[]): UnitSums =>
  Object.fromEntries(
    Object.keys(all[0]!).map((name) => [name, sum(...all.map((one) => one[name as keyof UnitSums]))]),
  ) as UnitSums;

/** By KPI; undefined is not defined. */
export function unitFigures(e: UnitSums, told: { orders: boolean; capacity: boolean }): Map<string, Range | undefined> {
  const aubt = sum(e.APT, e.AUST, e.ADET);
  const down = minus(sum(e.ADET, e.ADOT), e.minor);
  const hours = (seconds: Range) => times(seconds, 1 / 3600);
  const oee = over(e.PRI_GQ, e.PBT);
  const setupShare = over(sum(e.APT, e.AUST), e.APT);
  return new Map<string, Range | undefined>([
    ['prod.availability', over(e.APT, e.known)],
    ['prod.effectiveness', over(e.PRI_PQ_known, e.APT)],
    ['prod.quality', over(e.GQ, e.PQ)],
    ['prod.oee', oee],
    ['prod.nee', oee && setupShare && product(oee, setupShare)],
    ['prod.alloc_eff', over(aubt, e.known)],
    ['prod.util_eff', over(e.APT, aubt)],
    ['prod.tech_eff', over(e.APT, sum(e.APT, e.ADET))],
    ['prod.setup_ratio', over(e.AUST, sum(e.APT, e.AUST))],
    ['prod.scrap', over(e.SQ, e.PQ)],
    ['prod.volume', e.GQ],
    ['prod.throughput', over(times(e.inOrders, 3600), e.AOET)],
    ['prod.throughput_window', over(times(e.PQ, 3600), e.window)],
    ['prod.process_ratio', over(e.runWithOrder, e.AOET)],
    ['prod.attainment', told.orders ? over(e.planned, e.plan) : undefined],
    ['prod.load_ratio', told.capacity ? over(e.PQ, e.capacity) : undefined],
    ['prod.downtime_unpl', hours(sum(e.ADET_failure, e.ADET_internal))],
    ['prod.reason_cov', down.low > 0 ? exactly(0) : undefined],
    ['mnt.mtbf', over(hours(sum(e.APT, e.AUST)), e.failures)],
    ['mnt.mttr', over(times(e.restoring, 1 / 60), e.restored)],
    ['dr.lost_hours', hours(e.curtailed)],
    ['prod.rework', undefined],
    ['prod.fpy', undefined],
  ]);
}

const longestHiddenUs = 3_600_000_000;

function piecesIn({ pieces }: UnitRecording, [from, to]: Stretch): UnitRecording['pieces'] {
  const after = (time: number): number => {
    let [low, high] = [0, pieces.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pieces[middle]!.t <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return pieces.slice(after(from), after(to));
}

function statesIn({ states }: UnitRecording, window: Stretch): { state: string; span: Stretch }[] {
  const found: { state: string; span: Stretch }[] = [];
  for (const [index, { t, state }] of states.entries()) {
    const span: Stretch = [t, states[index + 1]?.t ?? Number.POSITIVE_INFINITY];
    if (span[0] >= window[1]) break;
    if (shared(span, window) > 0) found.push({ state, span });
  }
  return found;
}

/** Failures that began in the window, and what the restored ones took; those that hidden time touches may look otherwise. */
function failuresIn({ recording, failureUs, hidden, lateUs, shortestUs }: UnitView, [from, to]: Stretch) {
  const blurUs = Math.max(lateUs, shortestUs);
  const faults = joined(
    statesIn(recording, [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
      .filter(({ state }) => state === 'FAULT')
      .map(({ span }) => span),
  );
  const began = { low: 0, high: 0 };
  const ended = { low: 0, high: 0 };
  const seconds = { low: 0, high: 0 };
  for (const [a, b] of faults) {
    const isBlurred = hidden.some((one) => shared([one[0] - blurUs, one[1] + blurUs], [a, b]) > 0);
    const certain = !isBlurred && b - a - blurUs >= failureUs;
    const possible = b - a + blurUs >= failureUs;
    if (!possible && !isBlurred) continue;
    if (a >= from && a < to) {
      began.high += 1;
      if (certain) began.low += 1;
    }
    if (b > from && b <= to) {
      ended.high += 1;
      seconds.high += (b - a + blurUs) / 1e6;
      if (certain) {
        ended.low += 1;
        seconds.low += (b - a - blurUs) / 1e6;
      }
    }
  }
  return { began, ended, seconds };
}
