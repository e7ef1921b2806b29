/** The formats of values in registers and coils: how long they are, and what type of tag they make. */
import type { TagType } from '../sample.ts';

/** Registers that a value takes. A bit is one coil or part of a register; a string has its own length. */
const registersOf = {
  uint16: 1,
  int16: 1,
  uint32: 2,
  int32: 2,
  uint64: 4,
  int64: 4,
  float16: 1,
  float32: 2,
  float64: 4,
  bcd16: 1,
  bcd32: 2,
  bit: 1,
  string: undefined,
} as const;
export type Format = keyof typeof registersOf;
export const formats = Object.keys(registersOf) as [Format, ...Format[]];

export const encodings = ['ascii', 'latin1', 'utf-8'] as const;
export type Encoding = (typeof encodings)[number];

export const isFloat = (format: Format): boolean => format.startsWith('float');
/** A whole number that may be scaled, named or cut into bits. */
export const isWhole = (format: Format): boolean => !isFloat(format) && format !== 'bit' && format !== 'string';

/** Registers, or 1 coil. */
export const sizeOf = ({ format, length }: { format: Format; length?: number | undefined }): number =>
  registersOf[format] ?? length ?? 1;

/** Bytes among which there is an order: those of a number as a whole, of a string those of each word. */
export const orderedBytes = (format: Format): 2 | 4 | 8 => ((registersOf[format] ?? 1) * 2) as 2 | 4 | 8;

/** The type follows from what is written: names make text, a scale makes a float. */
export function typeOf(tag: {
  readonly format: Format;
  readonly values?: unknown;
  readonly scale?: number | undefined;
  readonly offset?: number | undefined;
}): TagType {
  if (tag.format === 'string' || tag.values !== undefined) return 'string';
  if (tag.format === 'bit') return 'bool';
  return isFloat(tag.format) || tag.scale !== undefined || tag.offset !== undefined ? 'float' : 'int';
}
