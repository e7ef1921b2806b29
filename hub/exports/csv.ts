/** CSV as of RFC 4180, with text that a spreadsheet would take for a formula made harmless (OWASP ASVS 5.0 1.2.10). */

export type Cell = string | number | bigint | boolean | null;

/** For spreadsheets that otherwise guess the encoding, and guess Persian wrongly. */
export const byteOrderMark = '\ufeff';

const startsFormula = /^[=+\-@\t\r\n\0＝＋－＠]/;

/** Text that no spreadsheet takes for a formula, now or when it is saved as CSV. */
export const asText = (text: string): string => (startsFormula.test(text) ? `'${text}` : text);

export const csvLine = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(',')}\r\n`;

/** Numbers stay numbers, -3.2 included; only text is guarded. null is an empty field. */
export function csvCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = asText(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
