/**
 * Reads one planned block. Where the device refuses the block, it is halved until the refused tags stand alone; the
 * pieces are remembered, so that one wrong address costs its own tag only, and a few requests every five minutes.
 */
import { quality, type SampleValue, type TimeUs } from '../sample.ts';
import { decodeTag } from './decode.ts';
import { isRefusedAddress, qualityOfException } from './exceptions.ts';
import { type Block, type PlannedTag, splitBlock } from './plan.ts';
import type { Unit } from './unit.ts';

export type Report = (tag: PlannedTag, value: SampleValue, quality: number, time: TimeUs) => void;

export interface BlockReader {
  /** Reports every tag of the block once. @throws {ConnectionError} */
  read(report: Report): Promise<void>;
}

interface Part {
  readonly block: Block;
  /** The quality with which the device refuses it; it is not asked again. */
  readonly refused?: number;
}

/** After this the whole block is tried again: a device that was starting up, or was reprogrammed, has healed. */
const rejoinAfterMs = 300_000;

export function createBlockReader(unit: Unit, whole: Block, now: () => TimeUs): BlockReader {
  let parts: Part[] = [{ block: whole }];
  let splitAtMs = 0;

  return {
    async read(report) {
      if (performance.now() - splitAtMs >= rejoinAfterMs) parts = [{ block: whole }];
      const next: Part[] = [];
      for (const pending = [...parts]; pending.length > 0; ) {
        const part = pending.shift()!;
        const { block, refused } = part;
        const reportBad = (code: number, time: TimeUs) => {
          for (const tag of block.tags) report(tag, null, code, time);
        };
        if (refused !== undefined) {
          reportBad(refused, now());
          next.push(part);
          continue;
        }

        const answer = await unit.ask(block);
        if (answer.kind === 'exception' && isRefusedAddress(answer.code)) {
          if (parts.length === 1) splitAtMs = performance.now();
          const halves = splitBlock(block);
          if (halves) {
            pending.unshift({ block: halves[0] }, { block: halves[1] });
          } else {
            const code = qualityOfException(answer.code);
            reportBad(code, answer.time);
            next.push({ block, refused: code });
          }
          continue;
        }

        next.push(part);
        if (answer.kind === 'exception') reportBad(qualityOfException(answer.code), answer.time);
        else if (answer.kind === 'silence') reportBad(quality.badTimeout, answer.time);
        else if (answer.kind === 'garbage') reportBad(quality.badCommunicationError, answer.time);
        else {
          for (const tag of block.tags) {
            const decoded = decodeTag(tag, block, answer.data);
            report(tag, decoded.value, decoded.quality, answer.time);
          }
        }
      }
      parts = next;
    },
  };
}
