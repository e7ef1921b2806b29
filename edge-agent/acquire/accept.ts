/**
 * Acceptance: samples gather for a moment, become a frame for each class that is among them, and are accepted when the
 * buffer has made these durable, all at once (R3). What matters most comes last: a watermark follows what it speaks of.
 * What a crash can take is what gathered since the last frame; what has been accepted has a number and cannot be lost.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { RejectedError } from '../../protocols/errors.ts';
import { encodePayload, maxFrameSamples, toColumns } from '../../protocols/frame.ts';
import { flag, type Sample, type SampleColumns, type TimeUs } from '../../protocols/sample.ts';
import { type Batch, type Buffer, type Chunk, isDiskTrouble, type Keep } from '../buffer/buffer.ts';

export interface AcceptOptions {
  readonly buffer: Pick<Buffer, 'append'>;
  /** Of the manifest that describes the tags; `describedBy` gives another one. */
  readonly manifestRevision: number;
  readonly now: () => TimeUs;
  /** Tags whose newest accepted time must outlive the process; may change. */
  readonly keepsHistory?: ReadonlySet<number>;
  /** What goes first when the buffer is full; everything is `normal` where nobody says so. */
  readonly keepOf?: (tag: number) => Keep;
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

/** A full or failing disk is tried again this often; nothing new is accepted meanwhile. */
const retryMs = 1000;
/** Chunks handed to the buffer and not yet durable. */
const maxUnderWay = 4;

export function startAcceptor(options: AcceptOptions): Acceptor {
  const {
    buffer,
    keepsHistory,
    keepOf,
    intervalMs,
    log,
    giveUp,
    maxSamples = maxFrameSamples,
    maxWaiting = 8 * maxFrameSamples,
  } = options;
  const underWay: { readonly batch: Batch; readonly count: number; readonly done: Promise<Error | undefined> }[] = [];
  const keepApart = createTimeSeparator();
  let { manifestRevision } = options;
  let waiting: Sample[] = [];
  /** What is being written, and how far. */
  let taken: Sample[] = [];
  let takenFrom = 0;
  let accepted = 0;
  /** Samples handed to the buffer. */
  let handed = 0;
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
        const batch = encode(samples);
        underWay.push({ batch, count: samples.length, done: append(batch) });
        handed += samples.length;
        if (underWay.length >= maxUnderWay) await settleOldest();
      }
    } while (waiting.length >= maxSamples);
    while (underWay.length > 0) await settleOldest();
  };

  const encode = (samples: readonly Sample[]): Batch => {
    const newest = new Map<number, TimeUs>();
    const chunks = byClass(samples).flatMap(([keep, some]) => {
      const columns = keepApart(toColumns(some));
      if (keepsHistory?.size) noteNewest(newest, columns, keepsHistory);
      return encodeChunks(keep, columns);
    });
    const watermarks = newest.size > 0 ? [...newest] : undefined;
    return { after: handed, chunks, acceptedAt: options.now(), manifestRevision, watermarks };
  };

  const byClass = (samples: readonly Sample[]): (readonly [Keep, readonly Sample[]])[] => {
    if (!keepOf) return [['normal', samples]];
    const classes = { bulk: [] as Sample[], normal: [] as Sample[], critical: [] as Sample[] };
    for (const sample of samples) classes[keepOf(sample.tag)].push(sample);
    return (Object.entries(classes) as [Keep, Sample[]][]).filter(([, some]) => some.length > 0);
  };

  const append = (batch: Batch): Promise<Error | undefined> =>
    buffer.append(batch).then(
      () => undefined,
      (error: Error) => error,
    );

  /** When an append failed, those after it fail too, so that trying them again in order keeps the order. */
  const settleOldest = async (): Promise<void> => {
    const { batch, count, done } = underWay[0]!;
    let error = await done;
    if (error && isDiskTrouble(error))
      log.warn({ err: error }, 'the buffer takes no samples; sources wait until it does');
    for (let failures = 0; error; failures++) {
      if (!isDiskTrouble(error) || giveUp.aborted) throw error;
      await delay(retryMs, undefined, { signal: giveUp }).catch(() => {});
      error = await append(batch);
      if (error) continue;
      log.info({ failures }, 'the buffer takes samples again');
      for (const [i, next] of underWay.entries()) {
        if (i > 0 && (await next.done)) underWay[i] = { ...next, done: append(next.batch) };
      }
    }
    underWay.shift();
    accepted += count;
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
    waiting.length + taken.length - takenFrom + underWay.reduce((sum, { count }) => sum + count, 0);
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

/** As many as it takes: what is too much for one frame is halved. */
function encodeChunks(keep: Keep, samples: SampleColumns): Chunk[] {
  const count = samples.tags.length;
  try {
    return [{ keep, count, payload: encodePayload(samples) }];
  } catch (error) {
    if (!(error instanceof RejectedError) || count === 1) throw error;
    return [slice(samples, 0, count >> 1), slice(samples, count >> 1, count)].flatMap((half) =>
      encodeChunks(keep, half),
    );
  }
}

/**
 * A store keeps two samples of one tag and one µs apart by their numbers modulo 1000 (R12). While a source repeats a
 * time, every thousandth number gets 1 µs more, before it is accepted; so a clock that stands still loses nothing.
 */
function createTimeSeparator() {
  /** By tag: the time that the source gave last, the time that was kept for it, and the first place that has it. */
  const given: TimeUs[] = [];
  const kept: TimeUs[] = [];
  const since: number[] = [];
  /** Goes with the numbers: those of an epoch are as far apart. */
  let place = 0;
  return (samples: SampleColumns): SampleColumns => {
    const times = new Array<TimeUs>(samples.times.length);
    for (let i = 0; i < times.length; i++, place++) {
      const tag = samples.tags[i]!;
      const time = samples.times[i]!;
      const repeated = time >= given[tag]! && time <= kept[tag]!;
      if (!repeated || place - since[tag]! >= 1000) {
        kept[tag] = repeated ? kept[tag]! + 1 : time;
        since[tag] = place;
      }
      given[tag] = time;
      times[i] = kept[tag]!;
    }
    return { ...samples, times };
  };
}

/** A time that was not believed is not the source's: its history knows nothing of it. */
function noteNewest(
  newest: Map<number, TimeUs>,
  { tags, times, flags }: SampleColumns,
  keepsHistory: ReadonlySet<number>,
): void {
  for (const [i, tag] of tags.entries()) {
    if (!keepsHistory.has(tag) || flags[i]! & flag.clockSuspect) continue;
    if (!(newest.get(tag)! >= times[i]!)) newest.set(tag, times[i]!);
  }
}

const slice = (samples: SampleColumns, from: number, to: number): SampleColumns => ({
  tags: samples.tags.slice(from, to),
  times: samples.times.slice(from, to),
  values: samples.values.slice(from, to),
  qualities: samples.qualities.slice(from, to),
  flags: samples.flags.slice(from, to),
});
