/**
 * What of an import is taken, as frames: numbered once, durable before the first of them is stored, and kept, so that a
 * crash or a store that was set back gets the same numbers with the same content again.
 */
import { open } from 'node:fs/promises';
import { RejectedError } from '../../protocols/errors.ts';
import {
  encodePayload,
  type FrameHeader,
  frameHeaderBytes,
  maxFrameBytes,
  openFrame,
  sealFrame,
} from '../../protocols/frame.ts';
import type { SampleColumns, SampleValue, TimeUs } from '../../protocols/sample.ts';

export interface FramesWriter extends AsyncDisposable {
  add(tag: number, time: TimeUs, value: SampleValue, quality: number, flags: number): void;
  /** Writes whole frames; called now and then. `all`: what comes next is of another time, and of another frame. */
  flush(all?: boolean): Promise<void>;
  /** Writes the rest, durable. @returns how many samples there are. */
  end(): Promise<number>;
}

const samplesPerFrame = 4096;

interface Columns extends SampleColumns {
  readonly tags: number[];
  readonly times: number[];
  readonly values: SampleValue[];
  readonly qualities: number[];
  readonly flags: number[];
}

const none = (): Columns => ({ tags: [], times: [], values: [], qualities: [], flags: [] });

export async function openFramesWriter(path: string, epoch: string, acceptedAt: TimeUs): Promise<FramesWriter> {
  const file = await open(path, 'w', 0o600);
  let next = 1;
  let columns = none();

  const write = async (samples: SampleColumns): Promise<void> => {
    const count = samples.tags.length;
    if (count === 0) return;
    const payload = payloadOf(samples);
    if (!payload) {
      await write(cut(samples, 0, count >> 1));
      return write(cut(samples, count >> 1, count));
    }
    await file.write(sealFrame({ epoch, first: next, count, acceptedAt, manifestRevision: 1 }, payload));
    next += count;
  };
  const flush = async (least: number): Promise<void> => {
    while (columns.tags.length >= least && columns.tags.length > 0) {
      const frame = cut(columns, 0, samplesPerFrame);
      columns = cut(columns, samplesPerFrame, columns.tags.length);
      await write(frame);
    }
  };
  return {
    add(tag, time, value, quality, flags) {
      columns.tags.push(tag);
      columns.times.push(time);
      columns.values.push(value);
      columns.qualities.push(quality);
      columns.flags.push(flags);
    },
    flush: (all = false) => flush(all ? 1 : samplesPerFrame),
    async end() {
      await flush(1);
      await file.sync();
      return next - 1;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** undefined: too much for one frame. */
function payloadOf(samples: SampleColumns): Buffer | undefined {
  try {
    return encodePayload(samples);
  } catch (error) {
    if (error instanceof RejectedError && error.reason === 'length' && samples.tags.length > 1) return undefined;
    throw error;
  }
}

const cut = ({ tags, times, values, qualities, flags }: SampleColumns, from: number, to: number): Columns => ({
  tags: tags.slice(from, to),
  times: times.slice(from, to),
  values: values.slice(from, to),
  qualities: qualities.slice(from, to),
  flags: flags.slice(from, to),
});

export interface StoredFrame {
  readonly header: FrameHeader;
  readonly payload: Buffer;
}

/** Those that reach beyond a number, ascending. @throws {RejectedError} the file is damaged. */
export async function* readFrames(path: string, after: number): AsyncGenerator<StoredFrame> {
  await using file = await open(path);
  const head = Buffer.alloc(frameHeaderBytes);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(head, 0, frameHeaderBytes, at);
    if (bytesRead === 0) return;
    const length = bytesRead < frameHeaderBytes ? 0 : frameHeaderBytes + head.readUInt32LE(48);
    if (length === 0 || length > maxFrameBytes) throw damaged(path, at);
    const last = Number(head.readBigUInt64LE(24)) + head.readUInt32LE(40) - 1;
    if (last > after) {
      const frame = Buffer.alloc(length);
      if ((await file.read(frame, 0, length, at)).bytesRead < length) throw damaged(path, at);
      yield openFrame(frame);
    }
    at += length;
  }
}

const damaged = (path: string, at: number): RejectedError =>
  new RejectedError(`${path} is damaged at byte ${at}`, { reason: 'length' });
