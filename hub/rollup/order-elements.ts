/** What orders, products and capacity say of a unit in one cell: plan, execution time, standard units, mass. */
import { plannedBusy, shiftInstances } from '../plant/calendar.ts';
import type { Order, Plant, Unit } from '../plant/plant.ts';
import { lengthUs, overlapUs, type Span, type Spans } from '../plant/spans.ts';
import type { CounterStep } from './counter.ts';
import type { Sums } from './sums.ts';

/** Planned busy time of an order's planned span; the plan is spread over it. Made once per order. */
const busyOfOrders = new WeakMap<Order, Spans>();

function busyOf(plant: Plant, order: Order): Spans {
  const known = busyOfOrders.get(order);
  if (known) return known;
  const { start, end } = order.planned;
  const busy = plannedBusy(shiftInstances(plant, start, end), start, end);
  busyOfOrders.set(order, busy);
  return busy;
}

/** @param busyUs planned busy time of the cell. */
export function orderElements(plant: Plant, unit: Unit, { start, end }: Span, busyUs: number): Sums {
  const sums: Sums = {};
  const hours = (end - start) / 3_600_000_000;
  if (unit.capacityPerHour === undefined) sums.EPC_none_us = end - start;
  else sums.EPC = unit.capacityPerHour * hours;
  if (!unit.orders) return { ...sums, AOET_us: busyUs, AOET_assumed_us: busyUs };
  sums.AOET_us = overlapUs(unit.orders, start, end);
  for (const order of unit.orderList) {
    const { quantity, plannedScrap } = order;
    if (quantity === undefined) continue;
    const busy = busyOf(plant, order);
    const share = overlapUs(busy, start, end) / Math.max(1, lengthUs(busy));
    sums.PLAN = (sums.PLAN ?? 0) + quantity * share;
    if (plannedScrap !== undefined) sums.PSQ = (sums.PSQ ?? 0) + plannedScrap * share;
  }
  return sums;
}

/** What good pieces weigh: in standard units, and in tonnes where their product has a mass. */
export function productElements(
  plant: Plant,
  unit: Unit,
  good: readonly CounterStep[] | undefined,
  { start, end }: Span,
): Sums {
  const sums = { GQ_std: 0, GQ_t: 0, GQ_no_mass: 0 };
  for (const { to, delta } of good ?? []) {
    if (to <= start || to > end || !delta) continue;
    const code = unit.rates.find((rate) => rate.from <= to && to < rate.to)?.product;
    const product = plant.products.find((one) => one.code === code);
    sums.GQ_std += delta * (product?.standardCoefficient ?? 1);
    if (product?.massKg === undefined) sums.GQ_no_mass += delta;
    else sums.GQ_t += (delta * product.massKg) / 1000;
  }
  return sums;
}
