/** Sixty frames of ten samples as ingest would have settled them, in a real ledger and a real store. One is a dead letter. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Test } from 'tap';
import { toDeadLetter } from '../../hub/ingest/judge.ts';
import type { Ledger } from '../../hub/ledger/ledger.ts';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { streamNumberOf } from '../../hub/ledger/stream-number.ts';
import { openDuckdbStore } from '../../hub/store/duckdb/duckdb-store.ts';
import type { TelemetryStore } from '../../hub/store/store.ts';
import { encodeContent } from '../../protocols/frame.ts';
import type { SampleColumns, SampleValue } from '../../protocols/sample.ts';

export const start = 1_790_000_000_000_000;
const epoch = 'ef'.repeat(16);
export const number = streamNumberOf('a1', epoch);
export const hello = { epoch, bootId: 'b', minRetained: 1, next: 601, acked: 0, manifestRevision: 1, version: '0' };
const values: SampleValue[] = [1.5, 'متن', true, 2n ** 60n, null, -3, 0.1, 'x', false, 42];
const size = values.length;
/** It is in the ledger and not in the store. */
const deadNumber = 17;
const calm = new AbortController().signal;
const quiet = { info() {}, warn() {}, error() {} };

function frame(first: number, start: number): SampleColumns {
  return {
    tags: values.map((_, i) => 1 + (i % 3)),
    times: values.map((_, i) => start + (first + i) * 1000),
    values,
    qualities: values.map((value) => (value === null ? 0x80000000 : 0)),
    flags: values.map((_, i) => i % 2),
  };
}

/** Settles the frames that begin in [from, to]; all clocks may be ahead meanwhile, µs. */
export async function settle(
  { ledger, store }: { ledger: Ledger; store: Pick<TelemetryStore, 'writer'> },
  from = 1,
  to = 600,
  ahead = 0,
): Promise<void> {
  const stream = ledger.greet('a1', hello, start).number;
  for (let first = from; first <= to; first += size) {
    const samples = frame(first, start + ahead);
    const alive = values.map((_, i) => i).filter((i) => first + i !== deadNumber);
    const pick = <T>(column: readonly T[]) => alive.map((i) => column[i]!);
    const kept = {
      tags: pick(samples.tags),
      times: pick(samples.times),
      values: pick(samples.values),
      qualities: pick(samples.qualities),
      flags: pick(samples.flags),
    };
    await store.writer.write([{ stream, numbers: alive.map((i) => first + i), samples: kept }], calm);
    const index = deadNumber - first;
    const deadLetters = index >= 0 && index < size ? [toDeadLetter(stream, deadNumber, 'planted', samples, index)] : [];
    const contentHash = createHash('sha256').update(encodeContent(samples)).digest('hex');
    const times = { minTime: samples.times[0]!, maxTime: samples.times.at(-1)!, acceptedAt: start + ahead + first };
    const batch = { stream, first, last: first + size - 1, contentHash, ...times };
    ledger.settle([{ batch, deadLetters }], start + ahead + first * 1000);
  }
}

/** A new ledger and embedded store of all sixty; both end with the test. */
export async function settleFrames(t: Test): Promise<{ ledger: Ledger; store: TelemetryStore }> {
  const dir = t.testdir();
  const ledger = openSqliteLedger(join(dir, 'ledger.db'));
  const store = await openDuckdbStore({ dir: join(dir, 'samples'), log: quiet });
  t.teardown(async () => {
    ledger[Symbol.dispose]();
    await store[Symbol.asyncDispose]();
  });
  await settle({ ledger, store });
  return { ledger, store };
}
