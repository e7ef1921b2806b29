/** What orders, products and capacity say of a unit in one cell: plan, execution time, standard units, mass. */
import type { Sums } from '../../kpi/sums.ts';
import { plannedBusy, shiftInstances } from '../../plant/calendar.ts';
import type { Plant, Unit } from '../../plant/plant.ts';
import { lengthUs, overlapUs, type Span, type Spans, union } from '../../plant/spans.ts';
import type { CounterStep } from '../samples/counter.ts';

/** Planned busy time of a span that something is spread over. Made once per span. */
const busyOfSpans = new WeakMap<Span, Spans>();

function busyOf(plant: Plant, span: Span): Spans {
  const known = busyOfSpans.get(span);
  if (known) return known;
  const { start, end } = span;
  const busy = plannedBusy(shiftInstances(plant, start, end), start, end);
  busyOfSpans.set(span, busy);
  return busy;
}

/** How much of what is spread over the planned busy time of a span falls into a cell; over all of it, if none is busy. */
export function shareOf(plant: Plant, span: Span, { start, end }: Span): number {
  const busy = busyOf(plant, span);
  const over = busy.length > 0 ? busy : [span];
  return overlapUs(over, start, end) / Math.max(1, lengthUs(over));
}

/** When an order was at the unit, as a cell sees it; undefined is always. */
export function ordersIn({ orders, ordersFrom }: Unit, { start, end }: Span): Spans | undefined {
  if (!orders || end <= ordersFrom) return undefined;
  return start < ordersFrom ? union([{ start, end: ordersFrom }], orders) : orders;
}

/**
 * @param orders as `ordersIn` says
 * @param busyUs planned busy time of the cell
 */
export function orderElements(
  plant: Plant,
  unit: Unit,
  orders: Spans | undefined,
  { start, end }: Span,
  busyUs: number,
): Sums {
  const sums: Sums = {};
  const hours = (end - start) / 3_600_000_000;
  if (unit.capacityPerHour === undefined) sums.EPC_none_us = end - start;
  else sums.EPC = unit.capacityPerHour * hours;
  sums.AOET_us = orders ? overlapUs(orders, start, end) : busyUs;
  if (!orders) sums.AOET_assumed_us = busyUs;
  for (const order of unit.orderList) {
    const { quantity, plannedScrap } = order;
    if (quantity === undefined) continue;
    const share = shareOf(plant, order.planned, { start, end });
    // Of the time before anybody told of orders, a plan says only what was to be made in it.
    if (share === 0 && end <= unit.ordersFrom) continue;
    sums.PLAN = (sums.PLAN ?? 0) + quantity * share;
    if (plannedScrap !== undefined) sums.PSQ = (sums.PSQ ?? 0) + plannedScrap * share;
  }
  return sums;
}

/** Whether any order of the unit says how much was to be made. */
export const isPlanned = ({ orderList }: Unit): boolean => orderList.some(({ quantity }) => quantity !== undefined);

export const isScrapPlanned = ({ orderList }: Unit): boolean =>
  orderList.some(({ quantity, plannedScrap }) => quantity !== undefined && plannedScrap !== undefined);

/** What good pieces weigh: in standard units, and in tonnes where their product has a mass. */
export function productElements(
  plant: Plant,
  unit: Unit,
  good: readonly CounterStep[] | undefined,
  { start, end }: Span,
): Sums {
  const sums = { GQ_std: 0, GQ_t: 0, GQ_no_mass: 0 };
  const made = unit.made.filter(({ from, to }) => from <= end && to > start);
  for (const { to, delta } of good ?? []) {
    if (to <= start || to > end || !delta) continue;
    const code = made.find((one) => one.from < to && to <= one.to)?.product;
    const product = plant.products.find((one) => one.code === code);
    sums.GQ_std += delta * (product?.standardCoefficient ?? 1);
    if (product?.massKg === undefined) sums.GQ_no_mass += delta;
    else sums.GQ_t += (delta * product.massKg) / 1000;
  }
  return sums;
}
