/** The numbers of a stream that are listed and so are not to be stored: its dead letters and gaps, as the ledger has them. */
import { setImmediate } from 'node:timers/promises';
import type { Gap, LedgerReader, Stream } from '../ledger/ledger.ts';

const pageSize = 10_000;

export interface Listed {
  readonly deadLetters: number;
  readonly gapNumbers: number;
  /** First and last of every run of listed numbers, ascending. */
  readonly runs: readonly (readonly [number, number])[];
}

export async function readListed(
  ledger: Pick<LedgerReader, 'deadLetters'>,
  { number, expired, through }: Stream,
  gaps: readonly Gap[],
): Promise<Listed> {
  const runs: [number, number][] = [];
  let deadLetters = 0;
  for (let after = expired, more = true; more; ) {
    const page = ledger.deadLetters(number, after, pageSize);
    more = page.length === pageSize;
    await setImmediate();
    for (const { number: listed } of page) {
      after = listed;
      if (listed > through) continue;
      deadLetters += 1;
      const run = runs.at(-1);
      if (run && run[1] === listed - 1) run[1] = listed;
      else runs.push([listed, listed]);
    }
  }
  const ofGaps = gaps.map(({ first, last }): [number, number] => [first, last ?? through]);
  return {
    deadLetters,
    gapNumbers: ofGaps.reduce((sum, [first, last]) => sum + last - first + 1, 0),
    runs: [...runs, ...ofGaps].sort((a, b) => a[0] - b[0]),
  };
}
