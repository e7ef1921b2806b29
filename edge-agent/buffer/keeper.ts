/**
 * Keeps a buffer going whatever its disk does. A file that is damaged is set aside and salvaged, and a new one with a new
 * epoch takes its place at once. After an error of the disk the file is opened anew, since what a failed fsync left in
 * memory is not on the disk; when that happens again and again, the agent is told, and goes on trying. It never ends.
 */
import type { Fingerprint } from '../../protocols/fingerprint.ts';
import type { ManifestTag } from '../../protocols/manifest.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { usedFirst } from '../../protocols/sqlite/versioned-file.ts';
import {
  type Batch,
  type BufferState,
  isDiskFull,
  isDiskTrouble,
  type NumberedFrame,
  type Quarantined,
  type StreamState,
  type Watermark,
} from './buffer.ts';
import { asConfigError, isDamage, refuseNewerBuffer } from './database.ts';
import { type BufferFile, type BufferFileOptions, openBufferFile } from './file.ts';
import { openQuarantine } from './quarantine.ts';
import type { FileRegistration } from './tags.ts';

export interface SalvagedState extends StreamState {
  readonly registered: Pick<FileRegistration, 'revision' | 'site' | 'tags'>;
}

export interface KeeperState {
  readonly live: BufferState;
  /** The oldest first. */
  readonly salvaged: readonly SalvagedState[];
}

export interface KeeperEvents {
  /** Something has changed that nobody asked for. */
  changed(): void;
  problem(fields: object, message: string): void;
}

const degradedAfter = 3;
const degradedWithinMs = 600_000;

export type Keeper = ReturnType<typeof openKeeper>;

/** @throws {ConfigError} when the folder cannot be written, another process holds the buffer, or a newer one has changed it. */
export function openKeeper(
  options: BufferFileOptions,
  { changed, problem }: KeeperEvents,
  openFile: typeof openBufferFile = openBufferFile,
) {
  const { dir } = options;
  refuseNewerBuffer(dir);
  const quarantine = openQuarantine(dir, (entry: Quarantined) => {
    problem(entry, entry.state === 'failed' ? 'nothing could be salvaged' : 'salvaged: it goes to the hub first');
    changed();
  });
  /** What a new file takes over. */
  let registered: Pick<FileRegistration, 'revision' | 'site' | 'tags'> | undefined;
  const watermarks = new Map<number, TimeUs>();
  let appended = 0;
  let lastState: Omit<BufferState, 'quarantined'> | undefined;
  let failures: number[] = [];
  let degradedSince: number | undefined;
  /** undefined after an error of the disk, until it can be opened again. */
  let file: BufferFile | undefined;

  /** An append of which it is not known whether it is durable; then, found to be. */
  let doubtful: Batch | undefined;
  let durableAfterAll: Batch | undefined;

  const noteWatermarks = (newer: Iterable<Watermark>): void => {
    for (const [tag, time] of newer) watermarks.set(tag, Math.max(time, watermarks.get(tag) ?? 0));
  };
  const replace = (reason: string): BufferFile => {
    problem({ reason, alarm: 'BUFFER_CORRUPT' }, 'the buffer is damaged: set aside, and a new one begun');
    quarantine.setAside(reason);
    const fresh = openBufferFile(options, appended);
    if (registered) usedFirst(fresh, () => fresh.inherit(registered!, watermarks));
    return fresh;
  };
  const open = (): BufferFile => {
    try {
      const opened = openFile(options, appended);
      usedFirst(opened, () => noteWatermarks(opened.watermarks()));
      return opened;
    } catch (error) {
      if (!isDamage(error)) throw error;
      return replace((error as Error).message);
    }
  };
  const close = (): void => {
    try {
      file?.close();
    } catch {
      // It is opened anew, or the process ends: either way the next one reads what is on the disk.
    }
    file = undefined;
  };

  const noteFailure = (error: unknown): void => {
    const now = performance.now();
    failures = [...failures.filter((at) => now - at < degradedWithinMs), now];
    if (failures.length >= degradedAfter && degradedSince === undefined) {
      degradedSince = Date.now() * 1000;
      problem({ err: error, alarm: 'BUFFER_DEGRADED' }, 'the disk fails again and again; trying on');
    }
  };
  const noteSuccess = (): void => {
    if (degradedSince === undefined || performance.now() - failures.at(-1)! < degradedWithinMs) return;
    degradedSince = undefined;
    failures = [];
  };

  /** Opened anew, with all it has on the disk. */
  const reopen = (): BufferFile => {
    const { next, epoch } = lastState!;
    const opened = open();
    usedFirst(opened, opened.settleLog);
    const state = opened.state();
    if (state.epoch === epoch && state.next > next) {
      opened.foundAppended(state.next - next);
      durableAfterAll = doubtful;
    }
    doubtful = undefined;
    return opened;
  };

  const perform = <T>(work: (live: BufferFile) => T): T => {
    for (let attempts = 0; ; attempts++) {
      try {
        file ??= reopen();
        const result = work(file);
        appended = file.appended;
        lastState = file.state();
        noteSuccess();
        return result;
      } catch (error) {
        if (isDamage(error)) {
          close();
          file = replace((error as Error).message);
          changed();
        } else if (isFailure(error)) {
          close();
          noteFailure(error);
        } else throw error;
        if (attempts > 0) throw error;
      }
    }
  };

  const append = (batch: Batch): void => {
    perform((live) => {
      if (durableAfterAll?.after === batch.after) {
        durableAfterAll = undefined;
        return;
      }
      // It is tried again first, so that those after it keep their order.
      if (durableAfterAll) throw new Error(`a batch after ${batch.after} comes before one that failed`);
      doubtful = batch;
      live.append(batch);
      doubtful = undefined;
    });
    noteWatermarks(batch.watermarks ?? []);
  };

  /** A salvage that is damaged too has given what it had. */
  const ofStream = <T>(epoch: string, work: (stream: BufferFile) => T, otherwise: T): T => {
    const salvage = quarantine.salvages.find((each) => each.file.streamState().epoch === epoch);
    if (!salvage) return perform((live) => (live.streamState().epoch === epoch ? work(live) : otherwise));
    try {
      return work(salvage.file);
    } finally {
      const { acked, next } = salvage.file.streamState();
      if (acked === next - 1) salvage.done();
    }
  };

  try {
    file = open();
  } catch (error) {
    throw asConfigError(error, dir);
  }
  lastState = file.state();
  if (lastState.regressedAt !== undefined && Date.now() * 1000 - lastState.regressedAt < 60_000_000)
    problem({ ...lastState, alarm: 'BUFFER_REGRESSED' }, 'numbers that had been given were gone; they are a gap');

  return {
    append,
    peek: (epoch: string, after: number, limit: { frames: number; bytes: number }): NumberedFrame[] =>
      ofStream(epoch, (stream) => stream.peek(after, limit), []),
    fingerprints: (epoch: string, numbers: readonly number[]): Fingerprint[] =>
      ofStream(epoch, (stream) => stream.fingerprints(numbers), []),
    release: (epoch: string, through: number): void => ofStream(epoch, (stream) => stream.release(through), undefined),
    rewind: (epoch: string, through: number): void => ofStream(epoch, (stream) => stream.rewind(through), undefined),
    renew: (epoch: string, after: number): void => ofStream(epoch, (stream) => stream.renew(after), undefined),
    register(declared: readonly Omit<ManifestTag, 'id'>[], site: string): FileRegistration {
      const answer = perform((live) => live.register(declared, site));
      registered = answer;
      return answer;
    },
    watermarks: (): Watermark[] => [...watermarks],
    state: (): KeeperState => ({
      live: { ...lastState!, degradedSince, quarantined: quarantine.list },
      salvaged: quarantine.salvages.map((salvage) => ({
        ...salvage.file.streamState(),
        registered: salvage.registered,
      })),
    }),
    close(): void {
      quarantine.close();
      close();
    },
  };
}

/** What the machine itself does; a full disk is no failure. */
const isFailure = (error: unknown): boolean => isDiskTrouble(error) && !isDiskFull(error);
