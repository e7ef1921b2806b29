/**
 * Dates and wall times as people write them: `2025-07-07`, `1404-04-16`, `۱۴۰۴/۰۴/۱۶T06:00`. A year before 1700 is a
 * Jalali one; digits may be Latin, Persian or Arabic. What is read is local time as if it were UTC, as in `zone.ts`.
 */
import { z } from 'zod';
import type { TimeUs } from '../../protocols/sample.ts';
import { asciiDigits } from './digits.ts';
import { jalaliToDay } from './jalali.ts';
import { dayUs, fromLocal } from './zone.ts';

const pattern = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?$/i;
const jalaliBefore = 1700;

/** undefined when it is no date, or no such day. */
export function parseLocal(text: string): TimeUs | undefined {
  const match = pattern.exec(asciiDigits(text.trim()));
  if (!match) return undefined;
  const [year, month, day, hour = 0, minute = 0, second = 0] = match.slice(1).map((part) => Number(part ?? 0));
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = dayOf(year!, month!, day!);
  return date === undefined ? undefined : date * dayUs + ((hour * 60 + minute) * 60 + second) * 1_000_000;
}

function dayOf(year: number, month: number, day: number): number | undefined {
  if (year < jalaliBefore) {
    try {
      return jalaliToDay({ year, month, day });
    } catch {
      return undefined;
    }
  }
  const ms = Date.UTC(year, month - 1, day);
  const made = new Date(ms);
  return made.getUTCMonth() === month - 1 && made.getUTCDate() === day ? ms / 86_400_000 : undefined;
}

/** Wall time of the plant's zone. */
export const localTime = z.string().refine((text) => parseLocal(text) !== undefined, {
  error: 'must be a date like 2025-07-07, 1404-04-16 or 2025-07-07T06:00',
  params: { fa: 'باید تاریخی مانند 1404-04-16 یا 2025-07-07 یا 2025-07-07T06:00 باشد' },
});

/** When something holds: from its first instant to before its last; open where nothing is said. */
export const validity = { from: localTime.optional(), to: localTime.optional() };

/** Of a text that `localTime` has accepted. */
export const instantOf = (zone: string, text: string): TimeUs => fromLocal(zone, parseLocal(text)!);

export interface Validity {
  readonly from: TimeUs;
  readonly to: TimeUs;
}

export const validityOf = (
  zone: string,
  { from, to }: { from?: string | undefined; to?: string | undefined },
): Validity => ({
  from: from === undefined ? Number.NEGATIVE_INFINITY : instantOf(zone, from),
  to: to === undefined ? Number.POSITIVE_INFINITY : instantOf(zone, to),
});
