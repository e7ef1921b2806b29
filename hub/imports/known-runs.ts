/**
 * Since when and until when an import tells of a tag. Between two rows that are not further apart than a value holds,
 * the tag is known; a longer hole is unknown time. So each tag has health of its own, by which the roll-up treats it like
 * a gateway's source: a session that begins and ends, and how far it has told.
 */
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';

export interface HealthSample {
  readonly kind: 'session' | 'through';
  readonly tag: number;
  readonly time: TimeUs;
  readonly value: SampleValue;
}

export interface KnownRuns {
  /** Rows of one tag come ascending. One that is not new is stored already and says the same. */
  row(tag: number, time: TimeUs, isNew: boolean): void;
  /** A row that is not taken: what came before it ends there. */
  cut(tag: number): void;
  end(): void;
}

interface Run {
  start: TimeUs;
  last: TimeUs;
  /** The last row is new; else it is stored, and what comes after it is not ours to tell unless it is new again. */
  isNew: boolean;
  open: boolean;
}

export function createKnownRuns(holdUs: number, emit: (sample: HealthSample) => void): KnownRuns {
  const runs = new Map<number, Run>();

  const close = (tag: number, { open, last }: Run) => {
    if (!open) return;
    emit({ kind: 'through', tag, time: last, value: last });
    emit({ kind: 'session', tag, time: last, value: false });
  };
  return {
    row(tag, time, isNew) {
      const run = runs.get(tag);
      if (!run || time - run.last > holdUs || !(isNew || run.isNew)) {
        if (run) close(tag, run);
        runs.set(tag, { start: time, last: time, isNew, open: false });
        return;
      }
      run.last = time;
      run.isNew = isNew;
      if (run.open) return;
      run.open = true;
      emit({ kind: 'session', tag, time: run.start, value: true });
    },
    cut(tag) {
      const run = runs.get(tag);
      if (run) close(tag, run);
      runs.delete(tag);
    },
    end() {
      for (const [tag, run] of runs) close(tag, run);
      runs.clear();
    },
  };
}
