/**
 * When frames were accepted at their agent and when the hub had committed them, from the ledger: what timeliness,
 * latency and connection are told from. Streams of one agent follow each other and are taken as one.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { BatchRow, Ledger, Stream } from '../../ledger/ledger.ts';
import type { Span } from '../../plant/spans.ts';

export type Arrival = Pick<BatchRow, 'acceptedAt' | 'settledAt' | 'maxTime'>;

/** Frames of an agent that were accepted in a span, ascending by that. */
export type Arrivals = (agent: string, span: Span) => readonly Arrival[];

const batchesAtOnce = 5000;

export const createArrivals =
  (ledger: Pick<Ledger, 'streams' | 'batches'>): Arrivals =>
  (agent, span) =>
    ledger
      .streams()
      .filter((stream) => stream.agent === agent && (stream.lastAcceptedAt ?? Number.POSITIVE_INFINITY) >= span.start)
      .flatMap((stream) => acceptedIn(ledger, stream, span))
      .sort((a, b) => a.acceptedAt - b.acceptedAt);

function acceptedIn(
  ledger: Pick<Ledger, 'batches'>,
  { number, through, expired }: Stream,
  { start, end }: Span,
): Arrival[] {
  const found: Arrival[] = [];
  for (let after = lastBefore(ledger, number, expired, through, start); ; ) {
    const batches = ledger.batches(number, after, batchesAtOnce);
    for (const batch of batches) {
      if (batch.acceptedAt >= end) return found;
      if (batch.acceptedAt >= start) found.push(batch);
    }
    const last = batches.at(-1);
    if (!last || batches.length < batchesAtOnce) return found;
    after = last.last;
  }
}

/** A number after which come all frames that were accepted from a time on: an agent accepts in the order of numbers. */
function lastBefore(ledger: Pick<Ledger, 'batches'>, stream: number, low: number, high: number, time: TimeUs): number {
  let [least, greatest] = [low, high];
  while (greatest - least > batchesAtOnce) {
    const middle = Math.floor((least + greatest) / 2);
    const batch = ledger.batches(stream, middle, 1)[0];
    if (batch && batch.acceptedAt < time) least = middle;
    else greatest = middle;
  }
  return least;
}
