/** The order in which values are told everywhere: by start, asset, KPI and revision. */
import type { TimeUs } from '../../../protocols/sample.ts';

interface Ordered {
  readonly start: TimeUs;
  readonly asset: string;
  readonly kpi: string;
  readonly revision: number;
}

export const inOrder = (a: Ordered, b: Ordered): number =>
  a.start - b.start || compareText(a.asset, b.asset) || compareText(a.kpi, b.kpi) || a.revision - b.revision;

/** By code units: the same on every machine, whatever its language. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
