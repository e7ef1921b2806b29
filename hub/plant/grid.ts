/**
 * The buckets of a plant's time (kpi.md §2.3, R8): quarter-hours, local hours, shifts, business days, weeks from
 * Saturday, Jalali and Gregorian months. All are half-open, and every one is an exact union of cells: quarter-hours
 * of UTC, cut again where a shift or a business day begins or ends.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import { businessDay, shiftInstances } from './calendar.ts';
import { dayToJalali, formatJalali, type JalaliDate, jalaliToDay, nextMonth } from './jalali.ts';
import type { Plant } from './plant.ts';
import type { Name } from './schema-parts.ts';
import type { Span } from './spans.ts';
import { dayUs, fromLocal, hourUs, minuteUs, toLocal, zoneOffsetUs } from './zone.ts';

export const granularities = ['15min', 'hour', 'shift', 'day', 'week', 'month', 'gregorian_month'] as const;
export type Granularity = (typeof granularities)[number];

/** An event, or a notified limit, has a time of its own. */
export type BucketKind = Granularity | 'event';

export interface Bucket extends Span {
  readonly granularity: BucketKind;
  /** The business day it begins on; a night shift's is the day on which it starts. */
  readonly jalaliDate: string;
  readonly shift?: { readonly code: string; readonly name: Name };
  /** Code of the event or limit. */
  readonly event?: string;
}

export type PlantTime = Pick<Plant, 'zone' | 'shifts' | 'exceptions' | 'businessDayStartMin'>;

export const cellHours = 0.25;
const cellUs = cellHours * hourUs;

/** Ascending cells that cover [start, end) and do not reach beyond it. */
export function cells(plant: PlantTime, start: TimeUs, end: TimeUs): Span[] {
  const cuts = new Set<TimeUs>([start, end]);
  for (let at = Math.ceil(start / cellUs) * cellUs; at < end; at += cellUs) cuts.add(at);
  for (const shift of shiftInstances(plant, start, end)) cuts.add(shift.start).add(shift.end);
  for (const day of spansFrom(start, end, (time) => businessDay(plant, time))) cuts.add(day.start);
  const edges = [...cuts].filter((cut) => cut >= start && cut <= end).sort((a, b) => a - b);
  return edges.slice(1).map((edge, index) => ({ start: edges[index]!, end: edge }));
}

/** Every bucket that touches [from, to), whole. */
export function buckets(plant: PlantTime, granularity: Granularity, from: TimeUs, to: TimeUs): Bucket[] {
  if (granularity === 'shift') {
    return shiftInstances(plant, from, to).map(({ start, end, code, name }) =>
      describe(plant, granularity, { start, end }, { code, name }),
    );
  }
  return spansFrom(from, to, (time) => bucketAt(plant, granularity, time)).map((span) =>
    describe(plant, granularity, span),
  );
}

/** Whole buckets that cover [from, to): what a query's range is snapped to. */
export function snapped(plant: PlantTime, granularity: Granularity, { start, end }: Span): Span {
  const touched = buckets(plant, granularity, start, end);
  return { start: touched[0]?.start ?? start, end: touched.at(-1)?.end ?? end };
}

export function describe(
  plant: PlantTime,
  granularity: BucketKind,
  span: Span,
  shift?: { code: string; name: Name },
): Bucket {
  const jalaliDate = formatJalali(dayToJalali(businessDayNumber(plant, span.start)));
  return { granularity, ...span, jalaliDate, ...(shift && { shift }) };
}

function spansFrom(from: TimeUs, to: TimeUs, spanAt: (time: TimeUs) => Span): Span[] {
  const spans: Span[] = [];
  for (let at = from; at < to; at = spans.at(-1)!.end) spans.push(spanAt(at));
  return spans;
}

function bucketAt(plant: PlantTime, granularity: Exclude<Granularity, 'shift'>, time: TimeUs): Span {
  switch (granularity) {
    case '15min':
      return gridSpan(time, cellUs, 0);
    case 'hour':
      return gridSpan(time, hourUs, zoneOffsetUs(plant.zone, time));
    case 'day':
      return businessDay(plant, time);
    case 'week': {
      const day = businessDayNumber(plant, time);
      // Day 2 of 1970, a Saturday.
      const saturday = Math.floor((day - 2) / 7) * 7 + 2;
      return { start: startOfDay(plant, saturday), end: startOfDay(plant, saturday + 7) };
    }
    case 'month': {
      const first: JalaliDate = { ...dayToJalali(businessDayNumber(plant, time)), day: 1 };
      return { start: startOfDay(plant, jalaliToDay(first)), end: startOfDay(plant, jalaliToDay(nextMonth(first))) };
    }
    case 'gregorian_month': {
      const date = new Date(businessDayNumber(plant, time) * 86_400_000);
      const month = (offset: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + offset, 1) / 86_400_000;
      return { start: startOfDay(plant, month(0)), end: startOfDay(plant, month(1)) };
    }
  }
}

function gridSpan(time: TimeUs, lengthUs: number, offsetUs: number): Span {
  const start = Math.floor((time + offsetUs) / lengthUs) * lengthUs - offsetUs;
  return { start, end: start + lengthUs };
}

/** Days since 1970-01-01 of the business day's own date. */
function businessDayNumber(plant: PlantTime, time: TimeUs): number {
  const { start } = businessDay(plant, time);
  return Math.floor((toLocal(plant.zone, start) - plant.businessDayStartMin * minuteUs) / dayUs);
}

const startOfDay = ({ zone, businessDayStartMin }: PlantTime, day: number): TimeUs =>
  fromLocal(zone, day * dayUs + businessDayStartMin * minuteUs);
