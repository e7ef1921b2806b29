/**
 * When an agent had samples that are gone: evicted from a full buffer, or damaged on its disk. Its watermark does not
 * know of it; what its sources were in that time is not known, whatever came before and after.
 */
import type { Ledger } from '../ledger/ledger.ts';
import { type Spans, union } from '../plant/spans.ts';

/** By agent. */
export type LostTime = (agent: string) => Spans;

/** Samples are accepted in frames, up to some seconds after they were measured. */
const aroundUs = 5_000_000;

export const createLostTime =
  (ledger: Pick<Ledger, 'streams' | 'gaps'>): LostTime =>
  (agent) =>
    union(
      ledger
        .streams()
        .filter((stream) => stream.agent === agent)
        .flatMap(({ number }) => ledger.gaps(number))
        .flatMap(({ from, to }) =>
          from === null || to === null ? [] : [{ start: from - aroundUs, end: to + aroundUs }],
        ),
    );
