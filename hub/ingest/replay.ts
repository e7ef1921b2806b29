/**
 * Dead letters after a fix: judged again with the manifests and limits of today, stored, and only then no longer listed.
 * What still does not pass stays with its reason. A crash in between leaves a note in the ledger, which is seen to at the
 * next start; so a number is never both stored and listed for anybody who asks.
 */
import type { SampleColumns } from '../../protocols/sample.ts';
import type { DeadLetter, Ledger } from '../ledger/ledger.ts';
import type { TelemetryStore } from '../store/store.ts';
import { faultOf, valueOfDeadLetter } from './judge.ts';

export interface ReplayOptions {
  readonly ledger: Pick<Ledger, 'deadLetters' | 'batchAt' | 'tagsOf' | 'beginReplay' | 'resolve' | 'unfinishedReplay'>;
  readonly store: Pick<TelemetryStore, 'writer' | 'reader'>;
}

export interface Replayed {
  readonly stored: number;
  /** Still listed, by the reason of today. */
  readonly remaining: Readonly<Record<string, number>>;
}

/** Written and moved at once. */
const pageSize = 1000;
const anyTime = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };

/** All dead letters of a stream, or those of these numbers. @throws {ConnectionError} what was done by then is done. */
export async function replayDeadLetters(
  { ledger, store }: ReplayOptions,
  stream: number,
  numbers: ReadonlySet<number> | undefined,
  signal: AbortSignal,
): Promise<Replayed> {
  const remaining: Record<string, number> = {};
  const stay = (reason: string) => {
    remaining[reason] = (remaining[reason] ?? 0) + 1;
  };
  let stored = 0;
  for (let after = 0, more = true; more; ) {
    signal.throwIfAborted();
    const page = ledger.deadLetters(stream, after, pageSize);
    more = page.length === pageSize;
    after = page.at(-1)?.number ?? after;
    const passing: DeadLetter[] = [];
    for (const letter of page) {
      if (numbers && !numbers.has(letter.number)) continue;
      const fault = faultOfLetter(letter, ledger);
      if (fault) stay(fault);
      else passing.push(letter);
    }
    if (passing.length === 0) continue;
    ledger.beginReplay(
      stream,
      passing.map(({ number }) => number),
    );
    const batch = { stream, numbers: passing.map(({ number }) => number), samples: columnsOf(passing) };
    const rejections = await store.writer.fill(batch, signal);
    const refused = new Set(rejections.map(({ number }) => number));
    for (const { reason } of rejections) stay(`store: ${reason}`);
    const taken = batch.numbers.filter((number) => !refused.has(number));
    ledger.resolve(stream, taken);
    stored += taken.length;
  }
  return { stored, remaining };
}

/** After a crash: what the store has by now is no longer listed. */
export async function finishReplay({ ledger, store }: ReplayOptions, signal: AbortSignal): Promise<void> {
  const unfinished = ledger.unfinishedReplay();
  if (!unfinished) return;
  const { stream, numbers } = unfinished;
  const run = { stream, first: Math.min(...numbers), last: Math.max(...numbers), ...anyTime };
  const there = new Set((await store.reader.samplesByNumber(run, signal)).numbers);
  ledger.resolve(
    stream,
    numbers.filter((number) => there.has(number)),
  );
}

function faultOfLetter(letter: DeadLetter, ledger: Pick<Ledger, 'batchAt' | 'tagsOf'>): string | undefined {
  // Of a frame that could not be read there are numbers and nothing else.
  if (letter.reason.startsWith('frame:')) return letter.reason;
  const tag = ledger.tagsOf(letter.stream).get(letter.tag);
  // As when its frame came: what is stored now must be stored again when the frame comes again.
  const { acceptedAt } = ledger.batchAt(letter.stream, letter.number)!;
  return faultOf(tag, valueOfDeadLetter(letter.value), letter.time, acceptedAt);
}

const columnsOf = (letters: readonly DeadLetter[]): SampleColumns => ({
  tags: letters.map(({ tag }) => tag),
  times: letters.map(({ time }) => time),
  values: letters.map(({ value }) => valueOfDeadLetter(value)),
  qualities: letters.map(({ quality }) => quality),
  flags: letters.map(({ flags }) => flags),
});
