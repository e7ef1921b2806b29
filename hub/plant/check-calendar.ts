/** Whether shifts, breaks and exceptions agree with each other. */
import { checkKnown, checkOrder, isThereTwice, overlaps, type PlantIssue } from './check-parts.ts';
import { parseLocal } from './dates.ts';
import type { PlantConfig } from './schema.ts';

type Shift = PlantConfig['shifts'][number];

const dayMin = 24 * 60;
const weekMin = 7 * dayMin;
const weekdayIndex = { sat: 0, sun: 1, mon: 2, tue: 3, wed: 4, thu: 5, fri: 6 } as const;

export const minutesOfDay = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** Minutes from the start of a shift to its end; 24 h when both are the same time of day. */
export const shiftLengthMin = ({ start, end }: { start: string; end: string }): number =>
  ((minutesOfDay(end) - minutesOfDay(start) + 2 * dayMin - 1) % dayMin) + 1;

/** Where a stop lies, in minutes from the start of its shift. */
export function stopInShiftMin(shift: { start: string }, stop: { start: string; end: string }): [number, number] {
  const start = (minutesOfDay(stop.start) - minutesOfDay(shift.start) + dayMin) % dayMin;
  return [start, start + shiftLengthMin(stop)];
}

export function checkShifts({ shifts }: PlantConfig): PlantIssue[] {
  const issues: PlantIssue[] = [];
  const taken: { from: number; to: number; shift: Shift }[] = [];
  for (const [index, shift] of shifts.entries()) {
    if (shifts.findIndex(({ code }) => code === shift.code) < index) {
      issues.push({ path: ['shifts', index, 'code'], message: isThereTwice(`"${shift.code}"`) });
    }
    for (const list of ['breaks', 'plannedStops'] as const) {
      for (const [stopIndex, stop] of shift[list].entries()) {
        const [, end] = stopInShiftMin(shift, stop);
        if (end <= shiftLengthMin(shift)) continue;
        issues.push({
          path: ['shifts', index, list, stopIndex],
          message: {
            en: `${stop.start} to ${stop.end} is not inside the shift from ${shift.start} to ${shift.end}; move it`,
            fa: `${stop.start} تا ${stop.end} درون شیفت ${shift.start} تا ${shift.end} نیست؛ جابه‌جا کنید`,
          },
        });
      }
    }
    for (const weekday of new Set(shift.weekdays)) {
      const from = weekdayIndex[weekday] * dayMin + minutesOfDay(shift.start);
      const to = from + shiftLengthMin(shift);
      const other = taken.find(
        (one) =>
          overlaps(one.shift, shift) &&
          [-weekMin, 0, weekMin].some((turn) => one.from + turn < to && from < one.to + turn),
      );
      taken.push({ from, to, shift });
      if (!other) continue;
      issues.push({
        path: ['shifts', index],
        message: {
          en: `overlaps the shift "${other.shift.code}" on ${weekday}; change its times, or the days on which it is valid`,
          fa: `در روز ${weekday} با شیفت «${other.shift.code}» هم‌پوشانی دارد؛ ساعت‌ها یا روزهای اعتبار آن را تغییر دهید`,
        },
      });
      break;
    }
  }
  return issues;
}

export function checkExceptions({ exceptions, shifts }: PlantConfig): PlantIssue[] {
  const codes = shifts.map(({ code }) => code);
  const lastDay = ({ date, until }: (typeof exceptions)[number]): number => parseLocal(until ?? date)!;
  return exceptions.flatMap((exception, index) => {
    const path = ['exceptions', index];
    const issues = exception.shifts.flatMap((code, at) => checkKnown(code, codes, 'shift', [...path, 'shifts', at]));
    if (lastDay(exception) < parseLocal(exception.date)!) {
      const message = { en: 'is before "date"; swap them', fa: 'پیش از «date» است؛ جابه‌جا کنید' };
      issues.push({ path: [...path, 'until'], message });
    }
    const other = exceptions
      .slice(0, index)
      .find((one) => parseLocal(one.date)! <= lastDay(exception) && parseLocal(exception.date)! <= lastDay(one));
    if (!other) return issues;
    const message = {
      en: `is a day of "${other.name.en}" too; leave one of them out`,
      fa: `روزی از «${other.name.fa}» هم هست؛ یکی را بردارید`,
    };
    issues.push({ path, message });
    return issues;
  });
}

export const checkShiftValidity = ({ shifts }: PlantConfig): PlantIssue[] =>
  shifts.flatMap((shift, index) => checkOrder(shift, ['shifts', index]));
