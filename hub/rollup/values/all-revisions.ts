/** Every figure that was ever final for a bucket, from what was known just before each restatement. */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { RolledRequest, RolledValue } from './rolled-values.ts';
import { inOrder } from './value-order.ts';

/**
 * @param restatedAt when anything in the range was restated, ascending.
 * @returns by bucket, asset, KPI and revision; a revision that left the figure as it was is not told.
 */
export function allRevisions(
  values: (request: RolledRequest) => readonly RolledValue[],
  request: RolledRequest,
  restatedAt: readonly TimeUs[],
): RolledValue[] {
  const found = new Map<string, RolledValue[]>();
  for (const asOf of [...restatedAt.map((time) => time - 1), request.asOf]) {
    for (const value of values({ ...request, asOf })) {
      const key = `${value.start} ${value.asset} ${value.kpi}`;
      const known = found.get(key);
      if (!known) found.set(key, [value]);
      else if (known.at(-1)!.inputHash !== value.inputHash) known.push(value);
    }
  }
  return [...found.values()].flat().sort(inOrder);
}
