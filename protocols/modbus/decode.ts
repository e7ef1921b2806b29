/** Registers and bits → values. Pure; what byte orders mean is said in config.ts. */
import { normaliseInteger, quality, type SampleValue, shortestFloat32 } from '../sample.ts';
import { isBitTable } from './config.ts';
import type { Block, PlannedTag } from './plan.ts';

export interface Decoded {
  readonly value: SampleValue;
  readonly quality: number;
}

/** Bytes of data that the reply to a read of this block carries. */
export const replyBytes = (block: Block): number =>
  isBitTable(block.table) ? Math.ceil(block.count / 8) : block.count * 2;

/** The value of one of the block's tags. `data` is `replyBytes(block)` long. */
export function decodeTag(tag: PlannedTag, block: Block, data: Uint8Array): Decoded {
  const index = tag.address - block.address;
  // Modbus 6.1: the first bit asked for is the least significant of the first byte.
  if (isBitTable(tag.table)) return { value: ((data[index >> 3]! >> (index & 7)) & 1) === 1, quality: quality.good };

  const raw = rawValue(tag, mostSignificantFirst(data.subarray(index * 2, (index + tag.size) * 2), tag));
  const value = typeof raw === 'boolean' ? raw : scaled(raw, tag);
  if (typeof value === 'number' && !Number.isFinite(value)) return { value: null, quality: quality.badOutOfRange };
  return { value, quality: quality.good };
}

function mostSignificantFirst(wire: Uint8Array, { byteOrder }: PlannedTag): DataView {
  const lastWordFirst = byteOrder === 'CDAB' || byteOrder === 'DCBA';
  const swapped = byteOrder === 'BADC' || byteOrder === 'DCBA';
  const bytes = new Uint8Array(wire.length);
  for (let i = 0; i < wire.length; i++) {
    const word = lastWordFirst ? wire.length - 2 - (i & ~1) : i & ~1;
    bytes[i] = wire[word + (swapped ? 1 - (i & 1) : i & 1)]!;
  }
  return new DataView(bytes.buffer);
}

function rawValue(tag: PlannedTag, view: DataView): number | bigint | boolean {
  switch (tag.format) {
    case 'bit':
      return ((view.getUint16(0) >> tag.bit) & 1) === 1;
    case 'uint16':
      return view.getUint16(0);
    case 'int16':
      return view.getInt16(0);
    case 'uint32':
      return view.getUint32(0);
    case 'int32':
      return view.getInt32(0);
    case 'float32':
      return shortestFloat32(view.getFloat32(0));
    case 'uint64':
      return normaliseInteger(view.getBigUint64(0));
    case 'int64':
      return normaliseInteger(view.getBigInt64(0));
    case 'float64':
      return view.getFloat64(0);
  }
}

function scaled(raw: number | bigint, { scale, offset }: PlannedTag): number | bigint {
  if (scale === undefined && offset === undefined) return raw;
  return multiply(Number(raw), scale ?? 1) + (offset ?? 0);
}

/** A scale like 0.1 is no double, its reciprocal is: 3 / 10 is 0.3 where 3 × 0.1 is 0.30000000000000004. */
function multiply(value: number, scale: number): number {
  const divisor = Math.round(1 / scale);
  return Math.abs(scale) < 1 && 1 / divisor === scale ? value / divisor : value * scale;
}
