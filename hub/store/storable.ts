/** What of a batch a store can hold at all, whichever it is. */
import type { StoreBatch, StoreRejection } from './store.ts';

/** A piece of a batch: indexes [from, to). */
export interface Piece {
  readonly batch: StoreBatch;
  readonly from: number;
  readonly to: number;
}

/** First and last. */
export type NumberRun = readonly [first: number, last: number];

/** Whatever its number. */
export const everyNumber: readonly NumberRun[] = [[0, Number.POSITIVE_INFINITY]];

/**
 * The pieces of a batch whose numbers are wanted (ascending runs), cut at texts that UTF-8 cannot carry. Those are added
 * to the rejections, wanted or not: who writes again must hear of them again.
 */
export function storable(batch: StoreBatch, runs: readonly NumberRun[], rejections: StoreRejection[]): Piece[] {
  const { numbers, samples } = batch;
  const pieces: Piece[] = [];
  let from = 0;
  let run = 0;
  const cutAt = (index: number, next: number) => {
    if (index > from) pieces.push({ batch, from, to: index });
    from = next;
  };
  for (let index = 0; index < numbers.length; index++) {
    const number = numbers[index]!;
    while (run < runs.length && runs[run]![1] < number) {
      cutAt(index, index);
      run += 1;
    }
    const isWanted = run < runs.length && runs[run]![0] <= number;
    if (!isWanted) cutAt(index, index + 1);
    const value = samples.values[index]!;
    if (typeof value !== 'string' || value.isWellFormed()) continue;
    rejections.push({ stream: batch.stream, number, reason: 'the text is not well-formed Unicode' });
    if (isWanted) cutAt(index, index + 1);
  }
  cutAt(numbers.length, numbers.length);
  return pieces;
}
