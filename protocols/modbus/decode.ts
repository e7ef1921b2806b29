/** The data of a reply → the value of a tag, with the quality that it has. Pure. */
import { quality, type SampleValue } from '../sample.ts';
import type { Block, PlannedTag } from './plan.ts';
import { isBitTable } from './table.ts';

export interface Decoded {
  readonly value: SampleValue;
  readonly quality: number;
}

/** Bytes of data that the reply to a read of this block carries. */
export const replyBytes = (block: Pick<Block, 'table' | 'count'>): number =>
  isBitTable(block.table) ? Math.ceil(block.count / 8) : block.count * 2;

/** The value of one of the block's tags. `data` is `replyBytes(block)` long. */
export function decodeTag(tag: PlannedTag, block: Block, data: Uint8Array): Decoded {
  const value = tag.decode(data, tag.address - block.address);
  return { value, quality: value === null ? quality.badOutOfRange : quality.good };
}
