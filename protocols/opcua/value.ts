/**
 * The value and quality of an OPC UA DataValue as those of a sample, of the tag's declared type. Pure. What cannot stand
 * for that type is Bad: nothing is converted but what is the same value in another coat.
 */
import { DataType, type DataValue, type Variant, VariantArrayType } from 'node-opcua-client';
import { isBad, normaliseInteger, quality, type SampleValue, shortestFloat32, type TagType } from '../sample.ts';
import { status } from './status.ts';
import { fieldOf, type Typed } from './structure.ts';

export interface Measured {
  readonly value: SampleValue;
  readonly quality: number;
  /** The server's queue overflowed: values before this one are lost. */
  readonly overflow: boolean;
}

/** What a tag wants of what comes. */
export interface Wanted {
  readonly type: TagType;
  /** Element of an array, one number for each dimension. */
  readonly index?: readonly number[] | undefined;
  /** The server is asked to pick it, and is known not to send the array instead. */
  readonly picked?: boolean | undefined;
  /** Field of a structure, by names from without to within. */
  readonly field?: readonly string[] | undefined;
  /** Names of an enumeration's values, for a tag of type string. */
  readonly names?: ReadonlyMap<number, string> | undefined;
}

/** InfoType DataValue together with the Overflow bit (OPC 10000-4 7.39.1). */
const overflowBits = 0x480;
/** Severity and sub-code. The flag and info bits below would make one status many. */
export const statusMask = 0xffff0000;
/** Longer byte strings are no values. */
const maxHexDigits = 4096;

export function measuredOf(dataValue: DataValue, wanted: Wanted): Measured {
  const { code, overflow } = statusOf(dataValue);
  const found = isBad(code) ? code : pick(dataValue.value, wanted);
  return typeof found === 'number' ? bad(found, overflow) : convert(found, wanted, code, overflow);
}

/** So many elements of an array, Bad where it is shorter. What the array is longer is left alone. */
export function elementsOf(dataValue: DataValue, count: number, wanted: Wanted): Measured[] {
  const { code, overflow } = statusOf(dataValue);
  const variant: Variant | null | undefined = dataValue.value;
  const isArray = !isBad(code) && variant && variant.arrayType !== VariantArrayType.Scalar;
  const elements: ArrayLike<unknown> = isArray ? (variant.value ?? []) : [];
  return Array.from({ length: count }, (_, i) => {
    if (!isArray) return bad(isBad(code) ? code : quality.badTypeMismatch, overflow);
    if (i >= elements.length) return bad(status.badIndexRangeNoData, overflow);
    return convert({ dataType: variant.dataType, value: elements[i] }, wanted, code, overflow);
  });
}

function statusOf(dataValue: DataValue): { code: number; overflow: boolean } {
  const code = dataValue.statusCode.value;
  return { code: (code & statusMask) >>> 0, overflow: (code & overflowBits) === overflowBits };
}

const bad = (code: number, overflow: boolean): Measured => ({ value: null, quality: code, overflow });

/** @returns the status of a value that is not there. */
function pick(variant: Variant | null | undefined, { index, picked }: Wanted): Typed | number {
  if (!variant || variant.dataType === DataType.Null) return quality.badTypeMismatch;
  const { dataType, arrayType } = variant;
  if (arrayType === VariantArrayType.Scalar) return index ? quality.badTypeMismatch : variant;
  if (!index) return quality.badTypeMismatch;
  const elements: ArrayLike<unknown> = variant.value ?? [];
  if (picked && elements.length === 1) return { dataType, value: elements[0] };
  const dimensions = arrayType === VariantArrayType.Matrix ? (variant.dimensions ?? []) : [elements.length];
  if (dimensions.length !== index.length) return status.badIndexRangeInvalid;
  let position = 0;
  for (const [i, size] of dimensions.entries()) {
    if (index[i]! >= size) return status.badIndexRangeNoData;
    position = position * size + index[i]!;
  }
  return position < elements.length ? { dataType, value: elements[position] } : status.badIndexRangeNoData;
}

function convert(found: Typed, wanted: Wanted, code: number, overflow: boolean): Measured {
  const typed =
    wanted.field || found.dataType === DataType.ExtensionObject ? fieldOf(found, wanted.field ?? []) : found;
  if (typeof typed === 'number') return bad(typed, overflow);
  const value = converters[wanted.type](typed, wanted.names);
  if (value === undefined) return bad(quality.badTypeMismatch, overflow);
  if (value === null) return bad(quality.badOutOfRange, overflow);
  return { value, quality: code, overflow };
}

/** null where the type is right and the value is none: NaN, a name that no value has, what is too long. */
type Convert = (typed: Typed, names?: ReadonlyMap<number, string>) => SampleValue | undefined;

const converters: Record<TagType, Convert> = {
  float(typed) {
    if (typed.dataType === DataType.Float || typed.dataType === DataType.Double) {
      const value = typed.value as number;
      if (!Number.isFinite(value)) return null;
      return typed.dataType === DataType.Float ? shortestFloat32(value) : value;
    }
    const integer = integerOf(typed);
    return typeof integer === 'number' ? integer : undefined;
  },
  int(typed) {
    if (typed.dataType !== DataType.DateTime) return integerOf(typed);
    const us = millisecondsOf(typed.value) * 1000;
    return Number.isSafeInteger(us) ? us : null;
  },
  bool: ({ dataType, value }) => (dataType === DataType.Boolean ? (value as boolean) : undefined),
  string: textOf,
};

/** Exact: bigint beyond 2^53. An enumeration's value is an integer. */
function integerOf({ dataType, value }: Typed): number | bigint | undefined {
  switch (dataType) {
    case DataType.SByte:
    case DataType.Byte:
    case DataType.Int16:
    case DataType.UInt16:
    case DataType.Int32:
    case DataType.UInt32:
      return value as number;
    case DataType.Int64:
      return normaliseInteger(BigInt.asIntN(64, join64(value as [number, number])));
    case DataType.UInt64:
      return normaliseInteger(BigInt.asUintN(64, join64(value as [number, number])));
    default:
      return undefined;
  }
}

const join64 = ([high, low]: readonly [number, number]): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);

const firstDateMs = Date.UTC(1601, 0, 1);
const lastDateMs = Date.UTC(9999, 11, 31, 23, 59, 59);
/** NaN for the ends of the scale, which is how OPC UA writes "no date" (OPC 10000-6 5.2.2.5). */
function millisecondsOf(value: unknown): number {
  const ms = (value as Date | null)?.getTime() ?? Number.NaN;
  return ms > firstDateMs && ms < lastDateMs ? ms : Number.NaN;
}

function textOf(typed: Typed, names?: ReadonlyMap<number, string>): string | null | undefined {
  const { dataType } = typed;
  // biome-ignore lint/suspicious/noExplicitAny: as the library decodes it; its type follows from dataType
  const value = typed.value as any;
  switch (dataType) {
    case DataType.String:
    case DataType.XmlElement:
    case DataType.Guid:
      return value ?? '';
    case DataType.LocalizedText:
      return value?.text ?? '';
    case DataType.QualifiedName:
      return value?.name ?? '';
    case DataType.DateTime:
      return Number.isNaN(millisecondsOf(value)) ? null : value.toISOString();
    case DataType.ByteString: {
      const bytes = value as Buffer | null;
      return (bytes?.length ?? 0) * 2 > maxHexDigits ? null : (bytes?.toString('hex') ?? '');
    }
    default: {
      const number = dataType === DataType.Boolean ? Number(value) : integerOf(typed);
      if (!names || number === undefined) return undefined;
      return names.get(Number(number)) ?? null;
    }
  }
}
