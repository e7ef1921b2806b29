/**
 * Reads every group of tags at its interval, one request after another. Of what is due, the block whose round must be
 * over first is read next, so that a group of many blocks does not hold up one that is read more often.
 */
import type { Clock } from '../clock.ts';
import { ConnectionError } from '../errors.ts';
import { isBad, type Sample, type TimeUs } from '../sample.ts';
import type { Reading } from '../source.ts';
import { createTimetable } from '../timetable.ts';
import { type BlockReader, createBlockReader, type ReadPart } from './block-reader.ts';
import { decodeTag } from './decode.ts';
import type { Link } from './link.ts';
import type { PollGroup } from './plan.ts';
import { createUnit } from './unit.ts';

export interface PollOptions {
  readonly link: Link;
  readonly groups: readonly PollGroup[];
  readonly tagIds: ReadonlyMap<string, number>;
  readonly clock: Clock;
  /** Where the link leads, for people. */
  readonly name: string;
}

interface Poller {
  readonly intervalUs: number;
  readonly readers: readonly BlockReader[];
  readonly tagCount: number;
  /** The round that is under way: for which time it was due, and how many blocks are read. */
  round: { readonly at: TimeUs; read: number } | undefined;
  /** When the next round fell due while this one was under way. */
  nextAt: TimeUs | undefined;
  /** A whole round has been read. */
  isRead: boolean;
}

/** While one group is still being read, the samples of others wait for so long at most; wall time. */
const longestHoldMs = 200;

/** @throws {ConnectionError} when the connection was lost, or no unit answers. */
export async function* poll(options: PollOptions, signal: AbortSignal): AsyncGenerator<Reading> {
  const { link, groups, tagIds, clock, name } = options;
  const units = new Map(groups.map(({ unit }) => [unit, createUnit(unit, link, clock)]));
  const pollers = groups.map(({ unit, intervalMs, blocks, ...timing }): Poller => {
    const readerOptions = { unit: units.get(unit)!, timing, now: clock.now };
    return {
      intervalUs: intervalMs * 1000,
      readers: blocks.map((block) => createBlockReader(block, readerOptions)),
      tagCount: blocks.reduce((sum, { tags }) => sum + tags.length, 0),
      round: undefined,
      nextAt: undefined,
      isRead: false,
    };
  });
  const timetable = createTimetable(
    groups.map((group) => group.intervalMs),
    clock.now(),
  );

  /** Decoded when the reading is handed over, not before: what would have to wait meanwhile is the line. */
  let parts: ReadPart[] = [];
  let heldSinceMs = 0;
  let skipped = 0;
  /** Rounds that were read to their end and do not count yet, because one that was due before is under way. */
  let ended: TimeUs[] = [];
  let through: TimeUs = 0;
  let isUp = false;

  for (;;) {
    const now = clock.now();
    for (const { group, skipped: missed } of timetable.take(now).due) {
      const poller = pollers[group]!;
      const at = Math.floor(now / poller.intervalUs) * poller.intervalUs;
      skipped += missed * poller.tagCount;
      if (!poller.round) poller.round = { at, read: 0 };
      else {
        if (poller.nextAt !== undefined) skipped += poller.tagCount;
        poller.nextAt = at;
      }
    }

    const poller = mostUrgent(pollers);
    if (!poller?.round) {
      await clock.sleep(Math.max(0, timetable.next - clock.now()) / 1000, signal);
      continue;
    }
    if (parts.length === 0) heldSinceMs = performance.now();
    parts.push(...(await poller.readers[poller.round.read++]!.read()));
    if (poller.round.read < poller.readers.length) continue;
    poller.isRead = true;
    ended.push(poller.round.at);
    poller.round = poller.nextAt === undefined ? undefined : { at: poller.nextAt, read: 0 };
    poller.nextAt = undefined;

    const earliest = Math.min(...pollers.map(({ round }) => round?.at ?? Number.POSITIVE_INFINITY));
    // The first reading covers every tag.
    const isDue = earliest === Number.POSITIVE_INFINITY || performance.now() - heldSinceMs > longestHoldMs;
    if (isUp ? !isDue : !pollers.every(({ isRead }) => isRead)) continue;

    // A unit may miss one request. A server that answers for none of its units at the very first is not there.
    const isSilent = [...units.values()].every(({ unanswered }) => unanswered >= (isUp ? 2 : 1));
    through = Math.max(through, ...ended.filter((at) => at < earliest));
    ended = ended.filter((at) => at >= earliest);
    if (isUp || !isSilent) {
      const samples = decode(parts, tagIds);
      const bad = samples.reduce((sum, { quality }) => sum + (isBad(quality) ? 1 : 0), 0);
      yield { samples, through, slots: { good: samples.length - bad, bad, skipped } };
    }
    if (isSilent) throw new ConnectionError(`${name} does not answer`);
    isUp = true;
    parts = [];
    skipped = 0;
  }
}

function decode(parts: readonly ReadPart[], tagIds: ReadonlyMap<string, number>): Sample[] {
  const samples: Sample[] = [];
  for (const { block, time, data, quality: ofAll } of parts) {
    for (const tag of block.tags) {
      const { value, quality } = data ? decodeTag(tag, block, data) : { value: null, quality: ofAll };
      samples.push({ tag: tagIds.get(tag.path)!, time, value, quality, flags: 0 });
    }
  }
  return samples;
}

/** The group whose round must be over first. */
function mostUrgent(pollers: readonly Poller[]): Poller | undefined {
  let first: Poller | undefined;
  let firstEnd = Number.POSITIVE_INFINITY;
  for (const poller of pollers) {
    if (!poller.round || poller.round.at + poller.intervalUs >= firstEnd) continue;
    first = poller;
    firstEnd = poller.round.at + poller.intervalUs;
  }
  return first;
}
