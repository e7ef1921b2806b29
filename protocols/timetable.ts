/**
 * When which group is due: at the whole multiples of its interval, as the clock counts since 1970, so that agents and
 * restarts agree. A read that did not come in time is skipped and counted, never queued.
 */
import type { TimeUs } from './sample.ts';

export interface Due {
  /** Index of the group. */
  readonly group: number;
  /** Its reads that were to happen since the last one and did not. */
  readonly skipped: number;
}

export interface Timetable {
  /** When the next read is due. */
  readonly next: TimeUs;
  /** What is due by `now`, and for which time: the latest multiple that has come. */
  take(now: TimeUs): { readonly at: TimeUs; readonly due: readonly Due[] };
}

/** At first all groups are due at once: the first reading covers every tag. */
export function createTimetable(intervalsMs: readonly number[], start: TimeUs): Timetable {
  const intervalsUs = intervalsMs.map((ms) => ms * 1000);
  const latestUpTo = (now: TimeUs, interval: number): TimeUs => Math.floor(now / interval) * interval;
  const nexts = intervalsUs.map((interval) => latestUpTo(start, interval));

  return {
    get next() {
      return nexts.reduce((a, b) => Math.min(a, b));
    },
    take(now) {
      const due: Due[] = [];
      let at = 0;
      for (const [group, interval] of intervalsUs.entries()) {
        const latest = latestUpTo(now, interval);
        const next = nexts[group]!;
        if (next <= now) {
          due.push({ group, skipped: (latest - next) / interval });
          at = Math.max(at, latest);
        }
        // Whether due or not: after the clock was set back, a group must not wait until it has caught up.
        nexts[group] = latest + interval;
      }
      return { at, due };
    },
  };
}
