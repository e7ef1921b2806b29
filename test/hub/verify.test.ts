/** The proof holds when everything is there, and names what is not: each way in which it can be broken is planted. */
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import t from 'tap';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { uniteLedgers } from '../../hub/ledger/unite.ts';
import { agreeWithStore } from '../../hub/proof/agree.ts';
import { coveredTime } from '../../hub/proof/covered-time.ts';
import { verify } from '../../hub/proof/verify.ts';
import { openDuckdbStore } from '../../hub/store/duckdb/duckdb-store.ts';
import type { TelemetryReader } from '../../hub/store/store.ts';
import type { SampleColumns } from '../../protocols/sample.ts';
import { hello, number, settle, settleFrames, start } from '../support/settled-frames.ts';

const calm = new AbortController().signal;
const quiet = { info() {}, warn() {}, error() {} };

const broken = (proof: Awaited<ReturnType<typeof verify>>) =>
  proof.streams.flatMap(({ invariants }) => invariants.filter(({ ok }) => !ok).map(({ id }) => id));

t.test('it proves a store in which everything is, dead letters included', async (t) => {
  const { ledger, store } = await settleFrames(t);
  const proof = await verify({ ledger, reader: store.reader, deep: true }, calm);
  t.same(broken(proof), []);
  t.match(proof, {
    ok: true,
    streams: [{ through: 600, stored: 599, deadLetters: 1, frames: 60, framesCompared: 60 }],
  });
  t.match(
    proof.sentence,
    /^Every one of the 600 samples .* 599 stored, 1 dead letters, 0 in declared gaps; 60 of 60 frames/,
  );
  const quick = await verify({ ledger, reader: store.reader }, calm);
  t.equal(quick.streams[0]!.framesCompared, 50, 'a selection when not asked for all');
});

t.test('it finds a number that is missing, one that is double, a changed value, time, quality or flag', async (t) => {
  const { ledger, store } = await settleFrames(t);
  const { reader } = store;
  const counted = (change: { points: number; distinct: number }): TelemetryReader => ({
    ...reader,
    async countNumbers(...args) {
      const found = await reader.countNumbers(...args);
      return { ...found, points: found.points + change.points, distinct: found.distinct + change.distinct };
    },
  });
  t.same(
    broken(await verify({ ledger, reader: counted({ points: -1, distinct: -1 }) }, calm)),
    ['I1', 'I4'],
    'missing',
  );
  t.ok(broken(await verify({ ledger, reader: counted({ points: 1, distinct: 0 }) }, calm)).includes('I2'), 'double');
  const changes: Partial<Record<keyof SampleColumns, (column: readonly unknown[]) => unknown[]>> = {
    values: (column) => column.with(3, 2n ** 60n + 1n),
    times: (column) => column.with(3, (column[3] as number) + 1),
    qualities: (column) => column.with(3, 0x40000000),
    flags: (column) => column.with(3, 16),
    tags: (column) => column.with(3, 2),
  };
  for (const [name, change] of Object.entries(changes)) {
    const changed: TelemetryReader = {
      ...reader,
      async samplesByNumber(run, signal) {
        const found = await reader.samplesByNumber(run, signal);
        if (run.first !== 401) return found;
        return { ...found, samples: { ...found.samples, [name]: change!(found.samples[name as keyof SampleColumns]) } };
      },
    };
    const proof = await verify({ ledger, reader: changed, deep: true }, calm);
    t.same(broken(proof), ['I3'], `${name} changed`);
    t.match(proof.sentence, /NOT proved: I3 of a1: frame from number 401/);
  }
});

t.test('it finds what an agent released too early or keeps no more', async (t) => {
  const { ledger, store } = await settleFrames(t);
  ledger.greet('a1', { ...hello, next: 900, acked: 700 }, start);
  t.same(broken(await verify({ ledger, reader: store.reader }, calm)), ['I4']);
  ledger.greet('a1', { ...hello, next: 900, minRetained: 500, acked: 400 }, start);
  t.same(broken(await verify({ ledger, reader: store.reader }, calm)), ['I5']);
});

t.test('what retention deleted is told, and is not taken for lost', async (t) => {
  const { ledger, store } = await settleFrames(t);
  t.equal(ledger.expire({ before: start + 301 * 1000, through: null }), 310);
  t.equal(ledger.expire({ before: start + 301 * 1000, through: null }), 0);
  const stream = ledger.streams()[0]!;
  t.same(ledger.deadLetters(stream.number, 0, 9), [], 'its dead letters go with them');
  t.equal(stream.expired, 310, 'every frame that the deletion may have touched');
  const reader: TelemetryReader = {
    ...store.reader,
    async countNumbers(number, first, last, signal) {
      t.ok(first > 310, 'nothing is asked of what is deleted');
      return store.reader.countNumbers(number, first, last, signal);
    },
  };
  const proof = await verify({ ledger, reader, deep: true }, calm);
  t.match(proof, { ok: true, streams: [{ expired: 310, stored: 290, frames: 29 }] });
  t.match(proof.sentence, /310 deleted by retention/);
});

t.test('an hour in which every clock was ten years ahead neither blinds the proof nor ends retention', async (t) => {
  const dir = t.testdir();
  using ledger = openSqliteLedger(join(dir, 'ledger.db'));
  await using store = await openDuckdbStore({ dir: join(dir, 'samples'), log: quiet });
  const pair = { ledger, store };
  const decade = 3652 * 86_400_000_000;
  await settle(pair, 1, 300);
  await settle(pair, 301, 320, decade);
  ledger.expire({ before: start - 1, through: null });
  await settle(pair, 321, 600);
  t.match(await verify({ ledger, reader: store.reader }, calm), { ok: true, streams: [{ expired: 0 }] });
  ledger.expire({ before: start + 401 * 1000, through: null });
  t.equal(ledger.streams()[0]!.expired, 410);
});

t.test('a hub that ended between the deletion and its note in the ledger proves the rest all the same', async (t) => {
  const dir = t.testdir();
  using ledger = openSqliteLedger(join(dir, 'ledger.db'));
  const open = () => openDuckdbStore({ dir: join(dir, 'samples'), maxSegmentRows: 100, log: quiet });
  let store = await open();
  t.teardown(() => store[Symbol.asyncDispose]());
  await settle({ ledger, store });
  const nothing = () => {
    throw new Error('the hub ended');
  };
  await t.rejects(store.retain({ maxAgeMs: 1e12, maxBytes: 1 }, start, nothing, calm), /ended/);
  await store[Symbol.asyncDispose]();
  store = await open();
  const audit = { append: () => ({ number: 1, hash: '' }) };
  await agreeWithStore(
    { ledger, store, audit, log: { warn: () => void t.fail('warned'), error: () => void t.fail('rewound') } },
    calm,
  );
  const [stream] = ledger.streams();
  t.match(stream, { through: 600 }, 'nothing is asked for again');
  t.ok(stream!.expired >= 500);
  t.match(await verify({ ledger, reader: store.reader, deep: true }, calm), { ok: true });
});

t.test(
  'what was settled by two hubs in turn is proved once, each its part, when each knows of the other',
  async (t) => {
    const dir = t.testdir();
    using home = openSqliteLedger(join(dir, 'home.db'));
    using away = openSqliteLedger(join(dir, 'away.db'));
    await using store = await openDuckdbStore({ dir: join(dir, 'samples'), log: quiet });
    const { reader } = store;
    await settle({ ledger: home, store }, 1, 100);
    const { number } = away.greet('a1', hello, start, 100);
    away.declareGap(number, 110, 'planted', start);
    await settle({ ledger: away, store }, 111, 500);
    home.greet('a1', hello, start, 500);
    await settle({ ledger: home, store }, 501, 600);
    const proof = await verify({ ledger: home, others: [away], reader, deep: true }, calm);
    t.match(proof, {
      ok: true,
      streams: [
        { through: 600, elsewhere: 400, stored: 199, deadLetters: 1 },
        { through: 500, inherited: 100, stored: 390, gapNumbers: 10 },
      ],
    });
    t.match(proof.sentence, /^Every one of the 600 samples .* 589 stored, 1 dead letters, 10 in declared gaps/);
    t.same(broken(await verify({ ledger: home, reader }, calm)), ['I7']);
    const batches = uniteLedgers([home, away]).batches(number, 0, 1000);
    t.same(
      batches.map(({ first }) => first),
      Array.from({ length: 60 }, (_, i) => 1 + 10 * i).filter((first) => first !== 101),
    );
  },
);

t.test('a number that has two points is named, with where they lie', async (t) => {
  const dir = t.testdir();
  using ledger = openSqliteLedger(join(dir, 'ledger.db'));
  const open = () => openDuckdbStore({ dir: join(dir, 'samples'), log: quiet });
  let store = await open();
  t.teardown(() => store[Symbol.asyncDispose]());
  await settle({ ledger, store }, 1, 100);
  await store[Symbol.asyncDispose]();
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`
    ATTACH '${join(dir, 'samples', '000000001.duckdb')}' AS planted;
    INSERT INTO planted.sample SELECT * REPLACE (time + 5 AS time) FROM planted.sample WHERE n IN (42, 77);
    CHECKPOINT planted; DETACH planted`);
  connection.closeSync();
  instance.closeSync();
  store = await open();
  const proof = await verify({ ledger, reader: store.reader }, calm);
  t.match(
    proof.sentence,
    /101 points for 99 numbers; number 42 is stored as tag 2 at \S+042Z, and as tag 2 at \S+042005Z/,
  );
});

t.test('what a closed stream has in the store beyond its account is told', async (t) => {
  const { ledger, store } = await settleFrames(t);
  ledger.rewind(number, 570);
  t.match(await verify({ ledger, reader: store.reader }, calm), { ok: true, streams: [{ beyond: 0 }] }, 'it may come');
  ledger.close(number, start);
  const proof = await verify({ ledger, reader: store.reader }, calm);
  t.match(proof, { ok: true, streams: [{ through: 570, beyond: 30 }] });
  t.match(proof.sentence, /; 30 more stored that were never acknowledged; /);
});

t.test('of which time the frames of a stream tell is few spans, however often it was interrupted', async (t) => {
  using ledger = openSqliteLedger(join(t.testdir(), 'ledger.db'));
  ledger.greet('a1', hello, start);
  const minute = 60_000_000;
  const frames = Array.from({ length: 1000 }, (_, i) => {
    const at = start + ((i * 37) % 1000) * 10 * minute;
    const times = { minTime: at, maxTime: at + minute, acceptedAt: start };
    return { batch: { stream: number, first: i + 1, last: i + 1, contentHash: '00', ...times }, deadLetters: [] };
  });
  const coveredBy = async (count: number) => {
    ledger.settle(frames.slice(ledger.streams()[0]!.through, count), start);
    return coveredTime(ledger, ledger.streams()[0]!);
  };
  t.same(
    await coveredBy(100),
    frames
      .slice(0, 100)
      .map(({ batch: { minTime, maxTime } }) => ({ start: minTime, end: maxTime + 1 }))
      .sort((a, b) => a.start - b.start),
  );
  const spans = await coveredBy(1000);
  t.ok(spans.length <= 256, `${spans.length} spans`);
  for (const { batch } of frames)
    if (!spans.some(({ start, end }) => start <= batch.minTime && batch.maxTime < end))
      t.fail(`${batch.first} is lost`);
});

t.test('with no agent there is nothing to prove, and it says so', async (t) => {
  const dir = t.testdir();
  using ledger = openSqliteLedger(join(dir, 'ledger.db'));
  await using store = await openDuckdbStore({ dir: join(dir, 'samples'), log: quiet });
  t.match(await verify({ ledger, reader: store.reader }, calm), { ok: true, sentence: /^Nothing to prove yet/ });
});
