/**
 * Sheets → the bytes of an .xlsx file, in a thread of its own: the hub answers others meanwhile, and the memory of the
 * cells goes with the thread.
 */
import { once } from 'node:events';
import { setImmediate as breathe } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Sheet } from './sheet.ts';

export interface WorkbookLook {
  readonly rightToLeft: boolean;
  /** What a sheet without rows says that has no word of its own. */
  readonly nothing: string;
  /** Above every page. */
  readonly heading?: string;
}

/** A sheet, or rows of the last one; undefined is the end. */
export type WorkbookPart = Sheet | { readonly more: Sheet['rows'] } | undefined;

const rowsPerPart = 2000;
/** Of cells on their way to the library; the library's own memory is beside it. */
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 };

/** @throws the signal's reason */
export async function writeWorkbook(
  sheets: readonly Sheet[],
  look: WorkbookLook,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL('./xlsx-worker.ts', import.meta.url), { workerData: look, resourceLimits });
  try {
    const written = once(worker, 'message', { signal }) as Promise<[Uint8Array]>;
    // Heard when it is awaited below.
    written.catch(() => {});
    for (const sheet of sheets) {
      for (const part of partsOf(sheet)) {
        worker.postMessage(part);
        // Copying many rows takes a while.
        await breathe();
      }
    }
    worker.postMessage(undefined);
    const [bytes] = await written;
    return bytes;
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    await worker.terminate();
  }
}

function* partsOf(sheet: Sheet): Generator<WorkbookPart> {
  yield { ...sheet, rows: sheet.rows.slice(0, rowsPerPart) };
  for (let at = rowsPerPart; at < sheet.rows.length; at += rowsPerPart) {
    yield { more: sheet.rows.slice(at, at + rowsPerPart) };
  }
}
