/** The value and quality of an OPC UA DataValue as those of a sample. Nothing is converted to the tag's declared type. */
import { DataType, type DataValue, type Variant, VariantArrayType } from 'node-opcua-client';
import { isBad, normaliseInteger, quality, type SampleValue, shortestFloat32 } from '../sample.ts';

export interface Measured {
  readonly value: SampleValue;
  readonly quality: number;
  /** The server's queue overflowed: values before this one are lost. */
  readonly overflow: boolean;
}

/** InfoType DataValue together with the Overflow bit (OPC 10000-4 7.39.1). */
const overflowBits = 0x480;
/** Severity and sub-code. The flag and info bits below would make one status many. */
const statusMask = 0xffff0000;

export function measuredOf(dataValue: DataValue): Measured {
  const code = dataValue.statusCode.value;
  const status = (code & statusMask) >>> 0;
  const overflow = (code & overflowBits) === overflowBits;
  if (isBad(status)) return { value: null, quality: status, overflow };
  const value = scalarOf(dataValue.value);
  if (value === undefined) return { value: null, quality: quality.badTypeMismatch, overflow };
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { value: null, quality: quality.badOutOfRange, overflow };
  }
  return { value, quality: status, overflow };
}

/** undefined for null, arrays, structures and other types that a sample cannot hold. */
function scalarOf(variant: Variant | null | undefined): Exclude<SampleValue, null> | undefined {
  if (!variant || variant.arrayType !== VariantArrayType.Scalar) return undefined;
  const { value } = variant;
  switch (variant.dataType) {
    case DataType.Boolean:
    case DataType.SByte:
    case DataType.Byte:
    case DataType.Int16:
    case DataType.UInt16:
    case DataType.Int32: // and enumerations
    case DataType.UInt32:
    case DataType.Double:
      return value;
    case DataType.Float:
      return shortestFloat32(value);
    case DataType.Int64:
      return normaliseInteger(BigInt.asIntN(64, join64(value)));
    case DataType.UInt64:
      return normaliseInteger(BigInt.asUintN(64, join64(value)));
    case DataType.String:
    case DataType.Guid:
      return value ?? '';
    case DataType.LocalizedText:
      return value?.text ?? '';
    case DataType.DateTime:
      return value?.toISOString();
    default:
      return undefined;
  }
}

const join64 = ([high, low]: readonly [number, number]): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);
