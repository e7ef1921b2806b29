/** The durable Buffer: SQLite (WAL, synchronous=FULL) in a worker thread; this side only sends requests and keeps their order. */
import { Worker } from 'node:worker_threads';
import { ConfigError } from '../../protocols/errors.ts';
import type { Fingerprint } from '../../protocols/fingerprint.ts';
import type { Manifest, ManifestTag } from '../../protocols/manifest.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Batch, Buffer, NumberedFrame, OutgoingStream, RegisteredTags, StreamState } from './buffer.ts';
import type { BufferFileOptions } from './file.ts';
import type { KeeperState, SalvagedState } from './keeper.ts';
import type { BufferVerb } from './sqlite-buffer-worker.ts';

export interface SqliteBufferOptions extends BufferFileOptions {
  /** Told when what is to be sent has changed without having been asked: a salvage is ready. */
  readonly onChange?: () => void;
  readonly onProblem?: (fields: object, message: string) => void;
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly state?: KeeperState;
  readonly told?: readonly [fields: object, message: string];
  readonly error?: { message: string; code?: string; path?: string; hint?: string };
}

const openedId = 1;

/** @throws {ConfigError} when the folder cannot be written, another process holds the buffer, or a newer one has changed it. */
export async function openSqliteBuffer({ onChange, onProblem, ...options }: SqliteBufferOptions): Promise<Buffer> {
  const worker = new Worker(new URL('./sqlite-buffer-worker.ts', import.meta.url), {
    workerData: options,
    // It holds a few frames at a time.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
  });
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: unknown): void }>();
  let lastId = openedId;
  let state: KeeperState | undefined;
  let failure: Error | undefined;

  const fail = (error: Error) => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  worker.on('message', ({ id, result, state: newer, told, error }: Reply) => {
    if (newer) state = newer;
    if (told) onProblem?.(...told);
    if (id === 0) return newer && onChange?.();
    const call = waiting.get(id);
    waiting.delete(id);
    if (error) call?.reject(toError(error));
    else call?.resolve(result);
  });
  // Whatever ended it, no waiting brings it back: its code is not passed on, which may be one of the disk.
  worker.on('error', (cause) => fail(new Error(`the thread of the buffer has ended: ${cause.message}`, { cause })));
  worker.on('exit', () => fail(new Error('the buffer is closed')));

  const expect = <T>(id: number): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
    });
  const call = <T>(verb: BufferVerb, args: readonly unknown[], transfer: readonly ArrayBuffer[] = []): Promise<T> => {
    if (failure) return Promise.reject(failure);
    const id = ++lastId;
    const reply = expect<T>(id);
    worker.postMessage({ id, verb, args }, transfer);
    return reply;
  };

  let watermarks: Map<number, TimeUs>;
  try {
    watermarks = new Map(await expect<[number, TimeUs][]>(openedId));
  } catch (error) {
    await worker.terminate();
    throw error;
  }

  const callsOf = (epoch: () => string) => ({
    peek: (after: number, limit: object) => call<readonly NumberedFrame[]>('peek', [epoch(), after, limit]),
    fingerprints: (numbers: readonly number[]) => call<readonly Fingerprint[]>('fingerprints', [epoch(), numbers]),
    release: (through: number) => call<void>('release', [epoch(), through]),
    rewind: (through: number) => call<void>('rewind', [epoch(), through]),
    renew: (after: number) => call<void>('renew', [epoch(), after]),
  });
  /** Its last state stays when its epoch is over. */
  const streamOf = (first: StreamState, manifest?: Manifest): OutgoingStream => {
    const { epoch } = first;
    let last = first;
    const now = () => {
      last = [state!.live, ...state!.salvaged].find((stream) => stream.epoch === epoch) ?? last;
      return last;
    };
    return { ...callsOf(() => epoch), state: now, manifest };
  };
  const manifestOf = ({ epoch, registered }: SalvagedState): Manifest => ({ epoch, ...registered });
  let outgoing: OutgoingStream | undefined;

  return {
    ...callsOf(() => state!.live.epoch),
    async append(batch: Batch) {
      // A payload may be a view of a larger block; its own copy can be handed over instead of cloned.
      const chunks = batch.chunks.map((chunk) => ({ ...chunk, payload: Uint8Array.from(chunk.payload) }));
      const blocks = chunks.map(({ payload }) => payload.buffer);
      await call<void>('append', [{ ...batch, chunks }], blocks);
      for (const [tag, time] of batch.watermarks ?? []) {
        if (!(watermarks.get(tag)! >= time)) watermarks.set(tag, time);
      }
    },
    outgoing() {
      const [oldest] = state!.salvaged;
      if (outgoing?.state().epoch !== (oldest ?? state!.live).epoch)
        outgoing = oldest ? streamOf(oldest, manifestOf(oldest)) : streamOf(state!.live);
      return outgoing;
    },
    async register(tags: readonly Omit<ManifestTag, 'id'>[], site: string): Promise<RegisteredTags> {
      type Registered = Omit<RegisteredTags, 'idByPath'> & { ids: [string, number][] };
      const { ids, ...registered } = await call<Registered>('register', [tags, site]);
      return { ...registered, idByPath: new Map(ids) };
    },
    acceptedUntil: (tag) => watermarks.get(tag),
    state: () => state!.live,
    async [Symbol.asyncDispose]() {
      if (!failure) await call('close', []);
      await worker.terminate();
    },
  };
}

function toError({ message, code, path, hint }: NonNullable<Reply['error']>): Error {
  if (path === undefined || hint === undefined) return Object.assign(new Error(message), { code });
  return new ConfigError(message, { path, hint, cause: { code } });
}
