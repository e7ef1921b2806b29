/** What recurs every day between two times of day: tariff bands and notified limits. */
import type { TimeUs } from '../../protocols/sample.ts';
import { weekdayOf } from './calendar.ts';
import { minutesOfDay } from './check-calendar.ts';
import { dayToJalali } from './jalali.ts';
import type { weekdays } from './schema-parts.ts';
import { type Span, type Spans, union } from './spans.ts';
import { dayUs, fromLocal, minuteUs, toLocal } from './zone.ts';

export interface Daily {
  readonly start: string;
  /** At or before `start` means on the next day; the same time is a whole day. */
  readonly end: string;
  /** Of the day on which it starts. */
  readonly weekdays: readonly (typeof weekdays)[number][];
  /** First and last Jalali month of a season, which may go over the turn of the year. */
  readonly months?: readonly [number, number] | undefined;
}

/** When it holds in [start, end). */
export function dailySpans(zone: string, daily: Daily, { start, end }: Span): Spans {
  const startMin = minutesOfDay(daily.start);
  const endMin = minutesOfDay(daily.end);
  const lengthMin = endMin > startMin ? endMin - startMin : endMin - startMin + 24 * 60;
  const spans: Span[] = [];
  const lastDay = toLocal(zone, end);
  for (let day = (Math.floor(toLocal(zone, start) / dayUs) - 1) * dayUs; day <= lastDay; day += dayUs) {
    if (!daily.weekdays.includes(weekdayOf(day)) || !inSeason(daily.months, day)) continue;
    const instant = (min: number): TimeUs => fromLocal(zone, day + (startMin + min) * minuteUs);
    const from = Math.max(start, instant(0));
    const to = Math.min(end, instant(lengthMin));
    if (from < to) spans.push({ start: from, end: to });
  }
  return union(spans);
}

function inSeason(months: Daily['months'], day: TimeUs): boolean {
  if (!months) return true;
  const { month } = dayToJalali(day / dayUs);
  const [first, last] = months;
  return first <= last ? first <= month && month <= last : month >= first || month <= last;
}
