/**
 * The rounds of the groups: which are under way, which block is next, and up to when everything has been read. Of what is
 * due, the block whose round must be over first is next, so that a group of many blocks does not hold up one that is read
 * more often. Pure.
 */
import type { TimeUs } from '../sample.ts';
import { createTimetable } from '../timetable.ts';
import type { BlockReader } from './block-reader.ts';

export interface RoundGroup {
  readonly intervalMs: number;
  readonly readers: readonly BlockReader[];
  readonly tagCount: number;
}

export interface Rounds {
  /** Begins what is due. */
  begin(now: TimeUs): void;
  readonly nextDue: TimeUs;
  /** The block to read now; undefined when nothing is due. `isLast`: with it a round has been read. */
  next(): { readonly reader: BlockReader; readonly isLast: boolean } | undefined;
  readonly isAnyUnderWay: boolean;
  /** Every group has been read once. */
  readonly isEachRead: boolean;
  /** What may be said of the readings until now: all before `through` was read, so many reads were skipped. */
  take(): { readonly through: TimeUs; readonly skipped: number };
}

interface Poller extends RoundGroup {
  readonly intervalUs: number;
  /** The round that is under way: for which time it was due, when it must be over, and how many blocks are read. */
  round: { readonly at: TimeUs; readonly endBy: TimeUs; read: number } | undefined;
  /** When the next round fell due while this one was under way. */
  nextAt: TimeUs | undefined;
  /** A whole round has been read. */
  isRead: boolean;
}

/** `inTurn`: groups that are equally urgent are read block by block in turn. */
export function createRounds(groups: readonly RoundGroup[], { now, inTurn }: { now: TimeUs; inTurn: boolean }): Rounds {
  const pollers = groups.map(
    (group): Poller => ({
      ...group,
      intervalUs: group.intervalMs * 1000,
      round: undefined,
      nextAt: undefined,
      isRead: false,
    }),
  );
  const timetable = createTimetable(
    groups.map((group) => group.intervalMs),
    now,
  );
  let skipped = 0;
  let through: TimeUs = 0;
  /** Rounds that were read to their end and do not count yet, because one that was due before is under way. */
  let ended: TimeUs[] = [];

  const earliest = () => Math.min(...pollers.map(({ round }) => round?.at ?? Number.POSITIVE_INFINITY));

  return {
    begin(now) {
      for (const { group, skipped: missed } of timetable.take(now).due) {
        const poller = pollers[group]!;
        const at = Math.floor(now / poller.intervalUs) * poller.intervalUs;
        skipped += missed * poller.tagCount;
        // From its beginning on: at the start all are due, and one whose time is nearly over would hold up the rest.
        if (!poller.round) poller.round = { at, endBy: now + poller.intervalUs, read: 0 };
        else {
          if (poller.nextAt !== undefined) skipped += poller.tagCount;
          poller.nextAt = at;
        }
      }
    },
    get nextDue() {
      return timetable.next;
    },
    next() {
      const poller = mostUrgent(pollers, inTurn);
      if (!poller?.round) return undefined;
      const reader = poller.readers[poller.round.read++]!;
      const isLast = poller.round.read === poller.readers.length;
      if (isLast) {
        poller.isRead = true;
        ended.push(poller.round.at);
        const { nextAt, intervalUs } = poller;
        poller.round = nextAt === undefined ? undefined : { at: nextAt, endBy: nextAt + intervalUs, read: 0 };
        poller.nextAt = undefined;
      }
      return { reader, isLast };
    },
    get isAnyUnderWay() {
      return pollers.some(({ round }) => round !== undefined);
    },
    get isEachRead() {
      return pollers.every(({ isRead }) => isRead);
    },
    take() {
      const from = earliest();
      through = Math.max(through, ...ended.filter((at) => at < from));
      ended = ended.filter((at) => at >= from);
      const taken = { through, skipped };
      skipped = 0;
      return taken;
    },
  };
}

/** The group whose round must be over first. */
function mostUrgent(pollers: readonly Poller[], inTurn: boolean): Poller | undefined {
  let first: Poller | undefined;
  let firstEnd = Number.POSITIVE_INFINITY;
  for (const poller of pollers) {
    if (!poller.round) continue;
    const { endBy } = poller.round;
    if (endBy > firstEnd || (endBy === firstEnd && !(inTurn && poller.round.read < first!.round!.read))) continue;
    first = poller;
    firstEnd = endBy;
  }
  return first;
}
