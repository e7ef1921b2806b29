/** Ledgers and stores that come from different backups: what the hub finds when it opens both, and how they agree again. */
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Ledger } from '../../hub/ledger/ledger.ts';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { adoptFromStore } from '../../hub/proof/adopt.ts';
import { agreeWithStore } from '../../hub/proof/agree.ts';
import { compareStanding } from '../../hub/proof/standing.ts';
import { verify } from '../../hub/proof/verify.ts';
import { openDuckdbStore } from '../../hub/store/duckdb/duckdb-store.ts';
import { connectInfluxStore } from '../../hub/store/influx/influx-store.ts';
import type { TelemetryStore } from '../../hub/store/store.ts';
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

standingContract('DuckDB', async (t) => {
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
  standingContract('InfluxDB', async (t) => {
    const store = await connectInfluxStore({ api: 'v1', url: influxd.url, database: `d${++databases}`, log: quiet });
    t.teardown(() => store[Symbol.asyncDispose]());
    return store;
  });
}
