/**
 * Of which time the frames of a stream tell, from the ledger. Never less than the truth, and a little more where that
 * keeps it short: frames of a stream of years are as few spans as its interruptions, a few hundred at most.
 */
import { setImmediate } from 'node:timers/promises';
import type { LedgerReader, Stream } from '../ledger/ledger.ts';
import { joined, type Spans } from '../plant/spans.ts';

const pageSize = 10_000;
const mostSpans = 256;
/** Frames so far apart are one span. */
const nearUs = 60_000_000;

export async function coveredTime(
  ledger: Pick<LedgerReader, 'batches'>,
  { number, expired }: Pick<Stream, 'number' | 'expired'>,
): Promise<Spans> {
  let spans: { start: number; end: number }[] = [];
  let apartUs = nearUs;
  const shorten = () => {
    spans = joined(spans, apartUs);
    for (; spans.length > mostSpans; apartUs *= 4) spans = joined(spans, apartUs);
  };
  for (let after = expired, more = true; more; ) {
    const page = ledger.batches(number, after, pageSize);
    more = page.length === pageSize;
    for (const { first, minTime, maxTime } of page) {
      after = first;
      const last = spans.at(-1);
      if (last && minTime <= last.end + apartUs && maxTime >= last.start - apartUs) {
        last.start = Math.min(last.start, minTime);
        last.end = Math.max(last.end, maxTime + 1);
      } else spans.push({ start: minTime, end: maxTime + 1 });
    }
    if (spans.length > mostSpans) shorten();
    // The hub has other work between two pages.
    await setImmediate();
  }
  shorten();
  return spans;
}
