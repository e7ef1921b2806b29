/**
 * Demand: the energy of an interval divided by its length, by fixed blocks or by a window that slides in steps
 * (kpi.md §2.1). Only intervals that were measured tell a demand: energy spread over a gap has no shape (R7).
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import { overlapUs, type Span, type Spans } from '../../plant/spans.ts';
import { hourUs } from '../../plant/zone.ts';
import type { Curve } from './register.ts';

export interface DemandInterval extends Span {
  /** undefined where it was not measured. */
  readonly kw: number | undefined;
}

/** An interval counts as measured from this known share on (kpi.md §5.3). */
const measuredShare = 0.95;

/**
 * The intervals that end in (start, end] of the window. They lie on the plant's local clock; `offsetUs` is how far it
 * is ahead of UTC. The one that is running belongs to no window yet. One with a gap across its edge was not measured,
 * however short its part of the gap: it would take its share of energy that may all have been used outside it.
 */
export function demandIntervals(
  curve: Curve,
  measured: Spans,
  window: Span,
  { intervalUs, stepUs, offsetUs }: { readonly intervalUs: number; readonly stepUs: number; readonly offsetUs: number },
): DemandInterval[] {
  const intervals: DemandInterval[] = [];
  const isMeasuredAt = (edge: TimeUs): boolean => {
    const step = curve.stepAt(edge);
    return !step || overlapUs(measured, step.from, step.to) === step.to - step.from;
  };
  const first = (Math.floor((window.start + offsetUs) / stepUs) + 1) * stepUs - offsetUs;
  for (let end = first; end <= window.end; end += stepUs) {
    const start = end - intervalUs;
    const known = overlapUs(measured, start, end) >= measuredShare * intervalUs;
    const isMeasured = known && isMeasuredAt(start) && isMeasuredAt(end);
    intervals.push({ start, end, kw: isMeasured ? curve.between(start, end) / (intervalUs / hourUs) : undefined });
  }
  return intervals;
}

export interface Peak {
  readonly kw: number;
  /** Start of the interval that set it; of equal ones, the first. */
  readonly at: TimeUs;
}

export function peakOf(intervals: readonly DemandInterval[]): Peak | undefined {
  let peak: Peak | undefined;
  for (const { start, kw } of intervals) if (kw !== undefined && !(peak && peak.kw >= kw)) peak = { kw, at: start };
  return peak;
}
