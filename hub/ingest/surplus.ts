/**
 * What the store may hold of a stream and the ledger does not know: after a hub that ended between the two, a ledger that
 * was put back, a stream that went back. Numbers alone do not tell whether a frame that comes now is what is stored: its
 * agent may have been put back as well, and have given them again to other samples. So up to the highest number that the
 * store is known to hold each frame is held against it, value by value; beyond it, which is nearly always, nothing is
 * asked.
 */
import { encodeContent } from '../../protocols/frame.ts';
import { gapReasons } from '../../protocols/gap.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Ledger, Stream } from '../ledger/ledger.ts';
import { adoptFromStore } from '../proof/adopt.ts';
import { merge, type Numbered, only } from '../proof/frames.ts';
import type { StoreBatch, TelemetryReader, TelemetryStore } from '../store/store.ts';
import type { Judgement } from './judge.ts';

/** From this number on a stream is not taken as it came. */
export interface Cut {
  readonly stream: number;
  /** The numbers are stored with other samples. Otherwise it is a gap over what was stored before its frame was damaged. */
  readonly isOther: boolean;
  /** The last number of the gap. */
  readonly last: number;
}

export interface Examined {
  /** To be settled. */
  readonly taken: readonly Judgement[];
  /** What the store does not know of. */
  readonly toWrite: readonly StoreBatch[];
  /** What lies among numbers that it has, and is not there. */
  readonly toFill: readonly StoreBatch[];
  readonly cuts: readonly Cut[];
}

export interface Surplus {
  /** Holds judgements against what is stored already. @throws {ConnectionError} */
  examine(judgements: readonly Judgement[], signal: AbortSignal): Promise<Examined>;
  /** To be told how a write went. What is there after one that failed is asked of the store. */
  wrote(batches: readonly StoreBatch[], isDone: boolean): void;
  /**
   * Settles from the store what it has beyond `through`: of another history all of it, of a gap as far as that goes.
   * @throws {ConnectionError}
   */
  adopt(cut: Cut, signal: AbortSignal): Promise<void>;
}

export interface SurplusOptions {
  readonly ledger: Ledger;
  readonly store: {
    readonly kind: TelemetryStore['kind'];
    readonly account: TelemetryStore['account'];
    readonly reader: Pick<TelemetryReader, 'samplesByNumber' | 'countNumbers'>;
  };
  readonly now: () => TimeUs;
}

/**
 * InfluxDB has no order by number, so it is asked about a time only: what was accepted after the newest settled frame, and
 * late samples of so long before. What is older is not found, and stays beside what comes: the proof, which counts every
 * point of a stream whatever its time, finds it. To look for it here would read a stream whole before its agent is answered.
 */
const lateUs = 3_600_000_000;
/** Of numbers that neither store nor ledger knows, between some that are stored. */
const gapReason = 'neither stored nor listed';

export function createSurplus({ ledger, store, now }: SurplusOptions): Surplus {
  const { reader } = store;
  /** By stream, the highest number that the store holds; undefined while it must be asked. */
  let held: Map<number, number> | undefined;
  const reach = (stream: number) => held!.get(stream) ?? 0;
  const streamWith = (number: number): Stream => ledger.streams().find((stream) => stream.number === number)!;

  const storedOf = (stream: number, first: number, last: number, signal: AbortSignal): Promise<Numbered> => {
    const { lastAcceptedAt } = streamWith(stream);
    const isBounded = store.kind === 'influx' && lastAcceptedAt !== null;
    const from = isBounded ? lastAcceptedAt - lateUs : Number.MIN_SAFE_INTEGER;
    return reader.samplesByNumber({ stream, first, last, from, to: Number.MAX_SAFE_INTEGER }, signal);
  };

  /** What is to be done with one of them; a cut where its numbers are stored as something else. */
  const compare = async (judgement: Judgement, signal: AbortSignal): Promise<Judgement | Cut> => {
    const { batch, settled } = judgement;
    const { stream, first, last } = runOf(judgement);
    const stored = await storedOf(stream, first, Math.min(last, reach(stream)), signal);
    if (stored.numbers.length === 0) return judgement;
    if (!batch) return { stream, isOther: settled.gap.reason !== gapReasons.corrupt, last };
    const there = new Set(stored.numbers);
    const said = only(merge(batch, settled.deadLetters), (number) => there.has(number));
    if (encodeContent(said.samples) !== encodeContent(stored.samples)) return { stream, isOther: true, last };
    const { minTime, maxTime } = settled.batch;
    const times = { minTime: lowest(minTime, stored.samples.times), maxTime: highest(maxTime, stored.samples.times) };
    // A dead letter that was stored after all, which an older ledger does not know.
    const deadLetters = settled.deadLetters.filter(({ number }) => !there.has(number));
    return { batch, settled: { ...settled, batch: { ...settled.batch, ...times }, deadLetters } };
  };

  return {
    async examine(judgements, signal) {
      held ??= new Map((await store.account(signal)).highest);
      const taken: Judgement[] = [];
      const toWrite: StoreBatch[] = [];
      const toFill: StoreBatch[] = [];
      const cuts = new Map<number, Cut>();
      for (const judgement of judgements) {
        const { stream, first } = runOf(judgement);
        if (cuts.has(stream)) continue;
        const isAmong = first <= reach(stream);
        const result = isAmong ? await compare(judgement, signal) : judgement;
        if ('isOther' in result) cuts.set(stream, result);
        else {
          taken.push(result);
          if (result.batch && result.batch.numbers.length > 0) (isAmong ? toFill : toWrite).push(result.batch);
        }
      }
      return { taken, toWrite, toFill, cuts: [...cuts.values()] };
    },
    wrote(batches, isDone) {
      if (!isDone) held = undefined;
      else for (const { stream, numbers } of batches) held!.set(stream, Math.max(reach(stream), numbers.at(-1)!));
    },
    async adopt({ stream: number, isOther, last }, signal) {
      const stream = streamWith(number);
      const end = Math.min(reach(number), isOther ? Number.POSITIVE_INFINITY : last);
      const { max } = await reader.countNumbers(number, stream.through + 1, end, signal);
      if (max === null) return;
      await adoptFromStore({ ledger, reader, stream, last: max, isOther, gapReason, now }, signal);
    },
  };
}

export const runOf = ({
  settled,
}: Judgement): { readonly stream: number; readonly first: number; readonly last: number } =>
  'gap' in settled ? settled.gap : settled.batch;

const lowest = (start: TimeUs, times: readonly TimeUs[]): TimeUs => times.reduce((a, b) => Math.min(a, b), start);
const highest = (start: TimeUs, times: readonly TimeUs[]): TimeUs => times.reduce((a, b) => Math.max(a, b), start);
