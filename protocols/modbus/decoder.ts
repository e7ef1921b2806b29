/**
 * How a tag stands in the registers → a function that decodes its values. It is made once per tag, since a decoder is
 * called for 10,000 registers a second and more. No bytes make it throw; those that mean no value give null.
 */
import { normaliseInteger, type SampleValue } from '../sample.ts';
import type { ByteOrder } from './byte-order.ts';
import { type Encoding, type Format, isFloat, sizeOf } from './format.ts';
import { type ReadNumber, readBigEndian, readNumber } from './read-number.ts';
import { readText } from './read-text.ts';
import { isBitTable, type Table } from './table.ts';

/** How a value stands in the registers or bits of its tag. */
export interface TagEncoding {
  readonly table: Table;
  readonly format: Format;
  /** As many letters as the format has bytes; two for a string or a bit of a register. */
  readonly byteOrder: ByteOrder;
  /** Which bit of a register, 0 being the least significant. */
  readonly bit?: number | undefined;
  /** `4-7`: the number that these bits make. */
  readonly bits?: string | undefined;
  /** Registers of a string. */
  readonly length?: number | undefined;
  readonly encoding?: Encoding | undefined;
  /** Texts by number. */
  readonly values?: Readonly<Record<string, string>> | undefined;
  /** What the device sends where it has no value. */
  readonly invalid?: readonly (number | string)[] | undefined;
  readonly scale?: number | undefined;
  readonly offset?: number | undefined;
}

/** @param at index of the tag's first register, or of its bit, in the reply. @returns null where the bytes mean none. */
export type Decoder = (data: Uint8Array, at: number) => SampleValue;

export function createDecoder(tag: TagEncoding): Decoder {
  if (tag.format === 'bit') return named(readBit(tag), tag);
  if (tag.format === 'string') return readText(sizeOf(tag), tag.byteOrder === 'BA', tag.encoding);
  const read = readNumber(tag.format, tag.byteOrder);
  return named(scaled(cut(known(read, tag), tag), tag), tag);
}

function readBit({ table, byteOrder, bit = 0 }: TagEncoding): Decoder {
  // Modbus 6.1: the first bit asked for is the least significant of the first byte.
  if (isBitTable(table)) return (data, at) => ((data[at >> 3]! >> (at & 7)) & 1) === 1;
  const isInFirstByte = bit >= 8 === (byteOrder === 'AB');
  const byte = isInFirstByte ? 0 : 1;
  const mask = 1 << (bit & 7);
  return (data, at) => (data[at * 2 + byte]! & mask) !== 0;
}

/** Without what the device sends for "not available". */
function known(read: ReadNumber, { format, invalid }: TagEncoding): ReadNumber {
  if (!invalid) return read;
  const sentinels = new Set(invalid.map((written) => sentinelOf(format, written)));
  return (data, at) => {
    const value = read(data, at);
    return value !== null && sentinels.has(value) ? null : value;
  };
}

/**
 * The bits of an integer may be written for its value: 0x8000 of an int16 is -32768. Of floats and BCD only text that
 * begins with 0x is bits.
 */
function sentinelOf(format: Format, written: number | string): number | bigint | null {
  if (/^u?int/.test(format) || String(written).startsWith('0x')) return readBigEndian(format, BigInt(written));
  return isFloat(format) ? readBigEndian(format, Number(written)) : Number(written);
}

/** `4-7`, `4..7` → 4 and 7. */
export const bitRange = (bits: string): readonly [number, number] => {
  const [first = 0, last = first] = bits.split(/-|\.\./).map(Number);
  return [first, last];
};

function cut(read: ReadNumber, { format, bits }: TagEncoding): ReadNumber {
  if (bits === undefined) return read;
  const [first, last] = bitRange(bits);
  const width = last - first + 1;
  if (format === 'uint64') {
    return (data, at) => {
      const value = read(data, at);
      return value === null ? null : normaliseInteger(BigInt.asUintN(width, BigInt(value) >> BigInt(first)));
    };
  }
  return (data, at) => {
    const value = read(data, at);
    return value === null ? null : Math.floor(Number(value) / 2 ** first) % 2 ** width;
  };
}

/** A scale like 0.1 is no double, its reciprocal is: 3 / 10 is 0.3 where 3 × 0.1 is 0.30000000000000004. */
function scaled(read: ReadNumber, { scale, offset = 0 }: TagEncoding): ReadNumber {
  if (scale === undefined && offset === 0) return read;
  const factor = scale ?? 1;
  const divisor = Math.round(1 / factor);
  const isDivided = Math.abs(factor) < 1 && 1 / divisor === factor;
  return (data, at) => {
    const raw = read(data, at);
    if (raw === null) return null;
    const value = (isDivided ? Number(raw) / divisor : Number(raw) * factor) + offset;
    return Number.isFinite(value) ? value : null;
  };
}

/** A number that has no name is no value: its digits are never given for a name. */
function named(read: Decoder, { format, values }: TagEncoding): Decoder {
  if (!values) return read;
  const names = new Map<SampleValue, string>(
    Object.entries(values).map(([number, name]) => [
      format === 'bit' ? number === '1' : normaliseInteger(BigInt(number)),
      name,
    ]),
  );
  return (data, at) => names.get(read(data, at)) ?? null;
}
