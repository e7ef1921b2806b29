/** When a month becomes official, and which one is due. */
import type { TimeUs } from '../../protocols/sample.ts';
import { type Bucket, buckets } from '../plant/grid.ts';
import type { Plant } from '../plant/plant.ts';
import { dayUs, fromLocal, hourUs, toLocal } from '../plant/zone.ts';

export interface ReportPolicy {
  readonly issue: 'auto' | 'by-hand';
  /** Of the month after it, from 1. */
  readonly day: number;
  readonly hour: number;
}

/** What became due longer ago is for a person: nobody expects it from the hub. */
const dueForUs = 31 * dayUs;

/** When a month freezes. */
export function freezeTime(
  { day, hour }: ReportPolicy,
  { zone }: Pick<Plant, 'zone'>,
  { end }: Pick<Bucket, 'end'>,
): TimeUs {
  const firstDay = Math.floor(toLocal(zone, end) / dayUs) * dayUs;
  return fromLocal(zone, firstDay + (day - 1) * dayUs + hour * hourUs);
}

/** The newest month of a site whose time has come; undefined where that was too long ago, or before the site began. */
export function dueMonth(
  policy: ReportPolicy,
  plant: Plant,
  begun: TimeUs | undefined,
  now: TimeUs,
): string | undefined {
  if (begun === undefined) return undefined;
  const ended = buckets(plant, 'month', now - dueForUs - 31 * dayUs, now).findLast(
    (month) => month.end > begun && freezeTime(policy, plant, month) <= now,
  );
  if (!ended || freezeTime(policy, plant, ended) < now - dueForUs) return undefined;
  return ended.jalaliDate.slice(0, 7);
}
