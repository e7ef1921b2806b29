/** Cells as they are stored: which of a span are computed, and the buckets that one makes. */
import type { TimeUs } from '../../../protocols/sample.ts';
import { cells } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import { type Span, type Spans, union } from '../../plant/spans.ts';
import { type RolledAsset, toldOf } from '../cells/roll-up-plan.ts';
import type { SiteCell } from '../cells/site-cells.ts';
import { isTold } from '../cells/site-plan.ts';
import { isFinal } from '../samples/told.ts';
import type { NewBucket } from './buckets.ts';
import { sumsOf } from './unmeasured.ts';

/** The stored buckets of one asset's cell. */
export function bucketsOfCell(
  plant: Plant,
  { path, asked, sources }: RolledAsset,
  cell: SiteCell,
  aheadUs: number,
  now: TimeUs,
): NewBucket[] {
  const { start, end } = cell;
  const provisional = !isFinal(sources, cell.watermarks, cell, { aheadUs, now });
  // Before anybody told of a place there is no series of it.
  const begun = asked.filter(({ group }) => !isTold(group) || end > toldOf(plant, group, path)!.since);
  return begun.map((one) => {
    const sums = sumsOf(one, path, cell.sums);
    return { tier: 'cell', group: one.group, asset: path, start, end, sums, provisional, plantVersion: plant.version };
  });
}

/** The cells of a day that the span touches; of the running one, what has passed; none with half its samples deleted. */
export function wholeCells(
  plant: Plant,
  span: Span,
  day: Span,
  { now, deletedBefore }: { readonly now: TimeUs; readonly deletedBefore: TimeUs },
): Span {
  const touched: Spans = cells(plant, day.start, day.end).filter(
    ({ start, end }) => start < span.end && span.start < end && !(start < deletedBefore && deletedBefore < end),
  );
  const { start, end } = union(touched)[0] ?? span;
  return { start, end: Math.min(end, now) };
}
