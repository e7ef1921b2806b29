/** What of a batch a store can hold at all, whichever it is. */
import type { StoreBatch, StoreRejection } from './store.ts';

/** A piece of a batch: indexes [from, to). */
export interface Piece {
  readonly batch: StoreBatch;
  readonly from: number;
  readonly to: number;
}

/**
 * The pieces of a batch above a number, cut at texts that UTF-8 cannot carry. Those are added to the rejections, also
 * below that number: who writes again must hear of them again.
 */
export function storable(batch: StoreBatch, above: number, rejections: StoreRejection[]): Piece[] {
  const { numbers, samples } = batch;
  const pieces: Piece[] = [];
  let from = 0;
  while (from < numbers.length && numbers[from]! <= above) from++;
  for (let index = 0; index < numbers.length; index++) {
    const value = samples.values[index]!;
    if (typeof value !== 'string' || value.isWellFormed()) continue;
    rejections.push({ stream: batch.stream, number: numbers[index]!, reason: 'the text is not well-formed Unicode' });
    if (index < from) continue;
    if (index > from) pieces.push({ batch, from, to: index });
    from = index + 1;
  }
  if (numbers.length > from) pieces.push({ batch, from, to: numbers.length });
  return pieces;
}
