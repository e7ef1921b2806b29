/**
 * What goes out of a buffer's file: frames under the numbers of the wire, each looked at before it leaves. One that is not
 * what was written becomes a gap in its place, and so do numbers of which there is no row.
 */
import { type Fingerprint, fingerprintOf } from '../../protocols/fingerprint.ts';
import { openFrame, sealFrame } from '../../protocols/frame.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { NumberedFrame } from './buffer.ts';
import type { MetaTable } from './meta.ts';
import { isWhole, type Row, type Rows } from './rows.ts';

/** So many frames more than were sent are taken for sent: one commit for all of them. */
const framesAhead = 16;

export function createOutgoing(meta: MetaTable, rows: Rows, now: () => TimeUs) {
  const numbers = meta.now;
  /** In memory where the disk does not take it. */
  let sent = numbers.sent;

  /** Frames that are not what was written become gaps, and so do numbers of which there is no row. */
  function mend(damaged: readonly Row[], hole?: readonly [first: number, last: number]): void {
    meta.transact((draft) => {
      for (const row of damaged) rows.putCorrupt(draft, row, now());
      if (hole) rows.putHole(draft, ...hole, now());
    });
  }

  function noteSent(row: Row): void {
    if (row.last <= sent) return;
    sent = row.last + (framesAhead - 1) * (row.last - row.first + 1);
    try {
      meta.transact((draft) => {
        draft.sent = sent;
      });
    } catch {
      // On a full disk: nothing beyond it is evicted while this process lives, and sending makes room.
    }
  }

  /** The frame as it is on the wire: one of an earlier epoch of this file has other numbers now. */
  function sealed({ first, frame }: Row): Uint8Array {
    const { header, payload } = openFrame(frame);
    const wire = first - numbers.offset;
    if (header.epoch === numbers.epoch && header.first === wire) return frame;
    return sealFrame({ ...header, epoch: numbers.epoch, first: wire }, payload, header.codec);
  }

  const fingerprint = (row: Row): Fingerprint => fingerprintOf(sealed(row));

  const peek = (after: number, limit: { frames: number; bytes: number }): NumberedFrame[] => {
    const { offset, next, acked } = numbers;
    const found: Row[] = [];
    let size = 0;
    let expected = after + offset + 1;
    // All at once: what has to be mended is written while they are looked at.
    for (const row of [...rows.after(expected - 1, limit.frames)]) {
      if (row.first > expected && expected > acked) return mendAndPeek([], [expected, row.first - 1]);
      if (found.length > 0 && size + row.frame.length > limit.bytes) break;
      size += row.frame.length;
      expected = row.last + 1;
      found.push(row);
    }
    if (found.length === 0 && expected < next && expected > acked) return mendAndPeek([], [expected, next - 1]);
    const damaged = found.filter(({ frame }) => !isWhole(frame));
    if (damaged.length > 0) return mendAndPeek(damaged);
    if (found.length > 0) noteSent(found.at(-1)!);
    return found.map((row) => ({ first: row.first - offset, last: row.last - offset, bytes: sealed(row) }));

    function mendAndPeek(...what: Parameters<typeof mend>): NumberedFrame[] {
      mend(...what);
      return peek(after, limit);
    }
  };

  const fingerprints = (wires: readonly number[]): Fingerprint[] => {
    const found = new Map<number, Row>();
    for (const number of wires.map((wire) => wire + numbers.offset)) {
      const [row] = [...rows.after(number - 1, 1)];
      if (row && row.first <= number) found.set(row.first, row);
    }
    const damaged = [...found.values()].filter(({ frame }) => !isWhole(frame));
    if (damaged.length === 0) return [...found.values()].map(fingerprint);
    mend(damaged);
    return fingerprints(wires);
  };

  return {
    peek,
    fingerprints,
    fingerprint,
    mend,
    /** The highest number that may have been sent, in the file's own numbering. */
    get sent() {
      return sent;
    },
    /** Of an epoch that begins nothing has been. */
    forgetSent(): void {
      sent = numbers.sent;
    },
  };
}
