/** Rows under a header, as wide as their cells. Pure; cells may already be coloured. */
import { stripVTControlCharacters } from 'node:util';
import { plain } from './plain.ts';

export type Cell = string | number | undefined;

export interface Column {
  readonly title: string;
  /** Numbers stand on the right. */
  readonly align?: 'left' | 'right';
}

/** One string per line, without trailing blanks. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string[] {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => row.map((cell) => plain(String(cell ?? '-')))),
  ];
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ''))));
  return lines.map((line) =>
    columns
      .map(({ align }, column) => {
        const cell = line[column] ?? '';
        const blanks = ' '.repeat(widths[column]! - width(cell));
        return align === 'right' ? blanks + cell : cell + blanks;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Characters that stand for themselves; combining and direction marks and the codes of colours take no room. */
const width = (text: string): number => [...stripVTControlCharacters(text).replaceAll(/[\p{M}\p{Cf}]/gu, '')].length;
