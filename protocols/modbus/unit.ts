/**
 * One unit behind a connection. What does not answer is left alone for a while, 1 s at first and a minute at most, so
 * that it costs the units beside it one timeout now and then and not one in every round: the unit, or where it answers
 * otherwise, that block alone.
 */
import type { Clock } from '../clock.ts';
import type { TimeUs } from '../sample.ts';
import type { RequestTiming } from './connection.ts';
import { isUnreachable } from './exceptions.ts';
import type { Outcome, Span } from './exchange.ts';
import type { Link } from './link.ts';
import type { Patience } from './patience.ts';

/** `unasked`: it could not be asked yet since the session began. */
export type Answer = (Outcome | { readonly kind: 'unasked' }) & {
  /** Halfway between the leaving of the request and the first byte of the reply: in between the registers were read. */
  readonly time: TimeUs;
  /** How often in a row, this time included, just this was asked for in vain. 0 where it was left alone. */
  readonly failures: number;
};

export interface Unit {
  readonly id: number;
  /** Requests in a row to which nothing, or nothing that can be trusted, came back. */
  readonly unanswered: number;
  /** It has answered, and has not failed to twice in a row since. */
  readonly isAnswering: boolean;
  /** Nothing that it has been asked for was answered, and nothing else is left to ask. */
  readonly isExhausted: boolean;
  /** Answers as it did last, without asking, while what is asked for is left alone. @throws {ConnectionError} */
  ask(span: Span, timing: RequestTiming): Promise<Answer>;
}

const firstRestMs = 1000;
const longestRestMs = 60_000;
/** So long after a rest, what has been silent leaves the first word to what has not been asked. */
const courtesyMs = 1000;

export function createUnit(id: number, link: Link, clock: Clock, patience: Patience): Unit {
  let unanswered = 0;
  /** The same with what a gateway says in its place. */
  let missed = 0;
  let hasAnswered = false;
  let restUntilMs = 0;
  let last: Outcome | { readonly kind: 'unasked' } = { kind: 'unasked' };
  /** What was asked for in vain, how often in a row, and until when it is left alone. */
  const inVain = new Map<string, { times: number; untilMs: number; outcome: Outcome }>();
  /** What would have been asked for while the unit was left alone. */
  const waiting = new Set<string>();

  const isAnswering = () => hasAnswered && missed < 2;

  /** What is said without asking; undefined where it may be asked. */
  function withoutAsking(key: string): Outcome | { readonly kind: 'unasked' } | undefined {
    const now = performance.now();
    const before = inVain.get(key);
    if (isAnswering()) {
      if (now < restUntilMs) return last;
      if (!before || before.times < 2) return undefined;
      return now < before.untilMs || !patience.mayAsk({ isNew: false }) ? before.outcome : undefined;
    }
    waiting.add(key);
    if (now < restUntilMs || !patience.mayAsk({ isNew: last.kind === 'unasked' })) return last;
    const isCourteous = before && now < restUntilMs + courtesyMs && [...waiting].some((other) => !inVain.has(other));
    return isCourteous ? last : undefined;
  }

  return {
    id,
    get unanswered() {
      return unanswered;
    },
    get isAnswering() {
      return isAnswering();
    },
    get isExhausted() {
      return unanswered > 0 && [...waiting].every((key) => inVain.has(key));
    },
    async ask(span, timing) {
      const key = `${span.table} ${span.address} ${span.count}`;
      const unasked = withoutAsking(key);
      if (unasked) return { ...unasked, time: clock.now(), failures: 0 };
      waiting.clear();

      const { sentAtMs, heardAtMs, ...outcome } = await link.request(id, span, timing);
      const time = timeOf((sentAtMs + heardAtMs) / 2, clock);
      const isAnswer = outcome.kind === 'data' || outcome.kind === 'exception';
      unanswered = isAnswer ? 0 : unanswered + 1;
      if (isAnswer && !(outcome.kind === 'exception' && isUnreachable(outcome.code))) {
        missed = 0;
        hasAnswered = true;
        inVain.delete(key);
        return { ...outcome, time, failures: 0 };
      }

      missed++;
      last = outcome;
      // A single one is noise on the line.
      if (outcome.kind === 'garbage' && missed === 1) return { ...outcome, time, failures: 0 };
      const tookMs = performance.now() - sentAtMs;
      const times = (inVain.get(key)?.times ?? 0) + 1;
      const restMs = Math.min(Math.max(firstRestMs, timing.timeoutMs) * 2 ** (times - 1), longestRestMs);
      const untilMs = performance.now() + restMs;
      inVain.set(key, { times, untilMs, outcome });
      patience.spent(tookMs);
      if (!isAnswering()) restUntilMs = untilMs;
      // What was late would be taken for the next reply, so the link would wait, and everybody with it.
      else if (outcome.kind === 'silence' && !link.hasIds) restUntilMs = performance.now() + timing.timeoutMs;
      return { ...outcome, time, failures: times };
    },
  };
}

/** The clock's time of an instant of the monotonic clock, by what the clock shows now: it may have been set since. */
export const timeOf = (atMs: number, clock: Clock): TimeUs =>
  Math.round(clock.now() - (performance.now() - atMs) * 1000 * clock.speed);
