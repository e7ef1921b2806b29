/** A field of a structure (OPC 10000-3 8.50), as the library has decoded it with the types that the server describes. */
import { DataType, type Variant } from 'node-opcua-client';
import { quality } from '../sample.ts';
import { status } from './status.ts';

/** A value without its quality: of the data type that the server gave it. */
export interface Typed {
  readonly dataType: DataType;
  readonly value: unknown;
}

interface FieldSchema {
  /** As the library calls it: the first letter is small. */
  readonly name: string;
  readonly originalName?: string;
  readonly fieldType: string;
  readonly category?: string;
}
interface Decoded {
  readonly schema?: {
    readonly fields: readonly FieldSchema[];
    readonly baseType?: string;
    getBaseSchema?(): Decoded['schema'];
  };
  readonly [name: string]: unknown;
}

/** @returns a status where there is no such field, or the structure is of a type that the server does not describe. */
export function fieldOf(found: Typed, path: readonly string[]): Typed | number {
  let current: Typed = found;
  for (const name of path) {
    const next = step(current, name);
    if (typeof next === 'number') return next;
    // An optional field may be absent, and of a union all but one are (OPC 10000-3 8.50).
    if (next.value === undefined) return status.badNoMatch;
    current = next;
  }
  // A structure as such, or a whole array, is no value.
  return current.dataType === DataType.ExtensionObject || (Array.isArray(current.value) && !isInteger64(current))
    ? quality.badTypeMismatch
    : current;
}

function step(current: Typed, name: string): Typed | number {
  const { value } = current;
  if (ArrayBuffer.isView(value) || (Array.isArray(value) && !isInteger64(current))) {
    const elements = value as ArrayLike<unknown>;
    if (!/^\d+$/.test(name)) return quality.badTypeMismatch;
    return Number(name) < elements.length
      ? unwrap(current.dataType, elements[Number(name)])
      : status.badIndexRangeNoData;
  }
  if (current.dataType !== DataType.ExtensionObject || !value) return quality.badTypeMismatch;
  const object = value as Decoded;
  if (!object.schema || isOpaque(object)) return status.badDecodingError;
  for (let schema: Decoded['schema'] = object.schema; schema; schema = schema.getBaseSchema?.()) {
    const field = schema.fields.find((field) => field.name === name || field.originalName === name);
    if (field) return unwrap(dataTypeOf(field), object[field.name]);
  }
  return status.badNoMatch;
}

/** Fields of any type come with their own. */
function unwrap(dataType: DataType, value: unknown): Typed {
  const variant = value as Variant | null;
  if (dataType === DataType.Variant && variant) return { dataType: variant.dataType, value: variant.value };
  return { dataType, value };
}

function dataTypeOf({ fieldType, category }: FieldSchema): DataType {
  if (category === 'enumeration') return DataType.Int32;
  if (category === 'complex') return DataType.ExtensionObject;
  return DataType[fieldType as keyof typeof DataType] ?? subtypes[fieldType] ?? DataType.ExtensionObject;
}

/** Names that structures of the standard use for a built-in type (OPC 10000-3 8). */
const subtypes: Record<string, DataType> = {
  Duration: DataType.Double,
  UtcTime: DataType.DateTime,
  LocaleId: DataType.String,
  NumericRange: DataType.String,
  Counter: DataType.UInt32,
  Integer: DataType.Int64,
  Number: DataType.Double,
};

const isInteger64 = ({ dataType, value }: Typed): boolean =>
  (dataType === DataType.Int64 || dataType === DataType.UInt64) &&
  Array.isArray(value) &&
  value.length === 2 &&
  typeof value[0] === 'number';

/** What the library could not decode it leaves as bytes. */
const isOpaque = (object: Decoded): boolean => 'buffer' in object && 'nodeId' in object;
