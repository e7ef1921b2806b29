/**
 * When a plant plans to work: instances of its shifts with their breaks and planned stops, and its business days.
 * Everything is asked for over a window and answered in UTC, so that days of 23 and 25 hours need no special care.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import { minutesOfDay, shiftLengthMin, stopInShiftMin } from './check-calendar.ts';
import { parseLocal } from './dates.ts';
import type { Plant, Shift } from './plant.ts';
import { type Name, weekdays } from './schema-parts.ts';
import { clip, type Span, type Spans, subtract, union } from './spans.ts';
import { dayUs, fromLocal, minuteUs, toLocal } from './zone.ts';

export interface ShiftInstance extends Span {
  readonly code: string;
  readonly name: Name;
  readonly breaks: Spans;
  /** Breaks and planned stops. */
  readonly plannedDown: Spans;
  /** Whose turn it was, where the crews are declared. */
  readonly crew: string | undefined;
}

type Calendar = Pick<Plant, 'zone' | 'shifts' | 'exceptions'>;

/** 1970-01-01 was a Thursday. */
export const weekdayOf = (localMidnight: TimeUs) => weekdays[(localMidnight / dayUs + 5) % 7]!;

/** Every shift that touches [start, end), in order. */
export function shiftInstances(calendar: Calendar, start: TimeUs, end: TimeUs): ShiftInstance[] {
  if (end <= start) return [];
  const { zone } = calendar;
  const instances: ShiftInstance[] = [];
  const lastDay = toLocal(zone, end);
  // The shift that was running at the start began on the same local day or on the one before.
  for (let day = (Math.floor(toLocal(zone, start) / dayUs) - 1) * dayUs; day <= lastDay; day += dayUs) {
    for (const shift of shiftsOf(calendar, day)) {
      const instance = instanceOf(zone, shift, day);
      if (instance.start < end && start < instance.end) instances.push(instance);
    }
  }
  return instances.sort((a, b) => a.start - b.start);
}

/** The shifts that start on a local day: those of its weekday, or those that a holiday or another exception names. */
function shiftsOf({ shifts, exceptions }: Calendar, day: TimeUs): Shift[] {
  const exception = exceptions.find(({ firstDay, lastDay }) => firstDay <= day && day <= lastDay);
  return shifts.filter(
    ({ code, days, weekdays }) =>
      days.from <= day &&
      day < days.to &&
      (exception ? exception.shifts.includes(code) : weekdays.includes(weekdayOf(day))),
  );
}

function crewOf({ crews }: Shift, day: TimeUs): string | undefined {
  if (!crews) return undefined;
  const turns = Math.floor((day - parseLocal(crews.since)!) / dayUs / crews.days);
  return crews.turn.at(turns % crews.turn.length);
}

function instanceOf(zone: string, shift: Shift, day: TimeUs): ShiftInstance {
  const startMin = minutesOfDay(shift.start);
  const instant = (min: number): TimeUs => fromLocal(zone, day + (startMin + min) * minuteUs);
  const spanOf = (stop: Shift['breaks'][number]): Span => {
    const [from, to] = stopInShiftMin(shift, stop);
    return { start: instant(from), end: instant(to) };
  };
  const breaks = union(shift.breaks.map(spanOf));
  return {
    code: shift.code,
    name: shift.name,
    start: instant(0),
    end: instant(shiftLengthMin(shift)),
    breaks,
    plannedDown: union(breaks, shift.plannedStops.map(spanOf)),
    crew: crewOf(shift, day),
  };
}

/** Planned operation time (POT): the shifts, cut to the window. */
export function plannedOperation(instances: readonly ShiftInstance[], start: TimeUs, end: TimeUs): Spans {
  return clip(union(instances), start, end);
}

/** POT without breaks and planned stops: planned busy time, as far as the calendar decides it (R8). */
export function plannedBusy(instances: readonly ShiftInstance[], start: TimeUs, end: TimeUs): Spans {
  return subtract(plannedOperation(instances, start, end), union(...instances.map(({ plannedDown }) => plannedDown)));
}

/** The business day that this instant lies in. A night shift belongs to the day on which it starts when that is so set. */
export function businessDay(
  { zone, businessDayStartMin }: Pick<Plant, 'zone' | 'businessDayStartMin'>,
  time: TimeUs,
): Span {
  const startUs = businessDayStartMin * minuteUs;
  let day = Math.floor((toLocal(zone, time) - startUs) / dayUs) * dayUs;
  // Around a clock change, the day that local arithmetic gives may begin after the instant or end before it.
  if (fromLocal(zone, day + startUs) > time) day -= dayUs;
  else if (fromLocal(zone, day + dayUs + startUs) <= time) day += dayUs;
  return { start: fromLocal(zone, day + startUs), end: fromLocal(zone, day + dayUs + startUs) };
}

/** The shift that runs at a site now; undefined between shifts, and where no plant is known. */
export function runningShift(
  plants: readonly Plant[],
  site: string,
  now: TimeUs,
): { from: TimeUs; to: TimeUs } | undefined {
  const plant = plants.find(({ path }) => path === site);
  const shift = plant && shiftInstances(plant, now, now + 1)[0];
  return shift && { from: shift.start, to: shift.end };
}
