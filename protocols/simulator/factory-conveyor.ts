/**
 * The conveyor between two machines of a line: a buffer with hysteresis. A machine that has run it empty waits until
 * some pieces are there again, one that has filled it until there is room; so a stop travels along the line.
 */
import { createGate, type Gate } from './factory-timeline.ts';

export interface Conveyor {
  /** Nothing to take; opens `filled` when that is over. */
  readonly starving: boolean;
  readonly filled: Gate;
  /** No room; opens `drained` when that is over. */
  readonly full: boolean;
  readonly drained: Gate;
  /** Counts the orders whose pieces have entered; the machine downstream sets up when it falls behind. */
  order: number;
  put(): void;
  take(): void;
}

export function createConveyor(capacity: number, resumeAt: number): Conveyor {
  let pieces = capacity / 2;
  let starving = false;
  let full = false;
  const filled = createGate();
  const drained = createGate();
  return {
    order: 0,
    filled,
    drained,
    get starving() {
      return starving;
    },
    get full() {
      return full;
    },
    put() {
      pieces++;
      full = pieces >= capacity;
      if (starving && pieces >= resumeAt) {
        starving = false;
        filled.open();
      }
    },
    take() {
      pieces--;
      starving = pieces === 0;
      if (full && pieces <= capacity - resumeAt) {
        full = false;
        drained.open();
      }
    },
  };
}
