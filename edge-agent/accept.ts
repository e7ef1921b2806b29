/**
 * Acceptance: samples gather for a moment, become one frame, and are accepted when the buffer has made it durable (R3).
 * What a crash can take is what gathered since the last frame; what has been accepted has a number and cannot be lost.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { encodePayload, frameHeaderBytes, maxFrameBytes, maxFrameSamples, toColumns } from '../protocols/frame.ts';
import type { Sample, SampleColumns, TimeUs } from '../protocols/sample.ts';
import type { Buffer } from './buffer.ts';

export interface AcceptOptions {
  readonly buffer: Pick<Buffer, 'append' | 'state'>;
  readonly manifestRevision: number;
  readonly now: () => TimeUs;
  /** Longest time that a sample waits, ms of wall time. */
  readonly intervalMs: number;
  readonly maxSamples?: number;
  /** Samples that may wait; beyond it `add` waits, and with it the source. */
  readonly maxWaiting?: number;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  /** Called when numbers have been given out: there is something to forward. */
  readonly onAccepted?: () => void;
}

export interface Acceptor extends AsyncDisposable {
  /** Takes samples in order. Resolves at once unless too many wait. */
  add(samples: readonly Sample[]): Promise<void>;
  /** Resolves when everything added before is accepted. */
  flush(): Promise<void>;
  readonly waiting: number;
  /** Samples accepted since the start. */
  readonly accepted: number;
}

/** A failing disk is tried again this often; nothing new is accepted meanwhile. */
const retryMs = 1000;

export function startAcceptor(options: AcceptOptions): Acceptor {
  const { buffer, intervalMs, maxSamples = maxFrameSamples, maxWaiting = 8 * maxFrameSamples } = options;
  let waiting: Sample[] = [];
  let accepted = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let disposed = false;
  const keepApart = createTimeSeparator();

  const write = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    while (waiting.length > 0) {
      const samples = waiting.length > maxSamples ? waiting.slice(0, maxSamples) : waiting;
      waiting = samples === waiting ? [] : waiting.slice(maxSamples);
      await accept(toColumns(samples));
      options.onAccepted?.();
      if (waiting.length < maxSamples) break;
    }
  };

  const accept = async (samples: SampleColumns): Promise<void> => {
    const count = samples.tags.length;
    const columns = { ...samples, times: keepApart(samples, buffer.state().next) };
    const payload = encodePayload(columns);
    if (payload.length + frameHeaderBytes > maxFrameBytes && count > 1) {
      const half = count >> 1;
      await accept(slice(samples, 0, half));
      return accept(slice(samples, half, count));
    }
    for (let failures = 0; ; failures++) {
      try {
        const { acceptedAt, manifestRevision } = {
          acceptedAt: options.now(),
          manifestRevision: options.manifestRevision,
        };
        await buffer.append({ payload, count, acceptedAt, manifestRevision });
        if (failures > 0) options.log.info({ failures }, 'the buffer takes samples again');
        accepted += count;
        return;
      } catch (error) {
        if (disposed) throw error;
        if (failures === 0) options.log.warn({ err: error }, 'the buffer takes no samples; sources wait until it does');
        await delay(retryMs);
      }
    }
  };

  const startWriting = (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = undefined;
      if (waiting.length > 0) schedule();
    });
    return writing;
  };
  const schedule = () => {
    if (waiting.length >= maxSamples) void startWriting().catch(() => {});
    else timer ??= setTimeout(() => void startWriting().catch(() => {}), intervalMs);
  };
  const flush = async () => {
    while (writing || waiting.length > 0) await startWriting();
  };

  return {
    async add(samples) {
      for (const sample of samples) waiting.push(sample);
      if (waiting.length > 0 && !writing) schedule();
      while (waiting.length > maxWaiting) await startWriting();
    },
    flush,
    get waiting() {
      return waiting.length;
    },
    get accepted() {
      return accepted;
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      await flush();
    },
  };
}

/**
 * A store keeps two samples of one tag and one µs apart by their numbers modulo 1000 (R12). Where even those are
 * equal, the later sample gets 1 µs more, before it is accepted.
 */
function createTimeSeparator() {
  const lastTime: TimeUs[] = [];
  const lastNumber: number[] = [];
  return (samples: SampleColumns, first: number): TimeUs[] => {
    const times = new Array<TimeUs>(samples.times.length);
    for (let i = 0; i < times.length; i++) {
      const tag = samples.tags[i]!;
      const number = first + i;
      let time = samples.times[i]!;
      if (time === lastTime[tag] && (number - lastNumber[tag]!) % 1000 === 0) time += 1;
      times[i] = lastTime[tag] = time;
      lastNumber[tag] = number;
    }
    return times;
  };
}

const slice = (samples: SampleColumns, from: number, to: number): SampleColumns => ({
  tags: samples.tags.slice(from, to),
  times: samples.times.slice(from, to),
  values: samples.values.slice(from, to),
  qualities: samples.qualities.slice(from, to),
  flags: samples.flags.slice(from, to),
});
