/** Whether an entry agrees with the plant, with the clock, and with the other entries. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Plant, Unit } from '../plant/plant.ts';
import type { Span } from '../plant/spans.ts';
import { dayUs, hourUs } from '../plant/zone.ts';
import { namesOf, type Words } from '../words.ts';
import type { EntryContent, EntryKind } from './entry.ts';

export interface EntryMistake {
  readonly field: string;
  /** Ends with what to do. */
  readonly message: Words;
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

const longestDays: Record<EntryKind, number> = {
  ...{ downtime: 31, order: 366, count: 31, inspection: 31, attendance: 31, reading: 1, bill: 366 },
};
/** Of all others, only what has happened can be known. */
const mayBeToCome: readonly EntryKind[] = ['order'];

export function checkEntry(entry: EntryContent, known: Known): EntryMistake[] {
  const { plant, now } = known;
  const { kind, asset, from, to } = entry;
  const about = placesOf(kind, plant);
  const found = about.find(({ path }) => path === asset);
  if (!found) {
    const names = namesOf(about.map(({ path }) => path));
    const message = {
      en: `there is none "${asset}" in the plant model that has a ${kind}; known: ${names.en}`,
      fa: `«${asset}» در مدل کارخانه نیست یا ${kind} ندارد؛ موجود: ${names.fa}`,
    };
    return [{ field: 'asset', message }];
  }
  const mistakes: EntryMistake[] = [];
  const wrong: Wrong = (field, en, fa) => mistakes.push({ field, message: { en, fa } });
  if (kind !== 'reading' && to <= from) wrong('to', 'is not after "from"; swap them', 'پس از «from» نیست؛ جابه‌جا کنید');
  if (to - from > longestDays[kind] * dayUs)
    wrong(
      'to',
      `is more than ${longestDays[kind]} days later; enter it in parts`,
      `بیش از ${longestDays[kind]} روز دیرتر است؛ بخش‌بخش ثبت کنید`,
    );
  if (!mayBeToCome.includes(kind) && to > now)
    wrong('to', 'has not come yet; enter it when it is over', 'هنوز نرسیده است؛ پس از پایان ثبت کنید');
  if (entry.kind === 'downtime') checkReason(entry.reason, plant, wrong);
  if (entry.kind === 'order' || entry.kind === 'inspection') checkProduct(entry.product, plant, wrong);
  if (entry.kind === 'order') checkPlanned(entry.planned, wrong);
  if (entry.kind === 'inspection' && entry.good > entry.inspected)
    wrong('good', 'is more than "inspected"; swap them', 'از «inspected» بیشتر است؛ جابه‌جا کنید');
  if (entry.kind === 'attendance') checkWorked(entry, wrong);
  if (entry.kind === 'count' && known.hasCounters(found as Unit)) {
    wrong(
      'asset',
      'has counters that tell what it makes; remove them from the plant model if people count instead',
      'شمارنده دارد؛ اگر افراد می‌شمارند شمارنده‌ها را از مدل کارخانه بردارید',
    );
  }
  const taken = [...known.others, ...(kind === 'order' ? ordersOfFile(found as Unit) : [])];
  const other =
    kind === 'reading' ? taken.find((one) => one.from === from) : taken.find((one) => one.from < to && from < one.to);
  if (other) {
    const span = [other.from, other.to].map((time) => new Date(time / 1000).toISOString()).join(' to ');
    wrong(
      'from',
      `overlaps the ${kind} of ${span}; correct that one, or undo it first`,
      `با ${kind} دیگری در ${span} هم‌پوشانی دارد؛ نخست آن را اصلاح یا لغو کنید`,
    );
  }
  return mistakes;
}

function placesOf(kind: EntryKind, plant: Plant): readonly { readonly path: string }[] {
  if (kind === 'reading' || kind === 'bill') return plant.meters;
  return kind === 'attendance' ? [...plant.units, ...plant.lines, ...plant.areas] : plant.units;
}

type Wrong = (field: string, en: string, fa: string) => void;

function checkReason(reason: string, { reasons }: Plant, wrong: Wrong): void {
  if (reasons.some(({ code }) => code === reason)) return;
  const names = namesOf(reasons.map(({ code }) => code));
  wrong(
    'reason',
    `"${reason}" is not in the plant's tree of reasons; known: ${names.en}`,
    `«${reason}» در درخت علت‌های کارخانه نیست؛ موجود: ${names.fa}`,
  );
}

function checkProduct(product: string | undefined, { products }: Plant, wrong: Wrong): void {
  if (product === undefined || products.some(({ code }) => code === product)) return;
  const names = namesOf(products.map(({ code }) => code));
  wrong(
    'product',
    `"${product}" is no product of the plant; known: ${names.en}`,
    `«${product}» محصول این کارخانه نیست؛ موجود: ${names.fa}`,
  );
}

function checkPlanned(planned: Span | undefined, wrong: Wrong): void {
  if (planned && planned.end <= planned.start) {
    wrong('planned.to', 'is not after "planned.from"; swap them', 'پس از «planned.from» نیست؛ جابه‌جا کنید');
  }
}

/** Through breaks one may work; longer than one is there, not. */
function checkWorked({ people, workedH, from, to }: EntryContent & { kind: 'attendance' }, wrong: Wrong): void {
  const mostH = (people * (to - from)) / hourUs;
  if (workedH <= mostH) return;
  wrong(
    'worked_h',
    `is more than ${people} people have from "from" to "to", ${mostH} person-hours; it is of all of them together`,
    `از زمان حضور ${people} نفر، ${mostH} نفر-ساعت، بیشتر است؛ مجموع کارکرد همهٔ آن‌ها را بنویسید`,
  );
}

const ordersOfFile = ({ orderList }: Unit): { from: TimeUs; to: TimeUs }[] =>
  orderList.map(({ start, end }) => ({ from: start, to: end }));
