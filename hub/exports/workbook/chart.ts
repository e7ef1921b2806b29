/** A chart of cells of the sheet that declares it, before any library sees it. */

export interface Chart {
  readonly title: string;
  /** Index of the first row that it shows, and how many there are. */
  readonly first: number;
  readonly count: number;
  /** Index of the column that names the points. */
  readonly labels: number;
  readonly labelsName: string;
  readonly axis: Axis;
  /** Of the series that are `aside`. */
  readonly axisAside?: Axis;
  /** Of two shapes at most, those aside being a shape of their own; nothing is drawn where the first is not known. */
  readonly series: readonly Series[];
}

export interface Axis {
  readonly name: string;
  readonly kind: 'percent' | 'number';
  /** Where it would be a pity to see more or less. */
  readonly least?: number;
  readonly most?: number;
}

/** One column of the sheet; its header is its name. */
export interface Series {
  readonly column: number;
  /** `stack`: columns upon each other. */
  readonly shape: 'line' | 'column' | 'stack';
  readonly color: Color;
  /** Nobody has to tell two lines apart by their colours alone. */
  readonly line?: 'thick' | 'dashed' | 'dotted';
  readonly aside?: boolean;
}

/** Colours that all eyes can tell apart (Okabe and Ito). */
export const colors = {
  blue: '#0072B2',
  orange: '#E69F00',
  green: '#009E73',
  red: '#D55E00',
  sky: '#56B4E9',
  grey: '#595959',
};
export type Color = keyof typeof colors;
