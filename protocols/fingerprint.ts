/**
 * What tells a frame from any other that could have its numbers: after one of the two sides has gone back to an older
 * state, equal numbers alone say nothing. Both sides make it from what they keep anyway.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { decodePayload, type FrameHeader, openFrame } from './frame.ts';
import { isGap, readGap } from './gap.ts';

export const fingerprintSchema = z.strictObject({
  /** The number it ends with. */
  last: z.int().min(1),
  /** µs; of a gap, when it was recorded. */
  acceptedAt: z.int().min(0),
  /** The beginning of the hash of its content; of a gap, its reason. */
  content: z.string().max(32),
});
export type Fingerprint = z.infer<typeof fingerprintSchema>;

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** SHA-256, hex, of the canonical content; undefined when the payload cannot be read. */
export function readableHash(header: FrameHeader, payload: Uint8Array): string | undefined {
  try {
    return sha256(decodePayload(header, payload).content);
  } catch {
    return undefined;
  }
}

/** The same; of a payload that cannot be read, of its bytes. */
const contentHash = (header: FrameHeader, payload: Uint8Array): string =>
  readableHash(header, payload) ?? sha256(payload);

/** Of the whole hash. */
export const contentMark = (hash: string): string => hash.slice(0, 32);

/** @throws {RejectedError} the frame is not whole. */
export function fingerprintOf(frame: Uint8Array): Fingerprint {
  const { header, payload } = openFrame(frame);
  const { first, count, acceptedAt } = header;
  const content = isGap(header) ? readGap(payload).reason : contentMark(contentHash(header, payload));
  return { last: first + count - 1, acceptedAt, content };
}

export const isSame = (a: Fingerprint, b: Fingerprint): boolean =>
  a.last === b.last && a.acceptedAt === b.acceptedAt && a.content === b.content;
