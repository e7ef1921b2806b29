/** The worker thread of the SQLite buffer: a single commit can take half a second on a bad disk, and nobody may wait for it. */
import { parentPort, workerData } from 'node:worker_threads';
import { ConfigError } from '../protocols/errors.ts';
import { type BufferFile, openBufferFile } from './buffer-file.ts';

export type BufferVerb = 'append' | 'peek' | 'release' | 'register' | 'state' | 'close';

export interface BufferRequest {
  readonly id: number;
  readonly verb: BufferVerb;
  readonly args: readonly unknown[];
}

const port = parentPort!;
let file: BufferFile;
try {
  file = openBufferFile(workerData);
  port.postMessage({ id: 0, result: { state: file.state(), watermarks: file.watermarks() } });
  port.on('message', answer);
} catch (error) {
  port.postMessage({ id: 0, error: toMessage(error) });
}

function answer({ id, verb, args }: BufferRequest): void {
  try {
    const result = (file[verb] as (...args: readonly unknown[]) => unknown)(...args);
    const state = verb === 'append' || verb === 'release' || verb === 'register' ? file.state() : undefined;
    port.postMessage({ id, result, state });
  } catch (error) {
    port.postMessage({ id, error: toMessage(error) });
  }
  if (verb === 'close') port.close();
}

/** Errors lose their class on the way between threads. */
function toMessage(error: unknown): { message: string; code?: string; path?: string; hint?: string } {
  const { message, code } = error as Error & { code?: string };
  return error instanceof ConfigError ? { message, path: error.path, hint: error.hint } : { message, code };
}
