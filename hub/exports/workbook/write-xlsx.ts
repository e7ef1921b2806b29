/**
 * Sheets → an .xlsx file; the one place that knows the library. Numbers and dates are real ones, text is only ever text:
 * a cell that begins with = + - @ is escaped, and nothing becomes a formula. A sheet without rows says that it has none.
 */
import writeXlsx, { type SheetData } from 'write-excel-file/node';
import { asText } from '../csv.ts';
import { type Column, isMarked, type Kind, type Marked, type Sheet, type SheetCell } from './sheet.ts';

const formats: Readonly<Record<Exclude<Kind, 'text' | 'number'>, string>> = {
  integer: '#,##0',
  percent: '0.0%',
  points: '0.00%',
  date: 'yyyy-mm-dd',
};

/** As many decimals as its size asks for, always written out: numbers stand below each other, and none ends in a point. */
function numberFormat(size: number): string {
  if (size === 0 || size >= 1e6) return '#,##0';
  if (size >= 1000) return '#,##0.0';
  if (size >= 10) return '#,##0.00';
  return size >= 1 ? '0.0000' : '0.000000';
}

const tones: Readonly<Record<NonNullable<Marked['tone']>, object>> = {
  good: { backgroundColor: '#d7f0dd' },
  warn: { backgroundColor: '#fff0c2' },
  bad: { backgroundColor: '#f8d5d1' },
  strong: { fontWeight: 'bold' },
};

/**
 * Persian is read from the right even where it begins or ends with a sign or a Latin word. The library does not say so;
 * it is said of the cells that it was asked to put to the bottom, where they are anyway.
 */
const persianFromTheRight = (styles: string): string =>
  styles.replaceAll(/<alignment ([^>]*)vertical="bottom"/g, '<alignment $1readingOrder="2"');
const isPersian = (text: string): boolean => /\p{Script=Arabic}/u.test(text);

/** A loose page says of which report it is; below, the name of its sheet, and which page of how many. */
const pageTexts = (heading: string): string => {
  const above = heading && `<oddHeader>&amp;C${forXml(heading.replaceAll('&', '&&'))}</oddHeader>`;
  return `<headerFooter>${above}<oddFooter>&amp;C&amp;A    &amp;P / &amp;N</oddFooter></headerFooter>`;
};

const forXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').slice(0, 200);

const margins = '<pageMargins left="0.4" right="0.4" top="0.6" bottom="0.6" header="0.25" footer="0.25"/>';

/** Every page of a sheet begins with its header. */
const printTitles = (workbook: string): string => {
  const names = [...workbook.matchAll(/<sheet [^>]*name="([^"]*)"/g)].map(([, name]) => name!.replaceAll("'", "''"));
  const titles = names.map(
    (name, index) => `<definedName name="_xlnm.Print_Titles" localSheetId="${index}">'${name}'!$1:$1</definedName>`,
  );
  return workbook.replace('</sheets>', () => `</sheets><definedNames>${titles.join('')}</definedNames>`);
};

/** Printed, a sheet is as wide as the page, and as many pages long as it must be. */
const onePageWide = (heading: string) => ({
  files: {
    transform: {
      'xl/workbook.xml': { transform: printTitles },
      'xl/styles.xml': { transform: persianFromTheRight },
      'xl/worksheets/sheet{id}.xml': {
        transform: (xml: string) =>
          xml
            .replace(/(<worksheet[^>]*>)/, '$1<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>')
            .replace(/<pageMargins [^>]*\/>/, margins)
            .replace(
              /<pageSetup ([^>]*)\/>/,
              (_, rest) => `<pageSetup fitToWidth="1" fitToHeight="0" ${rest}/>${pageTexts(heading)}`,
            ),
      },
    },
  },
});

const maxText = 32_000;

/** It has Persian, comes with LibreOffice everywhere, and where it is not, Excel takes another that has. */
const font = 'DejaVu Sans';

export async function writeWorkbook(
  sheets: readonly Sheet[],
  {
    rightToLeft,
    nothing,
    heading = '',
  }: { readonly rightToLeft: boolean; readonly nothing: string; readonly heading?: string },
): Promise<Buffer> {
  const made = sheets.map((sheet) => ({
    sheet: sheet.name,
    data: toData(sheet, rightToLeft, nothing),
    columns: sheet.columns.map(({ width }) => ({ width })),
    stickyRowsCount: 1,
    rightToLeft,
    showGridLines: true,
    orientation: 'landscape' as const,
  }));
  return writeXlsx(made, { fontFamily: font, fontSize: 10, features: [onePageWide(heading)] }).toBuffer();
}

function toData({ columns, rows, empty, remarks = [] }: Sheet, rightToLeft: boolean, nothing: string): SheetData {
  const align = rightToLeft ? ('right' as const) : ('left' as const);
  const heading = {
    type: String,
    fontWeight: 'bold' as const,
    backgroundColor: '#dfe8f1',
    wrap: true,
    align: 'center' as const,
    alignVertical: 'center' as const,
    height: 32,
  };
  // Of a column of one unit, all have the decimals of the largest.
  const sizes = columns.map((_, index) => Math.max(0, ...rows.map((row) => sizeOf(row[index] ?? null))));
  const cell = (given: SheetCell, { kind, width }: Column, size: number) => {
    const { value, kind: own = kind, tone } = isMarked(given) ? given : { value: given };
    if (value === null || (typeof value === 'number' && !Number.isFinite(value))) return null;
    const style = tone ? tones[tone] : {};
    if (typeof value === 'string') {
      const reading = isPersian(value) && { alignVertical: 'bottom' as const };
      return { value: plain(value), type: String, align, indent: 1, ...wrapped(value, width), ...reading, ...style };
    }
    if (value instanceof Date) return { value, type: Date, format: formats.date, align: 'center' as const, ...style };
    // Among texts it stands as they do.
    const place = kind === 'text' ? { align, indent: 1 } : {};
    const format =
      own === 'number' || own === 'text' ? numberFormat(isMarked(given) ? Math.abs(value) : size) : formats[own];
    return { value, type: Number, format, ...place, ...style };
  };
  // They spill over the empty cells beside them.
  const spilling = [...(rows.length === 0 ? [empty ?? nothing] : []), ...(remarks.length > 0 ? ['', ...remarks] : [])];
  return [
    columns.map(({ header }) => ({ ...heading, value: header })),
    ...rows.map((row) => row.map((given, index) => cell(given, columns[index]!, sizes[index]!))),
    ...spilling.map((text) => [cell(text, { ...columns[0]!, kind: 'text', width: maxText }, 0)]),
  ];
}

/** The row is as high as it needs: not every program finds that out when it opens the file. */
function wrapped(text: string, width: number): { wrap?: true; height?: number } {
  const lines = Math.ceil(text.length / (0.85 * width));
  return text.length > width ? { wrap: true, height: 13 * lines } : {};
}

const sizeOf = (cell: SheetCell): number => (typeof cell === 'number' && Number.isFinite(cell) ? Math.abs(cell) : 0);

/** Without what XML cannot hold, and no longer than a cell may be. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
  return asText(text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '').slice(0, maxText));
}
