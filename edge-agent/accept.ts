/**
 * Acceptance: samples gather for a moment, become one frame, and are accepted when the buffer has made it durable (R3).
 * What a crash can take is what gathered since the last frame; what has been accepted has a number and cannot be lost.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { RejectedError } from '../protocols/errors.ts';
import { encodePayload, maxFrameSamples, toColumns } from '../protocols/frame.ts';
import { flag, type Sample, type SampleColumns, type TimeUs } from '../protocols/sample.ts';
import type { Buffer, Chunk } from './buffer.ts';

export interface AcceptOptions {
  readonly buffer: Pick<Buffer, 'append' | 'state'>;
  /** Of the manifest that describes the tags; `describedBy` gives another one. */
  readonly manifestRevision: number;
  readonly now: () => TimeUs;
  /** Tags whose newest accepted time must outlive the process; may change. */
  readonly keepsHistory?: ReadonlySet<number>;
  /** Longest time that a sample waits, ms of wall time. */
  readonly intervalMs: number;
  readonly maxSamples?: number;
  /** Samples that may wait; beyond it `add` waits, and with it the source. */
  readonly maxWaiting?: number;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  /** Ends the waiting for a disk that takes nothing; what was not accepted by then never will be. */
  readonly giveUp: AbortSignal;
  /** Called when numbers have been given out: there is something to forward. */
  readonly onAccepted?: () => void;
}

export interface Acceptor extends AsyncDisposable {
  /** Takes samples in order. Resolves at once unless too many wait. */
  add(samples: readonly Sample[]): Promise<void>;
  /** Frames from now on name this revision. It describes all tags of earlier ones too, retired ones included. */
  describedBy(manifestRevision: number): void;
  /** Resolves when everything added before is accepted, or nothing more will be. */
  flush(): Promise<void>;
  /** Rejects when the buffer fails in a way that waiting does not mend: the process must end and be started anew. */
  readonly failed: Promise<never>;
  readonly waiting: number;
  /** Samples accepted since the start. */
  readonly accepted: number;
}

/** A full disk is tried again this often; nothing new is accepted meanwhile. */
const retryMs = 1000;
/** Chunks handed to the buffer and not yet durable. */
const maxUnderWay = 4;

export function startAcceptor(options: AcceptOptions): Acceptor {
  const {
    buffer,
    keepsHistory,
    intervalMs,
    log,
    giveUp,
    maxSamples = maxFrameSamples,
    maxWaiting = 8 * maxFrameSamples,
  } = options;
  const underWay: { readonly chunk: Chunk; readonly done: Promise<Error | undefined> }[] = [];
  const keepApart = createTimeSeparator();
  let { manifestRevision } = options;
  let waiting: Sample[] = [];
  /** What is being written, and how far. */
  let taken: Sample[] = [];
  let takenFrom = 0;
  let accepted = 0;
  let first = buffer.state().next;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  /** Nothing more will be accepted. */
  let ended = false;
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});

  /** Encodes while the disk is busy with what was encoded before. */
  const write = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    do {
      taken = waiting;
      waiting = [];
      for (takenFrom = 0; takenFrom < taken.length; ) {
        const samples = taken.slice(takenFrom, takenFrom + maxSamples);
        takenFrom += samples.length;
        for (const chunk of encode(keepApart(toColumns(samples), first))) {
          underWay.push({ chunk, done: append(chunk) });
          if (underWay.length >= maxUnderWay) await settleOldest();
        }
      }
    } while (waiting.length >= maxSamples);
    while (underWay.length > 0) await settleOldest();
  };

  function* encode(samples: SampleColumns): Iterable<Chunk> {
    const count = samples.tags.length;
    let payload: Uint8Array;
    try {
      payload = encodePayload(samples);
    } catch (error) {
      if (!(error instanceof RejectedError) || count === 1) throw error;
      yield* encode(slice(samples, 0, count >> 1));
      yield* encode(slice(samples, count >> 1, count));
      return;
    }
    const watermarks = keepsHistory?.size ? watermarksOf(samples, keepsHistory) : undefined;
    yield { first, payload, count, acceptedAt: options.now(), manifestRevision, watermarks };
    first += count;
  }

  const append = (chunk: Chunk): Promise<Error | undefined> =>
    buffer.append(chunk).then(
      () => undefined,
      (error: Error) => error,
    );

  /** When an append failed, those after it fail too, so that trying them again in order keeps the order. */
  const settleOldest = async (): Promise<void> => {
    const { chunk, done } = underWay[0]!;
    let error = await done;
    if (error && isFull(error)) log.warn({ err: error }, 'the buffer takes no samples; sources wait until it does');
    for (let failures = 0; error; failures++) {
      if (!isFull(error) || giveUp.aborted) throw error;
      await delay(retryMs, undefined, { signal: giveUp }).catch(() => {});
      error = await append(chunk);
      if (error) continue;
      log.info({ failures }, 'the buffer takes samples again');
      for (const [i, { chunk: next, done: refused }] of underWay.entries()) {
        if (i > 0 && (await refused)) underWay[i] = { chunk: next, done: append(next) };
      }
    }
    underWay.shift();
    accepted += chunk.count;
    options.onAccepted?.();
  };

  const startWriting = (): Promise<void> => {
    writing ??= write()
      .catch((error) => {
        ended = true;
        if (!giveUp.aborted) failure.reject(error);
      })
      .finally(() => {
        writing = undefined;
        if (waiting.length > 0) schedule();
      });
    return writing;
  };
  const schedule = () => {
    if (ended) return;
    if (waiting.length >= maxSamples) void startWriting();
    else timer ??= setTimeout(() => void startWriting(), intervalMs);
  };
  const countWaiting = () =>
    waiting.length + taken.length - takenFrom + underWay.reduce((sum, { chunk }) => sum + chunk.count, 0);
  const flush = async () => {
    while (!ended && (writing || waiting.length > 0)) await startWriting();
  };

  return {
    async add(samples) {
      for (const sample of samples) waiting.push(sample);
      if (waiting.length > 0 && !writing) schedule();
      while (!ended && countWaiting() > maxWaiting) await startWriting();
    },
    flush,
    describedBy(revision) {
      manifestRevision = revision;
    },
    get waiting() {
      return countWaiting();
    },
    get accepted() {
      return accepted;
    },
    failed: failure.promise,
    [Symbol.asyncDispose]: flush,
  };
}

/**
 * A store keeps two samples of one tag and one µs apart by their numbers modulo 1000 (R12). While a source repeats a
 * time, every thousandth number gets 1 µs more, before it is accepted; so a clock that stands still loses nothing.
 */
function createTimeSeparator() {
  /** By tag: the time that the source gave last, the time that was kept for it, and the first number that has it. */
  const given: TimeUs[] = [];
  const kept: TimeUs[] = [];
  const since: number[] = [];
  return (samples: SampleColumns, first: number): SampleColumns => {
    const times = new Array<TimeUs>(samples.times.length);
    for (let i = 0; i < times.length; i++) {
      const tag = samples.tags[i]!;
      const time = samples.times[i]!;
      const repeated = time >= given[tag]! && time <= kept[tag]!;
      if (!repeated || first + i - since[tag]! >= 1000) {
        kept[tag] = repeated ? kept[tag]! + 1 : time;
        since[tag] = first + i;
      }
      given[tag] = time;
      times[i] = kept[tag]!;
    }
    return { ...samples, times };
  };
}

/** A time that was not believed is not the source's: its history knows nothing of it. */
function watermarksOf({ tags, times, flags }: SampleColumns, keepsHistory: ReadonlySet<number>): [number, TimeUs][] {
  const newest = new Map<number, TimeUs>();
  for (const [i, tag] of tags.entries()) {
    if (!keepsHistory.has(tag) || flags[i]! & flag.clockSuspect) continue;
    if (!(newest.get(tag)! >= times[i]!)) newest.set(tag, times[i]!);
  }
  return [...newest];
}

const slice = (samples: SampleColumns, from: number, to: number): SampleColumns => ({
  tags: samples.tags.slice(from, to),
  times: samples.times.slice(from, to),
  values: samples.values.slice(from, to),
  qualities: samples.qualities.slice(from, to),
  flags: samples.flags.slice(from, to),
});

/** A full disk, or the quota: releasing what the hub has taken makes room. Other errors of a disk are not waited out. */
const isFull = (error: Error & { code?: string }): boolean => error.code === 'SQLITE_FULL' || error.code === 'ENOSPC';
