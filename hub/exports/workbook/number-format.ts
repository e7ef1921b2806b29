/** How numbers look that stay numbers: their decimals, and the digits of the language (ISO/IEC 29500-1, 18.8.31). */
import type { Kind } from './sheet.ts';

export const formats: Readonly<Record<Exclude<Kind, 'text' | 'number'>, string>> = {
  integer: '#,##0',
  percent: '0.0%',
  points: '0.00%',
  date: 'yyyy-mm-dd',
};

/** As many decimals as its size asks for, always written out: numbers stand below each other, and none ends in a point. */
export function numberFormat(size: number): string {
  if (size === 0 || size >= 1e6) return '#,##0';
  if (size >= 1000) return '#,##0.0';
  if (size >= 10) return '#,##0.00';
  return size >= 1 ? '0.0000' : '0.000000';
}

/** The shape of numerals, the calendar of the program, the language. */
const persianDigits = '[$-3000429]';

/** A Gregorian date keeps its digits: with the language it would become one of another calendar. */
export const shownAs = (format: string, isPersian: boolean): string =>
  isPersian && format !== formats.date ? persianDigits + format : format;
