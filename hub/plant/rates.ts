/**
 * What a unit makes when, and at which planned run time (R14): the product of the order that is at it decides. Where no
 * order says a product, the one whose rate alone holds then is taken; of several nobody knows.
 */
import type { Validity } from './dates.ts';
import type { Span } from './spans.ts';

/** PRI (ISO 22400-2) of the product that is made in [from, to). */
export interface Rate extends Validity {
  readonly product: string;
  readonly plannedRunTimeS: number;
}

/** What was to be made at a unit, when it was there, and when it was to be. */
export interface Order extends Span {
  readonly code: string | undefined;
  readonly product: string | undefined;
  /** POQ and PSQ of ISO 22400-2, pieces. */
  readonly quantity: number | undefined;
  readonly plannedScrap: number | undefined;
  readonly planned: Span;
}

/** A product that was made in [from, to). */
export interface Made extends Validity {
  readonly product: string;
}

export interface InForce {
  /** Ascending, none overlaps. */
  readonly made: readonly Made[];
  /** The same with their planned run times; what is made without one is left out. */
  readonly rates: readonly Rate[];
}

/** @param declared of any product, ascending; those of one product do not overlap. */
export function ratesInForce(declared: readonly Rate[], orders: readonly Order[]): InForce {
  const told = orders.filter(({ product }) => product !== undefined);
  const edges = [...declared.flatMap(({ from, to }) => [from, to]), ...told.flatMap(({ start, end }) => [start, end])];
  const cuts = [...new Set(edges)].sort((a, b) => a - b);
  const made: Made[] = [];
  const rates: Rate[] = [];
  for (const [index, from] of cuts.slice(0, -1).entries()) {
    const to = cuts[index + 1]!;
    const holding = declared.filter((rate) => rate.from <= from && to <= rate.to);
    const ordered = told.find(({ start, end }) => start <= from && to <= end)?.product;
    const rate = ordered === undefined ? only(holding) : holding.find(({ product }) => product === ordered);
    const product = ordered ?? rate?.product;
    if (product !== undefined) extend(made, { product, from, to }, (last) => last.product === product);
    if (rate) extend(rates, { ...rate, from, to }, (last) => isSame(last, rate));
  }
  return { made, rates };
}

const only = (rates: readonly Rate[]): Rate | undefined => (rates.length === 1 ? rates[0] : undefined);

const isSame = (a: Rate, b: Rate): boolean => a.product === b.product && a.plannedRunTimeS === b.plannedRunTimeS;

function extend<T extends Validity>(list: T[], next: T, isOne: (last: T) => boolean): void {
  const last = list.at(-1);
  if (last?.to === next.from && isOne(last)) list[list.length - 1] = { ...last, to: next.to };
  else list.push(next);
}
