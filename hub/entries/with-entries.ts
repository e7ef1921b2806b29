/** A plant model together with what people have entered of its units: what figures are computed with. */
import type { ExplainedStop, ManualCount, Plant, Unit } from '../plant/plant.ts';
import { type Order, ratesInForce } from '../plant/rates.ts';
import { type Span, type Spans, union } from '../plant/spans.ts';
import type { Told, ToldOfPlaces } from '../plant/told.ts';
import { hourUs } from '../plant/zone.ts';
import type { EntryContent, EntryKind } from './entry.ts';
import type { FirstTold } from './entry-log.ts';

/**
 * Of entries that the plant's checks have let in; what it does not know any more is left out.
 * @param first since when places were ever told of, by what is in force or was
 */
export function withEntries(plant: Plant, entries: readonly EntryContent[], first: readonly FirstTold[] = []): Plant {
  if (entries.length === 0 && first.length === 0) return plant;
  const byUnit = Map.groupBy(entries, ({ asset }) => asset);
  const enter = (unit: Unit): Unit => {
    const own = byUnit.get(unit.path);
    return own ? withOwn(plant, unit, own) : unit;
  };
  const areas = plant.areas.map((area) => ({
    ...area,
    lines: area.lines.map((line) => ({ ...line, units: line.units.map(enter) })),
  }));
  const lines = areas.flatMap((area) => area.lines);
  return { ...plant, areas, lines, units: lines.flatMap((line) => line.units), ...toldOf(entries, first) };
}

function toldOf(entries: readonly EntryContent[], first: readonly FirstTold[]): ToldOfPlaces {
  const spanOf = ({ from, to }: EntryContent) => ({ start: from, end: to });
  const inspections = entries.flatMap((entry) => {
    if (entry.kind !== 'inspection') return [];
    const { asset, inspected, good } = entry;
    return [{ asset, said: { ...spanOf(entry), inspected, good } }];
  });
  const attendances = entries.flatMap((entry) => {
    if (entry.kind !== 'attendance') return [];
    const { asset, people, workedH } = entry;
    return [{ asset, said: { ...spanOf(entry), people, workedUs: workedH * hourUs } }];
  });
  const since = (kind: EntryKind) => first.filter((one) => one.kind === kind);
  return {
    inspections: byPlace(inspections, since('inspection')),
    attendances: byPlace(attendances, since('attendance')),
  };
}

function byPlace<Said extends Span>(
  all: readonly { readonly asset: string; readonly said: Said }[],
  first: readonly FirstTold[],
): ReadonlyMap<string, Told<Said>> {
  const earliest = new Map(first.map(({ asset, since }) => [asset, since]));
  const byAsset = Map.groupBy(all, ({ asset }) => asset);
  return new Map(
    [...new Set([...earliest.keys(), ...byAsset.keys()])].map((asset) => {
      const said = (byAsset.get(asset) ?? []).map((one) => one.said).sort((a, b) => a.start - b.start);
      const since = Math.min(
        earliest.get(asset) ?? Number.POSITIVE_INFINITY,
        said[0]?.start ?? Number.POSITIVE_INFINITY,
      );
      return [asset, { since, said }];
    }),
  );
}

function withOwn(plant: Plant, unit: Unit, entries: readonly EntryContent[]): Unit {
  const stops: ExplainedStop[] = [];
  const counts: ManualCount[] = [];
  const orders: Order[] = [];
  for (const entry of [...entries].sort((a, b) => a.from - b.from)) {
    const span = { start: entry.from, end: entry.to };
    if (entry.kind === 'downtime') {
      if (plant.reasons.some(({ code }) => code === entry.reason)) {
        stops.push({ ...span, reason: entry.reason, class: classOf(plant, entry.reason) });
      }
    } else if (entry.kind === 'count') {
      counts.push({ ...span, good: entry.good, scrap: entry.scrap, rework: entry.rework });
    } else if (entry.kind === 'order') {
      const { code, product, quantity, plannedScrap, planned = span } = entry;
      orders.push({ ...span, code, product, quantity, plannedScrap, planned });
    }
  }
  if (orders.length === 0) return { ...unit, stops, counts };
  const orderList = [...unit.orderList, ...orders].sort((a, b) => a.start - b.start);
  const known: Spans = union(orderList);
  return {
    ...unit,
    ...ratesInForce(unit.declaredRates, orderList),
    ...{ stops, counts, orderList, orders: known },
    ordersFrom: Math.min(unit.ordersFrom, known[0]!.start),
  };
}

function classOf({ reasons }: Plant, code: string | undefined): ExplainedStop['class'] {
  const reason = reasons.find((one) => one.code === code);
  return reason && (reason.class ?? classOf({ reasons } as Plant, reason.parent));
}
