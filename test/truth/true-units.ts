/**
 * What the hub must find of units, from the factory's truth alone. How far it may be off, and why:
 *
 * - A polled state is seen at the next poll, so each change of a state moves up to one period from it to its neighbour; a
 *   subscribed one has its own time, and only what lasts no longer than the sampling is not seen.
 * - A polled piece is counted in the window of the poll that saw it; what was made in hidden time is counted when it ends.
 * - A piece that hidden time interrupts was made in known time by its share, as the hub has it; here it is all or nothing.
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

interface Order {
  readonly from: number;
  readonly to: number;
  readonly quantity: number;
  readonly plannedScrap: number;
}

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
  readonly orders: readonly Order[] | undefined;
  readonly capacityPerHour: number | undefined;
  /** kg a piece; undefined where nobody has told. */
  readonly massKg: number | undefined;
  /** What it rejects is reworked, and the rework counted. */
  readonly isReworking: boolean;
  /** The line begins with it. */
  readonly isFirst: boolean;
  /** When people have said why it stood. */
  readonly explained: readonly Stretch[];
  /** What it makes of a second that it lost, as good pieces. */
  readonly lostPerS: number;
}

/** What adds up over units and time. */
export type UnitSums = Readonly<Record<keyof ReturnType<typeof unitSums>, Range>>;

/** Time that is booked as a delay while an order is there, and as down time while none is. */
const idleStates = ['TRANSIENT', 'BLOCKED', 'STARVED', 'HELD', 'IDLE', 'PLANNED_STOP'];
/** An order or not, it has failed. */
const failedStates = ['FAULT', 'MAINT_CORRECTIVE'];

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
  // Not planned: a curtailment while there is no order, and maintenance.
  const notPlanned = sum(inState(['POWER_CURTAIL'], withoutOrder), inState(['MAINT_PLANNED'], known));
  const pbt = minus(exactly(lasting(busy) / 1e6), notPlanned.high > 0.01 ? notPlanned : exactly(0));
  const always = without(operation, hidden);

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
    // Those of a crash's last seconds are known to the factory and not to the hub; one that hidden time interrupts is
    // told by its share.
    return minus(sum(...whole), { low: -touched.length, high: Math.ceil(edgeS / plannedRunTimeS) });
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
  /** Spread over the planned busy time of each order. */
  const planned = (of: (order: Order) => number) =>
    (view.orders ?? []).reduce((all, order) => {
      const whole = without([[order.from, order.to]], view.plannedStops);
      return all + (of(order) * lasting(both(whole, [window]))) / lasting(whole);
    }, 0);
  const failures = failuresIn(view, window);
  return {
    PBT: pbt,
    known: minus(pbt, unknown),
    UNK: unknown,
    APT: runS,
    AUST: inState(['SETUP'], known),
    ADET: sum(inState(failedStates, known), inState([...idleStates, 'POWER_CURTAIL'], withOrder)),
    ADET_failure: inState(failedStates, known),
    ADET_internal: inState(['HELD'], withOrder),
    minor: inState(['TRANSIENT'], withOrder),
    ADOT: inState(idleStates, withoutOrder),
    runWithOrder: orders ? inState(['RUN'], withOrder) : runS,
    runWithoutOrder: inState(['RUN'], withoutOrder),
    curtailed: inState(['POWER_CURTAIL'], known),
    lost: times(inState(['POWER_CURTAIL'], known), view.lostPerS),
    reasoned: inState(
      ['BLOCKED', 'STARVED', 'HELD', 'IDLE', 'PLANNED_STOP', 'POWER_CURTAIL', ...failedStates],
      both(known, view.explained),
    ),
    repaired: inState(['MAINT_CORRECTIVE'], always),
    serviced: inState(['MAINT_PLANNED'], always),
    // SEMI E10, of the known time: all of the day is planned operation here.
    standby: inState(idleStates, always),
    ran: inState(['RUN'], always),
    scheduledDown: inState(['SETUP', 'MAINT_PLANNED', 'POWER_CURTAIL'], always),
    unscheduledDown: inState(failedStates, always),
    PQ: pq,
    GQ: gq,
    SQ: view.isReworking ? exactly(0) : sq,
    RQ: view.isReworking ? sq : exactly(0),
    PQ_RQ: view.isReworking ? pq : exactly(0),
    PQ_first: view.isFirst ? pq : exactly(0),
    tonnes: times(gq, (view.massKg ?? 0) / 1000),
    PRI_GQ: times(gq, plannedRunTimeS),
    PRI_PQ_known: times(notNegative(knownCounts()), plannedRunTimeS),
    inOrders,
    AOET: orders ? exactly(lasting(both(orders, [window])) / 1e6) : pbt,
    plan: exactly(planned(({ quantity }) => quantity)),
    planned: view.orders ? gq : exactly(0),
    plannedScrap: exactly(planned(({ plannedScrap }) => plannedScrap)),
    scrapOfPlanned: view.orders && !view.isReworking ? sq : exactly(0),
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

export interface Told {
  /** Some of the units have them. */
  readonly orders: boolean;
  readonly rework: boolean;
  readonly maintenance: boolean;
  /** All of them have it. */
  readonly capacity: boolean;
  readonly mass: boolean;
  readonly isLine: boolean;
}

/** By KPI; undefined is not defined. */
export function unitFigures(e: UnitSums, told: Told): Map<string, Range | undefined> {
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
    ['prod.reason_cov', over(e.reasoned, down)],
    ['mnt.mtbf', over(hours(sum(e.APT, e.AUST)), e.failures)],
    ['mnt.mttr', over(times(e.restoring, 1 / 60), e.restored)],
    ['dr.lost_hours', hours(e.curtailed)],
    ['dr.lost_output', e.lost],
    ['prod.rework', told.rework ? over(e.RQ, e.PQ_RQ) : undefined],
    // Nothing weighs nothing, whatever a piece weighs.
    ['prod.volume_t', told.mass || e.GQ.high === 0 ? e.tonnes : undefined],
    ['prod.alloc_ratio', over(minus(aubt, e.runWithoutOrder), e.AOET)],
    ['prod.planned_scrap', told.orders ? over(e.scrapOfPlanned, e.plannedScrap) : undefined],
    ['prod.falloff', told.isLine ? over(e.SQ, e.PQ_first) : undefined],
    ['prod.e10_uptime', over(sum(e.ran, e.standby), sum(e.ran, e.standby, e.scheduledDown, e.unscheduledDown))],
    ['mnt.cmr', told.maintenance ? over(e.repaired, sum(e.repaired, e.serviced)) : undefined],
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
      .filter(({ state }) => failedStates.includes(state))
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
