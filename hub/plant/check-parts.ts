/** What the checks of a plant file share: an issue, the paths of its assets, and comparing what is dated. */

import { namesOf, type Words } from '../words.ts';
import { parseLocal } from './dates.ts';
import type { PlantConfig } from './schema.ts';

export interface PlantIssue {
  /** Into the document, so that it is told with line and column. */
  readonly path: readonly (string | number)[];
  /** Ends with what to do. */
  readonly message: Words;
}

/** Paths of areas, lines and units below the site. */
export function assetPaths(config: PlantConfig): { areas: string[]; lines: string[]; units: string[] } {
  const areas = config.areas.map(({ code }) => code);
  const lines = config.areas.flatMap((area) => area.lines.map(({ code }) => `${area.code}/${code}`));
  const units = config.areas.flatMap((area) =>
    area.lines.flatMap((line) => line.units.map(({ code }) => `${area.code}/${line.code}/${code}`)),
  );
  return { areas, lines, units };
}

interface Dated {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Local time; what is open reaches for ever. */
const begins = ({ from }: Dated): number => (from === undefined ? Number.NEGATIVE_INFINITY : parseLocal(from)!);
const ends = ({ to }: Dated): number => (to === undefined ? Number.POSITIVE_INFINITY : parseLocal(to)!);
export const overlaps = (a: Dated, b: Dated): boolean => begins(a) < ends(b) && begins(b) < ends(a);

export function checkOrder(dated: Dated, path: readonly (string | number)[]): PlantIssue[] {
  if (ends(dated) > begins(dated)) return [];
  return [
    { path: [...path, 'to'], message: { en: 'is not after "from"; swap them', fa: 'پس از «from» نیست؛ جابه‌جا کنید' } },
  ];
}

/** What a name may stand for. */
const kinds = {
  unit: 'واحدی',
  shift: 'شیفتی',
  product: 'محصولی',
  meter: 'کنتوری',
  'electricity meter': 'کنتور برقی',
  'area, line or unit': 'سالن، خط یا واحدی',
  asset: 'دارایی‌ای',
  'compared KPI': 'شاخصِ قابل مقایسه‌ای',
  'reason above it': 'علت بالادستی',
} as const;

export function checkKnown(
  name: string,
  known: readonly string[],
  what: keyof typeof kinds,
  path: readonly (string | number)[],
): PlantIssue[] {
  if (known.includes(name)) return [];
  const names = namesOf(known);
  const message = {
    en: `there is no ${what} ${name}; known: ${names.en}`,
    fa: `${kinds[what]} به نام ${name} نیست؛ موجود: ${names.fa}`,
  };
  return [{ path, message }];
}

export const isThereTwice = (what: string): Words => ({
  en: `${what} is there twice; give another code`,
  fa: `${what} دو بار آمده است؛ کد دیگری بدهید`,
});

/** What two entries of a list that hold at once are told. */
export const oneAtATime = (en: string, fa: string): Words => ({
  en: `overlaps ${en}; set from and to so that one holds at a time`,
  fa: `با ${fa} هم‌پوشانی دارد؛ from و to را چنان بگذارید که در هر زمان یکی معتبر باشد`,
});

/** Entries of one list that hold for the same thing at the same time. */
export function checkOverlaps<T extends Dated>(
  entries: readonly T[],
  path: readonly (string | number)[],
  isSame: (a: T, b: T) => boolean,
  message: (other: T) => Words,
): PlantIssue[] {
  return entries.flatMap((entry, index) => {
    const other = entries.slice(0, index).find((one) => isSame(one, entry) && overlaps(one, entry));
    return other ? [{ path: [...path, index], message: message(other) }] : [];
  });
}
