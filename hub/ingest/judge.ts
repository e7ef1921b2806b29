/**
 * Validation: from a frame's bytes to what the store takes and what becomes a dead letter or a gap. Pure.
 * A sample is refused alone, with its number and reason; the others of its frame are stored.
 */
import { createHash } from 'node:crypto';
import { RejectedError } from '../../protocols/errors.ts';
import { decodePayload, encodeContent, type FrameHeader } from '../../protocols/frame.ts';
import { isGap, readGap } from '../../protocols/gap.ts';
import type { ManifestTag } from '../../protocols/manifest.ts';
import { fitsType, quality, type SampleColumns, type SampleValue, type TimeUs } from '../../protocols/sample.ts';
import type { DeadLetter, SettledFrame, SettledGap } from '../ledger/ledger.ts';
import type { StoreBatch } from '../store/store.ts';

/** A frame of samples, and what of it goes to the store. */
export interface JudgedFrame {
  readonly batch: StoreBatch;
  readonly settled: SettledFrame;
}

export type Judgement = JudgedFrame | { readonly batch: undefined; readonly settled: SettledGap };

export interface JudgeContext {
  readonly stream: number;
  /** The first number still wanted; what a frame holds before it is settled already. */
  readonly from: number;
  readonly tags: ReadonlyMap<number, ManifestTag>;
  /** Reasons of numbers that were dead letters before their stream went back: they stay that. */
  readonly verdicts?: ReadonlyMap<number, string>;
}

/** 2000-01-01: clocks that were never set begin before it. */
const earliest: TimeUs = 946_684_800_000_000;
/**
 * A source's clock may be wrong; a sample from the day after tomorrow is no measurement. Held against the time of its
 * acceptance, which is frozen in the frame: judged again after a crash, it must get the same verdict.
 */
const furthestAheadUs = 86_400_000_000;

export function judge(header: FrameHeader, payload: Uint8Array, context: JudgeContext): Judgement {
  return isGap(header) ? judgeGap(header, payload, context) : judgeFrame(header, payload, context);
}

/** Of a gap that begins before what is wanted, only the rest is new. */
function judgeGap(header: FrameHeader, payload: Uint8Array, { stream, from }: JudgeContext): Judgement {
  const said = readGap(payload);
  const gap = { stream, first: Math.max(header.first, from), last: header.first + header.count - 1, ...said };
  return { batch: undefined, settled: { gap, at: header.acceptedAt } };
}

function judgeFrame(header: FrameHeader, payload: Uint8Array, context: JudgeContext): JudgedFrame {
  try {
    const { samples, content } = decodePayload(header, payload);
    if (context.from > header.first)
      return judgeSamples(header, ...skip(samples, context.from - header.first), context);
    return judgeSamples(header, samples, content, context);
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    return judgeUnreadable(header, payload, error.reason, context);
  }
}

function judgeSamples(
  header: FrameHeader,
  samples: SampleColumns,
  content: string | Uint8Array,
  context: JudgeContext,
): JudgedFrame {
  const { stream, tags, verdicts } = context;
  const first = Math.max(header.first, context.from);
  const count = samples.tags.length;
  const deadLetters: Omit<DeadLetter, 'settledAt'>[] = [];
  const numbers: number[] = [];
  const kept: number[] = [];
  let minTime = Number.POSITIVE_INFINITY;
  let maxTime = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const time = samples.times[i]!;
    const fault =
      verdicts?.get(first + i) ?? faultOf(tags.get(samples.tags[i]!), samples.values[i]!, time, header.acceptedAt);
    if (fault) {
      deadLetters.push(toDeadLetter(stream, first + i, fault, samples, i));
      continue;
    }
    if (time < minTime) minTime = time;
    if (time > maxTime) maxTime = time;
    numbers.push(first + i);
    kept.push(i);
  }
  const batch = { stream, numbers, samples: kept.length === count ? samples : pick(samples, kept) };
  return {
    batch,
    settled: settledFrame(header, batchRow(header, first, content, minTime, maxTime, stream), deadLetters),
  };
}

/** Of samples that are only shown, those that a frame of the stream could have. */
export function samplesThatFit(samples: SampleColumns, tags: JudgeContext['tags'], acceptedAt: TimeUs): SampleColumns {
  const kept = [...samples.tags.keys()].filter(
    (i) => !faultOf(tags.get(samples.tags[i]!), samples.values[i]!, samples.times[i]!, acceptedAt),
  );
  return pick(samples, kept);
}

/** Why a sample cannot be stored; undefined when it can. */
export function faultOf(
  tag: ManifestTag | undefined,
  value: SampleValue,
  time: TimeUs,
  acceptedAt: TimeUs,
): string | undefined {
  if (!tag) return 'unknown tag';
  if (!fitsType(value, tag.type)) return `not of type ${tag.type}`;
  if (time < earliest || time > acceptedAt + furthestAheadUs) return 'time out of range';
  return undefined;
}

/** A frame that arrived whole but cannot be read: all its numbers are listed, so that the stream goes on. */
function judgeUnreadable(
  header: FrameHeader,
  payload: Uint8Array,
  reason: string,
  { stream, from }: JudgeContext,
): JudgedFrame {
  const first = Math.max(header.first, from);
  const last = header.first + header.count - 1;
  const deadLetters = Array.from({ length: last - first + 1 }, (_, i) => ({
    stream,
    number: first + i,
    reason: `frame: ${reason}`,
    tag: 0,
    time: header.acceptedAt,
    value: 'frame:',
    quality: quality.bad,
    flags: 0,
  }));
  const none: SampleColumns = { tags: [], times: [], values: [], qualities: [], flags: [] };
  const batch = batchRow(header, first, payload, header.acceptedAt, header.acceptedAt, stream);
  return { batch: { stream, numbers: [], samples: none }, settled: settledFrame(header, batch, deadLetters) };
}

const settledFrame = (
  { manifestRevision }: FrameHeader,
  batch: SettledFrame['batch'],
  deadLetters: SettledFrame['deadLetters'],
): SettledFrame => ({ batch, manifestRevision, deadLetters });

function batchRow(
  header: FrameHeader,
  first: number,
  content: string | Uint8Array,
  minTime: TimeUs,
  maxTime: TimeUs,
  stream: number,
) {
  const empty = minTime > maxTime;
  return {
    stream,
    first,
    last: header.first + header.count - 1,
    contentHash: createHash('sha256').update(content).digest('hex'),
    minTime: empty ? header.acceptedAt : minTime,
    maxTime: empty ? header.acceptedAt : maxTime,
    acceptedAt: header.acceptedAt,
  };
}

export function toDeadLetter(
  stream: number,
  number: number,
  reason: string,
  samples: SampleColumns,
  i: number,
): Omit<DeadLetter, 'settledAt'> {
  return {
    stream,
    number,
    reason,
    tag: samples.tags[i]!,
    time: samples.times[i]!,
    value: `${typeof samples.values[i]}:${samples.values[i]}`,
    quality: samples.qualities[i]!,
    flags: samples.flags[i]!,
  };
}

/** The inverse of what `toDeadLetter` writes of a value. */
export function valueOfDeadLetter(text: string): SampleValue {
  const colon = text.indexOf(':');
  const value = text.slice(colon + 1);
  switch (text.slice(0, colon)) {
    case 'number':
      return Number(value);
    case 'bigint':
      return BigInt(value);
    case 'boolean':
      return value === 'true';
    case 'string':
      return value;
    default:
      return null;
  }
}

const pick = (samples: SampleColumns, kept: readonly number[]): SampleColumns => ({
  tags: kept.map((i) => samples.tags[i]!),
  times: kept.map((i) => samples.times[i]!),
  values: kept.map((i) => samples.values[i]!),
  qualities: kept.map((i) => samples.qualities[i]!),
  flags: kept.map((i) => samples.flags[i]!),
});

function skip(samples: SampleColumns, count: number): [SampleColumns, string] {
  const rest: SampleColumns = {
    tags: samples.tags.slice(count),
    times: samples.times.slice(count),
    values: samples.values.slice(count),
    qualities: samples.qualities.slice(count),
    flags: samples.flags.slice(count),
  };
  return [rest, encodeContent(rest)];
}
