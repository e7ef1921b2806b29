/**
 * The time elements of ISO 22400-2 of a unit: states × orders × calendar, by the table of kpi.md §1.4. An order is
 * taken to be at the unit whenever it is planned busy, unless the plant file lists its orders: IDLE then is a delay,
 * and counts as down time (ADOT) only where the file says that there was no order. IDLE and OFF say only that the unit
 * stands: where people have said why, the time is booked as the class of their reason is.
 */
import { addTo, type Sums } from '../../kpi/sums.ts';
import type { CanonicalState } from '../../plant/canonical-state.ts';
import type { ExplainedStop, Plant } from '../../plant/plant.ts';
import { clip, intersect, lengthUs, overlapUs, type Spans, subtract } from '../../plant/spans.ts';
import type { StateSpan } from './state-timeline.ts';

/** Where a stretch of time is booked. `ADET` carries its class; PDOT leaves planned busy time. */
type Booking = readonly (
  | 'APT'
  | 'AUST'
  | `ADET_${DelayClass}`
  | 'ADOT'
  | 'PDOT'
  | 'UNK'
  | 'PMT'
  | 'CMT'
  | 'RUN_NO_ORDER'
)[];
export type DelayClass = 'failure' | 'internal' | 'external' | 'organisational' | 'minor' | 'energy';

const planned: { readonly [state in CanonicalState]: { readonly order: Booking; readonly noOrder: Booking } } = {
  RUN: { order: ['APT'], noOrder: ['APT', 'RUN_NO_ORDER'] },
  SETUP: { order: ['AUST'], noOrder: ['AUST'] },
  TRANSIENT: { order: ['ADET_minor'], noOrder: ['ADOT'] },
  BLOCKED: { order: ['ADET_external'], noOrder: ['ADOT'] },
  STARVED: { order: ['ADET_external'], noOrder: ['ADOT'] },
  HELD: { order: ['ADET_internal'], noOrder: ['ADOT'] },
  FAULT: { order: ['ADET_failure'], noOrder: ['ADET_failure'] },
  IDLE: { order: ['ADET_organisational'], noOrder: ['ADOT'] },
  POWER_CURTAIL: { order: ['ADET_energy'], noOrder: ['PDOT'] },
  MAINT_PLANNED: { order: ['PDOT', 'PMT'], noOrder: ['PDOT', 'PMT'] },
  MAINT_CORRECTIVE: { order: ['ADET_failure', 'CMT'], noOrder: ['ADET_failure', 'CMT'] },
  OFF: { order: ['ADET_organisational'], noOrder: ['ADOT'] },
  UNKNOWN: { order: ['UNK'], noOrder: ['UNK'] },
};

/** Outside planned busy time only these are of interest; the rest is planned down time or no time of the plant. */
const unplanned: { readonly [state in CanonicalState]?: string } = {
  RUN: 'APT_X_us',
  FAULT: 'UDT_X_us',
  MAINT_PLANNED: 'PMT_us',
  MAINT_CORRECTIVE: 'CMT_us',
};

/** What a stop is booked as that is IDLE or OFF and has a reason of a class. */
const stateOfClass = {
  failure: 'FAULT',
  internal: 'HELD',
  external: 'BLOCKED',
  organisational: 'IDLE',
  minor: 'TRANSIENT',
  energy: 'POWER_CURTAIL',
} as const satisfies { readonly [one in DelayClass]: CanonicalState };

function bookingOf(
  state: CanonicalState,
  key: 'order' | 'noOrder',
  stop: ExplainedStop | undefined,
  curtailmentCountsAs: Plant['curtailmentCountsAs'],
): Booking {
  const says = state !== 'IDLE' && state !== 'OFF' ? undefined : stop?.class;
  if (says === 'planned') return ['PDOT'];
  const booked = says ? stateOfClass[says] : state;
  const asPlannedDown = booked === 'POWER_CURTAIL' && curtailmentCountsAs === 'planned_down';
  return planned[booked][asPlannedDown ? 'noOrder' : key];
}

/** Time that asks for a reason. */
const isDown = ([first]: Booking): boolean =>
  first === 'ADOT' || (first !== 'ADET_minor' && (first?.startsWith('ADET_') ?? false));

export interface TimeElementsInput {
  readonly timeline: readonly StateSpan[];
  /** POT of the window. */
  readonly operation: Spans;
  /** POT without breaks and planned stops. */
  readonly busy: Spans;
  /** When an order was at the unit; undefined is always. */
  readonly orders: Spans | undefined;
  readonly curtailmentCountsAs: Plant['curtailmentCountsAs'];
  /** Why it stood, as far as people have said; ascending. */
  readonly stops: readonly ExplainedStop[];
  /** When the unit's piece counters were known: the mask that effectiveness shares with its pieces (R5). */
  readonly counted: Spans;
}

/**
 * POT, PDOT, PBT, APT, AUST, ADET with its classes, ADOT, UNK, and what lies outside the plan, all in µs.
 * Always PBT = APT + AUST + ADET + ADOT + UNK and POT = PBT + PDOT.
 */
export function timeElements(input: TimeElementsInput): Sums {
  const { timeline, operation, busy, orders, curtailmentCountsAs, counted, stops } = input;
  const sums: Sums = {
    POT_us: lengthUs(operation),
    PDOT_us: lengthUs(operation) - lengthUs(busy),
    PBT_us: 0,
    APT_us: 0,
    AUST_us: 0,
    ADET_us: 0,
    ADOT_us: 0,
    UNK_us: 0,
    DOWN_reasoned_us: 0,
    PBT_known_us: 0,
    APT_known_us: 0,
  };

  const book = (state: CanonicalState, time: Spans, key: 'order' | 'noOrder', stop: ExplainedStop | undefined) => {
    const length = lengthUs(time);
    if (length === 0) return;
    const booking = bookingOf(state, key, stop, curtailmentCountsAs);
    if (stop && isDown(booking)) addTo(sums, 'DOWN_reasoned_us', length);
    for (const name of booking) {
      addTo(sums, `${name}_us`, length);
      if (name.startsWith('ADET_')) addTo(sums, 'ADET_us', length);
    }
    if (booking[0] === 'PDOT') return;
    addTo(sums, 'PBT_us', length);
    if (state === 'UNKNOWN') return;
    let known = 0;
    for (const { start, end } of time) known += overlapUs(counted, start, end);
    addTo(sums, 'PBT_known_us', known);
    if (state === 'RUN') addTo(sums, 'APT_known_us', known);
  };

  for (const { start, end, state, stop } of timeline.flatMap((span) => byReason(span, stops))) {
    const inside = clip(busy, start, end);
    const withOrder = orders ? intersect(inside, orders) : inside;
    book(state, withOrder, 'order', stop);
    if (orders) book(state, subtract(inside, withOrder), 'noOrder', stop);
    const outside = unplanned[state];
    if (outside) addTo(sums, outside, end - start - lengthUs(inside));
  }
  return sums;
}

/** A state cut where a reason begins or ends. */
function byReason(span: StateSpan, stops: readonly ExplainedStop[]): (StateSpan & { stop?: ExplainedStop })[] {
  const parts: (StateSpan & { stop?: ExplainedStop })[] = [];
  let { start } = span;
  for (const stop of stops) {
    if (stop.end <= start) continue;
    if (stop.start >= span.end) break;
    if (stop.start > start) parts.push({ ...span, start, end: stop.start });
    const end = Math.min(stop.end, span.end);
    parts.push({ ...span, start: Math.max(start, stop.start), end, stop });
    start = end;
  }
  if (start < span.end) parts.push({ ...span, start });
  return parts;
}
