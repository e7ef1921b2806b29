/**
 * Times as text. In: a date of either calendar, `T` or a blank, a time of day with up to six decimals, and `Z`, an
 * offset, or nothing, which is wall time; digits of all three scripts. Out: ISO 8601 in UTC, to the microsecond.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import { parseLocal } from './dates.ts';
import { asciiDigits } from './digits.ts';
import { fromLocal, minuteUs, toLocal } from './zone.ts';

/** An instant; or a wall time or a day, whose instant depends on the zone, and on when a day begins there. */
export type Moment = { readonly time: TimeUs } | { readonly local: TimeUs; readonly isDay: boolean };

const pattern = /^(.*?\d{1,2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?)(?:[.,](\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?$/i;

/** undefined for anything else: a 30 February, an hour 24, a date with an offset. */
export function parseMoment(text: string): Moment | undefined {
  const [, wall = '', fraction = '', offset] = pattern.exec(asciiDigits(text.trim())) ?? [];
  const seconds = parseLocal(wall);
  if (seconds === undefined || (fraction !== '' && !/:\d{2}:\d{2}$/.test(wall))) return undefined;
  const local = seconds + Number(fraction.slice(0, 6).padEnd(6, '0'));
  const isDay = !wall.includes(':');
  if (offset === undefined) return { local, isDay };
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d{2}):?(\d{2})$/.exec(offset) ?? [];
  if (isDay || +hours > 14 || +minutes > 59) return undefined;
  return { time: local - (+hours * 60 + +minutes) * (sign === '-' ? -1 : 1) * minuteUs };
}

/** Where only an instant will do. */
export function parseTime(text: string): TimeUs | undefined {
  const moment = parseMoment(text);
  return moment && 'time' in moment ? moment.time : undefined;
}

/** Of wall time that occurs twice, the earlier; what a clock change left out is none. A day begins when it begins. */
export function parseInstant(text: string, zone: string): TimeUs | undefined {
  const moment = parseMoment(text);
  if (!moment || 'time' in moment) return moment?.time;
  const time = fromLocal(zone, moment.local);
  return moment.isDay || toLocal(zone, time) === moment.local ? time : undefined;
}

export function formatTime(time: TimeUs): string {
  const millis = Math.floor(time / 1000);
  const micros = time - millis * 1000;
  const text = new Date(millis).toISOString();
  return micros === 0 ? text : `${text.slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

export const formatTimeOrNull = (time: TimeUs | null): string | null => (time === null ? null : formatTime(time));
