/**
 * What a release leaves behind: files of agent and hub, and messages that may be under way while one side is already
 * newer. `writeRelease` makes them with the sources as they are; run once per release, and kept.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { openSqliteBuffer } from '../../edge-agent/buffer/sqlite-buffer.ts';
import { judge } from '../../hub/ingest/judge.ts';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { openDuckdbStore } from '../../hub/store/duckdb/duckdb-store.ts';
import { encodePayload, openFrame, sealFrame, toColumns } from '../../protocols/frame.ts';
import { sealGap } from '../../protocols/gap.ts';
import { encodeManifest, type Manifest } from '../../protocols/manifest.ts';
import { encodeMessage } from '../../protocols/messages.ts';
import type { Sample } from '../../protocols/sample.ts';

export const epoch = '0123456789abcdef0123456789abcdef';
export const agent = 'packaging-2';
const acceptedAt = 1_790_000_000_000_000;

export const samples: readonly Sample[] = [
  { tag: 1, time: acceptedAt - 3000, value: 20.5, quality: 0, flags: 0 },
  { tag: 2, time: acceptedAt - 2000, value: 7, quality: 0, flags: 1 },
  { tag: 2, time: acceptedAt - 1000, value: 2n ** 62n, quality: 0x40000000, flags: 1 },
  { tag: 3, time: acceptedAt - 1000, value: true, quality: 0, flags: 0 },
  { tag: 4, time: acceptedAt - 500, value: 'در حال کار', quality: 0, flags: 24 },
  { tag: 4, time: acceptedAt, value: null, quality: 0x800a0000, flags: 0 },
];

export const manifest: Manifest = {
  epoch,
  revision: 3,
  site: 'aras/packaging-plant',
  tags: (['float', 'int', 'bool', 'string'] as const).map((type, i) => ({
    id: i + 1,
    path: `line-1/filler/tag-${i + 1}`,
    type,
    unit: i === 0 ? 'kWh' : '',
    role: i === 1 ? ('count_total' as const) : ('process' as const),
    source: 'plc',
    intervalMs: 1000,
    ...(i === 1 ? { counter: { modulus: 65536, scale: 1 } } : {}),
    definition: '00112233445566aa',
    ...(i === 2 ? { retired: true as const } : {}),
  })),
};

export const hello = {
  epoch,
  bootId: 'boot',
  minRetained: 1,
  next: 17,
  acked: 0,
  manifestRevision: 3,
  version: '0.1.0',
  compare: [6, 16],
  heard: 3,
};
export const ack = {
  epoch,
  kind: 'welcome' as const,
  through: 16,
  window: 64,
  hubBoot: 'hub',
  manifestRevision: 3,
  frames: [
    { last: 6, acceptedAt, content: '0123456789abcdef0123456789abcdef' },
    { last: 16, acceptedAt, content: 'evicted' },
  ],
  compared: [6, 16],
  answer: 4,
};
export const state = {
  online: true,
  hubBoot: 'hub',
  spreadMs: 1000,
  partitions: { of: 1, own: [0] },
  generation: 0,
};

export async function writeRelease(dir: string): Promise<void> {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const put = (name: string, bytes: Uint8Array) => writeFileSync(join(dir, name), bytes);
  const frame = sealFrame(
    { epoch, first: 1, count: samples.length, acceptedAt, manifestRevision: 3 },
    encodePayload(toColumns(samples)),
  );
  const gap = sealGap(
    { epoch, first: 7, count: 10, acceptedAt },
    { reason: 'evicted', from: acceptedAt - 9000, to: acceptedAt - 1 },
  );
  put('frame', frame);
  put('gap', gap);
  put('manifest', encodeManifest(manifest));
  put('hello', encodeMessage(hello));
  put('ack', encodeMessage(ack));
  put('hub-state', encodeMessage(state));

  // Not acknowledged: what an agent that is upgraded in the middle of an outage has in its buffer.
  const buffer = await openSqliteBuffer({ dir: join(dir, 'buffer'), maxBytes: 2 ** 24, hasBallast: false });
  await buffer.register(
    manifest.tags.map(({ id: _, retired: __, ...tag }) => tag),
    manifest.site,
  );
  const chunks = [{ keep: 'normal' as const, count: samples.length, payload: encodePayload(toColumns(samples)) }];
  for (const after of [0, samples.length]) await buffer.append({ after, chunks, acceptedAt, manifestRevision: 1 });
  await buffer[Symbol.asyncDispose]();
  oneFile(join(dir, 'buffer/buffer.db'));

  const ledgerFile = join(dir, 'ledger.db');
  await using store = await openDuckdbStore({
    dir: join(dir, 'samples'),
    log: { info() {}, warn() {}, error() {} },
  });
  {
    using ledger = openSqliteLedger(ledgerFile);
    const stream = ledger.greet(agent, hello, acceptedAt, 0);
    ledger.keepManifest(stream.number, manifest, acceptedAt);
    for (const bytes of [frame, gap]) {
      const { header, payload } = openFrame(bytes);
      const context = { stream: stream.number, from: stream.through + 1, tags: ledger.tagsOf(stream.number) };
      const { batch, settled } = judge(header, payload, context);
      if (batch) await store.writer.write([batch], new AbortController().signal);
      ledger.settle([settled], acceptedAt);
    }
  }
  oneFile(ledgerFile);
}

/** Without a log, as a copy for a backup. */
function oneFile(file: string): void {
  const db = new Database(file);
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.pragma('journal_mode = DELETE');
  db.close();
}
