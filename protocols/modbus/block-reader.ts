/**
 * Reads one planned block. Where the device refuses the block, or is silent about it and not otherwise, it is halved until
 * the wrong tags stand alone; the pieces are remembered, so that one wrong address costs its own tag only.
 */
import { quality, type TimeUs } from '../sample.ts';
import type { RequestTiming } from './connection.ts';
import { isRefusedAddress, qualityOfException } from './exceptions.ts';
import { type Block, splitBlock } from './plan.ts';
import type { Answer, Unit } from './unit.ts';

/** What came of a block or of a piece of it: the data of its registers, or the quality of all its tags. */
export interface ReadPart {
  readonly unit: number;
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

/**
 * After this the whole block is tried again, each time after twice as long: a device that refuses while it starts is read
 * soon after it has. Where it was silent, that costs a timeout.
 */
const rejoinMs = { refusal: { first: 1000, longest: 300_000 }, silence: { first: 60_000, longest: 600_000 } };

export interface BlockReaderOptions {
  readonly unit: Unit;
  readonly timing: RequestTiming;
  readonly now: () => TimeUs;
}

export function createBlockReader(whole: Block, { unit, timing, now }: BlockReaderOptions): BlockReader {
  let parts: Part[] = [{ block: whole }];
  let rejoinAtMs = 0;
  let rejoins = 0;

  function rejoinLater(why: keyof typeof rejoinMs): void {
    const { first, longest } = rejoinMs[why];
    rejoinAtMs = performance.now() + Math.min(first * 2 ** rejoins++, longest);
  }

  return {
    async read() {
      const before = parts;
      const isPieced = before.length > 1 || before[0]!.refused !== undefined;
      const isRejoining = isPieced && performance.now() >= rejoinAtMs;
      const next: Part[] = [];
      const results: ReadPart[] = [];
      for (const pending = isRejoining ? [{ block: whole }] : [...before]; pending.length > 0; ) {
        const part: Part = pending.shift()!;
        const { block, refused } = part;
        if (refused !== undefined) {
          results.push({ unit: unit.id, block, time: now(), quality: refused });
          next.push(part);
          continue;
        }
        const answer = await unit.ask(block, timing);
        const { time } = answer;
        if (answer.kind === 'data') {
          if (block === whole) rejoins = 0;
          results.push({ unit: unit.id, block, time, data: answer.data, quality: quality.good });
          next.push(part);
          continue;
        }
        if (answer.kind === 'exception' && isRefusedAddress(answer.code)) {
          if (block === whole) rejoinLater('refusal');
          const halves = splitBlock(block);
          if (halves) {
            pending.unshift(...halves.map((half) => ({ block: half })));
            continue;
          }
          results.push({ unit: unit.id, block, time, quality: qualityOf(answer) });
          next.push({ block, refused: qualityOf(answer) });
          continue;
        }
        if (block === whole && isRejoining) {
          if (answer.failures > 0) rejoinLater('silence');
          pending.push(...before);
          continue;
        }
        results.push({ unit: unit.id, block, time, quality: qualityOf(answer) });
        // A single time may be noise. A unit that says nothing at all is away, or the block is all that it is asked for.
        const isOfAddress = answer.failures > 1 && (unit.isAnswering || block === whole);
        const halves = isOfAddress ? splitBlock(block) : undefined;
        if (halves && block === whole) rejoinLater('silence');
        next.push(...(halves ? halves.map((half) => ({ block: half })) : [part]));
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
    case 'unasked':
      return quality.badWaitingForInitialData;
    case 'closed':
      return quality.badNotConnected;
    case 'garbage':
      return quality.badCommunicationError;
  }
}
