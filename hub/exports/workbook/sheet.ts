/** A sheet of the workbook before any library sees it: typed columns and rows of plain values, one table a sheet. */
import type { Chart } from './chart.ts';

/** `percent`: a fraction. `points`: a difference of such. `date`: a day without a zone. */
export type Kind = 'text' | 'number' | 'integer' | 'percent' | 'points' | 'date';

export interface Column {
  readonly header: string;
  readonly kind: Kind;
  /** In characters. */
  readonly width: number;
}

/** A cell of another kind than its column's, or one that stands out. */
export interface Marked {
  readonly value: Value;
  readonly kind?: Kind;
  readonly tone?: 'good' | 'warn' | 'bad' | 'strong';
}

export type Value = string | number | Date | null;
export type SheetCell = Value | Marked;

export interface Picture {
  readonly chart: Chart;
  /** Name of the sheet that has its cells. */
  readonly from: string;
  /** What stands below it. */
  readonly caption: string;
}

export interface Sheet {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly SheetCell[])[];
  /** What is to be said of it as a whole, below its rows. */
  readonly remarks?: readonly string[];
  /** Why it has no rows, where that is known. */
  readonly empty?: string;
  /** Of its cells; drawn on a sheet of their own. */
  readonly charts?: readonly Chart[];
  /** One over each of its cells, in reading order: the cell has its title. */
  readonly pictures?: readonly Picture[];
}

export const isMarked = (cell: SheetCell): cell is Marked =>
  cell !== null && typeof cell === 'object' && !(cell instanceof Date);

export const bareValue = (cell: SheetCell | undefined): Value =>
  cell === undefined ? null : isMarked(cell) ? cell.value : cell;
