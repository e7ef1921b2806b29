/**
 * One unit behind a connection. A unit that does not answer is left alone for a while, 1 s at first and 60 s at most,
 * so that it costs the units beside it one timeout now and then and not one in every round.
 */
import type { Clock } from '../clock.ts';
import type { TimeUs } from '../sample.ts';
import type { RequestTiming } from './connection.ts';
import { isUnreachable } from './exceptions.ts';
import type { Reply, Span } from './exchange.ts';
import type { Link } from './link.ts';

/** `time`: halfway between request and reply. The device read its registers somewhere in between. */
export type Answer = Reply & { readonly time: TimeUs };

export interface Unit {
  /** Requests in a row to which nothing, or nothing that can be trusted, came back. */
  readonly unanswered: number;
  /** Answers `silence` without asking while the unit is left alone. @throws {ConnectionError} */
  ask(span: Span, timing: RequestTiming): Promise<Answer>;
}

const firstRestMs = 1000;
const longestRestMs = 60_000;

export function createUnit(id: number, link: Link, clock: Clock): Unit {
  let rests = 0;
  let unanswered = 0;
  let restUntilMs = 0;

  return {
    get unanswered() {
      return unanswered;
    },
    async ask(span, timing) {
      if (performance.now() < restUntilMs) return { kind: 'silence', time: clock.now() };

      const sentAt = clock.now();
      const reply = await link.request(id, span, timing);
      const time = Math.round((sentAt + clock.now()) / 2);

      const isAnswer = reply.kind === 'data' || reply.kind === 'exception';
      unanswered = isAnswer ? 0 : unanswered + 1;
      const isAway =
        reply.kind === 'silence' ||
        // A single one is noise on the line.
        (reply.kind === 'garbage' && unanswered > 1) ||
        (reply.kind === 'exception' && isUnreachable(reply.code));
      if (isAway) {
        const restMs = Math.max(firstRestMs, timing.timeoutMs) * 2 ** rests;
        restUntilMs = performance.now() + Math.min(restMs, longestRestMs);
        rests++;
      } else if (isAnswer) rests = 0;
      return { ...reply, time };
    },
  };
}
