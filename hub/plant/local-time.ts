/** Local time and dates as text: ISO 8601 with the plant's offset, Jalali dates in words, and what buckets are called. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Bucket } from './grid.ts';
import { dayToJalali, jalaliToDay } from './jalali.ts';
import { dayUs, minuteUs, toLocal, zoneOffsetUs } from './zone.ts';

export type Language = 'en' | 'fa';

const monthNames: Readonly<Record<Language, readonly string[]>> = {
  en: 'Farvardin Ordibehesht Khordad Tir Mordad Shahrivar Mehr Aban Azar Dey Bahman Esfand'.split(' '),
  fa: 'فروردین اردیبهشت خرداد تیر مرداد شهریور مهر آبان آذر دی بهمن اسفند'.split(' '),
};

/** `2025-07-07T06:00:00+03:30` */
export function formatLocal(zone: string, time: TimeUs): string {
  const minutes = zoneOffsetUs(zone, time) / minuteUs;
  const two = (number: number) => String(Math.floor(number)).padStart(2, '0');
  const size = Math.abs(minutes);
  const wall = new Date(toLocal(zone, time) / 1000).toISOString().slice(0, 19);
  return `${wall}${minutes < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`;
}

/** `12:45` */
export const timeOfDay = (zone: string, time: TimeUs): string => formatLocal(zone, time).slice(11, 16);

/** `1405-09-01 08:00 (2026-11-22T08:00+03:30)`: of the wall clock in both calendars; digits are ASCII. */
export function bothCalendars(zone: string, time: TimeUs): string {
  const [date, clock] = formatLocal(zone, time).split('T');
  return `${jalaliOfClock(zone, time)} ${clock!.slice(0, 5)} (${date}T${clock!.slice(0, 5)}${clock!.slice(8)})`;
}

/** The Gregorian date of a business day's Jalali one, without a zone. */
export function gregorianDate(jalaliDate: string): Date {
  const [year, month, day] = jalaliDate.split('-').map(Number);
  return new Date(jalaliToDay({ year: year!, month: month!, day: day! }) * 86_400_000);
}

/** `Tir 1404` */
export function monthName(jalaliDate: string, language: Language): string {
  const [year, month] = jalaliDate.split('-');
  return `${monthNames[language][Number(month) - 1]} ${year}`;
}

/** What a bucket is called; digits are ASCII. */
export function bucketLabel(zone: string, bucket: Bucket, language: Language): string {
  const { granularity, jalaliDate, shift, start } = bucket;
  switch (granularity) {
    case 'month':
      return monthName(jalaliDate, language);
    case 'gregorian_month':
      return formatLocal(zone, start).slice(0, 7);
    case 'shift':
      return `${shift?.name[language] ?? ''} ${jalaliDate}`.trim();
    case 'hour':
    case '15min':
      return `${jalaliOfClock(zone, start)} ${timeOfDay(zone, start)}`;
    default:
      return jalaliDate;
  }
}

/** Of the wall clock, not of the business day: 02:00 is past midnight. */
function jalaliOfClock(zone: string, time: TimeUs): string {
  const { year, month, day } = dayToJalali(Math.floor(toLocal(zone, time) / dayUs));
  return [year, String(month).padStart(2, '0'), String(day).padStart(2, '0')].join('-');
}

/** ۰ to ۹ instead of 0 to 9, for text that is read in Persian. */
export const persianDigits = (text: string): string =>
  text.replace(/\d/g, (digit) => String.fromCodePoint(0x6f0 + Number(digit)));
