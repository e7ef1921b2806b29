/**
 * Addresses as manuals write them → table and address from 0, as on the wire. A number that can be read in two ways is
 * refused with both readings named: one register beside the right one often looks plausible.
 */
import type { Table } from './table.ts';

/** From 0 as on the wire, from 1, or with the table as first of 5 or 6 digits (40001, 400001, 30001, 10001, 1). */
export const addressings = ['zero-based', 'one-based', 'modicon'] as const;
export type Addressing = (typeof addressings)[number];

/** The largest number that any of the notations has. */
export const maxWrittenAddress = 465_536;

export interface Place {
  readonly table: Table;
  /** From 0, as on the wire. */
  readonly address: number;
}

export interface Misplaced {
  readonly key: 'table' | 'address';
  readonly mistake: string;
}

const tableByDigit: Readonly<Record<number, Table>> = { 0: 'coil', 1: 'discrete', 3: 'input', 4: 'holding' };
const digitOf: Readonly<Record<Table, number>> = { coil: 0, discrete: 1, input: 3, holding: 4 };

/** @param addressing undefined where nobody wrote it: it is zero-based then, unless the number looks like another. */
export function placeOf(
  written: { readonly table?: Table | undefined; readonly address: number },
  addressing: Addressing | undefined,
): Place | Misplaced {
  const { table, address } = written;
  if (addressing === 'modicon') return placeOfNumber(address, table);
  if (table === undefined) {
    const mistake =
      'say which table: holding, input, coil or discrete (only with addressing: modicon the number tells)';
    return { key: 'table', mistake };
  }

  const first = addressing === 'one-based' ? 1 : 0;
  const meant = placeOfModicon(address);
  const didYouMean = meant && `did you mean address ${meant.address} of ${meant.table}? Then set addressing: modicon`;
  if (address > 65_535 + first) {
    const hint = didYouMean ? `: ${didYouMean}` : '';
    return { key: 'address', mistake: `${address} is beyond the last address, ${65_535 + first}${hint}` };
  }
  if (address < first) {
    const mistake = 'with one-based addressing the first is 1; if the manual counts from 0, set addressing: zero-based';
    return { key: 'address', mistake };
  }
  // SunSpec devices do have registers at 40000 and beyond: whoever has them says so.
  if (addressing === undefined && address >= 10_000 && meant?.table === table) {
    const mistake = `${address}: ${didYouMean}. If it stands so on the wire, set addressing: zero-based`;
    return { key: 'address', mistake };
  }
  return { table, address: address - first };
}

function placeOfNumber(number: number, table: Table | undefined): Place | Misplaced {
  const place = placeOfModicon(number);
  if (!place) {
    const mistake = `${number} is no Modicon number: those are 1 to 9999 (coils), 10001 (discrete inputs), 30001 (input registers), 40001 (holding registers) and up, or the same with six digits`;
    return { key: 'address', mistake };
  }
  if (table !== undefined && table !== place.table)
    return { key: 'table', mistake: `${number} is in the table ${place.table}: write that, or leave table out` };
  return place;
}

function placeOfModicon(number: number): Place | undefined {
  const base = number < 100_000 ? 10_000 : 100_000;
  const table = tableByDigit[Math.floor(number / base)];
  const item = number % base;
  return table && item >= 1 && item <= 65_536 ? { table, address: item - 1 } : undefined;
}

/** The number of older manuals: `40001` for holding 0; with six digits where five do not reach. */
export function modiconNumber({ table, address }: Place): string {
  const digits = address < 9999 ? 5 : 6;
  return `${digitOf[table]}${String(address + 1).padStart(digits - 1, '0')}`;
}
