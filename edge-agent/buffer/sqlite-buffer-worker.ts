/** The worker thread of the SQLite buffer: a single commit can take half a second on a bad disk, and nobody may wait for it. */
import { parentPort, workerData } from 'node:worker_threads';
import { ConfigError } from '../../protocols/errors.ts';
import { type Keeper, openKeeper } from './keeper.ts';

export type BufferVerb = Exclude<keyof Keeper, 'state' | 'watermarks'>;

export interface BufferRequest {
  readonly id: number;
  readonly verb: BufferVerb;
  readonly args: readonly unknown[];
}

const port = parentPort!;
let keeper: Keeper;
try {
  const problem = (fields: object, message: string) => {
    // Errors lose what they are made of on the way between threads.
    const { err, ...rest } = fields as { err?: Error };
    port.postMessage({ id: 0, told: [err ? { ...rest, error: err.message } : rest, message] });
  };
  keeper = openKeeper(workerData, { changed: () => port.postMessage({ id: 0, state: keeper.state() }), problem });
  port.postMessage({ id: 1, result: keeper.watermarks(), state: keeper.state() });
  port.on('message', answer);
} catch (error) {
  port.postMessage({ id: 1, error: toMessage(error) });
}

function answer({ id, verb, args }: BufferRequest): void {
  try {
    const result = (keeper[verb] as (...args: readonly unknown[]) => unknown)(...args);
    port.postMessage({ id, result, state: keeper.state() });
  } catch (error) {
    port.postMessage({ id, error: toMessage(error), state: keeper.state() });
  }
  if (verb === 'close') port.close();
}

/** Errors lose their class on the way between threads. */
function toMessage(error: unknown): { message: string; code?: string | undefined; path?: string; hint?: string } {
  const { message, code } = error as Error & { code?: string };
  if (!(error instanceof ConfigError)) return { message, code };
  const { path, hint, cause } = error;
  return { message, path, hint, code: (cause as { code?: string } | undefined)?.code };
}
