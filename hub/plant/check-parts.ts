/** What the checks of a plant file share: an issue, the paths of its assets, and comparing what is dated. */
import { parseLocal } from './dates.ts';
import type { PlantConfig } from './schema.ts';

export interface PlantIssue {
  /** Into the document, so that it is told with line and column. */
  readonly path: readonly (string | number)[];
  /** Ends with what to do. */
  readonly message: string;
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
  return ends(dated) > begins(dated) ? [] : [{ path: [...path, 'to'], message: 'is not after "from"; swap them' }];
}

export function checkKnown(
  name: string,
  known: readonly string[],
  what: string,
  path: readonly (string | number)[],
): PlantIssue[] {
  if (known.includes(name)) return [];
  return [{ path, message: `there is no ${what} ${name}; known: ${known.join(', ') || 'none'}` }];
}

/** Entries of one list that hold for the same thing at the same time. */
export function checkOverlaps<T extends Dated>(
  entries: readonly T[],
  path: readonly (string | number)[],
  isSame: (a: T, b: T) => boolean,
  message: (other: T) => string,
): PlantIssue[] {
  return entries.flatMap((entry, index) => {
    const other = entries.slice(0, index).find((one) => isSame(one, entry) && overlaps(one, entry));
    return other ? [{ path: [...path, index], message: message(other) }] : [];
  });
}
