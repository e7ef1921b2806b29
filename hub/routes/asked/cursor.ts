/**
 * Cursors of pages: opaque, signed, and telling the row after which the next page begins, so that rows that come or
 * change meanwhile shift nothing. The key lives as long as the process: after a restart a reader begins again.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { invalid } from '../door/problem.ts';

/** What tells a row's place among the others, part by part. */
export type RowKey = readonly (string | number | null)[];

export interface Cursors {
  seal(last: RowKey): string;
  /** @throws {ProblemError} it is none of ours. */
  open(cursor: string): RowKey;
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
        throw invalid('cursor', {
          en: 'is not of this hub, or of before its last start; begin with the first page',
          fa: 'از این هاب نیست یا پیش از آخرین راه‌اندازی آن است؛ از صفحهٔ نخست آغاز کنید',
        });
      return JSON.parse(text) as RowKey;
    },
  };
}
