/** Prints what a command found: a table for people, JSON for programs. Text is English and left to right, as terminals are. */

export type Cell = string | number | null;

export function printTable(header: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const lines = [header, ...rows].map((row) => row.map((cell) => String(cell ?? '-')));
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  for (const line of lines) {
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
  }
}

export const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2));
