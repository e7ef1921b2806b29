/**
 * Where planned busy time went that was neither running nor setup: by class, asset or shift from stored elements, by
 * reason from what people have entered beside the states. Every way of grouping adds up to the same sum.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Elements } from '../../kpi/result.ts';
import { plannedBusy, plannedOperation, shiftInstances } from '../../plant/calendar.ts';
import type { Plant, Unit } from '../../plant/plant.ts';
import { type Span, union } from '../../plant/spans.ts';
import type { TelemetryReader } from '../../store/store.ts';
import type { SiteTags } from '../samples/site-tags.ts';
import { ordersIn } from '../units/order-elements.ts';
import { timeElements } from '../units/time-elements.ts';
import { readStates } from '../windows/read-states.ts';
import type { StoredRecord } from './stored-records.ts';

export const downtimeClasses = [
  'failure',
  'internal',
  'external',
  'organisational',
  'minor',
  'energy',
  'no_order',
] as const;
export type DowntimeClass = (typeof downtimeClasses)[number];

/** ADET and ADOT by class; the sum is `downtimeOf`. */
function byClass(elements: Elements): Readonly<Record<DowntimeClass, number>> {
  const { ADOT_s = 0, ADOT_failure_s = 0 } = elements;
  const delay = (name: string) => elements[`ADET_${name}_s`] ?? 0;
  return {
    failure: delay('failure') + ADOT_failure_s,
    internal: delay('internal'),
    external: delay('external'),
    organisational: delay('organisational'),
    minor: delay('minor'),
    energy: delay('energy'),
    no_order: ADOT_s - ADOT_failure_s,
  };
}

export const downtimeOf = ({ ADET_s = 0, ADOT_s = 0 }: Elements): number => ADET_s + ADOT_s;

export interface Downtime {
  readonly seconds: number;
  /** Failures that began; null where the grouping cannot tell. */
  readonly failures: number | null;
  /** Entries of people; null where the grouping does not count them. */
  readonly entries: number | null;
}

/** Sums of records by a key; a record without one counts nowhere. */
export function downtimeBy(
  records: readonly StoredRecord[],
  keyOf: (record: StoredRecord) => string | undefined,
): Map<string, Downtime> {
  const found = new Map<string, Downtime>();
  for (const record of records) {
    const key = keyOf(record);
    if (key === undefined) continue;
    const { seconds = 0, failures = 0 } = found.get(key) ?? {};
    found.set(key, {
      seconds: seconds + downtimeOf(record.elements),
      failures: (failures ?? 0) + (record.elements.FE ?? 0),
      entries: null,
    });
  }
  return found;
}

export function downtimeByClass(records: readonly StoredRecord[]): Map<string, Downtime> {
  const found = new Map<string, Downtime>();
  for (const { elements } of records) {
    for (const [name, seconds] of Object.entries(byClass(elements))) {
      const known = found.get(name)?.seconds ?? 0;
      found.set(name, { seconds: known + seconds, failures: null, entries: null });
    }
  }
  return found;
}

/** Stops that people have explained in a span, cut to it. */
export const explainedIn = (unit: Unit, { start, end }: Span) =>
  unit.stops
    .filter((stop) => stop.start < end && stop.end > start)
    .map((stop) => ({ ...stop, start: Math.max(stop.start, start), end: Math.min(stop.end, end) }));

/**
 * By code of the reason: the time that asks for one and has it, by the same rule as DOWN_reasoned_s. Only the states
 * around the entries are read. @throws {ConnectionError} the store is away.
 */
export async function downtimeByReason(
  reader: Pick<TelemetryReader, 'series'>,
  plant: Plant,
  units: readonly Unit[],
  tags: SiteTags,
  span: Span & { readonly now: TimeUs },
  signal: AbortSignal,
): Promise<Map<string, Downtime>> {
  const found = new Map<string, Downtime>();
  for (const unit of units) {
    const stops = explainedIn(unit, { start: span.start, end: Math.min(span.end, span.now) });
    for (const { start, end } of union(stops)) {
      const timeline = (await readStates(reader, plant, [unit], tags, { start, end }, signal)).get(unit)!;
      const instances = shiftInstances(plant, start, end);
      for (const stop of stops.filter((one) => one.start >= start && one.end <= end)) {
        const { DOWN_reasoned_us = 0 } = timeElements({
          timeline: timeline.flatMap((one) => {
            const cut = { ...one, start: Math.max(one.start, stop.start), end: Math.min(one.end, stop.end) };
            return cut.start < cut.end ? [cut] : [];
          }),
          operation: plannedOperation(instances, stop.start, stop.end),
          busy: plannedBusy(instances, stop.start, stop.end),
          orders: ordersIn(unit, stop),
          curtailmentCountsAs: plant.curtailmentCountsAs,
          stops: [stop],
          counted: [],
        });
        const { seconds = 0, entries = 0 } = found.get(stop.reason) ?? {};
        found.set(stop.reason, {
          seconds: seconds + DOWN_reasoned_us / 1e6,
          failures: null,
          entries: (entries ?? 0) + 1,
        });
      }
    }
  }
  return found;
}
