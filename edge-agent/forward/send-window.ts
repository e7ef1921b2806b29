/** The frames of one stream that are under way: what was sent last, what is settled, and how much more may be sent (R7). */
import { acceptedAtOf } from '../../protocols/frame.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { NumberedFrame } from '../buffer/buffer.ts';

interface InFlight {
  readonly last: number;
  readonly size: number;
  readonly sentAt: number;
  readonly acceptedAt: TimeUs;
}

export interface SendWindow {
  /** The highest number that the hub has settled. */
  readonly through: number;
  /** The last number that was sent; what follows is next. */
  readonly cursor: number;
  /** The highest number that was sent, or that a hub which agrees has. */
  readonly sentTo: number;
  /** The oldest that is under way. */
  readonly oldest: InFlight | undefined;
  readonly frames: number;
  /** How much more may be under way. */
  room(frames: number): { frames: number; bytes: number };
  sent(frame: NumberedFrame): void;
  /** The hub says so; how long the answer took, ms, where it settled something. */
  settle(through: number): number | undefined;
  /** Everything after the last settled number is sent again; how many frames that are. */
  goBack(): number;
  /** The hub wants what follows this number, settled before or not. */
  restart(through: number): number;
}

export function createSendWindow(acked: number, maxBytes: number): SendWindow {
  let through = acked;
  let cursor = acked;
  let sentTo = acked;
  let inFlight: InFlight[] = [];

  const window: SendWindow = {
    get through() {
      return through;
    },
    get cursor() {
      return cursor;
    },
    get sentTo() {
      return sentTo;
    },
    get oldest() {
      return inFlight[0];
    },
    get frames() {
      return inFlight.length;
    },
    room(frames) {
      const bytes = inFlight.reduce((sum, frame) => sum + frame.size, 0);
      return { frames: frames - inFlight.length, bytes: maxBytes - bytes };
    },
    sent({ last, bytes }) {
      inFlight.push({ last, size: bytes.length, sentAt: performance.now(), acceptedAt: acceptedAtOf(bytes) });
      cursor = last;
      sentTo = Math.max(sentTo, last);
    },
    settle(to) {
      if (to < through) return undefined;
      through = to;
      cursor = Math.max(cursor, to);
      const settled = inFlight.findLast((frame) => frame.last <= to);
      if (!settled) return undefined;
      inFlight = inFlight.filter((frame) => frame.last > to);
      return performance.now() - settled.sentAt;
    },
    goBack() {
      const again = inFlight.length;
      inFlight = [];
      cursor = through;
      return again;
    },
    restart(to) {
      through = to;
      sentTo = Math.max(sentTo, to);
      return window.goBack();
    },
  };
  return window;
}
