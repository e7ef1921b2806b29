/**
 * Sheets → an .xlsx file; the one place that knows the library. Numbers and dates are real ones, text is only ever text:
 * a cell that begins with = + - @ is escaped, and nothing becomes a formula. A sheet without rows says that it has none.
 */
import writeXlsx, { type SheetData } from 'write-excel-file/node';
import { asText } from '../csv.ts';
import { isMarked, type Kind, type Marked, type Sheet, type SheetCell } from './sheet.ts';

const formats: Readonly<Record<Exclude<Kind, 'text'>, string>> = {
  number: '#,##0.####',
  integer: '#,##0',
  percent: '0.0%',
  date: 'yyyy-mm-dd',
};

/** Below 1, four decimals would leave two digits of what a bottle takes. */
const small = '0.######';

/** Of millions, decimals tell nothing and take the width of the column. */
const large = '#,##0';

const formatOf = (kind: Exclude<Kind, 'text'>, value: number): string => {
  if (kind !== 'number') return formats[kind];
  return Math.abs(value) < 1 ? small : Math.abs(value) < 1e6 ? formats.number : large;
};

const tones: Readonly<Record<NonNullable<Marked['tone']>, object>> = {
  good: { backgroundColor: '#d7f0dd' },
  warn: { backgroundColor: '#fff0c2' },
  bad: { backgroundColor: '#f8d5d1' },
  strong: { fontWeight: 'bold' },
};

/** Every page of a sheet begins with its header. */
const printTitles = (workbook: string): string => {
  const names = [...workbook.matchAll(/<sheet [^>]*name="([^"]*)"/g)].map(([, name]) => name!.replaceAll("'", "''"));
  const titles = names.map(
    (name, index) => `<definedName name="_xlnm.Print_Titles" localSheetId="${index}">'${name}'!$1:$1</definedName>`,
  );
  return workbook.replace('</sheets>', () => `</sheets><definedNames>${titles.join('')}</definedNames>`);
};

/** Printed, a sheet is as wide as the page, and as many pages long as it must be. */
const onePageWide = {
  files: {
    transform: {
      'xl/workbook.xml': { transform: printTitles },
      'xl/worksheets/sheet{id}.xml': {
        transform: (xml: string) =>
          xml
            .replace(/(<worksheet[^>]*>)/, '$1<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>')
            .replace(/<pageSetup /, '<pageSetup fitToWidth="1" fitToHeight="0" '),
      },
    },
  },
};

const maxText = 32_000;

export async function writeWorkbook(
  sheets: readonly Sheet[],
  { rightToLeft, nothing }: { readonly rightToLeft: boolean; readonly nothing: string },
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
  return writeXlsx(made, { fontFamily: 'Arial', fontSize: 10, features: [onePageWide] }).toBuffer();
}

function toData({ columns, rows, empty }: Sheet, rightToLeft: boolean, nothing: string): SheetData {
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
  const cell = (given: SheetCell, kind: Kind) => {
    const { value, kind: own = kind, tone } = isMarked(given) ? given : { value: given };
    if (value === null || (typeof value === 'number' && !Number.isFinite(value))) return null;
    const style = tone ? tones[tone] : {};
    if (typeof value === 'string') return { value: plain(value), type: String, align, indent: 1, ...style };
    if (value instanceof Date) return { value, type: Date, format: formats.date, align: 'center' as const, ...style };
    return { value, type: Number, format: formatOf(own === 'text' ? 'number' : own, value), ...style };
  };
  const body = rows.length === 0 ? [[empty ?? nothing]] : rows;
  return [
    columns.map(({ header }) => ({ ...heading, value: header })),
    ...body.map((row) => row.map((given, index) => cell(given, columns[index]!.kind))),
  ];
}

/** Without what XML cannot hold, and no longer than a cell may be. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
  return asText(text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '').slice(0, maxText));
}
