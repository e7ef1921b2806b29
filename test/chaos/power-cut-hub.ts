/**
 * Ledger and embedded store under power cuts, together and behind the real ingest: agents release what the hub has
 * acknowledged, so it must be stored or listed. After each cut the two must agree, take the frames that follow, and
 * stand the proof.
 */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HubConfig } from '../../hub/config.ts';
import { createArrivals } from '../../hub/ingest/arrivals.ts';
import { createIdentities } from '../../hub/ingest/identity.ts';
import { createIngest } from '../../hub/ingest/ingest.ts';
import { createSurplus } from '../../hub/ingest/surplus.ts';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { compareStanding } from '../../hub/proof/standing.ts';
import { verify } from '../../hub/proof/verify.ts';
import { openStore } from '../../hub/store/open.ts';
import { systemClock } from '../../protocols/clock.ts';
import { encodePayload, openFrame, sealFrame, toColumns } from '../../protocols/frame.ts';
import type { ManifestTag } from '../../protocols/manifest.ts';
import type { SampleValue } from '../../protocols/sample.ts';
import type { PowerCutSubject } from './power-cut.ts';

const agent = 'a1';
const epoch = 'cd'.repeat(16);
const start = 1_790_000_000_000_000;
const quiet = { info() {}, warn() {}, error() {} };
const calm = new AbortController().signal;
const tag = (id: number, type: ManifestTag['type']): ManifestTag => ({
  id,
  path: `line/unit/tag-${id}`,
  type,
  unit: '',
  role: 'process',
  source: 'plc',
  intervalMs: 1000,
});
const tags = [tag(1, 'float'), tag(2, 'int'), tag(3, 'string')];

/** Small segments and logs, so that a minute has many of their ends. */
const smallSegments = { memoryLimitMb: 128, threads: 1, maxSegmentRows: 40_000, longestLogBytes: 300_000 };

/** The frame that begins with a number; every hundredth sample is a dead letter, off its type. */
function frame(first: number, count: number): Uint8Array {
  const samples = Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const id = 1 + (number % 3);
    const value: SampleValue = number % 100 === 0 ? true : id === 3 ? `s${number % 7}` : number;
    return { tag: id, time: start + number * 1000, value, quality: 0, flags: 0 };
  });
  const header = { epoch, first, count, acceptedAt: start + first * 1000, manifestRevision: 1 };
  return sealFrame(header, encodePayload(toColumns(samples)));
}

export interface HubSide extends AsyncDisposable {
  readonly through: number;
  /** Why it takes nothing now. */
  readonly blocked: string | undefined;
  /** Takes frames of so many samples behind `through` as one group; resolves when they are acknowledged. */
  feed(counts: readonly number[]): Promise<void>;
  /** What the ledger says is stored and the store lacks. */
  lacking(): Promise<string | undefined>;
  /** What the proof says. */
  fault(): Promise<string | undefined>;
}

/** The hub without broker and HTTP. */
export async function openHubSide(dir: string, samples = join(dir, 'samples')): Promise<HubSide> {
  mkdirSync(dir, { recursive: true });
  const ledger = openSqliteLedger(join(dir, 'ledger.db'));
  const store = await openStore({
    config: { kind: 'duckdb', duckdb: smallSegments } as unknown as HubConfig['store'],
    dir: samples,
    ledgerId: ledger.id,
    secret: undefined,
    clock: systemClock,
    log: quiet,
  }).catch((error: unknown) => {
    ledger[Symbol.dispose]();
    throw error;
  });
  const hello = { epoch, bootId: 'b', minRetained: 1, next: 1, acked: 0, manifestRevision: 1, version: '0' };
  const stream = ledger.greet(agent, hello, start);
  if (stream.manifestRevision === 0) ledger.keepManifest(stream.number, { epoch, revision: 1, site: 's', tags }, start);
  const arrivals = createArrivals(64 * 1024 * 1024);
  const acknowledged = new EventTarget();
  const ingest = createIngest({
    arrivals,
    identities: createIdentities({ ledger, now: () => start, log: quiet }),
    ownership: { owns: () => true },
    ledger,
    writer: store.writer,
    surplus: createSurplus({ ledger, store, now: () => start }),
    now: () => start,
    reply: (_agent, { kind }) => void acknowledged.dispatchEvent(new Event(kind)),
    onSettled() {},
    onRoom() {},
    log: quiet,
  });
  const stop = new AbortController();
  const running = ingest.run(stop.signal);
  return {
    get through() {
      return stream.through;
    },
    get blocked() {
      return ingest.blocked;
    },
    async feed(counts) {
      let first = stream.through + 1;
      const done = once(acknowledged, 'ack');
      for (const count of counts) {
        void arrivals.put({ agent, ...openFrame(frame(first, count)) });
        first += count;
      }
      await done;
    },
    async lacking() {
      const { lacking } = await compareStanding({ ledger, store }, calm);
      return lacking.length > 0 ? `the store lacks ${JSON.stringify(lacking)}` : undefined;
    },
    async fault() {
      const { ok, sentence } = await verify({ ledger, reader: store.reader }, calm);
      return ok ? undefined : sentence;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      ledger[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

export const hubSubject: PowerCutSubject = {
  writer: 'power-cut-hub-writer.ts',
  amount: 90,
  async examine(dir, said) {
    const acknowledged = Number(said.at(-1) ?? 0);
    try {
      await using hub = await openHubSide(dir);
      if (hub.through < acknowledged) return `acknowledged up to ${acknowledged}, settled up to ${hub.through}`;
      const lacking = await hub.lacking();
      if (lacking) return lacking;
      await hub.feed([700, 50]);
      return await hub.fault();
    } catch (error) {
      return `it cannot be opened: ${(error as Error).message}`;
    }
  },
};
