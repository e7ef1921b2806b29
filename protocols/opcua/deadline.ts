/** Puts a bound on what a library promises: in time, or not at all. */
import { ConnectionError } from '../errors.ts';

/**
 * The result of `work`. What it began goes on behind when this rejects; the caller closes the connection then.
 * @param what names the work in the error: "the OPC UA server x: creating a session"
 * @throws {ConnectionError} when it fails or takes longer than `ms` of wall time; the signal's reason when that aborts.
 */
export function within<T>(work: Promise<T>, ms: number, signal: AbortSignal, what: string): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason);
  const timer = setTimeout(() => reject(new ConnectionError(`${what}: no answer in ${ms} ms`)), ms);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  work.then(resolve, (cause) => reject(new ConnectionError(`${what}: ${firstLine(cause)}`, { cause })));
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  });
}

/** The library's messages go on for lines. */
const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim().split('\n')[0]!;
