/**
 * What a meter would have drawn during a demand-response event: X of the Y newest eligible days, from the quarter-hours
 * of the days before (kpi.md §2.1). Days with another event, a limit, an outage, no work or a gap are not eligible, and
 * say why; where too few are, days of an undisturbed time or the notified demand stand in.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import { type CandidateDay, type CustomerBaseline, customerBaseline } from '../../kpi/customer-baseline.ts';
import type { EventInterval } from '../../kpi/demand-response.ts';
import { shiftInstances, weekdayOf } from '../../plant/calendar.ts';
import { dailySpans } from '../../plant/daily.ts';
import type { CurtailmentEvent } from '../../plant/energy-model.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import { dayUs, fromLocal, hourUs, minuteUs, toLocal } from '../../plant/zone.ts';
import type { Buckets } from '../buckets/buckets.ts';
import type { Input } from './rolled-records.ts';
import { type StoredRecord, storedRecords } from './stored-records.ts';

export interface EventBaseline {
  readonly baseline: CustomerBaseline;
  readonly intervals: readonly (EventInterval & Span)[];
  /** The stored cells of the event and of the days that were averaged. */
  readonly inputs: readonly Input[];
  readonly provisional: boolean;
}

const quarterUs = 15 * minuteUs;
/** The two hours that begin four hours before the event tell how its day went: what follows may be because of it. */
const adjustment = { beginsUs: 4 * hourUs, lastsUs: 2 * hourUs };

/** As far as the event has gone. */
export function eventBaseline(
  buckets: Pick<Buckets, 'read'>,
  plant: Plant,
  event: CurtailmentEvent,
  now: TimeUs,
  asOf?: TimeUs,
): EventBaseline {
  const start = Math.ceil(event.from / quarterUs) * quarterUs;
  const count = Math.max(0, Math.floor((Math.min(event.to, now) - start) / quarterUs));
  const records = createRecords(buckets, plant, event.meter, asOf);
  const quarters = (from: TimeUs, number: number) => records({ start: from, end: from + number * quarterUs });
  const before = (from: TimeUs) =>
    meanOf(quarters(from - adjustment.beginsUs, adjustment.lastsUs / quarterUs).map(({ kw }) => kw));
  const candidate = (age: number): CandidateDay => {
    const from = daysBefore(plant, start, age);
    const day = quarters(from, count);
    const excluded =
      whyNot(plant, event, { start: from, end: from + count * quarterUs }) ??
      (day.some(({ record }) => record?.elements.outages || record?.elements.outage_s) ? 'outage' : undefined);
    return {
      ...{ day: dateOf(plant, from), age, kw: day.map(({ kw }) => kw), adjustmentKw: before(from) },
      ...(excluded !== undefined && { excluded }),
    };
  };
  const { lookbackDays, reference, referenceKw } = event.baseline;
  const ages = Array.from({ length: lookbackDays }, (_, index) => index + 1);
  const referenceAges = reference ? agesIn(plant, start, count * quarterUs, reference) : [];
  const baseline = customerBaseline(ages.map(candidate), count, event.baseline, {
    actualKw: before(start),
    reference: {
      days: referenceAges.map(candidate),
      ...(referenceKw !== undefined && { kw: referenceKw }),
    },
  });
  const own = quarters(start, count);
  const averaged = [...ages, ...referenceAges]
    .map((age) => daysBefore(plant, start, age))
    .filter((from) => baseline.days.includes(dateOf(plant, from)));
  const used = [...own, ...averaged.flatMap((from) => quarters(from, count))];
  return {
    baseline,
    intervals: own.map(({ start, kw }, index) => ({
      ...{ start, end: start + quarterUs, hours: quarterUs / hourUs },
      kwh: kw === null ? null : (kw * quarterUs) / hourUs,
      cblKw: baseline.kw?.[index] ?? null,
    })),
    inputs: used.flatMap(({ record }) => record?.inputs ?? []),
    provisional: event.to > now || own.some(({ record }) => record?.provisional),
  };
}

interface Quarter {
  readonly start: TimeUs;
  /** Mean power; null where not all of it was measured. */
  readonly kw: number | null;
  readonly record: StoredRecord | undefined;
}

/** Quarter-hours of the meter, each read once. */
function createRecords(buckets: Pick<Buckets, 'read'>, plant: Plant, meter: string, asOf: TimeUs | undefined) {
  return ({ start, end }: Span): Quarter[] => {
    if (start >= end) return [];
    const range = { granularity: '15min', from: start, to: end, asOf } as const;
    const byStart = new Map(
      storedRecords(buckets, plant, 'electricity', [meter], range).map((record) => [record.bucket.start, record]),
    );
    return Array.from({ length: (end - start) / quarterUs }, (_, index) => {
      const record = byStart.get(start + index * quarterUs);
      return { start: start + index * quarterUs, kw: kwOf(record), record };
    });
  };
}

function kwOf(record: StoredRecord | undefined): number | null {
  if (!record) return null;
  const { kWh, window_s = 0, measured_s = 0, kWh_estimated = 0 } = record.elements;
  if (kWh === undefined || kWh_estimated > 0 || measured_s < 0.95 * window_s) return null;
  return (kWh * 3600) / window_s;
}

const meanOf = (kw: readonly (number | null)[]): number | undefined =>
  kw.length === 0 || kw.includes(null) ? undefined : kw.reduce<number>((sum, one) => sum + one!, 0) / kw.length;

/** The same wall time so many days before. */
const daysBefore = ({ zone }: Plant, time: TimeUs, days: number): TimeUs =>
  fromLocal(zone, toLocal(zone, time) - days * dayUs);

const dateOf = ({ zone }: Plant, time: TimeUs): string =>
  new Date(toLocal(zone, time) / 1000).toISOString().slice(0, 10);

/** How many days earlier the days of a time were on which the same hours lie in it. */
function agesIn(plant: Plant, start: TimeUs, lengthUs: number, { from, to }: { from: TimeUs; to: TimeUs }): number[] {
  const ages: number[] = [];
  for (let age = Math.max(1, Math.floor((start - to) / dayUs)); daysBefore(plant, start, age) >= from; age++) {
    if (daysBefore(plant, start, age) + lengthUs <= to) ages.push(age);
  }
  return ages;
}

function whyNot(plant: Plant, event: CurtailmentEvent, { start, end }: Span): string | undefined {
  const overlaps = (one: { from: number; to: number }) => one.from < end && one.to > start;
  if (plant.events.some((one) => one.meter === event.meter && overlaps(one))) return 'event';
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
