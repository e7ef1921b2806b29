/**
 * Proper replies over RTU that nobody waits for. One like the last that was taken is a repeat and means nothing, nor does
 * one that is late, of a request that was given up. Any other means that an earlier one was taken in its place: by a repeat that came so late that no listening told it. So what was
 * taken of its kind is in doubt.
 */
import { crc16, type Expected, kindOf } from './frame.ts';

export interface Strays {
  /** A reply was taken for that of its request. */
  taken(expected: Expected, reply: Buffer): void;
  /** A request was given up: its reply may still come. */
  missed(expected: Expected): void;
  /** Bytes that are no part of an expected reply; piece by piece, as they come. */
  heard(bytes: Buffer): void;
  /** A request leaves: what comes now is another matter. */
  forget(): void;
}

/** Kinds that are remembered. */
const maxKinds = 64;
/** The longest frame, and some noise. */
const maxBytes = 512;

export function createStrays(onDoubt: (kind: string) => void): Strays {
  const last = new Map<string, { readonly expected: Expected; readonly reply: Buffer }>();
  /** Kinds of the replies that may still come. */
  const owed = new Set<string>();
  let bytes: Buffer = Buffer.alloc(0);

  return {
    missed(expected) {
      owed.add(kindOf(expected));
      if (owed.size > maxKinds) owed.delete(owed.values().next().value!);
    },
    taken(expected, reply) {
      const kind = kindOf(expected);
      owed.delete(kind);
      last.delete(kind);
      last.set(kind, { expected, reply });
      if (last.size > maxKinds) last.delete(last.keys().next().value!);
    },
    heard(chunk) {
      if (chunk.length === 0) return;
      bytes = Buffer.concat([bytes, chunk]).subarray(-maxBytes);
      for (const [kind, { expected, reply }] of last) {
        const header = reply.subarray(0, 3);
        for (let at = bytes.indexOf(header); at >= 0; at = bytes.indexOf(header, at + 1)) {
          const stray = bytes.subarray(at, at + 5 + expected.dataBytes);
          const isWhole = stray.length === reply.length;
          if (!isWhole || crc16(stray, 0, stray.length - 2) !== stray.readUInt16LE(stray.length - 2)) continue;
          bytes = bytes.subarray(at + stray.length);
          if (!stray.equals(reply) && !owed.delete(kind)) onDoubt(kind);
          at = -1;
        }
      }
    },
    forget() {
      bytes = Buffer.alloc(0);
    },
  };
}
