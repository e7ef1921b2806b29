/**
 * The ledger's account of a stream, read page by page: whether frames and gaps tile every number (I7), and which frames
 * to compare. A stream of years has millions of frames; no more than a page of them is ever held.
 */
import { setImmediate } from 'node:timers/promises';
import type { BatchRow, Gap, LedgerReader, Stream } from '../ledger/ledger.ts';

export interface Tiles {
  readonly frames: number;
  /** What breaks the tiling; undefined when nothing does. */
  readonly fault: string | undefined;
  /** The newest frames and some of all others, ascending. */
  readonly selection: readonly BatchRow[];
}

const pageSize = 10_000;
const newestCount = 20;
const otherCount = 30;

/** `gaps`: what is no frame, ascending. `each` is called with every frame, in order, while it is read. */
export async function readTiles(
  ledger: Pick<LedgerReader, 'batches'>,
  { number, expired, through }: Stream,
  gaps: readonly Pick<Gap, 'first' | 'last'>[],
  each: (batch: BatchRow) => Promise<void>,
): Promise<Tiles> {
  const newest: BatchRow[] = [];
  const others: BatchRow[] = [];
  const waiting = [...gaps];
  let frames = 0;
  let next = expired + 1;
  let fault: string | undefined;

  const cover = (first: number, last: number) => {
    if (first > next) fault ??= `nothing accounts for ${next} to ${first - 1}`;
    if (first < next) fault ??= `${first} is accounted for twice`;
    next = last + 1;
  };
  const coverGapsBefore = (first: number) => {
    while (waiting.length > 0 && waiting[0]!.first < first) {
      const gap = waiting.shift()!;
      cover(gap.first, gap.last ?? through);
    }
  };
  /** Reservoir sampling: every frame has the same chance, however many come. */
  const choose = (batch: BatchRow, seen: number) => {
    if (others.length < otherCount) others.push(batch);
    else {
      const place = Math.floor(Math.random() * seen);
      if (place < otherCount) others[place] = batch;
    }
  };

  for (let after = expired, more = true; more; ) {
    const page = ledger.batches(number, after, pageSize);
    more = page.length === pageSize;
    // The hub has other work between two pages.
    await setImmediate();
    for (const batch of page) {
      after = batch.first;
      // What was settled after the proof began is left for the next one.
      if (batch.last > through) continue;
      coverGapsBefore(batch.first);
      cover(batch.first, batch.last);
      frames += 1;
      newest.push(batch);
      if (newest.length > newestCount) choose(newest.shift()!, frames - newestCount);
      await each(batch);
    }
  }
  coverGapsBefore(Number.POSITIVE_INFINITY);
  if (next !== through + 1) fault ??= `the ledger ends at ${next - 1}, not at ${through}`;
  return { frames, fault, selection: [...others.sort((a, b) => a.first - b.first), ...newest] };
}
