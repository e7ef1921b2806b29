/**
 * Sheets → an .xlsx file; this and its two neighbours are the only places that know the library. Numbers and dates are
 * real ones, text is only ever text: a cell that begins with = + - @ is escaped, and nothing becomes a formula. A sheet
 * without rows says that it has none.
 */
import { Color, Format, FormatAlign, Workbook, type Worksheet } from 'wasm-xlsxwriter';
import { asText } from '../csv.ts';
import { formats, numberFormat, shownAs } from './number-format.ts';
import { type Column, isMarked, type Marked, type Sheet, type SheetCell, type Value } from './sheet.ts';
import type { WorkbookLook } from './write-xlsx.ts';
import { drawChart } from './xlsx-chart.ts';
import { finishXml, fromTheRight } from './xlsx-xml.ts';

const tones: Readonly<Record<NonNullable<Marked['tone']>, { readonly background?: number; readonly bold?: true }>> = {
  good: { background: 0xd7f0dd },
  warn: { background: 0xfff0c2 },
  bad: { background: 0xf8d5d1 },
  strong: { bold: true },
};

/** How a cell looks; equal looks share a format of the file. */
interface CellLook {
  readonly number?: string;
  readonly align?: 'left' | 'right' | 'center';
  readonly indent?: 1;
  readonly wrap?: true;
  readonly middle?: true;
  readonly persian?: true;
  readonly background?: number;
  readonly bold?: true;
}

/** It has Persian, comes with LibreOffice everywhere, and where it is not, Excel takes another that has. */
const font = 'DejaVu Sans';
const fontSize = 10;
const rowPixels = 18;
const columnPixels = 64;
const headerPoints = 32;
const linePoints = 13;
/** A row of charts: two of them, and the header, are a page. */
const chartPixels = 308;
/** As the library counts the width of a column. */
const digitPixels = 7;
const cellPaddingPixels = 5;
const a4 = 9;
const maxText = 32_000;
const maxHeading = 200;

export function encodeWorkbook(sheets: readonly Sheet[], look: WorkbookLook): Uint8Array<ArrayBuffer> {
  const workbook = new Workbook();
  const plainFormat = () => new Format().setFontName(font).setFontSize(fontSize);
  workbook.setDefaultFormat(plainFormat(), rowPixels, columnPixels);
  const known = new Map<string, Format>();
  const formatOf = (cell: CellLook): Format => {
    const key = JSON.stringify(cell);
    const format = known.get(key) ?? dressed(plainFormat(), cell, look.rightToLeft);
    known.set(key, format);
    return format;
  };
  for (const sheet of sheets) writeSheet(workbook.addWorksheet().setName(sheet.name), sheet, look, formatOf);
  for (const { pictures = [], name, columns } of sheets) {
    for (const [index, picture] of pictures.entries()) {
      const source = sheets.find((sheet) => sheet.name === picture.from)!;
      const column = index % columns.length;
      const row = 1 + Math.floor(index / columns.length);
      // Exactly the cell, so that it is as large as the cell in every program.
      const room = { width: columns[column]!.width * digitPixels + cellPaddingPixels, height: chartPixels };
      workbook.worksheetFromName(name).insertChart(row, column, drawChart(picture, source, room, look.rightToLeft));
    }
  }
  return finishXml(workbook.saveToBufferSync(), look.rightToLeft);
}

function dressed(format: Format, look: CellLook, rightToLeft: boolean): Format {
  const { number, align, indent, wrap, middle, persian, background, bold } = look;
  if (number) format.setNumFormat(shownAs(number, rightToLeft));
  if (align) format.setAlign({ left: FormatAlign.Left, right: FormatAlign.Right, center: FormatAlign.Center }[align]);
  if (indent) format.setIndent(indent);
  if (wrap) format.setTextWrap();
  // A row of several lines is read from its first one.
  if (persian) format.setAlign(middle ? fromTheRight.middle : fromTheRight.top);
  else format.setAlign(middle ? FormatAlign.VerticalCenter : FormatAlign.Top);
  if (background !== undefined) format.setBackgroundColor(Color.rgb(background));
  if (bold) format.setBold();
  return format;
}

function writeSheet(
  worksheet: Worksheet,
  { columns, rows, empty, remarks = [], pictures }: Sheet,
  { rightToLeft, nothing, heading = '' }: WorkbookLook,
  formatOf: (look: CellLook) => Format,
): void {
  const align = rightToLeft ? 'right' : 'left';
  const write = (row: number, column: number, value: Exclude<Value, null>, look: CellLook): void => {
    if (typeof value === 'string') worksheet.writeStringWithFormat(row, column, plain(value), formatOf(look));
    else worksheet.writeNumberWithFormat(row, column, value instanceof Date ? dayOf(value) : value, formatOf(look));
  };
  const header = { bold: true, background: 0xdfe8f1, wrap: true, align: 'center', middle: true } as const;
  for (const [column, { header: text, width }] of columns.entries()) {
    worksheet.setColumnWidth(column, width);
    write(0, column, text, isPersian(text) ? { ...header, persian: true } : header);
  }
  worksheet.setRowHeight(0, headerPoints);
  // Of a column of one unit, all have the decimals of the largest.
  const sizes = columns.map((_, index) => rows.reduce((most, row) => Math.max(most, sizeOf(row[index] ?? null)), 0));
  for (const [index, row] of rows.entries()) {
    let lines = 1;
    for (const [column, given] of row.entries()) {
      const cell = cellOf(given, columns[column]!, sizes[column]!, align);
      if (!cell) continue;
      write(index + 1, column, cell.value, cell.look);
      lines = Math.max(lines, cell.lines);
    }
    if (pictures) worksheet.setRowHeightPixels(index + 1, chartPixels);
    // Not every program finds out how high a row must be when it opens the file.
    else if (lines > 1) worksheet.setRowHeight(index + 1, linePoints * lines);
  }
  // They spill over the empty cells beside them.
  const spilling = [...(rows.length === 0 ? [empty ?? nothing] : []), ...(remarks.length > 0 ? ['', ...remarks] : [])];
  for (const [index, text] of spilling.entries()) {
    if (text !== '') write(rows.length + 1 + index, 0, text, textLook(text, align));
  }
  worksheet.setFreezePanes(1, 0);
  onePageWide(worksheet, heading);
}

/** Printed, a sheet is as wide as the page, and as many pages long as it must be; each says of which report it is. */
function onePageWide(worksheet: Worksheet, heading: string): void {
  worksheet.setLandscape().setPaperSize(a4).setPrintFitToPages(1, 0).setRepeatRows(0, 0);
  worksheet.setMargins(0.4, 0.4, 0.6, 0.6, 0.25, 0.25);
  if (heading) worksheet.setHeader(`&C${heading.replaceAll('&', '&&').slice(0, maxHeading)}`);
  worksheet.setFooter('&C&A    &P / &N');
}

interface WrittenCell {
  readonly value: Exclude<Value, null>;
  readonly look: CellLook;
  readonly lines: number;
}

function cellOf(
  given: SheetCell,
  { kind, width }: Column,
  size: number,
  align: 'left' | 'right',
): WrittenCell | undefined {
  const { value, kind: own = kind, tone } = isMarked(given) ? given : { value: given };
  if (value === null || (typeof value === 'number' && !Number.isFinite(value))) return undefined;
  const style = tone ? tones[tone] : {};
  if (typeof value === 'string') {
    const lines = value.length > width ? Math.ceil(value.length / (0.85 * width)) : 1;
    return { value, look: { ...textLook(value, align), ...(lines > 1 && { wrap: true }), ...style }, lines };
  }
  if (value instanceof Date) return { value, look: { number: formats.date, align: 'center', ...style }, lines: 1 };
  // Among texts it stands as they do.
  const place = kind === 'text' ? ({ align, indent: 1 } as const) : {};
  const number =
    own === 'number' || own === 'text' ? numberFormat(isMarked(given) ? Math.abs(value) : size) : formats[own];
  return { value, look: { number, ...place, ...style }, lines: 1 };
}

/** Persian is read from the right even where it begins or ends with a sign or a Latin word. */
const textLook = (text: string, align: 'left' | 'right'): CellLook => ({
  ...{ align, indent: 1 },
  ...(isPersian(text) && { persian: true }),
});

const isPersian = (text: string): boolean => /\p{Script=Arabic}/u.test(text);

const sizeOf = (cell: SheetCell): number => (typeof cell === 'number' && Number.isFinite(cell) ? Math.abs(cell) : 0);

/** Days since the first of the calendar of spreadsheets. */
const dayOf = (date: Date): number => date.getTime() / 86_400_000 + 25_569;

/** Without what XML cannot hold, and no longer than a cell may be. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
  return asText(text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '').slice(0, maxText));
}
