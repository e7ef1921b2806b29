/**
 * Cursors of pages: opaque, signed, and telling the row after which the next page begins, so that rows that come or
 * change meanwhile shift nothing. The key lives as long as the process: after a restart a reader begins again.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { invalid } from './problem.ts';

/** The key of a row: rows are in the order of their keys, part by part. */
export type RowKey = readonly (string | number)[];

export interface Cursors {
  seal(last: RowKey): string;
  /** @throws {ProblemError} it is none of ours. */
  open(cursor: string): RowKey;
}

/** Whether a row comes after another. */
export function isAfter(key: RowKey, other: RowKey): boolean {
  for (const [index, part] of key.entries()) if (part !== other[index]) return part > other[index]!;
  return false;
}

const signatureBytes = 16;

export function createCursors(): Cursors {
  const key = randomBytes(32);
  const sign = (text: string): Buffer => createHmac('sha256', key).update(text).digest().subarray(0, signatureBytes);
  return {
    seal(last) {
      const text = JSON.stringify(last);
      return Buffer.concat([sign(text), Buffer.from(text)]).toString('base64url');
    },
    open(cursor) {
      const bytes = Buffer.from(cursor, 'base64url');
      const text = bytes.subarray(signatureBytes).toString();
      const isOurs = bytes.length > signatureBytes && timingSafeEqual(bytes.subarray(0, signatureBytes), sign(text));
      if (!isOurs)
        throw invalid('cursor', 'is not of this hub, or of before its last start; begin with the first page');
      return JSON.parse(text) as RowKey;
    },
  };
}
