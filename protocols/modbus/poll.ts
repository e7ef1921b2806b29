/**
 * Reads every group of tags at its interval, one request after another, and hands over what came of it. Which block is
 * next, and how far the rounds are, is in rounds.ts.
 */
import type { Clock } from '../clock.ts';
import { ConnectionError } from '../errors.ts';
import { isBad, quality, type Sample, type TimeUs } from '../sample.ts';
import type { Reading } from '../source.ts';
import { createBlockReader, type ReadPart } from './block-reader.ts';
import { decodeInto } from './decode.ts';
import type { Link } from './link.ts';
import { createPatience } from './patience.ts';
import type { PollGroup } from './plan.ts';
import { apart, kindOfReply } from './repeats.ts';
import { createRounds } from './rounds.ts';
import { createUnit } from './unit.ts';

export interface PollOptions {
  readonly link: Link;
  readonly groups: readonly PollGroup[];
  readonly clock: Clock;
  /** Where the link leads, for people. */
  readonly name: string;
}

/**
 * While one group is still being read, the samples of others wait for so long at most; wall time. Where replies bear no
 * ids, nothing is asked for a moment before samples are handed over: on a busy line that must not be often.
 */
const longestHoldMs = { ids: 200, noIds: 1000 };
/** For so long it is looked for something that is answered, before the session is given up. */
const longestSearchMs = 10_000;
/** A clock that was set is noticed after so long at most, of that clock. */
const longestSleepMs = 1000;

/** @throws {ConnectionError} when the connection was lost, or no unit answers. */
export async function* poll({ link, groups, clock, name }: PollOptions, signal: AbortSignal): AsyncGenerator<Reading> {
  const patience = createPatience(() => [...units.values()].some(({ isAnswering }) => isAnswering));
  const units = new Map(groups.map(({ unit }) => [unit, createUnit(unit, link, clock, patience)]));
  const rounds = createRounds(
    groups.map(({ unit, intervalMs, blocks, ...timing }) => ({
      intervalMs,
      tagCount: blocks.reduce((sum, { tags }) => sum + tags.length, 0),
      readers: (link.hasIds ? blocks : apart(blocks)).map((block) =>
        createBlockReader(block, { unit: units.get(unit)!, timing, now: clock.now }),
      ),
    })),
    { now: clock.now(), inTurn: !link.hasIds },
  );

  /** Decoded when the reading is handed over, not before: what would have to wait meanwhile is the line. */
  let parts: ReadPart[] = [];
  const startedAtMs = performance.now();
  let heldSinceMs = 0;
  let isUp = false;

  for (;;) {
    rounds.begin(clock.now());
    const next = rounds.next();
    if (!next) {
      const waitMs = (rounds.nextDue - clock.now()) / 1000;
      await clock.sleep(Math.min(Math.max(0, waitMs), longestSleepMs), signal);
      continue;
    }
    if (parts.length === 0) heldSinceMs = performance.now();
    parts.push(...(await next.reader.read()));
    if (!next.isLast) continue;

    // The first reading covers every tag.
    const idleMs = rounds.isAnyUnderWay ? -1 : Math.max(0, clock.wallMs((rounds.nextDue - clock.now()) / 1000));
    const isDue =
      idleMs >= link.listenMs || performance.now() - heldSinceMs > longestHoldMs[link.hasIds ? 'ids' : 'noIds'];
    if (isUp ? !isDue : !rounds.isEachRead) continue;

    const all = [...units.values()];
    if (!isUp && all.every(({ unanswered }) => unanswered > 0)) {
      // It may be one address that is never answered: whatever else there is, is asked for as well.
      const isOver = performance.now() - startedAtMs > longestSearchMs;
      if (isOver || all.every(({ isExhausted }) => isExhausted)) throw new ConnectionError(`${name} does not answer`);
      parts = [];
      continue;
    }
    const doubts = await link.doubts();
    yield readingOf(
      parts.map((part) => (isDoubted(part, doubts) ? doubted(part) : part)),
      rounds.take(),
    );
    // A unit may miss one request.
    if (all.every(({ unanswered }) => unanswered > 1)) throw new ConnectionError(`${name} does not answer`);
    isUp = true;
    parts = [];
  }
}

const isDoubted = ({ unit, block, data }: ReadPart, doubts: ReadonlySet<string>): boolean =>
  data !== undefined && doubts.size > 0 && doubts.has(kindOfReply(unit, block));
const doubted = ({ unit, block, time }: ReadPart): ReadPart => ({
  ...{ unit, block, time },
  quality: quality.badCommunicationError,
});

function readingOf(parts: readonly ReadPart[], { through, skipped }: { through: TimeUs; skipped: number }): Reading {
  const samples: Sample[] = [];
  for (const part of parts) decodeInto(samples, part);
  const bad = samples.reduce((sum, { quality }) => sum + (isBad(quality) ? 1 : 0), 0);
  return { samples, through, slots: { good: samples.length - bad, bad, skipped } };
}
