/**
 * Where a message of a subscription stands among those before it, by its sequence number (OPC 10000-4 5.14.5). Pure.
 * The number of a keep-alive is that of the message that comes next.
 */
import type { NotificationMessage } from 'node-opcua-client';
import { isKeepAlive } from './message.ts';

type Numbered = Pick<NotificationMessage, 'sequenceNumber' | 'publishTime' | 'notificationData'>;

export type Place =
  /** It comes next, once so many before it have been had again. */
  | { readonly kind: 'next'; readonly missing: number }
  /** Says that nothing has changed; `isLast`: also that nothing has come since the last message. */
  | { readonly kind: 'keep-alive'; readonly isLast: boolean }
  /** It has come before. */
  | { readonly kind: 'known' }
  | { readonly kind: 'begins-anew' };

export interface MessageOrder {
  placeOf(message: Numbered): Place;
  /** The number of the message that is wanted next; undefined before the first. */
  readonly next: number | undefined;
  /** This one, which was wanted, is here. */
  advance(message: Numbered): void;
}

const maxSequenceNumber = 0xffffffff;
/** So many messages are remembered, to know one that comes again. */
const maxRemembered = 16;

export function createMessageOrder(): MessageOrder {
  let next: number | undefined;
  const recent: { readonly number: number; readonly publishedMs: number }[] = [];
  const publishedMs = ({ publishTime }: Numbered): number => publishTime?.getTime() ?? 0;
  return {
    get next() {
      return next;
    },
    placeOf(message) {
      const { sequenceNumber } = message;
      next ??= sequenceNumber;
      const missing = distance(next, sequenceNumber);
      if (missing <= maxSequenceNumber / 2) return { kind: 'next', missing };
      // Some servers give a keep-alive the number of the last message, or none. Another one may have forgotten some.
      if (isKeepAlive(message)) {
        return { kind: 'keep-alive', isLast: after(sequenceNumber) === next || sequenceNumber === 0 };
      }
      const isKnown = recent.some((one) => one.number === sequenceNumber && one.publishedMs === publishedMs(message));
      return { kind: isKnown ? 'known' : 'begins-anew' };
    },
    advance(message) {
      next = after(message.sequenceNumber);
      recent.push({ number: message.sequenceNumber, publishedMs: publishedMs(message) });
      if (recent.length > maxRemembered) recent.shift();
    },
  };
}

/** After the greatest number comes 1. */
const after = (sequenceNumber: number): number => (sequenceNumber === maxSequenceNumber ? 1 : sequenceNumber + 1);
const distance = (from: number, to: number): number => (to - from + maxSequenceNumber) % maxSequenceNumber;
