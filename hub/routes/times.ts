/** Times at the API: ISO 8601 with an offset or Z in, in any of the three scripts' digits; ISO 8601 in UTC out, to the microsecond. */
import { z } from 'zod';
import type { TimeUs } from '../../protocols/sample.ts';
import { parseLocal } from '../plant/dates.ts';
import { fromLocal } from '../plant/zone.ts';
import { invalid } from './problem.ts';

const dayUs = 86_400_000_000;
const maxWindowDays = 400;

const iso = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d))$/i;

/** ۰–۹ (Persian) and ٠–٩ (Arabic) as 0–9, ٫ as the decimal point. */
const asciiDigits = (text: string): string =>
  text.replace(/[۰-۹٠-٩]/g, (digit) => String(digit.charCodeAt(0) & 0xf)).replace(/٫/g, '.');

/** undefined for anything that is not one instant: no offset, a 30 February, an hour 24. */
export function parseTime(text: string): TimeUs | undefined {
  // An offset's + that was not escaped arrives as a space.
  const match = iso.exec(asciiDigits(text.trim()).replace(/ (?=\d\d:?\d\d$)/, '+'));
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '', sign, offsetHour = '0', offsetMinute = '0'] =
    match;
  const fields = [+year!, +month! - 1, +day!, +hour!, +minute!, +second] as const;
  const wall = new Date(Date.UTC(...fields));
  const isReal =
    wall.getUTCMonth() === fields[1] &&
    wall.getUTCDate() === fields[2] &&
    fields[3] < 24 &&
    fields[4] < 60 &&
    fields[5] < 60;
  if (!isReal || +offsetHour > 14 || +offsetMinute > 59) return undefined;
  const offsetMinutes = (+offsetHour * 60 + +offsetMinute) * (sign === '-' ? -1 : 1);
  return (wall.getTime() - offsetMinutes * 60_000) * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}

export function formatTime(time: TimeUs): string {
  const millis = Math.floor(time / 1000);
  const micros = time - millis * 1000;
  const text = new Date(millis).toISOString();
  return micros === 0 ? text : `${text.slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

export const formatTimeOrNull = (time: TimeUs | null): string | null => (time === null ? null : formatTime(time));

export const timeParameter = z
  .string()
  .max(64)
  .meta({ format: 'date-time', examples: ['2025-07-07T06:00:00+03:30'] })
  .transform((text, context): TimeUs => {
    const time = parseTime(text);
    if (time !== undefined) return time;
    const message = 'must be a time as ISO 8601 with Z or an offset: 2025-07-07T06:00:00+03:30';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

/** A time, or a date of either calendar: the beginning of that day in Iran. */
export const timeOrDateParameter = z
  .string()
  .max(64)
  .meta({ examples: ['2025-07-07T06:00:00+03:30', '2025-07-07', '1404-04-16'] })
  .transform((text, context): TimeUs => {
    const local = parseLocal(text);
    const time = parseTime(text) ?? (local === undefined ? undefined : fromLocal('Asia/Tehran', local));
    if (time !== undefined) return time;
    const message = 'must be a time with Z or an offset, or a date like 2025-07-07 or 1404-04-16';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

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
export function windowOf(query: { from?: TimeUs | undefined; to?: TimeUs | undefined }, usual: Window): Window {
  const to = query.to ?? usual.to;
  const from = query.from ?? to - (usual.to - usual.from);
  if (from >= to) throw invalid('from', 'must be before "to"');
  if (to - from > maxWindowDays * dayUs) {
    throw invalid('from', `the window may be at most ${maxWindowDays} days: ask in parts`);
  }
  return { from, to };
}
