/**
 * One unit behind a connection. A unit that does not answer is left alone for a while, 1 s at first and 60 s at most,
 * so that it costs the units beside it one timeout now and then and not one in every round.
 */
import type { Clock } from '../clock.ts';
import type { TimeUs } from '../sample.ts';
import type { Reply } from './connection.ts';
import { isUnreachable } from './exceptions.ts';
import type { Link } from './link.ts';
import type { Block } from './plan.ts';

/** `time`: halfway between request and reply. The device read its registers somewhere in between. */
export type Answer = Reply & { readonly time: TimeUs };

export interface Unit {
  /** Requests in a row to which nothing, or nothing that can be trusted, came back. */
  readonly unanswered: number;
  /** Answers `silence` without asking while the unit is left alone. @throws {ConnectionError} */
  ask(block: Block): Promise<Answer>;
}

const firstRestMs = 1000;
const longestRestMs = 60_000;

export function createUnit(id: number, link: Link, clock: Clock): Unit {
  let failures = 0;
  let unanswered = 0;
  let restUntilMs = 0;

  return {
    get unanswered() {
      return unanswered;
    },
    async ask(block) {
      if (performance.now() < restUntilMs) return { kind: 'silence', time: clock.now() };

      const sentAt = clock.now();
      const reply = await link.request(id, block);
      const time = Math.round((sentAt + clock.now()) / 2);

      const noAnswer = reply.kind === 'silence' || reply.kind === 'garbage';
      unanswered = noAnswer ? unanswered + 1 : 0;
      if (noAnswer || (reply.kind === 'exception' && isUnreachable(reply.code))) {
        restUntilMs = performance.now() + Math.min(firstRestMs * 2 ** failures, longestRestMs);
        failures++;
      } else failures = 0;
      return { ...reply, time };
    },
  };
}
