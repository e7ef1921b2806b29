/**
 * A table of tags (CSV) as the list of objects that could stand in the YAML: columns are keys, nested ones with a dot,
 * empty cells are keys that are not there. Numbers are in ASCII digits with a decimal point, so that they mean the same
 * everywhere.
 */
import { ConfigError } from '../protocols/errors.ts';
import { type JsonSchema, schemasAt } from './json-schema.ts';
import { collectMistakes } from './mistakes.ts';
import { parseSpreadsheet } from './spreadsheet.ts';
import { hintForUnknown } from './validate.ts';

export interface TableRow {
  readonly value: Record<string, unknown>;
  /** In the file, from 1, the header included; of a row that takes several lines its last. */
  readonly line: number;
}

/** @param row schema of one row. @throws {ConfigError} naming file, row and column. */
export function parseTable(bytes: Uint8Array, file: string, row: JsonSchema): TableRow[] {
  const [header, ...records] = parseSpreadsheet(textOf(bytes, file), file).rows;
  if (!header) return [];
  const columns = header.cells.map((name) => name.trim());
  checkColumns(columns, `${file}:${header.line}`, row);
  const kinds = columns.map((name) => kindsOf(schemasAt(row, pathOf(name))));
  const mistakes = collectMistakes();
  const rows = records.map(({ cells, line }) => {
    const value: Record<string, unknown> = {};
    for (const [i, cell] of cells.entries()) {
      const text = cell.trim();
      if (text === '') continue;
      mistakes.of(() => {
        const name = columns[i];
        if (!name) throw nameless(text, `${file}:${line}`);
        put(value, row, pathOf(name), readCell(text, kinds[i]!, `${file}:${line} column "${name}"`));
      });
    }
    return { value, line };
  });
  mistakes.throwAny();
  return rows;
}

const nameless = (text: string, path: string): ConfigError =>
  new ConfigError(`"${text}" stands in a column without a name`, {
    path,
    hint: 'A text with a separator in it must be in double quotes; otherwise name the column in the first row.',
  });

function textOf(bytes: Uint8Array, file: string): string {
  const hint = 'In Excel: Save As, "CSV UTF-8 (Comma delimited)". In LibreOffice: character set UTF-8.';
  try {
    // A byte order mark is left out.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigError('the table is not in UTF-8', { path: file, hint, cause });
  }
}

function checkColumns(columns: readonly string[], place: string, row: JsonSchema): void {
  const mistakes = collectMistakes();
  for (const [i, name] of columns.entries()) {
    if (name === '') continue;
    mistakes.of(() => {
      if (columns.indexOf(name) !== i) {
        throw new ConfigError(`the column "${name}" is there twice`, { path: place, hint: 'Remove one of them.' });
      }
      const path = pathOf(name);
      if (schemasAt(row, path).length > 0) return;
      const known = schemasAt(row, path.slice(0, -1)).flatMap((node) => Object.keys(node.properties ?? {}));
      const hint = hintForUnknown(String(path.at(-1)), known);
      throw new ConfigError(`unknown column "${name}"`, { path: `${place} column "${name}"`, hint });
    });
  }
  mistakes.throwAny();
}

/** `range.0` names the first of a list, `values.0` the key "0" of an object: a step is a number where a list may stand. */
const pathOf = (name: string): (string | number)[] =>
  name.split('.').map((step) => (/^\d{1,9}$/.test(step) ? Number(step) : step));

const kindsOf = (schemas: readonly JsonSchema[]): ReadonlySet<string> =>
  new Set(
    schemas.flatMap(({ type, const: only, enum: all }) => [
      ...[type ?? []].flat(),
      ...[...(all ?? []), ...(only === undefined ? [] : [only])].map((value) => typeof value),
    ]),
  );

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const hexadecimal = /^0x[0-9a-f]+$/i;

function readCell(text: string, kinds: ReadonlySet<string>, place: string): unknown {
  const takesNumbers = kinds.has('number') || kinds.has('integer');
  const takesText = kinds.has('string') || (!takesNumbers && !kinds.has('boolean'));
  if (takesNumbers && (decimal.test(text) || (hexadecimal.test(text) && !takesText))) return Number(text);
  if (kinds.has('boolean') && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (takesText) return text;
  const what = takesNumbers ? 'a number' : 'true or false';
  throw new ConfigError(`"${text}" is not ${what}`, { path: place, hint: hintForNumber(text) });
}

function hintForNumber(text: string): string {
  if (/[۰-۹٠-٩]/.test(text)) return 'Write it in the digits 0 to 9: Persian and Arabic digits are not read here.';
  if (/^[+-]?\d+,\d+$/.test(text)) return 'Write decimals with a point, 0.1, and no separator between thousands.';
  return 'Write the number alone, without a unit; or leave the cell empty.';
}

function put(target: Record<string, unknown>, row: JsonSchema, path: readonly (string | number)[], value: unknown) {
  let at = target as Record<string | number, unknown>;
  for (const [i, step] of path.entries()) {
    if (i === path.length - 1) at[step] = value;
    else {
      const isList = schemasAt(row, path.slice(0, i + 1)).some(({ type }) => type === 'array');
      at[step] ??= isList ? [] : {};
      at = at[step] as Record<string | number, unknown>;
    }
  }
}
