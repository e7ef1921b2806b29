/**
 * A gap: numbers that their agent will never send, with the reason (R17, R18). It travels as a frame at its place in the
 * sequence, is settled and acknowledged like any other, and its bytes never change either. Its payload is a line of JSON.
 */
import { codec, type FrameHeader, sealFrame } from './frame.ts';
import type { TimeUs } from './sample.ts';

export interface FrameGap {
  /** A short word: see `gapReasons`; a newer agent may know others. */
  readonly reason: string;
  /** When the first and the last of what is gone had been accepted; absent where nobody knows it any more. */
  readonly from?: TimeUs;
  readonly to?: TimeUs;
}

export const gapReasons = {
  /** The buffer was full, and what mattered less had to go. */
  evicted: 'evicted',
  /** The disk gave back something else than was written. */
  corrupt: 'corrupt',
  /** The frame says that it is a gap, and not why. */
  unknown: 'unknown',
} as const;

/** The largest count of one gap. */
export const maxGapNumbers = 0xffffffff;

export const isGap = (header: Pick<FrameHeader, 'codec'>): boolean => header.codec === codec.gap;

/** @param header `acceptedAt` is when the gap was recorded. */
export function sealGap(
  header: Omit<FrameHeader, 'codec' | 'manifestRevision'>,
  { reason, from, to }: FrameGap,
): Buffer {
  const payload = Buffer.from(JSON.stringify({ reason, from, to }));
  return sealFrame({ ...header, manifestRevision: 0 }, payload, codec.gap);
}

/** What a gap's payload says. Never throws: that its numbers are gone stands in the header, which has been checked. */
export function readGap(payload: Uint8Array): FrameGap {
  const said = parse(payload);
  if (typeof said !== 'object' || said === null) return { reason: gapReasons.unknown };
  const { reason, from, to } = said as Record<string, unknown>;
  const times = isTime(from) && isTime(to) && from <= to ? { from, to } : {};
  return { reason: isWord(reason) ? reason : gapReasons.unknown, ...times };
}

/** A gap's payload is some fifty bytes; more is not read. */
const maxPayloadBytes = 1024;

function parse(payload: Uint8Array): unknown {
  if (payload.length > maxPayloadBytes) return undefined;
  try {
    return JSON.parse(Buffer.from(payload).toString());
  } catch {
    return undefined;
  }
}

const isWord = (reason: unknown): reason is string =>
  typeof reason === 'string' && /^[a-z](?:[a-z-]{0,30}[a-z])?$/.test(reason);
const isTime = (time: unknown): time is TimeUs => Number.isSafeInteger(time) && (time as number) >= 0;
