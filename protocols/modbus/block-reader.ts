/**
 * Reads one planned block. Where the device refuses the block, it is halved until the refused tags stand alone; the
 * pieces are remembered, so that one wrong address costs its own tag only, and a few requests every five minutes.
 */
import { quality, type TimeUs } from '../sample.ts';
import type { RequestTiming } from './connection.ts';
import { isRefusedAddress, qualityOfException } from './exceptions.ts';
import { type Block, splitBlock } from './plan.ts';
import type { Answer, Unit } from './unit.ts';

/** What came of a block or of a piece of it: the data of its registers, or the quality of all its tags. */
export interface ReadPart {
  readonly block: Block;
  readonly time: TimeUs;
  readonly data?: Uint8Array;
  readonly quality: number;
}

export interface BlockReader {
  /** Every tag of the block is in one part. @throws {ConnectionError} */
  read(): Promise<ReadPart[]>;
}

interface Part {
  readonly block: Block;
  /** The quality with which the device refuses it; it is not asked again. */
  readonly refused?: number;
}

/** After this the whole block is tried again: a device that was starting up, or was reprogrammed, has healed. */
const rejoinAfterMs = 300_000;

export interface BlockReaderOptions {
  readonly unit: Unit;
  readonly timing: RequestTiming;
  readonly now: () => TimeUs;
}

export function createBlockReader(whole: Block, { unit, timing, now }: BlockReaderOptions): BlockReader {
  let parts: Part[] = [{ block: whole }];
  let splitAtMs = 0;

  return {
    async read() {
      if (performance.now() - splitAtMs >= rejoinAfterMs) parts = [{ block: whole }];
      const next: Part[] = [];
      const results: ReadPart[] = [];
      for (const pending = [...parts]; pending.length > 0; ) {
        const part = pending.shift()!;
        const { block, refused } = part;
        if (refused !== undefined) {
          results.push({ block, time: now(), quality: refused });
          next.push(part);
          continue;
        }
        const answer = await unit.ask(block, timing);
        const { time } = answer;
        if (answer.kind === 'exception' && isRefusedAddress(answer.code)) {
          if (parts.length === 1) splitAtMs = performance.now();
          const halves = splitBlock(block);
          if (halves) {
            pending.unshift({ block: halves[0] }, { block: halves[1] });
            continue;
          }
          next.push({ block, refused: qualityOfException(answer.code) });
        } else next.push(part);
        if (answer.kind === 'data') results.push({ block, time, data: answer.data, quality: quality.good });
        else results.push({ block, time, quality: qualityOf(answer) });
      }
      parts = next;
      return results;
    },
  };
}

function qualityOf(answer: Exclude<Answer, { kind: 'data' }>): number {
  switch (answer.kind) {
    case 'exception':
      return qualityOfException(answer.code);
    case 'silence':
      return quality.badTimeout;
    case 'garbage':
      return quality.badCommunicationError;
  }
}
