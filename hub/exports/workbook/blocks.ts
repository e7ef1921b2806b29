/** Rows laid out so that charts of them can be drawn. */
import type { Axis, Chart, Series } from './chart.ts';
import { bareValue, type Sheet, type SheetCell } from './sheet.ts';

/** The rows of one asset, which lie below each other. */
export interface Block {
  readonly asset: string;
  readonly rows: readonly (readonly SheetCell[])[];
}

/** Without the rows: all of those of a block, or so many. */
export type Drawing = Omit<Chart, 'first' | 'count'> & { readonly atMost?: number };

/** Blocks below each other, with the charts of each: those that something is known of. */
export function laidOut(
  blocks: readonly Block[],
  draw: (asset: string) => readonly Drawing[],
): Required<Pick<Sheet, 'rows' | 'charts'>> {
  let next = 0;
  const charts = blocks.flatMap(({ asset, rows }): Chart[] => {
    const first = next;
    next += rows.length;
    return draw(asset)
      .filter(({ series: [most] }) => rows.some((row) => bareValue(row[most!.column]) !== null))
      .map(({ atMost = rows.length, axis, ...drawing }) => ({
        ...{ ...drawing, first, count: Math.min(rows.length, atMost) },
        axis: isShare(axis, drawing.series, rows) ? { most: 1, ...axis } : axis,
      }));
  });
  return { rows: blocks.flatMap(({ rows }) => rows), charts };
}

/** Effectiveness may be more than all of it; where nothing is, no axis need go further. */
const isShare = ({ kind }: Axis, series: readonly Series[], rows: Block['rows']): boolean =>
  kind === 'percent' && rows.every((row) => series.every(({ column }) => Number(bareValue(row[column])) <= 1));
