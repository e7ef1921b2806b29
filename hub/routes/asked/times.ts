/** Times as parameters of the API, and the windows that two of them make. */
import { z } from 'zod';
import type { TimeUs } from '../../../protocols/sample.ts';
import { businessDay } from '../../plant/calendar.ts';
import type { Plant } from '../../plant/plant.ts';
import { momentParameter, refuseTime, withPlus } from '../../plant/time-parameters.ts';
import { formatTime, type Moment, parseInstant } from '../../plant/time-text.ts';
import { fromLocal } from '../../plant/zone.ts';
import { invalid } from '../door/problem.ts';

const dayUs = 86_400_000_000;
const maxWindowDays = 400;

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
  if (from >= to) {
    throw query.to === undefined
      ? invalid('from', {
          en: 'has not come yet: where "to" is left out, it is now',
          fa: 'هنوز نرسیده است: "to" اگر نیاید اکنون است',
        })
      : invalid('from', { en: 'must be before "to"', fa: 'باید پیش از "to" باشد' });
  }
  if (to - from > maxDays * dayUs) {
    const en = `the window may be at most ${maxDays} days: ask in parts, or make it an export: POST /api/v1/exports`;
    const fa = `بازه حداکثر ${maxDays} روز است: بخش‌بخش بخواهید یا آن را خروجی کنید: POST /api/v1/exports`;
    throw invalid('from', { en, fa });
  }
  return { from, to };
}

export const windowJson = ({ from, to }: Window) => ({ from: formatTime(from), to: formatTime(to) });
export const windowSchema = z.object({ from: z.string(), to: z.string() });
