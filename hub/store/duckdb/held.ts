/**
 * Which numbers of a stream the store has: all up to a mark, but for runs that it lost with a damaged file. A run is
 * filled again from its start, in order, as a mark moves on.
 */
import type { NumberRun } from '../storable.ts';

export interface Held {
  /** The highest number ever stored. */
  readonly mark: number;
  /** Lost and not stored again; ascending, all below the mark. */
  readonly lost: readonly NumberRun[];
}

export const nothingHeld: Held = { mark: 0, lost: [] };

/** As if these numbers had been lost: they are wanted though the mark has passed them. Ascending. */
export const missing = ({ mark, lost }: Held, numbers: readonly number[]): Held => {
  const runs = numbers.filter(
    (number) => number <= mark && !lost.some(([first, last]) => first <= number && number <= last),
  );
  return { mark, lost: [...lost, ...runs.map((number): NumberRun => [number, number])].sort((a, b) => a[0] - b[0]) };
};

/** What is to be stored when it comes. */
export const wanted = ({ mark, lost }: Held): readonly NumberRun[] => [...lost, [mark + 1, Number.POSITIVE_INFINITY]];

/** After a stretch of numbers was stored that was wanted. */
export function withStored({ mark, lost }: Held, first: number, last: number): Held {
  if (first > mark) return { mark: last, lost };
  return { mark, lost: without(lost, first, last) };
}

/** Runs but for what ends with `last`: a run is filled from its start. */
const without = (runs: readonly NumberRun[], first: number, last: number): NumberRun[] =>
  runs
    .map((run): NumberRun => (run[0] <= last && first <= run[1] ? [last + 1, run[1]] : run))
    .filter(([from, to]) => from <= to);
