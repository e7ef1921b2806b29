/** The agent's buffer under power cuts: what was accepted and not released is there and unchanged. */
import { openBufferFile } from '../../edge-agent/buffer-file.ts';
import type { PowerCutSubject } from './power-cut.ts';

export const bufferSubject: PowerCutSubject = {
  writer: 'power-cut-writer.ts',
  amount: 400,
  async examine(dir, said) {
    const upTo = (word: string) => Math.max(0, ...said.map((line) => Number(line.split(`${word} `)[1] ?? 0)));
    const [accepted, released] = [upTo('accepted'), upTo('released')];
    let buffer: ReturnType<typeof openBufferFile>;
    try {
      buffer = openBufferFile({ dir, maxBytes: 64 * 1024 * 1024 });
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
          const text = Buffer.from(frame.bytes.subarray(56)).toString();
          if (!text.startsWith(`${frame.first};${frame.first};`)) return `frame ${frame.first} is changed`;
          expected = frame.last + 1;
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
