/**
 * Sums over time that are known as well as an instrument shows them: from the lowest to the highest that the truth allows.
 * Written anew for the comparison, so that a mistake of the hub is not made here too.
 */

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** µs, half-open. */
export type Stretch = readonly [from: number, to: number];

export const exactly = (value: number): Range => ({ low: value, high: value });
export const about = (value: number, tolerance: number): Range => ({ low: value - tolerance, high: value + tolerance });
export const notNegative = ({ low, high }: Range): Range => ({ low: Math.max(0, low), high: Math.max(0, high) });
export const sum = (...all: readonly Range[]): Range => ({
  low: all.reduce((total, { low }) => total + low, 0),
  high: all.reduce((total, { high }) => total + high, 0),
});
export const minus = (a: Range, b: Range): Range => ({ low: a.low - b.high, high: a.high - b.low });
export const times = ({ low, high }: Range, factor: number): Range => ({ low: low * factor, high: high * factor });
/** undefined where the divisor may be nothing. */
export const over = (a: Range, b: Range): Range | undefined =>
  b.low > 0 ? { low: a.low / (a.low < 0 ? b.low : b.high), high: a.high / (a.high < 0 ? b.high : b.low) } : undefined;
export const product = (a: Range, b: Range): Range => ({ low: a.low * b.low, high: a.high * b.high });

export const shared = ([a, b]: Stretch, [c, d]: Stretch): number => Math.max(0, Math.min(b, d) - Math.max(a, c));

/** Of both lists, ascending and without overlap each. */
export function both(some: readonly Stretch[], others: readonly Stretch[]): Stretch[] {
  const found: Stretch[] = [];
  for (let i = 0, j = 0; i < some.length && j < others.length; ) {
    const [a, b] = some[i]!;
    const [c, d] = others[j]!;
    if (Math.max(a, c) < Math.min(b, d)) found.push([Math.max(a, c), Math.min(b, d)]);
    if (b < d) i++;
    else j++;
  }
  return found;
}

export function without(some: readonly Stretch[], taken: readonly Stretch[]): Stretch[] {
  return some.flatMap(([from, to]) => {
    const rest: Stretch[] = [];
    let at = from;
    for (const [a, b] of taken) {
      if (b <= at || a >= to) continue;
      if (a > at) rest.push([at, a]);
      at = Math.max(at, b);
    }
    if (at < to) rest.push([at, to]);
    return rest;
  });
}

/** Ascending and merged. */
export function joined(some: readonly Stretch[]): Stretch[] {
  const merged: [number, number][] = [];
  for (const [from, to] of [...some].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

export const lasting = (some: readonly Stretch[]): number => some.reduce((total, [from, to]) => total + to - from, 0);
