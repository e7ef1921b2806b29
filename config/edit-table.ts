/** Cells of one tag in a table that a person wrote: every other row stays as it was, byte for byte. */
import type { TagChange } from './edit-tag.ts';
import { parseSpreadsheet } from './spreadsheet.ts';

/** The text with the changes; undefined where no row has that path. A column that is not there yet comes last. */
export function withCellChanges(text: string, path: string, changes: readonly TagChange[]): string | undefined {
  const { rows, separator } = parseSpreadsheet(text, '');
  const [header, ...tags] = rows;
  const columns = header?.cells.map((name) => name.trim()) ?? [];
  const pathColumn = columns.indexOf('path');
  const row = tags.find(({ cells }) => pathColumn >= 0 && cells[pathColumn]?.trim() === path);
  if (!header || !row) return undefined;

  const cells = [...row.cells];
  for (const { key, to } of changes) {
    if (!columns.includes(key)) columns.push(key);
    const at = columns.indexOf(key);
    while (cells.length < at) cells.push('');
    cells[at] = to;
  }
  const bytes = Buffer.from(text);
  const part = (from: number, to?: number) => bytes.subarray(from, to).toString();
  const newHeader = columns.length > header.cells.length ? columns : header.cells;
  return [
    part(0, header.from),
    replaced(part(header.from, header.to), newHeader, separator),
    part(header.to, row.from),
    replaced(part(row.from, row.to), cells, separator),
    part(row.to),
  ].join('');
}

/** With the empty lines before it and the line end that it had. */
function replaced(before: string, cells: readonly string[], separator: string): string {
  const [leading] = /^[\r\n]*/.exec(before)!;
  const [ending] = /(\r?\n)?$/.exec(before)!;
  return leading + cells.map((cell) => quoted(cell, separator)).join(separator) + ending;
}

const quoted = (cell: string, separator: string): string =>
  cell.includes(separator) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
