/**
 * The factory's event queue. What happens depends only on what was scheduled, never on how far one call advances:
 * that is what makes a history repeatable. Machines are generators that yield what they wait for.
 */
import type { TimeUs } from '../sample.ts';

export interface Timeline {
  now(): TimeUs;
  /** Runs the action at this time, after those scheduled before for the same instant. Returns a function that cancels. */
  at(time: TimeUs, action: () => void): () => void;
  /** Starts a process at once; it goes on whenever what it waits for has come. */
  run(process: Process): void;
  /** Runs everything up to and including this time. Going back does nothing. */
  advanceTo(time: TimeUs): void;
}

export type Process = Generator<Wait, void, void>;

/** Until an instant, or until somebody opens the gate before. */
export interface Wait {
  readonly until: TimeUs;
  readonly gate?: Gate;
}

/** One process can wait at a gate at a time. */
export interface Gate {
  open(): void;
  await(resume: (() => void) | undefined): void;
}

export function createGate(): Gate {
  let waiting: (() => void) | undefined;
  return {
    open: () => waiting?.(),
    await: (resume) => {
      waiting = resume;
    },
  };
}

/** Whole milliseconds, because that is what an OPC UA client made of JavaScript dates can show. */
export const secondsUs = (seconds: number): number => Math.round(seconds * 1000) * 1000;

export function createTimeline(start: TimeUs): Timeline {
  let now = start;
  let scheduled = 0;
  /** Latest first, so that the next one is popped; a few dozen entries at most. */
  const queue: { readonly time: TimeUs; readonly order: number; readonly action: () => void }[] = [];

  const at = (time: TimeUs, action: () => void): (() => void) => {
    if (time < now) throw new RangeError(`cannot schedule at ${time}, it is ${now}`);
    const entry = { time, order: scheduled++, action };
    let index = queue.length;
    while (index > 0 && queue[index - 1]!.time <= time) index--;
    queue.splice(index, 0, entry);
    return () => {
      const found = queue.indexOf(entry);
      if (found >= 0) queue.splice(found, 1);
    };
  };

  const run = (process: Process): void => {
    const step = (): void => {
      const { value: wait, done } = process.next();
      if (done) return;
      const gate = wait.gate;
      const cancel = at(wait.until, () => {
        gate?.await(undefined);
        step();
      });
      gate?.await(() => {
        gate.await(undefined);
        cancel();
        at(now, step);
      });
    };
    step();
  };

  return {
    now: () => now,
    at,
    run,
    advanceTo(time) {
      while (queue.length > 0 && queue[queue.length - 1]!.time <= time) {
        const { time: due, action } = queue.pop()!;
        now = due;
        action();
      }
      now = Math.max(now, time);
    },
  };
}
