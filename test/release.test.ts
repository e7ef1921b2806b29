/**
 * What earlier releases wrote must be read by this one: files on the disks of gateways and hubs, and messages of a side
 * that is not yet, or already, newer. `PAYESH_WRITE_RELEASE=0.2 npx tap test/release.test.ts` keeps those of a new release.
 */
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openSqliteBuffer } from '../edge-agent/sqlite-buffer.ts';
import { openSqliteLedger } from '../hub/ledger/sqlite-ledger.ts';
import { openDuckdbStore } from '../hub/store/duckdb/duckdb-store.ts';
import { decodePayload, openFrame, toColumns } from '../protocols/frame.ts';
import { readGap } from '../protocols/gap.ts';
import { decodeManifest } from '../protocols/manifest.ts';
import { ackSchema, helloSchema, hubStateSchema, parseMessage } from '../protocols/messages.ts';
import { ack, agent, epoch, hello, manifest, samples, state, writeRelease } from './support/release.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const write = process.env.PAYESH_WRITE_RELEASE;
if (write) await writeRelease(join(fixtures, `release-${write}`));
const releases = readdirSync(fixtures).filter((name) => name.startsWith('release-'));

for (const release of releases) {
  t.test(`${release}: frames, gaps, manifests and messages`, (t) => {
    const bytes = (name: string) => readFileSync(join(fixtures, release, name));
    const frame = openFrame(bytes('frame'));
    t.match(frame.header, { epoch, first: 1, count: samples.length, manifestRevision: 3 });
    t.same(decodePayload(frame.header, frame.payload).samples, toColumns(samples));
    const gap = openFrame(bytes('gap'));
    t.match(gap.header, { epoch, first: 7, count: 10 });
    t.match(readGap(gap.payload), { reason: 'evicted' });
    t.same(decodeManifest(bytes('manifest')), manifest);
    t.same(parseMessage(helloSchema, bytes('hello')), hello);
    t.same(parseMessage(ackSchema, bytes('ack')), ack);
    t.same(parseMessage(hubStateSchema, bytes('hub-state')), state);
    t.end();
  });

  t.test(`${release}: a buffer with a backlog`, async (t) => {
    const dir = t.testdir({});
    cpSync(join(fixtures, release, 'buffer'), dir, { recursive: true });
    await using buffer = await openSqliteBuffer({ dir, maxBytes: 2 ** 24, hasBallast: false });
    t.match(buffer.state(), { next: 1 + 2 * samples.length, acked: 0, minRetained: 1, quarantined: [] });
    const frames = await buffer.peek(0, { frames: 10, bytes: 2 ** 20 });
    t.equal(frames.length, 2);
    for (const { bytes } of frames) {
      const { header, payload } = openFrame(bytes);
      t.same(decodePayload(header, payload).samples, toColumns(samples));
    }
    const { idByPath } = await buffer.register(
      manifest.tags.map(({ id: _, retired: __, ...tag }) => tag),
      manifest.site,
    );
    t.equal(idByPath.get('line-1/filler/tag-4'), 4, 'tags keep their ids');
  });

  t.test(`${release}: the ledger and the samples beside it`, async (t) => {
    const dir = t.testdir({});
    cpSync(join(fixtures, release), dir, { recursive: true });
    using ledger = openSqliteLedger(join(dir, 'ledger.db'));
    const stream = ledger.stream(agent, epoch)!;
    t.match(stream, { through: 16, samples: samples.length, manifestRevision: 3 });
    t.match(ledger.gaps(stream.number), [{ first: 7, last: 16, reason: 'evicted' }]);
    t.equal(ledger.tagsOf(stream.number).size, 4);
    await using store = await openDuckdbStore({
      dir: join(dir, 'samples'),
      log: { info() {}, warn() {}, error() {} },
    });
    const run = { stream: stream.number, first: 1, last: 6, from: 0, to: Number.MAX_SAFE_INTEGER };
    const stored = await store.reader.samplesByNumber(run, new AbortController().signal);
    t.same(stored.samples, toColumns(samples));
  });
}

t.ok(releases.length > 0);
