/**
 * Maximum demand by fixed blocks: the energy of a block divided by its length (kpi.md §2.1). Only blocks that were
 * measured may set a peak: energy spread over a gap has no shape (R7).
 */
import type { TimeUs } from '../../protocols/sample.ts';
import { overlapUs, type Spans } from '../plant/spans.ts';
import { hourUs } from '../plant/zone.ts';
import type { Curve } from './register.ts';

export interface Demand {
  /** Blocks that end in (start, end]. */
  readonly blocks: number;
  readonly measuredBlocks: number;
  readonly peakKw: number | undefined;
  /** Start of the block that set the peak. */
  readonly peakAt: TimeUs | undefined;
}

/** A block counts as measured from this known share on (kpi.md §5.3). */
const measuredShare = 0.95;

/**
 * Blocks lie on the plant's local clock; `offsetUs` is how far it is ahead of UTC. A block belongs to the window in
 * which it ends, the one that is running to none. One with a gap across its edge was not measured, however short its
 * part of the gap: it would take its share of energy that may all have been used outside it.
 */
export function blockDemand(
  curve: Curve,
  measured: Spans,
  window: { readonly start: TimeUs; readonly end: TimeUs },
  intervalUs: number,
  offsetUs: number,
): Demand {
  let [blocks, measuredBlocks] = [0, 0];
  let peakKw: number | undefined;
  let peakAt: TimeUs | undefined;
  const isMeasuredAt = (edge: TimeUs): boolean => {
    const step = curve.stepAt(edge);
    return !step || overlapUs(measured, step.from, step.to) === step.to - step.from;
  };
  const first = (Math.floor((window.start + offsetUs) / intervalUs) + 1) * intervalUs - offsetUs;
  for (let end = first; end <= window.end; end += intervalUs) {
    const start = end - intervalUs;
    blocks++;
    const isMeasured = overlapUs(measured, start, end) >= measuredShare * intervalUs;
    if (!isMeasured || !isMeasuredAt(start) || !isMeasuredAt(end)) continue;
    measuredBlocks++;
    const kw = curve.between(start, end) / (intervalUs / hourUs);
    if (peakKw === undefined || kw > peakKw) [peakKw, peakAt] = [kw, start];
  }
  return { blocks, measuredBlocks, peakKw, peakAt };
}
