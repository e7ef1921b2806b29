/**
 * Pieces of a unit without counters, as people have counted them: spread over the planned busy time of their span, and
 * told as steps of counters would be, one a cell.
 */
import type { Plant, Unit } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import type { CounterStep } from '../samples/counter.ts';
import { shareOf } from './order-elements.ts';

interface ManualSteps {
  readonly total: CounterStep[];
  readonly good: CounterStep[];
  readonly scrap: CounterStep[];
  readonly rework: CounterStep[];
}

export function manualSteps(plant: Plant, { counts }: Unit, { start, end }: Span): ManualSteps {
  const steps: ManualSteps = { total: [], good: [], scrap: [], rework: [] };
  for (const count of counts) {
    if (count.end <= start || end <= count.start) continue;
    const share = shareOf(plant, count, { start, end });
    const { good, scrap, rework } = count;
    const add = (list: CounterStep[], pieces: number) =>
      list.push({
        from: Math.max(start, count.start),
        to: Math.min(end, count.end),
        delta: pieces * share,
        flag: 'OK',
      });
    add(steps.total, good + scrap + rework);
    add(steps.good, good);
    add(steps.scrap, scrap);
    add(steps.rework, rework);
  }
  return steps;
}
