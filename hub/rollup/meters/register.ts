/**
 * What a meter's register counted over a window. Between two readings it is taken to grow evenly, so that adjacent
 * windows add up to the register's own difference; over a gap that is known in sum but not in shape (R7, TV-D2).
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Sums } from '../../kpi/sums.ts';
import { intersect, lengthUs, overlapUs, type Spans, subtract } from '../../plant/spans.ts';
import type { CounterStep } from '../samples/counter.ts';

export interface Curve {
  /** What was counted in [start, end), as far as there are believable readings around it. */
  between(start: TimeUs, end: TimeUs): number;
  /** The step that a time lies in; undefined at a reading, before the first one and after the last. */
  stepAt(time: TimeUs): CounterStep | undefined;
}

/** The register as a line through its readings; a step that nobody can believe adds nothing. */
export function createCurve(steps: readonly CounterStep[]): Curve {
  const sumBefore = new Float64Array(steps.length + 1);
  for (const [index, { delta }] of steps.entries()) sumBefore[index + 1] = sumBefore[index]! + (delta ?? 0);
  const indexOf = (time: TimeUs): number => {
    let low = 0;
    let high = steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (steps[middle]!.to <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const stepAt = (time: TimeUs): CounterStep | undefined => {
    const step = steps[indexOf(time)];
    return step && time > step.from ? step : undefined;
  };
  const at = (time: TimeUs): number => {
    const before = sumBefore[indexOf(time)]!;
    const step = stepAt(time);
    return step ? before + ((step.delta ?? 0) * (time - step.from)) / (step.to - step.from) : before;
  };
  return { between: (start, end) => at(end) - at(start), stepAt };
}

/** Where steps lie that can be believed, or that nobody can believe. */
export function stepSpans(steps: readonly CounterStep[], which: 'believed' | 'suspect'): Spans {
  const spans: { start: TimeUs; end: TimeUs }[] = [];
  for (const { from, to, delta } of steps) {
    if ((delta === null) !== (which === 'suspect') || from === to) continue;
    const last = spans.at(-1);
    if (last?.end === from) last.end = to;
    else spans.push({ start: from, end: to });
  }
  return spans;
}

export interface RegisterInput {
  readonly steps: readonly CounterStep[];
  readonly curve: Curve;
  /** When the latest reading was known to be the truth and no step is suspect; over all steps, not only the window. */
  readonly measured: Spans;
  /** Name of the amount among the elements: `kWh` for electricity. */
  readonly amount: string;
}

/**
 * The amount, how much of it is spread over gaps, and how the window's time is known: measured, estimated (inside a
 * gap between two believable readings), or neither.
 */
export function registerElements({ steps, curve, measured, amount }: RegisterInput, start: TimeUs, end: TimeUs): Sums {
  const window = [{ start, end }];
  const gaps = subtract(stepSpans(steps, 'believed'), measured);
  const sums = {
    [amount]: curve.between(start, end),
    [`${amount}_estimated`]: 0,
    window_us: end - start,
    measured_us: lengthUs(intersect(window, measured)),
    estimated_us: lengthUs(intersect(window, gaps)),
    counter_suspect: 0,
    counter_reset: 0,
  };
  for (const { from, to, delta, flag } of steps) {
    // Of a step that touches a gap, not even the part outside the gap is known in shape.
    if (gaps.length > 0 && from < end && to > start && overlapUs(gaps, from, to) > 0) {
      sums[`${amount}_estimated`]! += curve.between(Math.max(start, from), Math.min(end, to));
    }
    if (to <= start || to > end) continue;
    if (delta === null) sums.counter_suspect++;
    if (flag === 'RESET') sums.counter_reset++;
  }
  return sums;
}
