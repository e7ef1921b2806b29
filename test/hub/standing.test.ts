/** Ledgers and stores that come from different backups: what the hub finds when it opens both, and how they agree again. */
import { cpSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createArrivals } from '../../hub/ingest/arrivals.ts';
import { createIdentities } from '../../hub/ingest/identity.ts';
import { createIngest } from '../../hub/ingest/ingest.ts';
import { createSurplus } from '../../hub/ingest/surplus.ts';
import type { Ledger } from '../../hub/ledger/ledger.ts';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { adoptFromStore } from '../../hub/proof/adopt.ts';
import { agreeWithStore } from '../../hub/proof/agree.ts';
import { only } from '../../hub/proof/frames.ts';
import { compareStanding } from '../../hub/proof/standing.ts';
import { verify } from '../../hub/proof/verify.ts';
import { openDuckdbStore } from '../../hub/store/duckdb/duckdb-store.ts';
import { connectInfluxStore } from '../../hub/store/influx/influx-store.ts';
import type { TelemetryStore } from '../../hub/store/store.ts';
import { encodePayload, openFrame, sealFrame, toColumns } from '../../protocols/frame.ts';
import { sealGap } from '../../protocols/gap.ts';
import { batchOf, counting } from '../contract/store.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { startInfluxd } from '../support/influxd.ts';
import { hello, number, settle, start } from '../support/settled-frames.ts';

const calm = new AbortController().signal;
const quiet = { info() {}, warn() {}, error() {} };
const agree = { lacking: [], ahead: [], strangers: [] };

function ledgerOf(t: Test, file = join(t.testdir(), 'ledger.db')): Ledger {
  const ledger = openSqliteLedger(file);
  t.teardown(() => ledger[Symbol.dispose]());
  return ledger;
}

function standingContract(name: string, openStore: (t: Test) => Promise<TelemetryStore>): void {
  t.test(`${name}: a ledger and the store that was filled with it agree`, async (t) => {
    const pair = { ledger: ledgerOf(t), store: await openStore(t) };
    t.same(await compareStanding(pair, calm), agree, 'empty');
    await settle(pair);
    t.same(await compareStanding(pair, calm), agree);
    pair.ledger.declareGap(number, 100_000, 'planted', start);
    t.same(await compareStanding(pair, calm), agree, 'a gap at the end has nothing in the store');
  });

  t.test(
    `${name}: a store that was wiped or restored from before lacks everything from its first missing frame`,
    async (t) => {
      const pair = { ledger: ledgerOf(t), store: await openStore(t) };
      await settle(pair);
      const wiped = await openStore(t);
      const lack = (first: number) => ({ stream: number, first, last: 600, kind: 'behind' });
      t.same(await compareStanding({ ...pair, store: wiped }, calm), { ...agree, lacking: [lack(1)] });
      for (const upTo of [10, 20, 300, 590]) {
        const older = { ledger: ledgerOf(t, join(t.testdir(), `${upTo}.db`)), store: await openStore(t) };
        await settle(older, 1, upTo);
        t.same(await compareStanding({ ...pair, store: older.store }, calm), { ...agree, lacking: [lack(upTo + 1)] });
      }
      pair.ledger.expire({ before: start + 301 * 1000, through: null });
      t.same(
        await compareStanding({ ...pair, store: wiped }, calm),
        { ...agree, lacking: [lack(311)] },
        'what retention deleted is not missed',
      );
    },
  );

  t.test(`${name}: an older ledger takes from the store what the agent has released, and proves it`, async (t) => {
    const store = await openStore(t);
    await settle({ ledger: ledgerOf(t), store });
    const older = ledgerOf(t, join(t.testdir(), 'older.db'));
    older.greet('a1', hello, start);
    t.same(await compareStanding({ ledger: older, store }, calm), {
      ...agree,
      ahead: [{ stream: number, through: 0, highest: 600 }],
    });
    const stream = older.streams()[0]!;
    const { reader } = store;
    const adopt = { ledger: older, reader, stream, last: 605, gapReason: 'released before the ledger knew' };
    await adoptFromStore({ ...adopt, now: () => start }, calm);
    t.equal(stream.through, 605);
    t.match(older.gaps(number), [
      { first: 17, last: 17 },
      { first: 601, last: 605 },
    ]);
    t.match(await verify({ ledger: older, reader, deep: true }, calm), {
      ok: true,
      streams: [{ stored: 599, gapNumbers: 6 }],
    });
  });

  t.test(
    `${name}: streams that an older ledger does not know are named, and keep their numbers when they come back`,
    async (t) => {
      const store = await openStore(t);
      await settle({ ledger: ledgerOf(t), store });
      await store.writer.write([batchOf(9, 1, counting(1, 50))], calm);
      const older = ledgerOf(t, join(t.testdir(), 'older.db'));
      const { strangers } = await compareStanding({ ledger: older, store }, calm);
      t.same(
        [...strangers].sort((a, b) => a.stream - b.stream),
        [
          { stream: 9, highest: 50 },
          { stream: number, highest: 600 },
        ],
      );
      t.equal(older.greet('a1', hello, start).number, number);
    },
  );
}

/** Settling over a real ledger and store; resolves with the answer that follows what was sent. */
function settlingOf(t: Test, { ledger, store }: { ledger: Ledger; store: TelemetryStore }) {
  const arrivals = createArrivals(1_000_000);
  const log = { info() {}, warn() {}, error() {} };
  const now = () => start;
  let answered: (answer: string) => void = () => {};
  const ingest = createIngest({
    arrivals,
    identities: createIdentities({ ledger, now, log }),
    ownership: { owns: () => true },
    ledger,
    writer: store.writer,
    surplus: createSurplus({ ledger, store, now }),
    now,
    reply: (_, { kind, through, reason = '' }) => answered(`${kind} ${through} ${reason}`.trim()),
    onSettled() {},
    onRoom() {},
    log,
  });
  const stop = new AbortController();
  const running = ingest.run(stop.signal);
  t.teardown(async () => {
    stop.abort();
    await running;
  });
  return (...frames: Uint8Array[]) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    answered = resolve;
    for (const frame of frames) void arrivals.put({ agent: 'a1', ...openFrame(frame) });
    return promise;
  };
}

const tags = ['float', 'int', 'string'].map((type, i) => ({
  id: i + 1,
  path: `t-${i + 1}`,
  type: type as 'float',
  unit: '',
  role: 'process' as const,
  source: 's',
  intervalMs: 1000,
}));
const samplesOf = (first: number, values: readonly number[]) =>
  toColumns(
    values.map((value, i) => ({ tag: 1, time: start + (first + i) * 1000, value, quality: 0, flags: (first + i) % 2 })),
  );
const frameOf = (first: number, values: readonly number[], epoch = hello.epoch) =>
  sealFrame(
    { epoch, first, count: values.length, acceptedAt: start + 1_000_000, manifestRevision: 1 },
    encodePayload(samplesOf(first, values)),
  );
const gapOf = (first: number, count: number, reason: string) =>
  sealGap({ epoch: hello.epoch, first, count, acceptedAt: start }, { reason });

/** A hub that ended between store and ledger: the store has 1 to 30, the ledger only 1 to 10. */
async function aheadOf(t: Test, store: TelemetryStore, without: readonly number[] = []) {
  const ledger = ledgerOf(t);
  ledger.greet('a1', hello, start);
  ledger.keepManifest(number, { epoch: hello.epoch, revision: 1, site: 's', tags }, start);
  const send = settlingOf(t, { ledger, store });
  t.equal(await send(frameOf(1, counted(1, 10))), 'ack 10');
  const numbers = counted(11, 20).filter((each) => !without.includes(each));
  const { samples } = only({ numbers: counted(11, 20), samples: samplesOf(11, counted(11, 20)) }, (each) =>
    numbers.includes(each),
  );
  await store.writer.write([{ stream: number, numbers, samples }], calm);
  return { ledger, send: settlingOf(t, { ledger, store }) };
}
const counted = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);
const proofOf = (ledger: Ledger, { reader }: TelemetryStore) => verify({ ledger, reader, deep: true }, calm);

function surplusContract(name: string, openStore: (t: Test) => Promise<TelemetryStore>): void {
  t.test(
    `${name}: what is stored already is settled when it comes again, and what is not there is put there`,
    async (t) => {
      const store = await openStore(t);
      const { ledger, send } = await aheadOf(t, store, [13, 14]);
      t.equal(await send(frameOf(11, counted(11, 7)), frameOf(18, counted(18, 20))), 'ack 37');
      t.match(await proofOf(ledger, store), { ok: true, streams: [{ stored: 37, deadLetters: 0, gapNumbers: 0 }] });
    },
  );

  t.test(
    `${name}: other samples under stored numbers are refused until they have others; nothing is lost`,
    async (t) => {
      const store = await openStore(t);
      const { ledger, send } = await aheadOf(t, store);
      const others = [...counted(21, 4), ...counted(125, 16)];
      t.equal(
        await send(frameOf(11, counted(11, 10)), frameOf(21, others)),
        'nack 20 hello',
        'what is stored is settled',
      );
      t.equal(await send(frameOf(31, others)), 'nack 0 hello', 'and nothing more is taken of this epoch');
      const epoch = 'cd'.repeat(16);
      const { number: parted } = ledger.greet('a1', { ...hello, epoch }, start);
      ledger.keepManifest(parted, { epoch, revision: 1, site: 's', tags }, start);
      t.equal(await send(frameOf(1, others, epoch)), 'ack 20');
      t.match(await proofOf(ledger, store), { ok: true, streams: [{ stored: 30 }, { stored: 20 }] });
    },
  );

  t.test(`${name}: a hub that is killed then takes nothing of that history when it is back`, async (t) => {
    const store = await openStore(t);
    const { send } = await aheadOf(t, store);
    const others = counted(125, 16);
    t.equal(await send(frameOf(11, counted(11, 10)), frameOf(21, others)), 'nack 20 hello');
    const killed = join(t.testdirName, 'killed');
    for (const file of ['ledger.db', 'ledger.db-wal']) cpSync(join(t.testdirName, file), join(killed, file));
    const ledger = ledgerOf(t, join(killed, 'ledger.db'));
    const sendAgain = settlingOf(t, { ledger, store });
    t.equal(await sendAgain(frameOf(31, others)), 'nack 0 hello', 'what was on its way meanwhile');
    t.match(
      ledger.streams(),
      [{ through: 30 }],
      'else its agent would find a frame of its own, and let go of all before',
    );
  });

  t.test(`${name}: a gap over stored samples hides none of them`, async (t) => {
    const store = await openStore(t);
    const { ledger, send } = await aheadOf(t, store);
    t.equal(await send(gapOf(11, 5, 'corrupt')), 'nack 15 gap', 'what was damaged since is there');
    t.equal(await send(frameOf(16, counted(16, 5))), 'ack 20');
    t.equal(
      await send(gapOf(21, 5, 'evicted')),
      'nack 20 hello',
      'what was sent is never given up: it is another history',
    );
    t.match(await proofOf(ledger, store), { ok: true, streams: [{ stored: 30, gapNumbers: 0 }] });
  });
}

/** An agent that was put back: it has read its sources' history again, in an epoch that numbers its tags anew. */
function doublesContract(name: string, openStore: (t: Test) => Promise<TelemetryStore>): void {
  t.test(`${name}: samples that come again under numbers of another stream are named`, async (t) => {
    const store = await openStore(t);
    const ledger = ledgerOf(t);
    const { reader } = store;
    const send = settlingOf(t, { ledger, store });
    const restored = 'cd'.repeat(16);
    const sample = (tag: number, at: number, value = at) => ({
      tag,
      time: start + at * 1000,
      value,
      quality: 0,
      flags: 0,
    });
    const frame = (epoch: string, first: number, samples: readonly ReturnType<typeof sample>[]) =>
      sealFrame(
        { epoch, first, count: samples.length, acceptedAt: start + 1_000_000, manifestRevision: 1 },
        encodePayload(toColumns(samples)),
      );
    ledger.greet('a1', hello, start);
    ledger.keepManifest(number, { epoch: hello.epoch, revision: 1, site: 's', tags }, start);
    // The last is told twice by its source, which it may.
    await send(
      frame(
        hello.epoch,
        1,
        [...counted(1, 40), 40].map((at) => sample(1, at)),
      ),
    );
    const { number: second } = ledger.greet('a1', { ...hello, epoch: restored }, start);
    const renumbered = tags.map((tag, i) => ({ ...tag, type: 'float' as const, id: [5, 1, 6][i]! }));
    ledger.keepManifest(second, { epoch: restored, revision: 1, site: 's', tags: renumbered }, start);
    await send(
      frame(
        restored,
        1,
        counted(41, 10).map((at) => sample(5, at)),
      ),
    );
    t.match(
      await proofOf(ledger, store),
      { ok: true, doubles: { count: 0, listed: [] } },
      'what follows is not double',
    );

    const again = counted(21, 20).map((at) => sample(5, at));
    // Another tag that has the old id, and another value.
    await send(frame(restored, 11, [...again, sample(1, 15), sample(5, 16, -16)]));
    const proof = await proofOf(ledger, store);
    t.match(proof, { ok: true, doubles: { count: 20 }, sentence: /; 20 came twice, under numbers of two streams; / });
    const { listed } = proof.doubles;
    const place = (first: number, then: number) => [
      { stream: number, number: first },
      { stream: second, number: then },
    ];
    t.match(listed.toSorted((a, b) => a.time - b.time)[0], { agent: 'a1', tag: 's/t-1', time: start + 21_000 });
    const ordered = listed.map(({ places }) =>
      places.toSorted((a, b) => Number(a.stream === second) - Number(b.stream === second)),
    );
    t.same(ordered[0], place(21, 11));
    t.same(ordered[19], [{ stream: number, number: 40 }, ...place(41, 30)]);

    ledger.withdraw(second, start);
    t.match((await proofOf(ledger, store)).doubles, { count: 0 }, 'what was withdrawn counts for nothing');
    const unread = { ...reader, series: () => t.fail('samples are read') as never };
    t.match(await verify({ ledger, reader: unread }, calm), { ok: true });
  });
}

const contracts = [standingContract, surplusContract, doublesContract];

for (const contract of contracts)
  contract('DuckDB', async (t) => {
    const store = await openDuckdbStore({ dir: t.testdir(), log: quiet });
    t.teardown(() => store[Symbol.asyncDispose]());
    return store;
  });
t.test(
  'a lost segment is sent again but for what it never held; that stays listed, also when nobody has it',
  async (t) => {
    const dir = t.testdir();
    const ledger = ledgerOf(t, join(dir, 'ledger.db'));
    const open = () => openDuckdbStore({ dir: join(dir, 'samples'), maxSegmentRows: 100, log: quiet });
    const audit = { append: () => ({ number: 1, hash: '' }) };
    let store = await open();
    t.teardown(() => store[Symbol.asyncDispose]());
    await settle({ ledger, store }, 1, 50);
    ledger.declareGap(number, 60, 'planted', start);
    await settle({ ledger, store }, 61, 600);
    const loseSegment = async (id: number) => {
      await store[Symbol.asyncDispose]();
      truncateSync(join(dir, `samples/00000000${id}.duckdb`), 5000);
      store = await open();
    };
    const standing = () => compareStanding({ ledger, store }, calm);

    await loseSegment(1);
    t.same((await standing()).lacking, [{ stream: number, first: 1, last: 120, kind: 'lost' }]);
    await agreeWithStore({ ledger, store, audit, log: quiet }, calm);
    t.match(ledger.streams(), [{ through: 0, samples: 0, deadLetters: 0 }]);
    t.same(ledger.deadLetters(number, 0, 9), [], 'it is not settled');
    await settle({ ledger, store }, 1, 50);
    ledger.declareGap(number, 60, 'planted', start);
    await settle({ ledger, store }, 61, 600);
    t.same(await standing(), agree);
    await store[Symbol.asyncDispose]();
    store = await open();
    t.same(await standing(), agree, 'the numbers that it never held are not missed at the next start');
    const whole = { ok: true, streams: [{ stored: 589, deadLetters: 1, gapNumbers: 10 }] };
    t.match(await verify({ ledger, reader: store.reader, deep: true }, calm), whole);

    await loseSegment(2);
    const lacking = (await standing()).lacking[0]!;
    t.ok(lacking.first > 120);
    ledger.rewind(number, 0);
    const [stream] = ledger.streams();
    await adoptFromStore(
      { ledger, reader: store.reader, stream: stream!, last: 600, gapReason: 'lost', now: () => start },
      calm,
    );
    t.match(ledger.deadLetters(number, 0, 9), [{ number: 17, reason: 'planted' }], 'it keeps its reason');
    t.match(ledger.streams(), [{ through: 600, deadLetters: 1 }]);
    t.same(await standing(), agree, 'what nobody has any more is a gap, and is not missed again');
    t.match(await verify({ ledger, reader: store.reader, deep: true }, calm), { ok: true });
  },
);

if (requireOrSkip(t, 'influxd')) {
  const influxd = await startInfluxd({ dir: join(t.testdir(), 'influxd') });
  t.teardown(() => influxd.stop());
  let databases = 0;
  const openStore = async (t: Test) => {
    const store = await connectInfluxStore({ api: 'v1', url: influxd.url, database: `d${++databases}`, log: quiet });
    t.teardown(() => store[Symbol.asyncDispose]());
    return store;
  };
  for (const contract of contracts) contract('InfluxDB', openStore);

  t.test('InfluxDB: of late samples beyond an older ledger, what comes as another is told by the proof', async (t) => {
    const store = await openStore(t);
    const ledger = ledgerOf(t);
    ledger.greet('a1', hello, start);
    ledger.keepManifest(number, { epoch: hello.epoch, revision: 1, site: 's', tags }, start);
    const send = settlingOf(t, { ledger, store });
    t.equal(await send(frameOf(1, counted(1, 10))), 'ack 10');
    // Two hours late: what was stored so long before the newest settled frame is not looked for.
    const hours = 3_600_000_000;
    const late = counted(11, 5).map((value) => ({
      tag: 1,
      time: start - 2 * hours + value,
      value,
      quality: 0,
      flags: 0,
    }));
    await store.writer.write([batchOf(number, 11, late)], calm);
    t.equal(await send(frameOf(11, counted(111, 5))), 'ack 15');
    const { ok, sentence } = await proofOf(ledger, store);
    t.notOk(ok);
    t.match(
      sentence,
      /I2 of a1: 20 points for 15 numbers; number 11 is stored as tag 1 at \S+, and as tag 1 at \S+[;.]/,
    );
  });
}
