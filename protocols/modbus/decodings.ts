/**
 * All that some registers may mean, the likeliest first: beside a meter's display the right format and byte order are
 * plain. Pure.
 */
import type { SampleValue } from '../sample.ts';
import { type ByteOrder, orders16, orders32, orders64 } from './byte-order.ts';
import { createDecoder } from './decoder.ts';
import { type Format, formats, isFloat, orderedBytes, sizeOf } from './format.ts';

export interface Decoding {
  readonly format: Format;
  readonly byteOrder: ByteOrder;
  /** null where the registers are no such value. */
  readonly value: SampleValue;
  readonly text: string;
  /** Such a value is ordinary; most wrong decodings are not. */
  readonly plausible: boolean;
}

/** Every format in every byte order that takes just so many registers; a string takes any number. */
export function decodingsOf(words: readonly number[]): Decoding[] {
  if (words.length === 0) return [];
  const data = Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
  const ofTheSize = formats.filter(
    (format) => format !== 'bit' && sizeOf({ format, length: words.length }) === words.length,
  );
  return ofTheSize
    .flatMap((format) => ordersOf(format).map((byteOrder) => decoding(format, byteOrder, data, words.length)))
    .toSorted((a, b) => b.likelihood - a.likelihood)
    .map(({ likelihood, ...shown }) => ({ ...shown, plausible: likelihood >= plausibleFrom }));
}

const ordersOf = (format: Format): readonly ByteOrder[] =>
  ({ 2: orders16, 4: orders32, 8: orders64 })[orderedBytes(format)];

function decoding(format: Format, byteOrder: ByteOrder, data: Uint8Array, length: number) {
  const value = createDecoder({ table: 'holding', format, byteOrder, length, encoding: 'utf-8' })(data, 0);
  const likelihood = likelihoodOf(format, value) - rarityOf(format, byteOrder);
  return { format, byteOrder, value, text: textOf(format, value), likelihood };
}

function textOf(format: Format, value: SampleValue): string {
  if (value !== null) return typeof value === 'string' ? JSON.stringify(value) : String(value);
  if (format === 'string') return 'no text';
  return isFloat(format) ? 'not a number' : 'no decimal digits';
}

const plausibleFrom = 0.5;

/** 0 to 1. What a machine or a meter shows is seldom tiny or huge, and a text of several letters is seldom chance. */
function likelihoodOf(format: Format, value: SampleValue): number {
  if (value === null) return 0;
  if (typeof value === 'string')
    return /^[\p{L}\p{N}\p{P}\p{S} ]{3,}$/u.test(value) ? 0.6 + Math.min(value.length, 8) / 20 : 0.1;
  const size = Math.abs(Number(value));
  if (isFloat(format)) return Object.is(value, -0) ? 0.1 : floatLikelihood(size);
  return Math.max(0, 1 - Math.log2(size + 1) / uselessBits[sizeOf({ format }) as 1 | 2 | 4]);
}

/** So many bits in use make an integer of one, two or four registers look like chance. */
const uselessBits = { 1: 32, 2: 48, 4: 112 };

function floatLikelihood(size: number): number {
  if (size === 0) return 0.6;
  if (size < 1e-6 || size > 1e12) return 0.05;
  if (size < 1e-3 || size > 1e7) return 0.5;
  // Measured values have few digits where the device rounds them.
  return String(size).length <= 7 ? 0.95 : 0.85;
}

/** Of two readings that look alike, the one that fewer devices have is the less likely. */
function rarityOf(format: Format, byteOrder: ByteOrder): number {
  const isWordSwapped = byteOrder.indexOf('A') % 2 === 1;
  const ofFormat = format.startsWith('bcd') ? 0.12 : format === 'float16' ? 0.3 : format.startsWith('int') ? 0.01 : 0;
  const isSeldom = (orders64 as readonly string[]).indexOf(byteOrder) > 1;
  return ofFormat + (isWordSwapped ? 0.1 : 0) + (isSeldom ? 0.1 : 0);
}
