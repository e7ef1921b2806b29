/**
 * An instant as people and other systems write it: a date of either calendar, `T` or a blank, a time of day with up to
 * six decimals, and `Z`, an offset, or nothing, which is wall time of the plant's zone. Digits of all three sets.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import { parseLocal } from './dates.ts';
import { asciiDigits } from './digits.ts';
import { fromLocal, minuteUs, toLocal } from './zone.ts';

const pattern = /^(.*?\d{1,2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?)(?:[.,](\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?$/i;

/** undefined: no such instant. One that occurs twice on the wall is the earlier; one that a clock change left out is none. */
export function parseInstant(text: string, zone: string): TimeUs | undefined {
  const [, wall, fraction = '', offset] = pattern.exec(asciiDigits(text.trim())) ?? [];
  const local = wall === undefined ? undefined : parseLocal(wall);
  if (local === undefined || (fraction !== '' && !/:\d{2}:\d{2}$/.test(wall!))) return undefined;
  const exact = local + Number(fraction.slice(0, 6).padEnd(6, '0'));
  if (offset === undefined) {
    const time = fromLocal(zone, exact);
    return toLocal(zone, time) === exact ? time : undefined;
  }
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d{2}):?(\d{2})$/.exec(offset) ?? [];
  if (+hours > 14 || +minutes > 59) return undefined;
  return exact - (+hours * 60 + +minutes) * (sign === '-' ? -1 : 1) * minuteUs;
}
