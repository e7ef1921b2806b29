/**
 * When an agent had samples that are gone: evicted from a full buffer, damaged on its disk, or released and never
 * stored. Its watermark does not know of it; what its sources were in that time is not known, whatever came before and
 * after. Where nobody knows when the numbers were accepted, it was between the frame before them and the frame after.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Gap, LedgerReader, Stream } from '../../ledger/ledger.ts';
import { type Span, type Spans, union } from '../../plant/spans.ts';

/** By agent. */
export type LostTime = (agent: string) => Spans;

/** Samples are accepted in frames, up to some seconds after they were measured. */
const aroundUs = 5_000_000;

type LostLedger = Pick<LedgerReader, 'streams' | 'batches' | 'batchAt' | 'gaps'>;

export const createLostTime =
  (ledger: LostLedger): LostTime =>
  (agent) => {
    const own = ledger.streams().filter((stream) => stream.agent === agent);
    return union(own.flatMap(({ number }) => lossesOf(ledger, number, own).map(({ span }) => span)));
  };

export interface Loss {
  readonly gap: Gap;
  readonly span: Span;
}

/** What a stream has lost, and when. @param own the streams of its agent, oldest first. */
export function lossesOf(
  ledger: LostLedger,
  number: number,
  own: readonly Pick<Stream, 'number' | 'lastAcceptedAt'>[],
): Loss[] {
  const gaps = ledger.gaps(number);
  const acceptedAfter = (stream: number, last: number): TimeUs | undefined =>
    ledger.batches(stream, last, 1)[0]?.acceptedAt;
  /** Of gaps that follow one another, the edges are those of all of them together. */
  const run = (index: number, step: 1 | -1): Gap => {
    const [gap, next] = [gaps[index]!, gaps[index + step]];
    const [lower, upper] = step === 1 ? [gap, next] : [next, gap];
    return lower && upper && lower.last === upper.first - 1 ? run(index + step, step) : gap;
  };
  const before = (gap: Gap): TimeUs | undefined => {
    const batch = ledger.batchAt(number, gap.first - 1);
    if (batch) return batch.acceptedAt;
    // What was before it is deleted, or of another epoch.
    const at = own.findIndex((stream) => stream.number === number);
    return gap.first > 1 ? undefined : (own[at - 1]?.lastAcceptedAt ?? undefined);
  };
  const after = (gap: Gap): TimeUs | undefined => {
    const same = gap.last === null ? undefined : acceptedAfter(number, gap.last);
    const next = own[own.findIndex((stream) => stream.number === number) + 1];
    return same ?? (next && acceptedAfter(next.number, 0));
  };
  return gaps.map((gap, index) => {
    if (gap.from !== null && gap.to !== null) return { gap, span: around(gap.from, gap.to) };
    const [start, end] = [before(run(index, -1)), after(run(index, 1))];
    return { gap, span: around(start ?? end ?? gap.at, end ?? start ?? gap.at) };
  });
}

const around = (from: TimeUs, to: TimeUs): Span => ({ start: from - aroundUs, end: Math.max(from, to) + aroundUs });
