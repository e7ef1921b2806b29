/** The agent's buffer under power cuts: what was accepted and not released is there and unchanged, or was given up. */
import { openBufferFile } from '../../edge-agent/buffer/file.ts';
import { openFrame } from '../../protocols/frame.ts';
import { isGap, readGap } from '../../protocols/gap.ts';
import type { PowerCutSubject } from './power-cut.ts';

/** Small enough to be full before the end. */
export const bufferOptions = { maxBytes: 1024 * 1024, replayMs: 20 };

export const bufferSubject: PowerCutSubject = {
  writer: 'power-cut-writer.ts',
  amount: 400,
  async examine(dir, said) {
    const upTo = (word: string) => Math.max(0, ...said.map((line) => Number(line.split(`${word} `)[1] ?? 0)));
    const [accepted, sent, released] = [upTo('accepted'), upTo('sent'), upTo('released')];
    let buffer: ReturnType<typeof openBufferFile>;
    try {
      buffer = openBufferFile({ dir, ...bufferOptions });
    } catch (error) {
      return `it cannot be opened: ${(error as Error).message}`;
    }
    try {
      const { next } = buffer.state();
      if (next <= accepted) return `accepted up to ${accepted}, and the next number is ${next}`;
      let expected = released + 1;
      while (expected <= accepted) {
        const frames = buffer.peek(expected - 1, { frames: 64, bytes: 1024 * 1024 });
        if (frames.length === 0) return `number ${expected} is gone`;
        for (const frame of frames) {
          if (frame.first > expected) return `number ${expected} is gone`;
          expected = frame.last + 1;
          const { header, payload } = openFrame(frame.bytes);
          if (isGap(header)) {
            const { reason } = readGap(payload);
            if (reason !== 'evicted') return `numbers from ${frame.first} are a gap: ${reason}`;
            if (frame.first <= sent && frame.last > released) return `number ${frame.first} was sent, and is given up`;
            continue;
          }
          const text = Buffer.from(frame.bytes.subarray(56)).toString();
          if (!text.startsWith(`${frame.first};${frame.first};`)) return `frame ${frame.first} is changed`;
        }
      }
      return undefined;
    } catch (error) {
      return `it cannot be read: ${(error as Error).message}`;
    } finally {
      buffer.close();
    }
  },
};
