/**
 * What earlier releases wrote must be read by this one: files on the disks of gateways and hubs, and messages of a side
 * that is not yet, or already, newer. What a later one has changed is refused untouched.
 * `PAYESH_WRITE_RELEASE=0.2 npx tap test/release.test.ts` keeps those of a new release.
 */
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { openSqliteBuffer } from '../edge-agent/buffer/sqlite-buffer.ts';
import { openAccess } from '../hub/access/access.ts';
import { openLedgerReader } from '../hub/ledger/open-reader.ts';
import { openSqliteLedger } from '../hub/ledger/sqlite-ledger.ts';
import { openOfficialValues, writeOfficialValues } from '../hub/reports/official-values.ts';
import { openRollUpDatabase } from '../hub/rollup/database.ts';
import { openDuckdbStore } from '../hub/store/duckdb/duckdb-store.ts';
import { takeFolder } from '../hub/store/duckdb/version.ts';
import { ConfigError } from '../protocols/errors.ts';
import { decodePayload, openFrame, toColumns } from '../protocols/frame.ts';
import { readGap } from '../protocols/gap.ts';
import { decodeManifest } from '../protocols/manifest.ts';
import { ackSchema, helloSchema, hubStateSchema, parseMessage } from '../protocols/messages.ts';
import { ack, agent, epoch, hello, manifest, samples, state, writeRelease } from './support/release.ts';
import { fillDisk, smallDisk } from './support/small-disk.ts';

const log = { info() {}, warn() {}, error() {} };
const headerVersion = (file: string): number => readFileSync(file).readInt32BE(60);

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
    t.equal(headerVersion(join(dir, 'buffer.db')), 1, 'marked from now on');
  });

  t.test(`${release}: the ledger and the samples beside it`, async (t) => {
    const dir = t.testdir({});
    cpSync(join(fixtures, release), dir, { recursive: true });
    using ledger = openSqliteLedger(join(dir, 'ledger.db'));
    const stream = ledger.stream(agent, epoch)!;
    t.match(stream, { through: 16, samples: samples.length, manifestRevision: 3 });
    t.match(ledger.gaps(stream.number), [{ first: 7, last: 16, reason: 'evicted' }]);
    t.equal(ledger.tagsOf(stream.number).size, 4);
    t.equal(headerVersion(join(dir, 'ledger.db')), 1, 'marked from now on');
    await using store = await openDuckdbStore({ dir: join(dir, 'samples'), log });
    t.equal(readFileSync(join(dir, 'samples/version'), 'utf8'), '1\n', 'marked from now on');
    const run = { stream: stream.number, first: 1, last: 6, from: 0, to: Number.MAX_SAFE_INTEGER };
    const stored = await store.reader.samplesByNumber(run, new AbortController().signal);
    t.same(stored.samples, toColumns(samples));
  });
}

t.ok(releases.length > 0);

const openBuffer = (dir: string) =>
  openSqliteBuffer({ dir: join(dir, 'buffer'), maxBytes: 2 ** 24, hasBallast: false });
const openStore = (dir: string) => openDuckdbStore({ dir: join(dir, 'samples'), log });
const open: Readonly<Record<string, (dir: string) => object | Promise<object>>> = {
  'buffer/buffer.db': openBuffer,
  'ledger.db': (dir) => openSqliteLedger(join(dir, 'ledger.db')),
  'access.db': (dir) => openAccess(join(dir, 'access.db')),
  'rollup.db': (dir) => openRollUpDatabase(join(dir, 'rollup.db')),
  'values.db': (dir) => openOfficialValues(join(dir, 'values.db')),
};

t.test('a file that a newer release has changed is refused, and every byte of its folder stays', async (t) => {
  const dir = join(t.testdir({ used: {} }), 'used');
  writeOfficialValues(join(dir, 'values.db'), []);
  for (const each of Object.values(open)) await closed(await each(dir));
  await closed(await openStore(dir));

  for (const [file, openIt] of Object.entries(open)) {
    t.equal(headerVersion(join(dir, file)), 1, `${file} is marked`);
    // As one leaves it that is killed: what it did last stands in the log alone.
    const newer = join(t.testdirName, `newer-${file.replace('/', '-')}`);
    const db = new Database(join(dir, file));
    db.pragma('user_version = 2');
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.exec('CREATE TABLE of_a_newer_release (x)');
    cpSync(dir, newer, { recursive: true });
    db.close();
    await refused(t, newer, file, openIt);
    if (file === 'ledger.db') await refused(t, newer, file, () => openLedgerReader(join(newer, file)));
  }

  writeFileSync(join(dir, 'samples/version'), '2\n');
  await refused(t, dir, 'samples/version', openStore);
});

t.test('a newer mark that stands in the log alone is found, too', async (t) => {
  const dir = join(t.testdir({ used: {} }), 'used');
  await closed(await openBuffer(dir));
  const db = new Database(join(dir, 'buffer/buffer.db'));
  db.pragma('user_version = 2');
  const newer = join(t.testdirName, 'newer');
  cpSync(dir, newer, { recursive: true });
  db.close();
  t.equal(headerVersion(join(newer, 'buffer/buffer.db')), 1);
  await t.rejects(Promise.resolve(openBuffer(newer)), { name: 'ConfigError', message: /version 2/ });
  t.notOk(readdirSync(join(newer, 'buffer')).includes('quarantine'), 'nothing is set aside');
});

t.test('a store on a full disk is marked later', async (t) => {
  const disk = smallDisk(t, 4);
  if (!disk) return t.plan(0, 'only root can mount a small disk');
  cpSync(join(fixtures, releases[0]!, 'samples'), disk, { recursive: true });
  const free = fillDisk(disk);
  await takeFolder(disk);
  free();
  t.notOk(existsSync(join(disk, 'version')));
  await takeFolder(disk);
  t.ok(existsSync(join(disk, 'version')));
});

async function refused(
  t: Test,
  dir: string,
  file: string,
  openIt: (dir: string) => object | Promise<object>,
): Promise<void> {
  const before = everyByte(dir);
  const error = await Promise.resolve()
    .then(() => openIt(dir))
    .catch((cause: unknown) => cause);
  t.ok(error instanceof ConfigError, `${file} is refused`);
  t.match(error, { path: join(dir, file), message: /version 2, and .* version 1/, hint: /newer version again/ });
  t.strictSame(everyByte(dir), before, `${file}: nothing is touched, set aside or added`);
}

const everyByte = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((name) => statSync(join(dir, name)).isFile())
      .map((name) => [name, readFileSync(join(dir, name)).toString('base64')]),
  );

async function closed(opened: object): Promise<void> {
  const { [Symbol.dispose]: now, [Symbol.asyncDispose]: later } = opened as Partial<Disposable & AsyncDisposable>;
  now?.call(opened);
  await later?.call(opened);
}
