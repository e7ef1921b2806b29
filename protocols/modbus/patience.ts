/**
 * How the time of a connection is shared between units that answer and units that may not. Each that does not costs a
 * whole timeout, and there may be many: so while some unit answers, the others get a fifth of the time at most.
 */

/** Of a timeout, before the next may be risked. */
const share = 4;
/** At the start nobody is known: for so long all are asked in turn, and then what there is by then is handed over. */
const introductionMs = 3000;

/** Longer than most intervals: it will have come again by then. */
const keptMs = 2000;

export interface Patience {
  /** Whether one may be asked that has not answered lately, or never was asked. */
  mayAsk(who: { readonly isNew: boolean }): boolean;
  /** It did not answer, and that took so long. */
  spent(ms: number): void;
}

/** `isAnyAnswering`: there is somebody who would have to wait. */
export function createPatience(isAnyAnswering: () => boolean): Patience {
  const startedAtMs = performance.now();
  let nextAtMs = 0;
  /** Until then the next turn is kept for one that was never asked and has been put off. */
  let keptUntilMs = 0;
  return {
    mayAsk({ isNew }) {
      if (!isAnyAnswering()) return true;
      const now = performance.now();
      if (!isNew) return now >= Math.max(nextAtMs, keptUntilMs);
      const may = now >= nextAtMs || now - startedAtMs < introductionMs;
      keptUntilMs = may ? 0 : nextAtMs + keptMs;
      return may;
    },
    spent(ms) {
      nextAtMs = performance.now() + share * ms;
    },
  };
}
