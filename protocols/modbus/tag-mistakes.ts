/** Keys of a tag that do not go together, told to who wrote them: which key, and what to write instead. */
import type { Place } from './address.ts';
import { type ByteOrder, orderOfSize, orders64 } from './byte-order.ts';
import { bitRange } from './decoder.ts';
import { type Format, isFloat, isWhole, orderedBytes, sizeOf, typeOf } from './format.ts';
import { isBitTable } from './table.ts';
import type { WrittenTag } from './tag-schema.ts';

export interface Mistake {
  readonly path: readonly string[];
  readonly message: string;
}

/** @param maxRegisters most that the tag's device gives in one reply */
export function mistakesIn(tag: WrittenTag, { table, address }: Place, maxRegisters: number): Mistake[] {
  const found: Mistake[] = [];
  const mistake = (message: string, ...path: string[]) => found.push({ path, message });

  if (isBitTable(table)) {
    if (tag.format !== undefined && tag.format !== 'bit')
      mistake(`a ${table} holds bits: the format must be bit`, 'format');
    if (tag.bit !== undefined) mistake(`a ${table} is one bit: leave bit out`, 'bit');
    if (tag.byteOrder !== undefined) mistake(`a ${table} is one bit and has no byte order`, 'byteOrder');
  } else if (tag.format === undefined) {
    mistake('say what the registers hold: uint16, int16, uint32, float32, bit, string, …', 'format');
    return found;
  } else {
    if (tag.format === 'bit' && tag.bit === undefined) mistake('say which bit of the register, 0 to 15', 'bit');
    if (tag.format !== 'bit' && tag.bit !== undefined)
      mistake('only format bit has a bit; several bits of a number are bits: 4-7', 'bit');
  }

  const format = tag.format ?? 'bit';
  const size = sizeOf({ format, length: tag.length });
  if (format === 'string' && tag.length === undefined) mistake('say how many registers the string takes', 'length');
  if (format !== 'string' && tag.length !== undefined) mistake('only a string has a length: leave it out', 'length');
  if (format !== 'string' && tag.encoding !== undefined) mistake('only a string has an encoding', 'encoding');
  if (address + size > 65_536) mistake(`${format} does not fit below address 65536`, 'address');
  if (size > maxRegisters) {
    const key = format === 'string' ? 'length' : 'format';
    mistake(`it takes ${size} registers, more than the device's maxRegisters (${maxRegisters})`, key);
  }

  const isNumber = isWhole(format) || isFloat(format);
  for (const key of ['scale', 'offset'] as const) {
    if (tag[key] === undefined) continue;
    if (!isNumber) mistake(`a ${format} cannot be scaled`, key);
    else if (tag.values) mistake('what has values is text and cannot be scaled', key);
  }
  if (tag.scale === 0) mistake('must not be 0', 'scale');
  if (tag.byteOrder && !isBitTable(table)) checkOrder(format, tag.byteOrder, mistake);
  if (tag.bits !== undefined) checkBits(format, tag.bits, mistake);
  if (tag.values) checkValues(format, tag.values, mistake);
  if (tag.invalid !== undefined) checkInvalid(format, [tag.invalid].flat(), mistake);

  const type = typeOf({ ...tag, format });
  if (tag.counter && type !== 'int' && type !== 'float') mistake('only a number counts: leave counter out', 'counter');
  if (tag.report.deadbandPercent > 0 && !tag.range)
    mistake('percent of what? Give range: [lowest, highest], or use deadband', 'report', 'deadbandPercent');
  return found;
}

type Tell = (message: string, ...path: string[]) => void;

function checkOrder(format: Format, order: ByteOrder, mistake: Tell): void {
  const bytes = orderedBytes(format);
  if (orderOfSize(order, bytes)) return;
  const choice = bytes === 8 ? orders64.join(', ') : bytes === 4 ? 'ABCD, CDAB, BADC or DCBA' : 'AB or BA';
  const what = format === 'string' ? 'the two characters of a register are' : `${format} is ${bytes} bytes long:`;
  mistake(`${what} ${choice}`, 'byteOrder');
}

const unsignedBits: Partial<Record<Format, number>> = { uint16: 16, uint32: 32, uint64: 64 };

function checkBits(format: Format, bits: string, mistake: Tell): void {
  const width = unsignedBits[format];
  const [first, last] = bitRange(bits);
  if (width === undefined) mistake('bits are of a uint16, uint32 or uint64; one bit alone is format bit', 'bits');
  else if (first > last) mistake(`from the less to the more significant: ${last}-${first}`, 'bits');
  else if (last >= width) mistake(`${format} has the bits 0 to ${width - 1}`, 'bits');
}

function checkValues(format: Format, values: Readonly<Record<string, string>>, mistake: Tell): void {
  const numbers = Object.keys(values);
  if (numbers.length === 0) mistake('give a number and its text: { 0: stopped, 1: running }', 'values');
  if (format === 'bit') {
    if (numbers.some((number) => number !== '0' && number !== '1')) mistake('a bit is 0 or 1', 'values');
  } else if (!isWhole(format)) mistake(`${format} is no whole number: only those have values`, 'values');
}

/** Bits of the integers; their sign has one of them. */
const integerBits = (format: Format): number => Number(/^u?int(\d\d)$/.exec(format)?.[1] ?? 0);

function checkInvalid(format: Format, invalid: readonly (number | string)[], mistake: Tell): void {
  if (!isWhole(format) && !isFloat(format)) {
    mistake(`a ${format} has no invalid number`, 'invalid');
    return;
  }
  const bits = integerBits(format);
  for (const written of invalid) {
    if (bits > 0 && typeof written === 'number' && !Number.isInteger(written)) {
      mistake(`${written} is no ${format}`, 'invalid');
    } else if (bits > 0 && typeof written === 'number' && !Number.isSafeInteger(written)) {
      mistake(`so large a number is exact only in quotes: "0x${'8'.padEnd(bits / 4, '0')}"`, 'invalid');
    } else if (bits > 0) {
      const value = BigInt(written);
      if (value >= 1n << BigInt(bits) || value < -(1n << BigInt(bits - 1)))
        mistake(`${written} is no ${format}`, 'invalid');
    } else if (typeof written === 'string' && written.length > 2 + sizeOf({ format }) * 4) {
      mistake(`${written} is longer than a ${format}`, 'invalid');
    }
  }
}
