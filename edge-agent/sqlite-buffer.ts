/** The durable Buffer: SQLite (WAL, synchronous=FULL) in a worker thread; this side only sends requests and keeps their order. */
import { Worker } from 'node:worker_threads';
import { ConfigError } from '../protocols/errors.ts';
import type { ManifestTag } from '../protocols/manifest.ts';
import type { TimeUs } from '../protocols/sample.ts';
import type { Buffer, BufferState, Chunk, NumberedFrame, RegisteredTags } from './buffer.ts';
import type { BufferFileOptions } from './buffer-file.ts';
import type { BufferVerb } from './sqlite-buffer-worker.ts';

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly state?: BufferState;
  readonly error?: { message: string; code?: string; path?: string; hint?: string };
}

/** @throws {ConfigError} when the folder cannot be written or another process holds the buffer. */
export async function openSqliteBuffer(options: BufferFileOptions): Promise<Buffer> {
  const worker = new Worker(new URL('./sqlite-buffer-worker.ts', import.meta.url), {
    workerData: options,
    // It holds a few frames at a time.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
  });
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: unknown): void }>();
  let lastId = 0;
  let state: BufferState | undefined;
  let watermarks = new Map<number, TimeUs>();
  let failure: Error | undefined;

  const fail = (error: Error) => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  worker.on('message', (reply: Reply) => {
    if (reply.state) state = reply.state;
    const call = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.error) call?.reject(toError(reply.error));
    else call?.resolve(reply.result);
  });
  worker.on('error', fail);
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

  try {
    const opened = await expect<{ state: BufferState; watermarks: [number, TimeUs][] }>(0);
    state = opened.state;
    watermarks = new Map(opened.watermarks);
  } catch (error) {
    await worker.terminate();
    throw error;
  }

  return {
    async append(chunk: Chunk) {
      // A payload may be a view of a larger block; its own copy can be handed over instead of cloned.
      const payload = Uint8Array.from(chunk.payload);
      await call<void>('append', [{ ...chunk, payload }], [payload.buffer]);
      for (const [tag, time] of chunk.watermarks ?? []) {
        if (!(watermarks.get(tag)! >= time)) watermarks.set(tag, time);
      }
    },
    peek: (after, limit) => call<readonly NumberedFrame[]>('peek', [after, limit]),
    release: (through) => call<void>('release', [through]),
    async register(tags: readonly Omit<ManifestTag, 'id'>[], site: string): Promise<RegisteredTags> {
      type Registered = Omit<RegisteredTags, 'idByPath'> & { ids: [string, number][] };
      const { ids, ...registered } = await call<Registered>('register', [tags, site]);
      return { ...registered, idByPath: new Map(ids) };
    },
    acceptedUntil: (tag) => watermarks.get(tag),
    state: () => state!,
    async [Symbol.asyncDispose]() {
      if (!failure) await call('close', []);
      await worker.terminate();
    },
  };
}

function toError({ message, code, path, hint }: NonNullable<Reply['error']>): Error {
  if (path !== undefined && hint !== undefined) return new ConfigError(message, { path, hint });
  return Object.assign(new Error(message), { code });
}
