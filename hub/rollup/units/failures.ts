/**
 * Failures of a unit (R16): a run of FAULT, corrective maintenance included, that lasts at least the unit's failure
 * threshold. It counts where it begins; its time to restoration where it ends. One whose end nobody saw is open.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Sums } from '../../kpi/sums.ts';
import type { StateSpan } from './state-timeline.ts';

interface Run {
  readonly start: TimeUs;
  end: TimeUs;
  /** What came after it is known. */
  ended: boolean;
}

/** How far back the beginning of a failure is looked for: the time to restoration of a longer one is this long. */
export const longestFailureUs = 24 * 3_600_000_000;

export const isFailed = (state: StateSpan['state']): boolean => state === 'FAULT' || state === 'MAINT_CORRECTIVE';

/**
 * Of the cell [start, end).
 * @param timeline from `longestFailureUs` before the cell to the failure threshold after it.
 */
export function failureElements(
  timeline: readonly StateSpan[],
  failureUs: number,
  { start, end }: { readonly start: TimeUs; readonly end: TimeUs },
): Sums {
  const sums = { FE: 0, TTR_us: 0, TTR_n: 0 };
  for (const run of runs(timeline)) {
    if (run.end - run.start < failureUs) continue;
    if (start <= run.start && run.start < end) sums.FE++;
    if (!run.ended || run.end <= start || run.end > end) continue;
    sums.TTR_n++;
    sums.TTR_us += run.end - run.start;
  }
  return sums;
}

/** A pause of the source so short does not end a failure that goes on after it. */
const pauseUs = 60_000_000;

function runs(timeline: readonly StateSpan[]): Run[] {
  const found: Run[] = [];
  let current: Run | undefined;
  for (const [index, { start, end, state }] of timeline.entries()) {
    const next = timeline[index + 1];
    const isPause = state === 'UNKNOWN' && end - start <= pauseUs && next !== undefined && isFailed(next.state);
    if (current && (isFailed(state) || isPause)) current.end = end;
    else if (current) {
      current.ended = state !== 'UNKNOWN';
      current = undefined;
    } else if (state === 'FAULT') {
      current = { start, end, ended: false };
      found.push(current);
    }
  }
  return found;
}
