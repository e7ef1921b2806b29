/**
 * Whether the samples of a frame in the store are those that were accepted (I3): their canonical text is made again
 * from what is stored and what is listed, and its hash compared with the ledger's.
 */
import { createHash } from 'node:crypto';
import { encodeContent, maxFrameSamples } from '../../protocols/frame.ts';
import type { SampleColumns, SampleValue } from '../../protocols/sample.ts';
import { valueOfDeadLetter } from '../ingest/judge.ts';
import type { BatchRow, DeadLetter, LedgerReader } from '../ledger/ledger.ts';
import type { TelemetryReader } from '../store/store.ts';

export interface FrameSources {
  readonly ledger: Pick<LedgerReader, 'deadLetters'>;
  readonly reader: Pick<TelemetryReader, 'samplesByNumber'>;
}

export async function isUnchanged(
  batch: BatchRow,
  { ledger, reader }: FrameSources,
  signal: AbortSignal,
): Promise<boolean> {
  const { stream, first, last, minTime, maxTime, contentHash } = batch;
  const listed = ledger.deadLetters(stream, first - 1, maxFrameSamples).filter(({ number }) => number <= last);
  // A frame that could not be read has nothing in the store to compare with.
  if (listed.some(({ reason }) => reason.startsWith('frame:'))) return true;
  const stored = await reader.samplesByNumber({ stream, first, last, from: minTime, to: maxTime + 1 }, signal);
  return (
    createHash('sha256')
      .update(encodeContent(merge(stored, listed).samples))
      .digest('hex') === contentHash
  );
}

/** A run of numbers as it was accepted, ascending: what is stored, and what is listed instead. */
export interface Numbered {
  readonly numbers: readonly number[];
  readonly samples: SampleColumns;
}

type Row = readonly [number: number, tag: number, time: number, value: SampleValue, quality: number, flags: number];

export function merge(stored: Numbered, listed: readonly Omit<DeadLetter, 'settledAt'>[]): Numbered {
  const { numbers, samples } = stored;
  if (listed.length === 0) return stored;
  const rows: Row[] = [
    ...numbers.map(
      (number, i): Row => [
        number,
        samples.tags[i]!,
        samples.times[i]!,
        samples.values[i]!,
        samples.qualities[i]!,
        samples.flags[i]!,
      ],
    ),
    ...listed.map(
      ({ number, tag, time, value, quality, flags }): Row => [
        number,
        tag,
        time,
        valueOfDeadLetter(value),
        quality,
        flags,
      ],
    ),
  ].sort((a, b) => a[0] - b[0]);
  return {
    numbers: rows.map((row) => row[0]),
    samples: {
      tags: rows.map((row) => row[1]),
      times: rows.map((row) => row[2]),
      values: rows.map((row) => row[3]),
      qualities: rows.map((row) => row[4]),
      flags: rows.map((row) => row[5]),
    },
  };
}

/** Those whose numbers pass. */
export function only({ numbers, samples }: Numbered, passes: (number: number) => boolean): Numbered {
  const kept = [...numbers.keys()].filter((i) => passes(numbers[i]!));
  const pick = <T>(column: readonly T[]): T[] => kept.map((i) => column[i]!);
  return {
    numbers: pick(numbers),
    samples: {
      tags: pick(samples.tags),
      times: pick(samples.times),
      values: pick(samples.values),
      qualities: pick(samples.qualities),
      flags: pick(samples.flags),
    },
  };
}
