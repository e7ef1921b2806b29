/**
 * What people tell of a place, in one cell: inspected pieces are spread over the planned busy time of their entry, what
 * was worked over the time in which people were there without a break. How much of the plan is told is the coverage.
 */
import type { Sums } from '../../kpi/sums.ts';
import { plannedBusy, type ShiftInstance, shiftInstances } from '../../plant/calendar.ts';
import type { Plant } from '../../plant/plant.ts';
import { clip, lengthUs, overlapUs, type Span, type Spans, subtract, union } from '../../plant/spans.ts';
import type { Told } from '../../plant/told.ts';
import { shareOf } from './order-elements.ts';

const touches = (a: Span, b: Span): boolean => a.start < b.end && b.start < a.end;

/** Planned busy time since people began to tell of the place, and the part of it that they tell. */
function plannedAndTold({ said }: Told<Span>, instances: readonly ShiftInstance[], { start, end }: Span) {
  const begun = Math.max(start, said[0]?.start ?? end);
  const planned = begun < end ? clip(plannedBusy(instances, start, end), begun, end) : [];
  const told = union(said.filter((one) => touches(one, { start, end }))).reduce(
    (sum, one) => sum + overlapUs(planned, one.start, one.end),
    0,
  );
  return [lengthUs(planned), told] as const;
}

/** Group `inspection`. */
export function inspectionElements(plant: Plant, path: string, instances: readonly ShiftInstance[], cell: Span): Sums {
  const told = plant.inspections.get(path);
  if (!told || cell.end <= (told.said[0]?.start ?? Number.POSITIVE_INFINITY)) return {};
  const [inspect_us, inspect_told_us] = plannedAndTold(told, instances, cell);
  const sums: Sums = { inspect_us, inspect_told_us };
  for (const one of told.said.filter((one) => touches(one, cell))) {
    const share = shareOf(plant, one, cell);
    sums.IP = (sums.IP ?? 0) + one.inspected * share;
    sums.GP = (sums.GP ?? 0) + one.good * share;
  }
  return sums;
}

/** Group `personnel`. */
export function personnelElements(plant: Plant, path: string, instances: readonly ShiftInstance[], cell: Span): Sums {
  const told = plant.attendances.get(path);
  if (!told || cell.end <= (told.said[0]?.start ?? Number.POSITIVE_INFINITY)) return {};
  const [crew_us, crew_told_us] = plannedAndTold(told, instances, cell);
  const sums: Sums = { crew_us, crew_told_us };
  for (const one of told.said.filter((one) => touches(one, cell))) {
    const present = presentOf(plant, one);
    const own = overlapUs(present, cell.start, cell.end);
    sums.APAT_us = (sums.APAT_us ?? 0) + one.people * own;
    // Whoever came only for a break has worked through it.
    const over = present.length > 0 ? present : [one];
    const share = overlapUs(over, cell.start, cell.end) / lengthUs(over);
    sums.APWT_us = (sums.APWT_us ?? 0) + one.workedUs * share;
  }
  return sums;
}

/** The span of an entry without the breaks of the shifts. Made once per entry. */
const presentOfSpans = new WeakMap<Span, Spans>();

function presentOf(plant: Plant, span: Span): Spans {
  const known = presentOfSpans.get(span);
  if (known) return known;
  const { start, end } = span;
  const present = subtract([{ start, end }], union(...shiftInstances(plant, start, end).map(({ breaks }) => breaks)));
  presentOfSpans.set(span, present);
  return present;
}
