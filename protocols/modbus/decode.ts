/** The data of a reply → samples of the tags that stand in it. Pure. */
import { flag, quality, type Sample } from '../sample.ts';
import type { ReadPart } from './block-reader.ts';

/** Adds a sample of each tag of the block. Its data are as long as `replyBytes` says. */
export function decodeInto(samples: Sample[], { block, time, data, quality: ofAll }: ReadPart): void {
  for (const { id: tag, address, decode } of block.tags) {
    const value = data ? decode(data, address - block.address) : null;
    const ofTag = data ? (value === null ? quality.badOutOfRange : quality.good) : ofAll;
    // Modbus carries no times.
    samples.push({ tag, time, value, quality: ofTag, flags: flag.timeFromGateway });
  }
}
