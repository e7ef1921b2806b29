/** The bytes of the wire → a number as the format has it, before anything is done with it. */
import { normaliseInteger, shortestFloat32 } from '../sample.ts';
import { type ByteOrder, wirePositions } from './byte-order.ts';
import { type Format, sizeOf } from './format.ts';

/** @param at index of the first register in the data. @returns null where the bytes are no number. */
export type ReadNumber = (data: Uint8Array, at: number) => number | bigint | null;

export function readNumber(format: Format, order: ByteOrder): ReadNumber {
  const size = sizeOf({ format });
  if (size === 1) return readOneWord(format, order);
  return size === 2 ? readTwoWords(format, order) : readFourWords(format, order);
}

/** What the format makes of these bits, or of a float of this value. */
export function readBigEndian(format: Format, bitsOrFloat: bigint | number): number | bigint | null {
  const bits = sizeOf({ format }) * 16;
  if (typeof bitsOrFloat === 'bigint') scratch.setBigUint64(0, BigInt.asUintN(bits, bitsOrFloat) << BigInt(64 - bits));
  else if (bits === 64) scratch.setFloat64(0, bitsOrFloat);
  else if (bits === 32) scratch.setFloat32(0, bitsOrFloat);
  else scratch.setFloat16(0, bitsOrFloat);
  const order = 'ABCDEFGH'.slice(0, bits / 8) as ByteOrder;
  return readNumber(format, order)(new Uint8Array(scratch.buffer.slice(0)), 0);
}

/** Bits ↔ float. Nothing is kept in it between two values. */
const scratch = new DataView(new ArrayBuffer(8));

function readOneWord(format: Format, order: ByteOrder): ReadNumber {
  const [a = 0, b = 1] = wirePositions(order);
  const word = (data: Uint8Array, at: number): number => (data[at * 2 + a]! << 8) | data[at * 2 + b]!;
  switch (format) {
    case 'int16':
      return (data, at) => (word(data, at) << 16) >> 16;
    case 'bcd16':
      return (data, at) => decimalDigits(word(data, at));
    case 'float16':
      return (data, at) => {
        scratch.setUint16(0, word(data, at));
        return finite(shortestFloat16(scratch.getFloat16(0)));
      };
    default:
      return word;
  }
}

function readTwoWords(format: Format, order: ByteOrder): ReadNumber {
  const [a = 0, b = 1, c = 2, d = 3] = wirePositions(order);
  const words = (data: Uint8Array, at: number): number => {
    const i = at * 2;
    return (data[i + a]! << 24) | (data[i + b]! << 16) | (data[i + c]! << 8) | data[i + d]!;
  };
  switch (format) {
    case 'int32':
      return words;
    case 'bcd32':
      return (data, at) => {
        const bits = words(data, at);
        const high = decimalDigits(bits >>> 16);
        const low = decimalDigits(bits & 0xffff);
        return high === null || low === null ? null : high * 10_000 + low;
      };
    case 'float32':
      return (data, at) => {
        scratch.setInt32(0, words(data, at));
        return finite(shortestFloat32(scratch.getFloat32(0)));
      };
    default:
      return (data, at) => words(data, at) >>> 0;
  }
}

function readFourWords(format: Format, order: ByteOrder): ReadNumber {
  const [a = 0, b = 1, c = 2, d = 3, e = 4, f = 5, g = 6, h = 7] = wirePositions(order);
  const high = (data: Uint8Array, i: number): number =>
    (data[i + a]! << 24) | (data[i + b]! << 16) | (data[i + c]! << 8) | data[i + d]!;
  const low = (data: Uint8Array, i: number): number =>
    ((data[i + e]! << 24) | (data[i + f]! << 16) | (data[i + g]! << 8) | data[i + h]!) >>> 0;
  switch (format) {
    case 'float64':
      return (data, at) => {
        scratch.setInt32(0, high(data, at * 2));
        scratch.setUint32(4, low(data, at * 2));
        return finite(scratch.getFloat64(0));
      };
    case 'int64':
      return (data, at) => joined(high(data, at * 2), low(data, at * 2));
    default:
      return (data, at) => joined(high(data, at * 2) >>> 0, low(data, at * 2));
  }
}

/** Exact; a bigint is made only for what no number can hold. */
function joined(high: number, low: number): number | bigint {
  const value = high * 2 ** 32 + low;
  return Number.isSafeInteger(value) ? value : normaliseInteger((BigInt(high) << 32n) | BigInt(low));
}

/** Four digits of a word, one in every 4 bits. */
function decimalDigits(word: number): number | null {
  const [thousands, hundreds, tens, ones] = [word >> 12, (word >> 8) & 15, (word >> 4) & 15, word & 15];
  if (thousands > 9 || hundreds > 9 || tens > 9 || ones > 9) return null;
  return thousands * 1000 + hundreds * 100 + tens * 10 + ones;
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** The shortest decimal that is the same float16: 0.1, not 0.0999755859375. */
function shortestFloat16(value: number): number {
  if (!Number.isFinite(value) || Number.isInteger(value)) return value;
  for (let digits = 1; digits < 5; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.f16round(short) === value) return short;
  }
  return Number(value.toPrecision(5));
}
