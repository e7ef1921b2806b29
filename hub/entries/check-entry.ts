/** Whether an entry agrees with the plant, with the clock, and with the other entries. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Meter } from '../plant/meter.ts';
import type { Plant, Unit } from '../plant/plant.ts';
import { dayUs } from '../plant/zone.ts';
import type { EntryContent, EntryKind } from './entry.ts';

export interface EntryMistake {
  readonly field: string;
  /** Ends with what to do. */
  readonly message: string;
}

export interface Known {
  /** As it was applied. */
  readonly plant: Plant;
  /** Of the same kind and asset, without the entry that is corrected. */
  readonly others: readonly EntryContent[];
  /** Counters tell already how much the unit makes. */
  hasCounters(unit: Unit): boolean;
  readonly now: TimeUs;
}

const longestDays: Record<EntryKind, number> = { downtime: 31, order: 366, count: 31, reading: 1, bill: 366 };
/** Of these, only what has happened can be known. */
const past: readonly EntryKind[] = ['downtime', 'count', 'reading', 'bill'];

export function checkEntry(entry: EntryContent, known: Known): EntryMistake[] {
  const { plant, now } = known;
  const { kind, asset, from, to } = entry;
  const about: readonly (Unit | Meter)[] = kind === 'reading' || kind === 'bill' ? plant.meters : plant.units;
  const found = about.find(({ path }) => path === asset);
  if (!found) {
    const names = about.map(({ path }) => path).join(', ') || 'none';
    return [
      { field: 'asset', message: `there is none "${asset}" in the plant model that has a ${kind}; known: ${names}` },
    ];
  }
  const mistakes: EntryMistake[] = [];
  const wrong = (field: string, message: string) => mistakes.push({ field, message });
  if (kind !== 'reading' && to <= from) wrong('to', 'is not after "from"; swap them');
  if (to - from > longestDays[kind] * dayUs)
    wrong('to', `is more than ${longestDays[kind]} days later; enter it in parts`);
  if (past.includes(kind) && to > now) wrong('to', 'has not come yet; enter it when it is over');
  if (entry.kind === 'downtime') checkReason(entry.reason, plant, wrong);
  if (entry.kind === 'order') checkOrder(entry, plant, wrong);
  if (entry.kind === 'count' && known.hasCounters(found as Unit)) {
    wrong('asset', 'has counters that tell what it makes; remove them from the plant model if people count instead');
  }
  const taken = [...known.others, ...(kind === 'order' ? ordersOfFile(found as Unit) : [])];
  const other =
    kind === 'reading' ? taken.find((one) => one.from === from) : taken.find((one) => one.from < to && from < one.to);
  if (other) {
    const span = [other.from, other.to].map((time) => new Date(time / 1000).toISOString()).join(' to ');
    wrong('from', `overlaps the ${kind} of ${span}; correct that one, or undo it first`);
  }
  return mistakes;
}

type Wrong = (field: string, message: string) => void;

function checkReason(reason: string, { reasons }: Plant, wrong: Wrong): void {
  if (reasons.some(({ code }) => code === reason)) return;
  const names = reasons.map(({ code }) => code).join(', ') || 'none';
  wrong('reason', `"${reason}" is not in the plant's tree of reasons; known: ${names}`);
}

function checkOrder({ product, planned }: EntryContent & { kind: 'order' }, { products }: Plant, wrong: Wrong): void {
  if (product !== undefined && !products.some(({ code }) => code === product)) {
    const names = products.map(({ code }) => code).join(', ') || 'none';
    wrong('product', `"${product}" is no product of the plant; known: ${names}`);
  }
  if (planned && planned.end <= planned.start) wrong('planned.to', 'is not after "planned.from"; swap them');
}

const ordersOfFile = ({ orderList }: Unit): { from: TimeUs; to: TimeUs }[] =>
  orderList.map(({ start, end }) => ({ from: start, to: end }));
