/** Times as parameters of the API, and the windows that two of them make. */
import { z } from 'zod';
import type { TimeUs } from '../../../protocols/sample.ts';
import { businessDay } from '../../plant/calendar.ts';
import type { Plant } from '../../plant/plant.ts';
import { formatTime, type Moment, parseInstant, parseMoment } from '../../plant/time-text.ts';
import { fromLocal } from '../../plant/zone.ts';
import { invalid } from '../door/problem.ts';

const dayUs = 86_400_000_000;
const maxWindowDays = 400;

const refuseTime = (context: z.RefinementCtx): never => {
  const message = 'must be a time as ISO 8601 with Z or an offset, or a date like 1404-04-16 or 2025-07-07';
  const fa = 'باید زمانی با Z یا اختلاف ساعت، یا تاریخی مانند 1404-04-16 یا 2025-07-07 باشد';
  context.addIssue({ code: 'custom', message, params: { fa } });
  return z.NEVER;
};

const timeText = z
  .string()
  .max(64)
  .meta({ examples: ['1404-04-16', '2025-07-07', '2025-07-07T06:00:00+03:30'] });

/** An offset's + that was not escaped arrives as a blank. */
const withPlus = (text: string): string => text.replace(/(T\S+) (?=\S+$)/i, '$1+');

/** A time, or a date of either calendar: the beginning of that day in Iran. */
export const timeOrDateParameter = timeText.transform((text, context): TimeUs => {
  return parseInstant(withPlus(text), 'Asia/Tehran') ?? refuseTime(context);
});

/** A place in a feed that is counted, or a time: a number alone is the place. */
export const sinceParameter = z
  .string()
  .max(64)
  .default('0')
  .transform((text, context): { readonly sequence: number } | { readonly time: TimeUs } => {
    if (/^\d{1,15}$/.test(text)) return { sequence: Number(text) };
    const time = parseInstant(withPlus(text), 'Asia/Tehran');
    return time === undefined ? refuseTime(context) : { time };
  })
  .meta({ description: '`next_since` of the answer before; or a time or date, and what was restated since then' });

/** As `timeOrDateParameter`, but a day begins when the business day of the plant does that is asked about. */
export const momentParameter = timeText.transform((text, context): Moment => {
  return parseMoment(withPlus(text)) ?? refuseTime(context);
});

export type PlantDay = Pick<Plant, 'zone' | 'businessDayStartMin'>;
/** Where no plant model says otherwise. */
export const civilDay: PlantDay = { zone: 'Asia/Tehran', businessDayStartMin: 0 };

const instantOf = (moment: Moment, { zone, businessDayStartMin }: PlantDay): TimeUs =>
  'time' in moment
    ? moment.time
    : fromLocal(zone, moment.local + (moment.isDay ? businessDayStartMin * 60_000_000 : 0));

/** The business days up to now, the running one included. */
export function lastDays(day: PlantDay, now: TimeUs, days: number): Window {
  const { start } = businessDay(day, now);
  return { from: businessDay(day, start - (days - 1) * dayUs).start, to: now };
}

export const rangeParameters = {
  from: momentParameter.optional().meta({ description: 'a date is the beginning of that business day' }),
  to: momentParameter.optional().meta({ description: 'not in the range' }),
};

/** The window that is meant at a plant. @throws {ProblemError} */
export const windowAt = (
  { from, to }: { readonly from?: Moment | undefined; readonly to?: Moment | undefined },
  day: PlantDay,
  usual: Window,
  maxDays = maxWindowDays,
): Window => windowOf({ from: from && instantOf(from, day), to: to && instantOf(to, day) }, usual, maxDays);

export interface Window {
  readonly from: TimeUs;
  /** Not in it. */
  readonly to: TimeUs;
}

const quarterUs = 900_000_000;

/** Four quarter-hours, the last one still running: as it has not ended, its KPIs are computed anew each time and kept nowhere. */
export function runningHour(now: TimeUs): Window {
  const to = (Math.floor(now / quarterUs) + 1) * quarterUs;
  return { from: to - 4 * quarterUs, to };
}

/** The window asked for; what is left out comes from `usual`. @throws {ProblemError} */
export function windowOf(
  query: { from?: TimeUs | undefined; to?: TimeUs | undefined },
  usual: Window,
  maxDays = maxWindowDays,
): Window {
  const to = query.to ?? usual.to;
  const from = query.from ?? to - (usual.to - usual.from);
  if (from >= to) throw invalid('from', { en: 'must be before "to"', fa: 'باید پیش از "to" باشد' });
  if (to - from > maxDays * dayUs) {
    const en = `the window may be at most ${maxDays} days: ask in parts, or make it an export: POST /api/v1/exports`;
    const fa = `بازه حداکثر ${maxDays} روز است: بخش‌بخش بخواهید یا آن را خروجی کنید: POST /api/v1/exports`;
    throw invalid('from', { en, fa });
  }
  return { from, to };
}

export const windowJson = ({ from, to }: Window) => ({ from: formatTime(from), to: formatTime(to) });
export const windowSchema = z.object({ from: z.string(), to: z.string() });
