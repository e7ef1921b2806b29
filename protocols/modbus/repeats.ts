/**
 * Replies over RTU bear no id: one that a device, a radio or a converter sends twice would pass for the reply to the
 * next request that is like its own. So before such a request the line is listened to for a while, and what comes then
 * is known to be a repeat. A request that is unlike those just answered needs no waiting.
 */
import type { Span } from './exchange.ts';
import { kindOf } from './frame.ts';
import { functionCode, replyBytes } from './table.ts';

/** Longer than adapters, converters and networks hold bytes back. A repeat that comes later is told only by the reply in whose place it was taken. */
export const listenMs = 50;

export interface RepeatGuard {
  /** How long to listen before this is asked. */
  waitMs(unit: number, span: Span): number;
  answered(unit: number, span: Span): void;
}

export function createRepeatGuard(): RepeatGuard {
  /** Kinds of replies that came a moment ago, and when. */
  const recent = new Map<string, number>();
  return {
    waitMs: (unit, span) =>
      (recent.get(kindOfReply(unit, span)) ?? Number.NEGATIVE_INFINITY) + listenMs - performance.now(),
    answered(unit, span) {
      const now = performance.now();
      for (const [kind, at] of recent) if (at + listenMs < now) recent.delete(kind);
      recent.set(kindOfReply(unit, span), now);
    },
  };
}

/** As `kindOf` of its reply. */
export const kindOfReply = (unit: number, span: Span): string =>
  kindOf({ unit, code: functionCode(span.table), dataBytes: replyBytes(span) });

const likeness = (span: Span): string => kindOfReply(0, span);

/** The same, in an order in which those that are alike lie apart, as far as there are others: nobody has to wait then. */
export function apart<T extends Span>(spans: readonly T[]): T[] {
  const alike = [...Map.groupBy(spans, likeness).values()].sort((a, b) => b.length - a.length);
  const rounds = alike[0]?.length ?? 0;
  return Array.from({ length: rounds }, (_, i) => alike.flatMap((spans) => spans[i] ?? [])).flat();
}
