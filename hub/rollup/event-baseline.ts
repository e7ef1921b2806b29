/**
 * What a meter would have drawn during a demand-response event: X of the Y newest eligible days, from the quarter-hours
 * of the days before (kpi.md §2.1). Days with another event, a limit, no work or a gap are not eligible, and say why.
 */

import { type CandidateDay, type CustomerBaseline, customerBaseline } from '../kpi/customer-baseline.ts';
import type { EventInterval } from '../kpi/demand-response.ts';
import { shiftInstances, weekdayOf } from '../plant/calendar.ts';
import { dailySpans } from '../plant/daily.ts';
import type { CurtailmentEvent } from '../plant/energy-model.ts';
import type { Plant } from '../plant/plant.ts';
import type { Span } from '../plant/spans.ts';
import { dayUs, fromLocal, hourUs, minuteUs, toLocal } from '../plant/zone.ts';
import type { Buckets } from './buckets.ts';
import { type StoredRecord, storedRecords } from './stored-records.ts';

export interface EventBaseline {
  readonly baseline: CustomerBaseline;
  readonly intervals: readonly (EventInterval & Span)[];
}

const quarterUs = 15 * minuteUs;
/** Before the event: how the day itself went. */
const adjustmentUs = 2 * hourUs;

export function eventBaseline(
  buckets: Pick<Buckets, 'read'>,
  plant: Plant,
  event: CurtailmentEvent,
  now: number,
): EventBaseline {
  const end = Math.min(event.to, now);
  const span = { start: event.from, end: Math.max(event.from, end) };
  const { lookbackDays } = event.baseline;
  const first = span.start - (lookbackDays + 2) * dayUs;
  const stored = storedRecords(buckets, plant, 'electricity', [event.meter], {
    granularity: '15min',
    from: first,
    to: Math.max(span.end, span.start + 1),
  });
  const byStart = new Map(stored.map((record) => [record.bucket.start, record]));
  const quarters = (from: number, to: number) =>
    Array.from({ length: Math.max(0, Math.ceil((to - from) / quarterUs)) }, (_, i) =>
      kwOf(byStart.get(from + i * quarterUs)),
    );
  const before = (from: number) => meanOf(quarters(from - adjustmentUs, from));
  const count = Math.ceil((span.end - span.start) / quarterUs);
  const candidates = Array.from({ length: lookbackDays }, (_, index): CandidateDay => {
    const age = index + 1;
    const from = daysBefore(plant, span.start, age);
    const day = { start: from, end: from + count * quarterUs };
    const excluded = whyNot(plant, event, day);
    return {
      day: new Date(toLocal(plant.zone, from) / 1000).toISOString().slice(0, 10),
      age,
      kw: quarters(day.start, day.end),
      adjustmentKw: before(from),
      ...(excluded !== undefined && { excluded }),
    };
  });
  const baseline = customerBaseline(candidates, count, event.baseline, { actualKw: before(span.start) });
  return {
    baseline,
    intervals: Array.from({ length: count }, (_, index) => {
      const start = span.start + index * quarterUs;
      const kw = kwOf(byStart.get(start));
      return {
        start,
        end: start + quarterUs,
        hours: quarterUs / hourUs,
        kwh: kw === null ? null : (kw * quarterUs) / hourUs,
        cblKw: baseline.kw?.[index] ?? null,
      };
    }),
  };
}

/** Mean power of a quarter-hour; null where not all of it was measured. */
function kwOf(record: StoredRecord | undefined): number | null {
  if (!record) return null;
  const { kWh, window_s = 0, measured_s = 0, kWh_estimated = 0 } = record.elements;
  if (kWh === undefined || kWh_estimated > 0 || measured_s < 0.95 * window_s) return null;
  return (kWh * 3600) / window_s;
}

const meanOf = (kw: readonly (number | null)[]): number | undefined =>
  kw.length === 0 || kw.includes(null) ? undefined : kw.reduce<number>((sum, one) => sum + one!, 0) / kw.length;

/** The same wall time so many days before. */
const daysBefore = ({ zone }: Plant, time: number, days: number): number =>
  fromLocal(zone, toLocal(zone, time) - days * dayUs);

function whyNot(plant: Plant, event: CurtailmentEvent, { start, end }: Span): string | undefined {
  const overlaps = (one: { from: number; to: number }) => one.from < end && one.to > start;
  if (plant.events.some((one) => one.meter === event.meter && one !== event && overlaps(one))) return 'event';
  const limits = plant.limits.filter((limit) => limit.meter === event.meter && overlaps(limit));
  if (limits.some((limit) => dailySpans(plant.zone, limit, { start, end }).length > 0)) return 'limit';
  const midnight = (time: number) => Math.floor(toLocal(plant.zone, time) / dayUs) * dayUs;
  const day = midnight(start);
  if (plant.exceptions.some(({ firstDay, lastDay }) => firstDay <= day && day <= lastDay)) return 'holiday';
  const isWorked = (from: number, to: number) => shiftInstances(plant, from, to).length > 0;
  const ofEvent = isWorked(event.from, event.from + (end - start));
  if (isWorked(start, end) !== ofEvent) return ofEvent ? 'not_worked' : 'worked';
  const isWeekend = (time: number) => weekdayOf(midnight(time)) === 'fri';
  return isWeekend(start) === isWeekend(event.from) ? undefined : 'other_day_type';
}
