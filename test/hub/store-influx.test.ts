/** The InfluxDB store against real servers: the contract, refusals, retention, credentials, and the write path of v2. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connectInfluxStore } from '../../hub/store/influx/influx-store.ts';
import type { Deletion, TelemetryStore } from '../../hub/store/store.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import type { Sample, SampleValue } from '../../protocols/sample.ts';
import { batchOf, counting, storeContract } from '../contract/store.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { type Fault, startFaultyProxy } from '../support/faulty-proxy.ts';
import { startInfluxd } from '../support/influxd.ts';
import { startVictoriaMetrics } from '../support/victoria-metrics.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const calm = new AbortController().signal;
const second = 1_000_000;
const hourUs = 3600 * second;
const wholeRun = (count: number) => ({ points: count, distinct: count, min: 1, max: count });

if (requireOrSkip(t, 'influxd')) {
  const folder = t.testdir();
  let influxd = await startInfluxd({ dir: join(folder, 'influxd') });
  t.teardown(() => influxd.stop());
  let databases = 0;

  /** A database whose name asks for quoting, and a way to ask the server itself. */
  async function openDatabase(t: Test, more: { batchLines?: number; retentionPolicy?: string } = {}) {
    const database = `پایش "${++databases}"; DROP DATABASE x`;
    const connect = async () => {
      const store = await connectInfluxStore({ api: 'v1', url: influxd.url, database, log: silent, ...more });
      t.teardown(() => store[Symbol.asyncDispose]());
      return store;
    };
    return { database, connect, store: await connect() };
  }

  async function influxql(q: string, credentials: Record<string, string> = {}, url = influxd.url): Promise<string> {
    const body = new URLSearchParams({ q });
    return (await fetch(`${url}/query?${new URLSearchParams(credentials)}`, { method: 'POST', body })).text();
  }

  const restartServer = async () => {
    influxd = await startInfluxd({ dir: join(folder, 'influxd'), port: influxd.port });
  };

  storeContract(t, 'InfluxDB', async (t) => {
    const { store, connect } = await openDatabase(t);
    const restart = async () => {
      await influxd.stop('SIGKILL');
      await restartServer();
      return connect();
    };
    const takeAway = async () => {
      await influxd.stop('SIGKILL');
      return restartServer;
    };
    return { store, restart, takeAway };
  });

  t.test('what the server cannot store is rejected with its reason, and all else of the batch is stored', async (t) => {
    const { store } = await openDatabase(t, { batchLines: 100 });
    const samples = counting(1, 250);
    const impossible = [3, 99, 100, 101, 249];
    for (const index of impossible) samples[index] = { ...samples[index]!, value: Number.NaN };
    const rejections = await store.writer.write([batchOf(7, 1, samples)], calm);
    t.same(
      rejections.map(({ number }) => number).sort((a, b) => a - b),
      impossible.map((index) => index + 1),
    );
    t.match(
      rejections,
      impossible.map(() => ({ stream: 7, reason: /invalid number/ })),
    );
    const stored = samples.length - impossible.length;
    t.same(await store.reader.countNumbers(7, 1, 250, calm), { points: stored, distinct: stored, min: 1, max: 249 });
    t.same(store.health(), { ok: true });
  });

  t.test('a sample older than the retention policy keeps is rejected, with the reason', async (t) => {
    const { store, database } = await openDatabase(t, { retentionPolicy: 'short "one"' });
    const now = Date.now() * 1000;
    const policy = { maxAgeMs: 90 * 60_000, maxBytes: Number.MAX_SAFE_INTEGER };
    const gone = { through: null, samples: null, bytes: null, why: 'age' };
    t.same(await retain(store, policy, now), [{ ...gone, before: now - 2 * hourUs }], 'a policy counts whole hours');
    t.match(await influxql(`SHOW RETENTION POLICIES ON ${quotedName(database)}`), '"short \\"one\\"","2h0m0s"');
    const samples = [...counting(1, 1, now - 5 * hourUs), ...counting(1, 2, now)];
    const rejections = await store.writer.write([batchOf(1, 1, samples)], calm);
    t.match(rejections, [{ stream: 1, number: 1, reason: /beyond retention policy/ }]);
    t.equal((await store.reader.countNumbers(1, 1, 3, calm)).points, 2);
  });

  t.test(
    'what the server still has, though it should be gone by a clock that leapt, is not told as gone',
    async (t) => {
      const { store } = await openDatabase(t);
      const now = Date.now() * 1000;
      const dayUs = 24 * hourUs;
      const policy = { maxAgeMs: 30 * 24 * 3_600_000, maxBytes: Number.MAX_SAFE_INTEGER };
      await retain(store, policy, now);
      const samples = [...counting(1, 10, now - 20 * dayUs), ...counting(1, 10, now - dayUs)];
      await store.writer.write([batchOf(1, 1, samples)], calm);
      t.match(await retain(store, policy, now), [{ before: now - 30 * dayUs, why: 'age' }]);
      for (const ahead of [3300 * dayUs, 15 * dayUs]) {
        const [told] = await retain(store, policy, now + ahead);
        t.ok(told!.before <= now - 20 * dayUs, 'from before the oldest shard');
      }
      t.equal((await store.reader.countNumbers(1, 1, 20, calm)).points, 20);
    },
  );

  t.test('a quota drops the oldest shards that are over, until it is kept', async (t) => {
    const { store } = await openDatabase(t);
    const week = 7 * 24 * hourUs;
    const now = Date.now() * 1000;
    for (let age = 4; age >= 0; age--) {
      await store.writer.write([batchOf(1, (4 - age) * 100 + 1, counting(1, 100, now - age * week))], calm);
    }
    const bytes = (await store.bytes())!;
    t.ok(bytes > 0);
    const policy = { maxAgeMs: Number.POSITIVE_INFINITY, maxBytes: bytes - 1 };
    const deletions = await retain(store, policy, now);
    t.match(deletions, [{ samples: null, why: 'quota' }]);
    t.ok(deletions[0]!.bytes! > 0 && deletions[0]!.before < now - 3 * week);
    t.same(await store.reader.countNumbers(1, 1, 500, calm), { points: 400, distinct: 400, min: 101, max: 500 });
    await retain(store, { ...policy, maxBytes: 0 }, now);
    t.ok((await store.reader.countNumbers(1, 1, 500, calm)).points >= 100, 'what is written to now is never dropped');
  });

  t.test('a point of which some fields are not written yet is not read', async (t) => {
    const { store, database } = await openDatabase(t);
    await store.writer.write([batchOf(1, 1, counting(1, 2))], calm);
    const points = async () => {
      const [found] = await store.reader.series({ keys: [{ stream: 1, tag: 1 }], from: 0, to: 1e12 }, calm);
      return found!.numbers;
    };
    const before = await points();
    const write = (line: string) =>
      fetch(`${influxd.url}/write?${new URLSearchParams({ db: database })}`, { method: 'POST', body: line });
    await write('sample,stream=1,tag=1 n=7i 999000000007');
    t.same(await points(), before, 'neither value nor reason');
    await write('sample,stream=1,tag=1 f=1.5 999000000007');
    t.same(await points(), [...before, 7]);
  });

  t.test('a database that is gone is created again', async (t) => {
    const { store, database } = await openDatabase(t);
    await influxql(`DROP DATABASE ${quotedName(database)}`);
    t.same(await store.writer.write([batchOf(1, 1, counting(1, 10))], calm), []);
    t.same(await store.reader.countNumbers(1, 1, 10, calm), wholeRun(10));
  });

  t.test('requests that the server finds too large are cut, and stay smaller', async (t) => {
    await using small = await startInfluxd({ dir: join(t.testdir(), 'influxd'), maxBodyBytes: 10_000 });
    await using store = await connectInfluxStore({ api: 'v1', url: small.url, database: 'plant', log: silent });
    t.same(await store.writer.write([batchOf(1, 1, counting(1, 3000))], calm), []);
    t.same(await store.reader.countNumbers(1, 1, 3000, calm), wholeRun(3000));
  });

  t.test('wrong credentials or a missing right reject no sample, and are told to the operator', async (t) => {
    await using guarded = await startInfluxd({ dir: join(t.testdir(), 'influxd'), auth: true });
    const password = 'گذرواژه: "x" y';
    const admin = { u: 'adm', p: 'adm' };
    await influxql(`CREATE USER adm WITH PASSWORD 'adm' WITH ALL PRIVILEGES`, {}, guarded.url);
    await influxql(`CREATE DATABASE plant; CREATE USER hub WITH PASSWORD '${password}'`, admin, guarded.url);
    const connect = (username: string, secret: string) =>
      connectInfluxStore({ api: 'v1', url: guarded.url, database: 'plant', username, password: secret, log: silent });
    const write = (store: TelemetryStore) => store.writer.write([batchOf(1, 1, counting(1, 10))], calm);

    await using stranger = await connect('hub', 'wrong');
    await t.rejects(write(stranger), ConnectionError);
    t.match(stranger.health(), { ok: false, reason: /401/ });
    await using store = await connect('hub', password);
    await t.rejects(write(store), ConnectionError);
    t.match(store.health(), { ok: false, reason: /403/ });
    await influxql('GRANT ALL ON plant TO hub', admin, guarded.url);
    await using again = await connect('hub', password);
    t.same(again.health(), { ok: true }, 'a user who may not create databases can use one');
    t.same(await write(store), []);
    t.same(store.health(), { ok: true });
    t.same(await store.reader.countNumbers(1, 1, 10, calm), wholeRun(10));
  });

  t.test('through every fault of the way to a real server, what is written again is stored once', async (t) => {
    const { database } = await openDatabase(t);
    const proxy = await startFaultyProxy(t, influxd.url, '/write');
    const options = { api: 'v1', url: proxy.url, database, timeoutMs: 400, batchLines: 500, log: silent } as const;
    await using store = await connectInfluxStore(options);
    const faults: readonly Fault[] = [
      { kind: 'drop-reply' },
      { kind: 'slow', ms: 600 },
      { kind: 'answer', status: 503 },
      { kind: 'answer', status: 429 },
      { kind: 'answer', status: 401, body: '{"error":"authorization failed"}' },
      { kind: 'answer', status: 403 },
      { kind: 'answer', status: 404 },
    ];
    const samples = counting(1, 1000 * (faults.length + 1));
    for (const [index, fault] of faults.entries()) {
      const batch = [batchOf(1, index * 1000 + 1, samples.slice(index * 1000, (index + 1) * 1000))];
      proxy.fault = fault;
      const before = proxy.passed;
      await t.rejects(store.writer.write(batch, calm), ConnectionError, `${fault.kind} rejects no sample`);
      await t.rejects(store.writer.write(batch, calm), ConnectionError);
      t.match(store.health(), { ok: false, reason: fault.kind === 'answer' ? String(fault.status) : /reached/ });
      if (fault.kind !== 'answer') t.ok(proxy.passed > before, 'the server has stored it all the same');
      proxy.fault = { kind: 'none' };
      t.same(await store.writer.write(batch, calm), []);
      t.same(store.health(), { ok: true });
      t.same(await store.reader.countNumbers(1, 1, 1_000_000, calm), wholeRun((index + 1) * 1000));
    }
    proxy.fault = { kind: 'slow', ms: 100 };
    t.same(await store.writer.write([batchOf(1, samples.length - 999, samples.slice(-1000))], calm), []);
    t.same(await store.reader.countNumbers(1, 1, 1_000_000, calm), wholeRun(samples.length), 'slow is not broken');
  });

  t.test('a missing right or a wrong address calls the operator, once', async (t) => {
    const { database } = await openDatabase(t);
    const proxy = await startFaultyProxy(t, influxd.url, '/write');
    const alarms: unknown[] = [];
    const log = { ...silent, error: (fields: { alarm?: string }) => void alarms.push(fields.alarm) };
    await using store = await connectInfluxStore({ api: 'v1', url: proxy.url, database, log });
    const write = () => store.writer.write([batchOf(1, 1, counting(1, 3))], calm);
    for (const status of [401, 403, 404]) {
      proxy.fault = { kind: 'answer', status };
      await t.rejects(write(), ConnectionError);
      await t.rejects(write(), ConnectionError);
      proxy.fault = { kind: 'none' };
      await write();
    }
    t.same(alarms, ['STORE_REFUSES', 'STORE_REFUSES', 'STORE_REFUSES']);
    proxy.fault = { kind: 'answer', status: 503 };
    await t.rejects(write(), ConnectionError);
    t.equal(alarms.at(-1), 'STORE_FAILED');
  });

  t.test(
    'a tag may change its type, and where a stranger has taken a field, only those samples are rejected',
    async (t) => {
      const { store, database } = await openDatabase(t);
      const values: SampleValue[] = [1, 'text', true, 2n ** 60n, 2n ** 63n, null, 1.5];
      const samples = counting(1, values.length).map((sample, index) => ({ ...sample, value: values[index]! }));
      t.same(await store.writer.write([batchOf(1, 1, samples)], calm), []);
      t.same(await store.reader.countNumbers(1, 1, 10, calm), wholeRun(values.length));

      const week = 7 * 24 * hourUs;
      const later = samples.map((sample) => ({ ...sample, time: sample.time + 10 * week }));
      const line = `sample,stream=9,tag=9 f="a text" ${later[0]!.time}000`;
      await fetch(`${influxd.url}/write?${new URLSearchParams({ db: database })}`, { method: 'POST', body: line });
      const rejections = await store.writer.write([batchOf(1, 101, later)], calm);
      t.match(
        rejections.toSorted((a, b) => a.number - b.number),
        [101, 107].map((number) => ({ number, reason: /field type conflict/ })),
      );
      t.equal((await store.reader.countNumbers(1, 101, 107, calm)).points, 5);
    },
  );

  t.test('numbers beyond a million and more keys than one request asks for are read', async (t) => {
    const { store } = await openDatabase(t);
    const samples = Array.from({ length: 50 }, (_, tag) => counting(tag + 1, 400)).flat();
    await store.writer.write([batchOf(1, 999_900, samples)], calm);
    const count = { points: 20_000, distinct: 20_000, min: 999_900, max: 1_019_899 };
    t.same(await store.reader.countNumbers(1, 1, 2_000_000, calm), count);
    const keys = Array.from({ length: 250 }, (_, tag) => ({ stream: 1, tag: tag + 1 }));
    const series = await store.reader.series({ keys, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 2 }, calm);
    t.strictSame(series[49]!.values, [398, 399], 'of more keys than one request asks for');
    t.strictSame(series[249]!.values, []);
  });
}

t.test('answers that say nothing about the data reject no sample', async (t) => {
  const answers: Record<string, [status: number, body: string]> = {
    busy: [503, '{"error":"timeout"}'],
    throttled: [429, '{"error":"too many requests"}'],
    broken: [500, '{"error":"engine: cache-max-memory-size exceeded"}'],
    limited: [400, '{"error":"partial write: max-values-per-tag limit exceeded (100000/100000) dropped=1"}'],
    misled: [400, '<html>400 Bad Request</html>'],
    strange: [200, 'hello'],
  };
  let kind = '';
  const url = await serve(t, (request, response) => {
    request.resume().once('end', () => {
      const [status, body] = request.url!.startsWith('/write') ? answers[kind]! : [200, '{"results":[]}'];
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
  });
  await using store = await connectInfluxStore({ api: 'v1', url, database: 'plant', log: silent });
  for (kind of Object.keys(answers)) {
    await t.rejects(store.writer.write([batchOf(1, 1, counting(1, 3))], calm), ConnectionError, kind);
    t.notOk(store.health().ok);
  }
});

t.test('a server that never answers is given up after the timeout, and sooner when the caller aborts', async (t) => {
  const url = await serve(t, (request, response) => {
    request.resume();
    if (!request.url!.startsWith('/write')) response.end('{"results":[]}');
  });
  await using store = await connectInfluxStore({ api: 'v1', url, database: 'plant', timeoutMs: 300, log: silent });
  const write = (signal: AbortSignal) => store.writer.write([batchOf(1, 1, counting(1, 3))], signal);
  await t.rejects(write(calm), ConnectionError);
  await t.rejects(write(AbortSignal.timeout(50)), { name: 'TimeoutError' });
});

async function serve(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

t.test('InfluxDB 2 and 3 are written through /api/v2/write (tested on VictoriaMetrics, writing only)', async (t) => {
  if (!requireOrSkip(t, 'victoria-metrics')) return;
  await using victoria = await startVictoriaMetrics({ dir: join(t.testdir(), 'victoria') });
  const { url } = victoria;
  await using store = await connectInfluxStore({ api: 'v2', url, org: 'o', bucket: 'b', token: 'secret', log: silent });
  const now = Date.now() * 1000;
  const samples: Sample[] = counting(5, 100, now - 200 * second);
  t.same(await store.writer.write([batchOf(3, 1, samples)], calm), []);
  const [told] = await retain(store, { maxAgeMs: 1, maxBytes: 1 }, now);
  t.same(told, { before: now - 1000, through: null, samples: null, bytes: null, why: 'age' }, 'it is the bucket’s');
  t.equal(await store.bytes(), null);
  await fetch(`${url}/internal/force_flush`);
  const text = await (await fetch(`${url}/api/v1/export?match[]=sample_f`)).text();
  t.match(JSON.parse(text), { metric: { stream: '3', tag: '5' }, values: samples.map(({ value }) => value) });
});

/** What it told of. */
async function retain(store: TelemetryStore, policy: { maxAgeMs: number; maxBytes: number }, now: number) {
  const told: Deletion[] = [];
  await store.retain(policy, now, (deletion) => void told.push(deletion), calm);
  return told;
}

const quotedName = (name: string): string => `"${name.replace(/["\\]/g, '\\$&')}"`;
