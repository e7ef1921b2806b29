/**
 * What an older ledger does not know and the store has: settled from the store itself, because the agent has released
 * it and cannot send it again (F38). Its hash is of what was found, so that later changes are seen. What a stream that
 * went back had listed stays listed; what is nowhere becomes a gap, since dead letters may have gone with a newer ledger.
 */
import { createHash } from 'node:crypto';
import { encodeContent, maxFrameSamples } from '../../protocols/frame.ts';
import type { SampleColumns, TimeUs } from '../../protocols/sample.ts';
import type { DeadLetter, Ledger, SettledFrame, Stream } from '../ledger/ledger.ts';
import type { TelemetryReader } from '../store/store.ts';
import { merge, type Numbered, only } from './frames.ts';

export interface AdoptOptions {
  readonly ledger: Pick<Ledger, 'settle' | 'declareGap' | 'verdicts'>;
  readonly reader: Pick<TelemetryReader, 'samplesByNumber'>;
  /** As the ledger has it: `through` moves while this runs. */
  readonly stream: Stream;
  /** The last number that the agent has released, or that another history has. */
  readonly last: number;
  /** It is not what the agent has under these numbers. */
  readonly isOther?: boolean;
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
  const { ledger, reader, stream, last, isOther = false, gapReason, now } = options;
  for (let first = stream.through + 1; first <= last; ) {
    const end = Math.min(last, first + numbersPerRead - 1);
    const found = await reader.samplesByNumber({ stream: stream.number, first, last: end, ...anyTime }, signal);
    const listed = ledger.verdicts(stream.number, first, end);
    const known = merge(onceEach(found), listed);
    for (const [from, to] of runsOf(known.numbers)) {
      const start = known.numbers[from]!;
      if (stream.through + 1 !== first) return;
      if (start > first) ledger.declareGap(stream.number, start - 1, gapReason, now(), isOther);
      ledger.settle([frameOf(stream.number, cut(known, from, to), listed)], now(), isOther);
      first = stream.through + 1;
    }
    if (stream.through + 1 !== first) return;
    if (first <= end) ledger.declareGap(stream.number, end, gapReason, now(), isOther);
    first = end + 1;
  }
}

/** Of a number that is stored twice one is settled; the proof finds the other. */
function onceEach(found: Numbered): Numbered {
  let before: number | undefined;
  return only(found, (number) => {
    const isFirst = number !== before;
    before = number;
    return isFirst;
  });
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

const cut = ({ numbers, samples }: Numbered, from: number, to: number): Numbered => ({
  numbers: numbers.slice(from, to),
  samples: {
    tags: samples.tags.slice(from, to),
    times: samples.times.slice(from, to),
    values: samples.values.slice(from, to),
    qualities: samples.qualities.slice(from, to),
    flags: samples.flags.slice(from, to),
  },
});

function frameOf(stream: number, { numbers, samples }: Numbered, listed: readonly DeadLetter[]): SettledFrame {
  const [first, last] = [numbers[0]!, numbers.at(-1)!];
  const deadLetters = listed.filter(({ number }) => first <= number && number <= last);
  const [minTime, maxTime] = timesOf(numbers, samples, deadLetters);
  const contentHash = createHash('sha256').update(encodeContent(samples)).digest('hex');
  // When it was accepted went with the newer ledger; not before it was measured.
  return { batch: { stream, first, last, contentHash, minTime, maxTime, acceptedAt: maxTime }, deadLetters };
}

/** Of what is stored; a dead letter's own time may be any. */
function timesOf(
  numbers: readonly number[],
  { times }: SampleColumns,
  deadLetters: readonly DeadLetter[],
): [TimeUs, TimeUs] {
  const dead = new Set(deadLetters.map(({ number }) => number));
  const stored = times.filter((_, i) => !dead.has(numbers[i]!));
  if (stored.length === 0) stored.push(deadLetters[0]!.settledAt);
  return [stored.reduce((a, b) => Math.min(a, b)), stored.reduce((a, b) => Math.max(a, b))];
}
