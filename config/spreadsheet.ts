/**
 * Rows of a table as spreadsheets write it: separated by what the first line has most of, since Excel takes the system's
 * list separator (`;` where the comma is the decimal sign, `؛` in Persian), and in whatever characters it was saved.
 */
import { CsvError, parse } from 'csv-parse/sync';
import { ConfigError } from '../protocols/errors.ts';

export interface SpreadsheetRow {
  readonly cells: readonly string[];
  /** In the file, from 1, the header included; of a row that takes several lines its last. */
  readonly line: number;
  /** Where it lies in the text's UTF-8, its line end included. */
  readonly from: number;
  readonly to: number;
}

export interface Spreadsheet {
  readonly separator: string;
  /** Without empty ones. */
  readonly rows: readonly SpreadsheetRow[];
}

/** @throws {ConfigError} a double quote is wrong. */
export function parseSpreadsheet(text: string, file: string): Spreadsheet {
  // Excel's own way to say which separator follows.
  const [preamble, declared] = /^\ufeff?sep=(.)\r?\n/.exec(text) ?? [/^\ufeff?/.exec(text)![0], undefined];
  const rest = text.slice(preamble.length);
  const linesBefore = declared === undefined ? 0 : 1;
  const separator = declared ?? separatorOf(rest);
  let at = Buffer.byteLength(preamble);
  const offset = at;
  try {
    const options = { delimiter: separator, info: true, relax_column_count: true, skip_empty_lines: true };
    const records = parse(rest, options) as unknown as { record: string[]; info: { lines: number; bytes: number } }[];
    const rows = records.map(({ record, info }) => {
      const from = at;
      at = offset + info.bytes;
      return { cells: record, line: info.lines + linesBefore, from, to: at };
    });
    return { separator, rows: rows.filter(({ cells }) => cells.some((cell) => cell.trim() !== '')) };
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const line = Number(cause.lines ?? 1) + linesBefore;
    throw new ConfigError('the table cannot be read: a double quote is wrong', {
      path: `${file}:${line}`,
      hint: 'A text in double quotes ends with one, and a double quote within it is written twice.',
      cause,
    });
  }
}

/** What separates the names of the columns, where most of it is. */
function separatorOf(text: string): string {
  const first = /^[^\r\n]*/.exec(text)![0].replaceAll(/"[^"]*"/g, '');
  const count = (separator: string) => first.split(separator).length;
  return [',', ';', '\t', '؛'].reduce((best, each) => (count(each) > count(best) ? each : best));
}

export interface SpreadsheetText {
  /** A byte order mark is part of it. */
  readonly text: string;
  readonly charset: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1256' | 'windows-1252';
}

/**
 * What a person saved without choosing UTF-8. "CSV" alone is in the code page of that Windows: 1256 in Iran, 1252 in
 * Europe. In both, ° ² ³ µ are the same; letters tell them apart, since nobody writes Arabic and Latin ones in one word.
 */
export function decodeSpreadsheet(bytes: Uint8Array): SpreadsheetText {
  const as = (charset: SpreadsheetText['charset'], fatal = false): SpreadsheetText => ({
    charset,
    text: new TextDecoder(charset, { fatal, ignoreBOM: charset === 'utf-8' }).decode(bytes),
  });
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return as('utf-16le');
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return as('utf-16be');
  try {
    return as('utf-8', true);
  } catch {
    const arabic = as('windows-1256');
    const isMixed = /[A-Za-z]\p{Script=Arabic}|\p{Script=Arabic}[A-Za-z]/u.test(arabic.text);
    return isMixed ? as('windows-1252') : arabic;
  }
}
