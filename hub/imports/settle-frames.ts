/**
 * The second half of an import of samples: its frames go the way of a gateway's, judged, stored, settled, in that order,
 * from the first number that the ledger does not account for. After a crash it is simply called again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { withRejections } from '../ingest/ingest.ts';
import { judge } from '../ingest/judge.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { isWaitedOut } from '../ledger/waited-out.ts';
import type { TelemetryWriter } from '../store/store.ts';
import { readFrames, type StoredFrame } from './frames-file.ts';

export interface SettleOptions {
  readonly file: string;
  /** In the ledger, with its manifest. */
  readonly stream: number;
  readonly ledger: Ledger;
  readonly writer: Pick<TelemetryWriter, 'write'>;
  readonly now: () => TimeUs;
  progress(through: number): void;
}

/** So much at once that a gateway's samples never wait long behind it. */
const framesAtOnce = 8;
const firstRetryMs = 200;
const longestRetryMs = 10_000;
/** Half a minute in all. */
const mostTries = 8;

/** Waits somewhat for a store or a disk that is away: then it is others' turn. Rejects with the signal's reason. */
export async function settleFrames(options: SettleOptions, signal: AbortSignal): Promise<void> {
  const { ledger, stream } = options;
  const through = () => ledger.streams().find(({ number }) => number === stream)!.through;
  let group: StoredFrame[] = [];
  for await (const frame of readFrames(options.file, through())) {
    group.push(frame);
    if (group.length < framesAtOnce) continue;
    await patiently(() => settleGroup(group, options, through(), signal), signal);
    group = [];
    options.progress(through());
  }
  if (group.length > 0) await patiently(() => settleGroup(group, options, through(), signal), signal);
}

async function settleGroup(
  group: readonly StoredFrame[],
  { ledger, stream, writer, now }: SettleOptions,
  through: number,
  signal: AbortSignal,
): Promise<void> {
  const tags = ledger.tagsOf(stream);
  const judged = group
    .filter(({ header }) => header.first + header.count - 1 > through)
    .map(({ header, payload }) => judge(header, payload, { stream, from: through + 1, tags }));
  const batches = judged.flatMap(({ batch }) => (batch && batch.numbers.length > 0 ? [batch] : []));
  const rejections = await writer.write(batches, signal);
  ledger.settle(
    judged.map((one) => withRejections(one, rejections)),
    now(),
  );
}

async function patiently(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      const passes = error instanceof ConnectionError || isWaitedOut(error);
      if (signal.aborted || !passes || failures + 1 === mostTries) throw error;
      await delay(Math.min(longestRetryMs, firstRetryMs * 2 ** failures), undefined, { signal });
    }
  }
}
