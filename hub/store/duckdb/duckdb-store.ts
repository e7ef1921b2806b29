/**
 * The embedded store: DuckDB in the hub's process, a file per period of arrival. Exactly-once rests on one fact: the
 * mark of a stream is the highest number of its rows, so rows and mark commit or vanish together, and whatever is at or
 * below the mark is skipped. After any error nothing is acknowledged; the files are opened anew and the marks read again.
 */
import { mkdir } from 'node:fs/promises';
import type { DuckDBAppender } from '@duckdb/node-api';
import { type Clock, systemClock } from '../../../protocols/clock.ts';
import { ConfigError, ConnectionError } from '../../../protocols/errors.ts';
import type { StoreLog } from '../log.ts';
import type { StoreAccount, StoreBatch, StoreHealth, StoreRejection, TelemetryStore } from '../store.ts';
import { append } from './append.ts';
import { isPassing } from './damage.ts';
import { createGate } from './gate.ts';
import { forgetGone } from './gone.ts';
import { missing, nothingHeld } from './held.ts';
import { countNumbers, firstAmong, samplesByNumber } from './read-numbers.ts';
import { readSeries } from './read-series.ts';
import { retainSegments } from './retain.ts';
import { extend, rowsOf } from './segment.ts';
import { openSegments, type Segments } from './segments.ts';
import { openSession, type Session } from './session.ts';
import { takeFolder } from './version.ts';

export interface DuckdbStoreOptions {
  /** Belongs to this store alone; made when missing. */
  readonly dir: string;
  /** DuckDB's own memory; the process needs about 100 MB beside it. */
  readonly memoryLimitMb?: number;
  /** 1 or 2. */
  readonly threads?: number;
  /** A segment is sealed when it has so many rows, or is so old; DuckDB's memory grows with both. */
  readonly maxSegmentRows?: number;
  readonly segmentMs?: number;
  /** DuckDB's log is merged into the segment when it is longer. */
  readonly longestLogBytes?: number;
  readonly clock?: Clock;
  readonly log: StoreLog;
}

const readersAtOnce = 2;
const maxWaiting = 1000;

/** From one opening of the files to the next. */
interface Life {
  readonly session: Session;
  readonly segments: Segments;
  appender: DuckDBAppender;
}

/**
 * A machine that has no space, memory or files left just now, or whose disk fails, is waited out: `health()` says so.
 * @throws {ConfigError} the folder cannot be used: no right, another process has it, or a newer program has changed it.
 */
export async function openDuckdbStore(options: DuckdbStoreOptions): Promise<TelemetryStore> {
  const { dir, memoryLimitMb = 256, threads = 2, clock = systemClock, log } = options;
  const { maxSegmentRows = 10_000_000, segmentMs = 86_400_000, longestLogBytes = 16 * 1024 * 1024 } = options;
  const readers = createGate({ places: readersAtOnce, maxWaiting });
  const writers = createGate({ places: 1, maxWaiting });
  let health: StoreHealth = { ok: true };
  let closed = false;
  let life: Life | undefined = await begin().catch((cause) => {
    if (isPassing(cause)) {
      health = cannotBeOpened(cause);
      return undefined;
    }
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`the store in ${dir} cannot be opened: ${messageOf(cause)}`, {
      path: dir,
      hint: 'Check that the folder can be written, and that no other hub is running on it.',
      cause,
    });
  });

  async function begin(): Promise<Life> {
    await mkdir(dir, { recursive: true });
    await takeFolder(dir);
    const session = await openSession({ dir, memoryLimitMb, threads });
    try {
      const segments = await openSegments(session, { dir, clock, log, longestLogBytes, segmentMs });
      return { session, segments, appender: await appenderOf(session, segments) };
    } catch (error) {
      session.close();
      throw error;
    }
  }

  function cannotBeOpened(cause: unknown) {
    const reason = `the store cannot be opened: ${messageOf(cause)}`;
    if (health.ok) log.error({ err: cause, alarm: 'STORE_FAILED' }, reason);
    return { ok: false, reason } as const;
  }

  /** The files as they are open, or opened anew. */
  async function alive(): Promise<Life> {
    if (closed) throw new ConnectionError('the store is closed');
    if (life) return life;
    return readers.alone(async () => {
      try {
        life ??= await begin();
      } catch (cause) {
        health = cannotBeOpened(cause);
        throw new ConnectionError(health.reason, { cause });
      }
      return life;
    });
  }

  async function end(): Promise<void> {
    life?.session.interruptReads();
    await readers.alone(async () => {
      life?.session.close();
      life = undefined;
    });
  }

  /** Nothing of a failed verb may be relied upon: the caller tries again, on files that were opened anew. */
  async function failed(cause: unknown): Promise<never> {
    const reason = `the store failed: ${messageOf(cause)}`;
    if (health.ok)
      log.error(
        { err: cause, alarm: 'STORE_FAILED' },
        'the store failed; nothing is acknowledged until it works again',
      );
    health = { ok: false, reason };
    await end();
    throw new ConnectionError(reason, { cause });
  }

  /** Seals a segment that is full or old; else keeps its log short. */
  async function rotateWhenDue(current: Life): Promise<void> {
    const { segments } = current;
    const rows = rowsOf(segments.current);
    const now = clock.now();
    // Also where it was opened by a clock that was ahead.
    const isDue = rows >= maxSegmentRows || Math.abs(now - segments.current.openedAt) >= segmentMs * 1000;
    if (rows === 0 || !isDue) return segments.mergeWhenLong();
    await readers.alone(async () => {
      current.appender.closeSync();
      await segments.rotate(now);
      current.appender = await appenderOf(current.session, segments);
    });
  }

  async function commit(current: Life, batches: readonly StoreBatch[]): Promise<readonly StoreRejection[]> {
    const { session, segments } = current;
    await session.writer.run('BEGIN');
    const { rejections, extents, held } = await append(current.appender, batches, segments.held);
    await session.writer.run('COMMIT');
    await segments.logged();
    for (const [stream, extent] of extents) extend(segments.current.extents, stream, extent);
    for (const [stream, now] of held) segments.held.set(stream, now);
    return rejections;
  }

  const write = (batches: readonly StoreBatch[], signal: AbortSignal) =>
    writers.together(async () => {
      const current = await alive();
      try {
        await rotateWhenDue(current);
        const rejections = await commit(current, batches);
        if (!health.ok) log.info({}, 'the store works again');
        health = { ok: true };
        return rejections;
      } catch (error) {
        return failed(error);
      }
    }, signal);

  const fill = (batch: StoreBatch, signal: AbortSignal) =>
    writers.together(async () => {
      const current = await alive();
      const { session, segments } = current;
      const { stream, numbers } = batch;
      try {
        await rotateWhenDue(current);
        const run = { stream, first: numbers[0]!, last: numbers.at(-1)! };
        const anyTime = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };
        const there = new Set((await samplesByNumber(session, segments.list, { ...run, ...anyTime }, signal)).numbers);
        const absent = numbers.filter((number) => !there.has(number));
        segments.held.set(stream, missing(segments.held.get(stream) ?? nothingHeld, absent));
        return await commit(current, [batch]);
      } catch (error) {
        return failed(error);
      }
    }, signal);

  /** A failed read leaves the files open: they are the writer's to judge. */
  async function read<T>(work: (current: Life) => Promise<T>, signal: AbortSignal): Promise<T> {
    await alive();
    return readers.together(async () => {
      if (!life) throw new ConnectionError('the store is being opened anew');
      try {
        return await work(life);
      } catch (cause) {
        throw signal.aborted
          ? signal.reason
          : new ConnectionError(`the store cannot be read: ${messageOf(cause)}`, { cause });
      }
    }, signal);
  }

  return {
    kind: 'duckdb',
    writer: { write, fill },
    reader: {
      series: (query, signal) =>
        read(({ session, segments }) => readSeries(session, segments.list, query, signal), signal),
      countNumbers: (stream, first, last, signal) =>
        read(({ session, segments }) => countNumbers(session, segments.list, [stream, first, last], signal), signal),
      firstAmong: (stream, runs, signal) =>
        read(({ session, segments }) => firstAmong(session, segments.list, { stream, runs }, signal), signal),
      samplesByNumber: (run, signal) =>
        read(({ session, segments }) => samplesByNumber(session, segments.list, run, signal), signal),
    },
    health: () => health,
    account: (signal) => read(async ({ segments }) => accountOf(segments), signal),
    retain: (policy, now, tell, signal) =>
      writers.together(async () => {
        const { segments } = await alive();
        try {
          await readers.alone(() => retainSegments(segments, { ...policy, segmentMs }, now));
        } catch (error) {
          return failed(error);
        }
        for (const gone of [...segments.gone]) {
          const { file, ...deletion } = gone;
          tell(deletion);
          await forgetGone(gone);
          segments.gone.splice(segments.gone.indexOf(gone), 1);
        }
        try {
          // Last: on a full disk there is no room for a new segment before something has gone.
          await rotateWhenDue(await alive());
        } catch (error) {
          return failed(error);
        }
      }, signal),
    bytes: async () => {
      const { segments } = await alive();
      let bytes = 0;
      for (const segment of segments.list) bytes += await segments.bytesOf(segment);
      return bytes;
    },
    [Symbol.asyncDispose]: () =>
      writers.alone(async () => {
        closed = true;
        await end();
      }),
  };
}

function accountOf({ held, gone }: Segments): StoreAccount {
  const streams = [...held];
  const deleted = new Map<number, number>();
  for (const { through } of gone) {
    for (const [stream, last] of through ?? []) deleted.set(stream, Math.max(last, deleted.get(stream) ?? 0));
  }
  return {
    gone: deleted,
    highest: new Map(streams.map(([stream, { mark }]) => [stream, mark])),
    lost: streams.flatMap(([stream, { lost }]) => lost.map(([first, last]) => ({ stream, first, last }))),
  };
}

const appenderOf = (session: Session, segments: Segments): Promise<DuckDBAppender> =>
  session.writer.createAppender('sample', 'main', segments.database);

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
