/** A DataValue as a person wants to see it who asks for one node: what a sample would hold, and all of it as text. Pure. */
import { DataType, type DataValue, type Variant, VariantArrayType } from 'node-opcua-client';
import type { Inspection, InspectRequest } from '../inspect.ts';
import { isBad, type TagType, type TimeUs } from '../sample.ts';
import { toTimeUs } from './time.ts';
import { measuredOf } from './value.ts';

const maxTextLength = 4096;
const maxDepth = 6;

export function inspectionOf(
  dataValue: DataValue,
  { index, field }: InspectRequest & { kind: 'opcua' },
  readAt: TimeUs,
): Inspection & { kind: 'opcua' } {
  const status = dataValue.statusCode.value;
  const wanted = { index: index?.split(',').map(Number), field: field?.split('.') };
  // The first type that it fits: a float would fit for integers, and lose what makes them exact.
  const types: readonly TagType[] = ['bool', 'int', 'float', 'string'];
  const isDate = dataValue.value?.dataType === DataType.DateTime;
  const values = (isDate ? (['string'] as const) : types).map(
    (type) => measuredOf(dataValue, { type, ...wanted }).value,
  );
  return {
    kind: 'opcua',
    dataType: DataType[dataValue.value?.dataType ?? DataType.Null],
    value: isBad(status) ? null : (values.find((value) => value !== null) ?? null),
    text: variantText(dataValue.value, maxTextLength),
    status,
    sourceTime: toTimeUs(dataValue.sourceTimestamp, dataValue.sourcePicoseconds),
    serverTime: toTimeUs(dataValue.serverTimestamp, dataValue.serverPicoseconds),
    readAt,
  };
}

/** Arrays and structures too; cut with … */
export function variantText(variant: Variant | null | undefined, maxLength: number): string {
  if (!variant || variant.dataType === DataType.Null) return '';
  const { dataType, arrayType, value } = variant;
  const text =
    arrayType === VariantArrayType.Scalar ? scalarText(dataType, value) : listText(dataType, value ?? [], maxLength);
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}

/** No more elements than can be seen. */
const listText = (dataType: DataType, elements: ArrayLike<unknown>, maxLength: number): string =>
  `[${Array.from({ length: Math.min(elements.length, maxLength) }, (_, i) => scalarText(dataType, elements[i])).join(', ')}]`;

function scalarText(dataType: DataType, value: unknown): string {
  if (value === null || value === undefined) return '';
  switch (dataType) {
    case DataType.Int64:
    case DataType.UInt64: {
      const [high, low] = value as [number, number];
      const bits = (BigInt(high) << 32n) | BigInt(low >>> 0);
      return String(dataType === DataType.Int64 ? BigInt.asIntN(64, bits) : BigInt.asUintN(64, bits));
    }
    case DataType.Float:
      return String(Number((value as number).toPrecision(7)));
    default:
      return plainText(value, 0);
  }
}

function plainText(value: unknown, depth: number): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '' : value.toISOString();
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (typeof value !== 'object') return String(value);
  if (depth > maxDepth) return '…';
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return `[${Array.from(value as ArrayLike<unknown>, (element) => plainText(element, depth + 1)).join(', ')}]`;
  }
  // LocalizedText and QualifiedName.
  if ('text' in value && 'locale' in value) return String(value.text ?? '');
  if ('namespaceIndex' in value && 'name' in value) return String(value.name ?? '');
  if ('identifierType' in value || value.constructor?.name === 'StatusCode') return String(value);
  const { schema } = value as { schema?: { fields?: readonly { name: string }[] } };
  const names = schema?.fields?.map(({ name }) => name) ?? Object.keys(value);
  const fields = value as Record<string, unknown>;
  return `{${names.map((name) => `${name}: ${plainText(fields[name], depth + 1)}`).join(', ')}}`;
}
