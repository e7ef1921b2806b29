/**
 * A month of figures from one day of samples: the day was rolled up by the hub, its cells are put again at every other day of
 * the month, and the roll-up's own code merges them upwards. What queries read is as large as a month that was measured.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { type ElementGroup, elementGroups } from '../../hub/kpi/element.ts';
import type { Plant } from '../../hub/plant/plant.ts';
import { type NewBucket, openBuckets } from '../../hub/rollup/buckets/buckets.ts';
import { createMergeUpwards } from '../../hub/rollup/buckets/merge-upwards.ts';
import { openRollUpDatabase } from '../../hub/rollup/database.ts';
import { openDirtBook } from '../../hub/rollup/dirt/dirt.ts';
import type { TimeUs } from '../../protocols/sample.ts';

const dayUs = 86_400e6;

/** Of a hub that does not run. @returns how many buckets of cells there are now. */
export async function repeatDay(
  file: string,
  plant: Plant,
  { start, days, signal }: { readonly start: TimeUs; readonly days: number; readonly signal: AbortSignal },
): Promise<number> {
  using database = openRollUpDatabase(file);
  const buckets = openBuckets(database);
  const dirt = openDirtBook(database);
  const merge = createMergeUpwards(buckets);
  const groups = Object.keys(elementGroups) as ElementGroup[];
  const first = groups.flatMap((group) =>
    buckets.read({ tier: 'cell', group, assets: buckets.assetsOf(group), from: start, to: start + dayUs }),
  );
  if (first.some(({ provisional }) => provisional)) throw new Error('the first day is not final');
  for (let day = 1; day < days; day++) {
    const now = start + (day + 1) * dayUs;
    const cells = first.map(
      ({ tier, group, asset, sums, plantVersion, ...span }): NewBucket => ({
        ...{ tier, group, asset, sums, plantVersion, provisional: false },
        ...{ start: span.start + day * dayUs, end: span.end + day * dayUs },
      }),
    );
    buckets.put(cells, now);
    await merge(
      cells,
      { plant, unmeasured: () => undefined, stamp: '', now, next: Number.POSITIVE_INFINITY, told: now },
      signal,
    );
    await breathe();
  }
  dirt.reach(plant.path, start + days * dayUs, dirt.plantVersion(plant.path)!);
  return first.length * days;
}
