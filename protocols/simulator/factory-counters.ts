/** The three piece counters of a unit, as a PLC keeps them: they roll over, and total = good + scrap modulo their range. */
import type { Recorder } from './factory-record.ts';

export interface CounterOptions {
  readonly unit: string;
  /** 2^16 or 2^32. */
  readonly modulus: number;
  /** Pieces left until the total rolls over. */
  readonly untilRollover: number;
  /** Scrap counted before the history began; so many pieces later than the total, the good ones roll over. */
  readonly scrap: number;
}

/** Returns the function that counts a piece. */
export function createCounters(record: Recorder, options: CounterOptions): (good: boolean) => void {
  const { unit, modulus } = options;
  let total = modulus - options.untilRollover;
  let scrap = options.scrap;
  const goodOnes = (): number => (total - scrap + modulus) % modulus;
  const showTotal = record.signal(`${unit}/count-total`, total);
  const showGood = record.signal(`${unit}/count-good`, goodOnes());
  const showScrap = record.signal(`${unit}/count-scrap`, scrap);
  return (good) => {
    total = (total + 1) % modulus;
    if (!good) scrap = (scrap + 1) % modulus;
    showTotal(total);
    showGood(goodOnes());
    showScrap(scrap);
    record.tell({ type: 'piece', unit, good });
  };
}
