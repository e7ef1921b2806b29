/** Instants as text: ISO 8601 with an offset or Z in, in any of the three scripts' digits; in UTC out, to the microsecond. */
import type { TimeUs } from '../../protocols/sample.ts';
import { asciiDigits } from './digits.ts';

const iso = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d))$/i;

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
