/**
 * What an older ledger does not know and the store has: settled from the store itself, because the agent has released
 * it and cannot send it again (F38). Its hash is of what was found, so that later changes are seen; what the store
 * lacks becomes a gap, since dead letters went with the newer ledger.
 */
import { createHash } from 'node:crypto';
import { encodeContent, maxFrameSamples } from '../../protocols/frame.ts';
import type { SampleColumns, TimeUs } from '../../protocols/sample.ts';
import type { Ledger, SettledFrame, Stream } from '../ledger/ledger.ts';
import type { TelemetryReader } from '../store/store.ts';

export interface AdoptOptions {
  readonly ledger: Pick<Ledger, 'settle' | 'declareGap'>;
  readonly reader: Pick<TelemetryReader, 'samplesByNumber'>;
  /** As the ledger has it: `through` moves while this runs. */
  readonly stream: Stream;
  /** The last number that the agent has released. */
  readonly last: number;
  /** Of the numbers that are nowhere. */
  readonly gapReason: string;
  readonly now: () => TimeUs;
}

const numbersPerRead = 8 * maxFrameSamples;
const anyTime = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };

/**
 * From `through` + 1 to `last`, in order. Ends early, with what is settled by then, when somebody else moves the stream.
 * @throws {ConnectionError} the store cannot be read; call again later.
 */
export async function adoptFromStore(options: AdoptOptions, signal: AbortSignal): Promise<void> {
  const { ledger, reader, stream, last, gapReason, now } = options;
  for (let first = stream.through + 1; first <= last; ) {
    const end = Math.min(last, first + numbersPerRead - 1);
    const found = await reader.samplesByNumber({ stream: stream.number, first, last: end, ...anyTime }, signal);
    for (const [from, to] of runsOf(found.numbers)) {
      const start = found.numbers[from]!;
      if (stream.through + 1 !== first) return;
      if (start > first) ledger.declareGap(stream.number, start - 1, gapReason, now());
      ledger.settle([frameOf(stream.number, start, cut(found.samples, from, to))], now());
      first = stream.through + 1;
    }
    if (stream.through + 1 !== first) return;
    if (first <= end) ledger.declareGap(stream.number, end, gapReason, now());
    first = end + 1;
  }
}

/** Index ranges [from, to) of numbers that follow each other, no longer than a frame. */
function* runsOf(numbers: readonly number[]): Generator<readonly [from: number, to: number]> {
  for (let from = 0; from < numbers.length; ) {
    let to = from + 1;
    while (to < numbers.length && to - from < maxFrameSamples && numbers[to] === numbers[to - 1]! + 1) to++;
    yield [from, to];
    from = to;
  }
}

const cut = ({ tags, times, values, qualities, flags }: SampleColumns, from: number, to: number): SampleColumns => ({
  tags: tags.slice(from, to),
  times: times.slice(from, to),
  values: values.slice(from, to),
  qualities: qualities.slice(from, to),
  flags: flags.slice(from, to),
});

function frameOf(stream: number, first: number, samples: SampleColumns): SettledFrame {
  const maxTime = samples.times.reduce((a, b) => Math.max(a, b));
  const batch = {
    stream,
    first,
    last: first + samples.times.length - 1,
    contentHash: createHash('sha256').update(encodeContent(samples)).digest('hex'),
    minTime: samples.times.reduce((a, b) => Math.min(a, b)),
    maxTime,
    // When it was accepted went with the newer ledger; not before it was measured.
    acceptedAt: maxTime,
  };
  return { batch, deadLetters: [] };
}
