/** When a month's report may be issued: on the 5th day of the next Jalali month, 12:00 (kpi.md §5.4). */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Plant } from '../../plant/plant.ts';
import { dayUs, fromLocal, hourUs, toLocal } from '../../plant/zone.ts';
import type { Bucket } from '../../rollup/grid.ts';

const freezeDay = 5;

export function freezeTime({ zone }: Pick<Plant, 'zone'>, month: Pick<Bucket, 'end'>): TimeUs {
  const firstDay = Math.floor(toLocal(zone, month.end) / dayUs) * dayUs;
  return fromLocal(zone, firstDay + (freezeDay - 1) * dayUs + 12 * hourUs);
}
