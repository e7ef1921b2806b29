/**
 * The Jalali (Solar Hijri) calendar by the 33-year rule, `(25·y + 11) mod 33 < 8`: right for 1178 to 1633, and so for
 * the years that the 2820-year cycle gets wrong, such as 1403 and 1404 (kpi.md §2.3). Days are counted as in
 * `zone.ts`: local midnights as if they were UTC, here in whole days since 1970-01-01.
 */

export interface JalaliDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
}

export const isLeapYear = (year: number): boolean => (25 * year + 11) % 33 < 8;

/** Months 1 to 6 have 31 days, 7 to 11 have 30, the twelfth 29, or 30 in a leap year. */
export const monthLength = (year: number, month: number): number =>
  month <= 6 ? 31 : month <= 11 || isLeapYear(year) ? 30 : 29;

const firstYear = 1178;
const lastYear = 1633;

/** Days from 1 Farvardin 1178 to 1 Farvardin of each year. */
const yearStarts: number[] = [];
for (let year = firstYear, days = 0; year <= lastYear + 1; year++) {
  yearStarts.push(days);
  days += isLeapYear(year) ? 366 : 365;
}

/** 1 Farvardin 1404 was 2025-03-21. */
const epochDay = Date.UTC(2025, 2, 21) / 86_400_000 - yearStarts[1404 - firstYear]!;

/** @throws {RangeError} no such day, or a year that the rule is not known to be right for. */
export function jalaliToDay({ year, month, day }: JalaliDate): number {
  if (!(year >= firstYear && year <= lastYear && month >= 1 && month <= 12)) {
    throw new RangeError(`${year}-${month} is no Jalali month from ${firstYear} to ${lastYear}`);
  }
  if (!(day >= 1 && day <= monthLength(year, month))) {
    throw new RangeError(`${year}-${month} has ${monthLength(year, month)} days, not ${day}`);
  }
  return epochDay + yearStarts[year - firstYear]! + daysBeforeMonth(month) + day - 1;
}

/** @throws {RangeError} before 1178 or after 1633. */
export function dayToJalali(dayNumber: number): JalaliDate {
  const days = dayNumber - epochDay;
  const index = Math.floor(days / 365.2422 + 0.01);
  const year = firstYear + (yearStarts[index]! > days ? index - 1 : days >= yearStarts[index + 1]! ? index + 1 : index);
  if (!(days >= 0 && year <= lastYear)) throw new RangeError(`day ${dayNumber} is outside the Jalali years known`);
  const ofYear = days - yearStarts[year - firstYear]!;
  const month = ofYear < 186 ? Math.floor(ofYear / 31) + 1 : Math.floor((ofYear - 186) / 30) + 7;
  return { year, month, day: ofYear - daysBeforeMonth(month) + 1 };
}

const daysBeforeMonth = (month: number): number => (month <= 7 ? 31 * (month - 1) : 186 + 30 * (month - 7));

export const nextMonth = ({ year, month }: Pick<JalaliDate, 'year' | 'month'>): JalaliDate =>
  month === 12 ? { year: year + 1, month: 1, day: 1 } : { year, month: month + 1, day: 1 };

/** `1404-04-16`, ASCII digits. */
export const formatJalali = ({ year, month, day }: JalaliDate): string =>
  `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
