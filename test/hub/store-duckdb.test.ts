/** The DuckDB store on real files: the contract, then rotation, retention, kills, damage and a full disk. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import t from 'tap';
import { type DuckdbStoreOptions, openDuckdbStore } from '../../hub/store/duckdb/duckdb-store.ts';
import { createGate } from '../../hub/store/duckdb/gate.ts';
import { checkpoint, guardOf } from '../../hub/store/duckdb/guard.ts';
import type { Deletion, TelemetryStore } from '../../hub/store/store.ts';
import type { Clock } from '../../protocols/clock.ts';
import { ConfigError, ConnectionError } from '../../protocols/errors.ts';
import { batchOf, counting, storeContract } from '../contract/store.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { killAtEnd } from '../support/kill-at-end.ts';
import { fillDisk, smallDisk } from '../support/small-disk.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const calm = new AbortController().signal;
const hourMs = 3_600_000;
const hour = hourMs * 1000;
const key = { stream: 1, tag: 1 };

const open = (dir: string, options: Partial<DuckdbStoreOptions> = {}): Promise<TelemetryStore> =>
  openDuckdbStore({ dir, log: silent, ...options });

/** A clock that a test sets. */
function handClock(): Clock & { time: number } {
  const clock = { time: 0, speed: 1, now: () => clock.time, sleep: async () => {}, wallMs: (ms: number) => ms };
  return clock;
}

/** What it told of. */
async function retain(store: TelemetryStore, policy: { maxAgeMs: number; maxBytes: number }, now: number) {
  const told: Deletion[] = [];
  await store.retain(policy, now, (deletion) => void told.push(deletion), calm);
  return told;
}

const segmentsIn = (dir: string): string[] => readdirSync(dir).filter((name) => name.endsWith('.duckdb'));
const wholeRun = (count: number) => ({ points: count, distinct: count, min: 1, max: count });

storeContract(t, 'DuckDB', async (t, { away = false } = {}) => {
  const disk = away ? smallDisk(t, 24) : undefined;
  const dir = join(disk ?? t.testdir(), 'store');
  let store = await open(dir);
  t.teardown(() => store[Symbol.asyncDispose]());
  const restart = async () => {
    await store[Symbol.asyncDispose]();
    store = await open(dir);
    return store;
  };
  if (!disk) return { store, restart };
  const takeAway = async () => {
    const free = fillDisk(disk);
    return async () => free();
  };
  return { store, restart, takeAway };
});

t.test('a segment is sealed when it is full or old, and everything is read across segments', async (t) => {
  const dir = t.testdir();
  const clock = handClock();
  const options = { clock, maxSegmentRows: 100, segmentMs: hourMs };
  let store = await open(dir, options);
  t.teardown(() => store[Symbol.asyncDispose]());
  const samples = counting(1, 1000);
  const end = samples.at(-1)!.time + 1;
  for (let first = 1; first <= 800; first += 50) {
    await store.writer.write([batchOf(1, first, samples.slice(first - 1, first + 49))], calm);
  }
  t.equal(segmentsIn(dir).length, 8);
  clock.time += 2 * hour;
  await store.writer.write([batchOf(1, 801, samples.slice(800, 810))], calm);
  clock.time += 2 * hour;
  await store.writer.write([batchOf(1, 811, samples.slice(810))], calm);
  t.equal(segmentsIn(dir).length, 10);

  const check = async () => {
    const [all] = await store.reader.series({ keys: [key], from: samples[0]!.time, to: end }, calm);
    t.strictSame(
      all!.numbers,
      samples.map((_, index) => index + 1),
    );
    t.same(await store.reader.countNumbers(1, 1, 1000, calm), wholeRun(1000));
    const edges = { from: samples[500]!.time, to: samples[510]!.time, withPrevious: true, withNext: true, limit: 8 };
    const [some] = await store.reader.series({ keys: [key], ...edges }, calm);
    t.strictSame(some!.values, [503, 504, 505, 506, 507, 508, 509, 510]);
    const run = { stream: 1, first: 95, last: 310, from: samples[0]!.time, to: end };
    t.equal((await store.reader.samplesByNumber(run, calm)).numbers.length, 216);
  };
  await check();
  await store[Symbol.asyncDispose]();
  for (const name of readdirSync(dir)) if (name.endsWith('.json')) rmSync(join(dir, name));
  store = await open(dir, options);
  await check();
  t.ok(existsSync(join(dir, '000000001.json')), 'a missing catalogue entry is made again');
  await store.writer.write([batchOf(1, 1, samples)], calm);
  await check();
});

t.test(
  'retention unlinks whole segments by age and by quota, never the current one, and forgets no mark',
  async (t) => {
    const dir = t.testdir();
    const clock = handClock();
    let store = await open(dir, { clock, segmentMs: hourMs });
    t.teardown(() => store[Symbol.asyncDispose]());
    const samples = counting(1, 60_000);
    for (let period = 0; period < 6; period++) {
      await store.writer.write(
        [batchOf(1, period * 10_000 + 1, samples.slice(period * 10_000, (period + 1) * 10_000))],
        calm,
      );
      clock.time += hour;
    }
    const unbounded = Number.MAX_SAFE_INTEGER;
    const keep = (maxAgeMs: number, maxBytes: number) => retain(store, { maxAgeMs, maxBytes }, clock.now());
    t.same(await keep(100 * hourMs, unbounded), []);
    const byAge = await keep(3.5 * hourMs, unbounded);
    t.match(byAge, [
      { before: hour, through: new Map([[1, 10_000]]), samples: 10_000, why: 'age' },
      { before: 2 * hour, samples: 10_000, why: 'age' },
    ]);
    t.same(await store.reader.countNumbers(1, 1, 60_000, calm), {
      points: 40_000,
      distinct: 40_000,
      min: 20_001,
      max: 60_000,
    });
    const bytes = (await store.bytes())!;
    t.ok(bytes > 0);
    const byQuota = await keep(100 * hourMs, bytes - 1);
    t.match(byQuota, [{ before: 3 * hour, samples: 10_000, why: 'quota' }]);
    t.equal(await store.bytes(), bytes - byQuota[0]!.bytes!);
    await keep(0, 0);
    t.equal(
      (await store.reader.countNumbers(1, 1, 60_000, calm)).points,
      0,
      'the old one was sealed for its age, the current one is empty',
    );
    t.equal(segmentsIn(dir).length, 1);

    await store[Symbol.asyncDispose]();
    store = await open(dir, { clock, segmentMs: hourMs });
    await store.writer.write([batchOf(1, 50_001, samples.slice(50_000))], calm);
    t.equal(
      (await store.reader.countNumbers(1, 1, 60_000, calm)).points,
      0,
      'what was stored once is not stored again',
    );
  },
);

t.test(
  'a clock that leaps ahead for a minute, or years back, deletes no history; time goes on as before',
  async (t) => {
    const dir = t.testdir();
    const clock = handClock();
    const dayMs = 24 * hourMs;
    const day = 24 * hour;
    clock.time = 20_000 * day;
    const store = await open(dir, { clock });
    t.teardown(() => store[Symbol.asyncDispose]());
    let last = 0;
    const write = async () => {
      await store.writer.write([batchOf(1, last + 1, counting(1, 10, clock.time))], calm);
      last += 10;
    };
    const keep = () => retain(store, { maxAgeMs: 10 * dayMs, maxBytes: Number.MAX_SAFE_INTEGER }, clock.now());
    const liveADay = async () => {
      await write();
      clock.time += day;
      return keep();
    };
    for (let days = 0; days < 10; days++) t.same(await liveADay(), []);
    for (const away of [3300 * day, -19_000 * day]) {
      clock.time += away;
      await keep();
      await write();
      await keep();
      clock.time -= away;
      await write();
      await keep();
    }
    const { points } = await store.reader.countNumbers(1, 1, last, calm);
    t.ok(points >= last - 20, `${points} of ${last} are there`);
    let told: Deletion[] = [];
    for (let days = 0; days < 10; days++) told = [...told, ...(await liveADay())];
    t.ok(told.length >= 9 && told.length <= 14, 'about one a day');
    t.ok(Math.max(...told.map(({ before }) => before)) < clock.time, 'nothing is said to be gone that is to come');
    t.equal((await store.reader.countNumbers(1, last - 79, last, calm)).points, 80, 'the newest days');
  },
);

t.test('a month without samples, or switched off, ages nothing', async (t) => {
  const clock = handClock();
  const dir = t.testdir();
  let store = await open(dir, { clock, segmentMs: hourMs });
  t.teardown(() => store[Symbol.asyncDispose]());
  const month = 30 * 24 * hour;
  const keep = () => retain(store, { maxAgeMs: 3 * hourMs, maxBytes: Number.MAX_SAFE_INTEGER }, clock.now());
  await store.writer.write([batchOf(1, 1, counting(1, 10))], calm);
  clock.time += month;
  t.same(await keep(), []);
  await store[Symbol.asyncDispose]();
  clock.time += month;
  store = await open(dir, { clock, segmentMs: hourMs });
  await store.writer.write([batchOf(1, 11, counting(1, 10))], calm);
  t.same(await keep(), []);
  t.equal((await store.reader.countNumbers(1, 1, 20, calm)).points, 20);
});

t.test('a deletion of which nobody has heard, for the hub ended, is told when it is there again', async (t) => {
  const dir = t.testdir();
  const clock = handClock();
  const begin = () => open(dir, { clock, segmentMs: hourMs });
  let store = await begin();
  t.teardown(() => store[Symbol.asyncDispose]());
  const samples = counting(1, 60);
  for (let first = 1; first <= 60; first += 10) {
    await store.writer.write([batchOf(1, first, samples.slice(first - 1, first + 9))], calm);
    clock.time += hour;
  }
  const policy = { maxAgeMs: 3.5 * hourMs, maxBytes: Number.MAX_SAFE_INTEGER };
  const ended = new Error('the hub ended');
  await retain(store, policy, clock.now());
  const retold = async () => {
    await store[Symbol.asyncDispose]();
    store = await begin();
    return (await store.account(calm)).gone;
  };
  t.same(await retold(), new Map(), 'told');

  clock.time += 2 * hour;
  await t.rejects(
    store.retain(
      policy,
      clock.now(),
      () => {
        throw ended;
      },
      calm,
    ),
    ended,
  );
  t.equal((await store.reader.countNumbers(1, 1, 60, calm)).min, 31);
  t.same(await retold(), new Map([[1, 30]]));
  t.match(await retain(store, policy, clock.now()), [{ through: new Map([[1, 30]]), bytes: null, why: 'age' }]);
  t.same(await retain(store, policy, clock.now()), [], 'once');
  t.same(await retold(), new Map());

  await store[Symbol.asyncDispose]();
  renameSync(join(dir, '000000005.json'), join(dir, '000000005.quota-gone'));
  store = await begin();
  t.same((await store.account(calm)).gone, new Map([[1, 50]]), 'cut short before the data went');
  t.notOk(existsSync(join(dir, '000000005.duckdb')));
});

t.test(
  'killed or crashed in the middle of commits and rotations, it loses and doubles nothing that it acknowledged',
  async (t) => {
    const dir = join(t.testdir(), 'store');
    // A fault of native code ends the whole process, the broker in it too.
    const deaths = ['SIGKILL', 'SIGSEGV', 'SIGABRT'] as const;
    let acknowledged = 0;
    for (let kill = 0; kill < 8; kill++) {
      const from = Math.max(0, acknowledged - 500);
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, '../fixtures/duckdb-writer.ts'), dir, String(from)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      await afterSomeWrites(child, 3, (last) => {
        acknowledged = Math.max(acknowledged, last);
      });
      await delay(Math.random() * 150);
      const exited = once(child, 'exit');
      child.kill(deaths[kill % deaths.length]);
      await exited;
      const loud = { ...silent, error: (fields: object, message = '') => void t.fail(message, { fields }) };
      await using store = await open(dir, { log: loud });
      const count = await store.reader.countNumbers(1, 1, Number.MAX_SAFE_INTEGER, calm);
      t.ok(count.max! >= acknowledged, 'nothing that was acknowledged is lost');
      t.same(count, wholeRun(count.max!), 'every number is there once');
    }
    t.ok(segmentsIn(dir).length > 1, 'it rotated in between');
  },
);

async function afterSomeWrites(
  child: ChildProcess,
  writes: number,
  onAcknowledged: (last: number) => void,
): Promise<void> {
  let seen = 0;
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the writer ended by itself')));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      onAcknowledged(Number(line));
      if (++seen === writes) resolve();
    });
  });
}

t.test('what a crash left half-made is removed, and a damaged newest segment is set aside', async (t) => {
  const dir = t.testdir();
  const samples = counting(1, 300);
  const write = async (first: number, last: number) => {
    await using store = await open(dir, { maxSegmentRows: 100 });
    await store.writer.write([batchOf(1, first, samples.slice(first - 1, last))], calm);
    return store.reader.countNumbers(1, 1, 300, calm);
  };
  t.same(await write(1, 100), wholeRun(100));
  writeFileSync(join(dir, '000000002.duckdb.tmp'), 'half a segment');
  writeFileSync(join(dir, '000000002.duckdb.tmp.wal'), 'half a log');
  t.same(await write(50, 200), wholeRun(200));
  t.same(segmentsIn(dir), ['000000001.duckdb', '000000002.duckdb']);
  t.notOk(existsSync(join(dir, '000000002.duckdb.tmp')));

  truncateSync(join(dir, '000000002.duckdb'), 5000);
  const logged: string[] = [];
  const log = { ...silent, error: (_: unknown, message?: string) => void logged.push(message ?? '') };
  await using store = await open(dir, { log });
  t.same(logged, ['a segment of the store is damaged and was set aside']);
  t.ok(existsSync(join(dir, 'damaged/000000002.duckdb')));
  t.same(await store.reader.countNumbers(1, 1, 300, calm), wholeRun(100));
  await store.writer.write([batchOf(1, 51, samples.slice(50))], calm);
  t.same(await store.reader.countNumbers(1, 1, 300, calm), wholeRun(300));
});

t.test(
  'a checkpoint that is cut short within a block costs nothing; of a damaged segment it is known what is lost',
  async (t) => {
    const dir = t.testdir();
    const samples = counting(1, 300);
    const write = async (first: number, last: number, log: DuckdbStoreOptions['log'] = silent) => {
      await using store = await open(dir, { maxSegmentRows: 100, log });
      await store.writer.write([batchOf(1, first, samples.slice(first - 1, last))], calm);
      return { count: await store.reader.countNumbers(1, 1, 300, calm), account: await store.account(calm) };
    };
    const path = join(dir, '000000002.duckdb');
    await write(1, 100);
    await write(101, 150);
    const pages = await cutShort(path, [guardOf(path), `${path}.wal`]);
    for (const tear of pages) {
      tear();
      const logged: string[] = [];
      const log = { ...silent, warn: (_: unknown, message?: string) => void logged.push(message ?? '') };
      t.same((await write(1, 1, log)).count, wholeRun(150));
      t.same(logged, ['a checkpoint that was cut short is undone']);
      t.notOk(existsSync(guardOf(path)));
    }
    t.ok(pages.length > 2);
    await write(151, 200);
    await write(201, 300);
    pages[0]!();
    rmSync(guardOf(path));
    const after = await write(1, 1);
    t.equal(after.count.points, 200, 'without the copy it cannot be read');
    t.match(after.account, { highest: new Map([[1, 300]]), lost: [{ stream: 1, first: 101, last: 200 }] });
    t.same((await write(1, 140)).account.lost, [{ stream: 1, first: 141, last: 200 }], 'written again, it is taken');
    t.same(
      (await write(120, 170)).account.lost,
      [{ stream: 1, first: 171, last: 200 }],
      'also after it was opened anew',
    );
    t.same(await write(1, 300), {
      count: wholeRun(300),
      account: { highest: new Map([[1, 300]]), lost: [], gone: new Map() },
    });
  },
);

/** Merges a segment's log, and gives ways to make the files as if that had ended after some pages of a block. */
async function cutShort(path: string, beside: readonly string[]): Promise<(() => void)[]> {
  const instance = await DuckDBInstance.create(':memory:', { checkpoint_threshold: '1TB' });
  const connection = await instance.connect();
  await connection.run(`PRAGMA disable_checkpoint_on_shutdown; ATTACH '${path}' AS torn`);
  const before = readFileSync(path);
  let kept: [string, Buffer][] = [];
  const observed = Object.create(connection, {
    run: {
      value: async (sql: string) => {
        if (sql.startsWith('CHECKPOINT')) kept = beside.map((file) => [file, readFileSync(file)]);
        return connection.run(sql);
      },
    },
  });
  await checkpoint(observed, { database: 'torn', path });
  connection.closeSync();
  instance.closeSync();
  const after = readFileSync(path);
  const page = 4096;
  const blocks = 3 * page;
  const changed: number[] = [];
  for (let at = blocks; at < before.length; at += page) {
    if (!before.subarray(at, at + page).equals(after.subarray(at, at + page))) changed.push(at);
  }
  return changed.slice(0, -1).map((at) => () => {
    const torn = Buffer.from(before);
    after.copy(torn, blocks, blocks, at + page);
    writeFileSync(path, torn);
    for (const [file, bytes] of kept) writeFileSync(file, bytes);
  });
}

t.test('a sealed segment that has fewer rows than were sealed is not taken for what it was', async (t) => {
  const dir = t.testdir();
  const samples = counting(1, 300);
  const write = async (first: number, last: number) => {
    await using store = await open(dir, { maxSegmentRows: 100 });
    await store.writer.write([batchOf(1, first, samples.slice(first - 1, last))], calm);
    return { count: await store.reader.countNumbers(1, 1, 300, calm), account: await store.account(calm) };
  };
  await write(1, 10);
  copyFileSync(join(dir, '000000001.duckdb'), join(dir, 'empty'));
  await write(11, 100);
  await write(101, 200);
  copyFileSync(join(dir, 'empty'), join(dir, '000000001.duckdb'));
  const { count, account } = await write(201, 250);
  t.equal(count.points, 150);
  t.same(account.lost, [{ stream: 1, first: 1, last: 100 }]);
  t.ok(existsSync(join(dir, 'damaged/000000001.duckdb')));
});

t.test('a segment that was sealed by a crash before its log was merged is read whole', async (t) => {
  const dir = t.testdir({ kept: {} });
  const kept = join(dir, 'kept');
  const samples = counting(1, 150);
  let store = await open(dir, { maxSegmentRows: 100 });
  await store.writer.write([batchOf(1, 1, samples.slice(0, 100))], calm);
  for (const name of ['000000001.duckdb', '000000001.duckdb.wal']) copyFileSync(join(dir, name), join(kept, name));
  await store.writer.write([batchOf(1, 101, samples.slice(100))], calm);
  await store[Symbol.asyncDispose]();
  rmSync(join(dir, '000000001.json'));
  for (const name of ['000000001.duckdb', '000000001.duckdb.wal']) copyFileSync(join(kept, name), join(dir, name));
  store = await open(dir);
  t.teardown(() => store[Symbol.asyncDispose]());
  t.same(await store.reader.countNumbers(1, 1, 150, calm), wholeRun(150));
  t.notOk(existsSync(join(dir, '000000001.duckdb.wal')));
});

t.test('a folder that cannot be used is a ConfigError', async (t) => {
  const dir = t.testdir({ file: '' });
  await t.rejects(open(join(dir, 'file')), ConfigError);
  const store = join(dir, 'store');
  const child = spawn(process.execPath, [join(import.meta.dirname, '../fixtures/duckdb-writer.ts'), store, '0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  killAtEnd(t, child);
  await afterSomeWrites(child, 1, () => {});
  await t.rejects(open(store), { name: 'ConfigError', path: store, hint: /other hub/ });
});

t.test(
  'a disk that cannot be read just now, or no more open files, says nothing of the data: nothing is set aside',
  async (t) => {
    const dir = t.testdir();
    {
      await using store = await open(dir);
      await store.writer.write([batchOf(1, 1, counting(1, 300))], calm);
    }
    const files: number[] = [];
    const closeAll = () => files.splice(0).map((file) => closeSync(file));
    t.teardown(closeAll);
    execFileSync('prlimit', ['--pid', `${process.pid}`, '--nofile=512:']);
    for (let full = false; !full; )
      try {
        files.push(openSync('/dev/null', 'r'));
      } catch {
        full = true;
      }
    closeSync(files.pop()!);
    {
      await using store = await open(dir);
      t.match(store.health(), { ok: false, reason: /cannot be opened: .*Too many open files/ });
      closeAll();
      t.same(await store.reader.countNumbers(1, 1, 300, calm), wholeRun(300), 'it opens as soon as it can');
    }
    if (!requireOrSkip(t, 'strace')) return;
    const writer = join(import.meta.dirname, '../fixtures/duckdb-writer.ts');
    const log = join(dir, '000000001.duckdb.wal');
    const failing = ['-e', 'trace=pread64,read', '-e', 'inject=pread64,read:error=EIO', '-P', log];
    const child = spawn('strace', ['-f', '-qq', '-o', '/dev/null', ...failing, process.execPath, writer, dir, '300'], {
      stdio: 'ignore',
    });
    await once(child, 'exit');
    t.notOk(existsSync(join(dir, 'damaged')));
    await using store = await open(dir);
    t.same(await store.reader.countNumbers(1, 1, 300, calm), wholeRun(300));
  },
);

t.test('a disk that fills up during writes and rotations costs nothing that was acknowledged', async (t) => {
  const disk = smallDisk(t, 16);
  if (!disk) return t.plan(0, 'only root can mount a small disk');
  const store = await open(join(disk, 'store'), { maxSegmentRows: 30_000 });
  t.teardown(() => store[Symbol.asyncDispose]());
  let stored = 0;
  for (let round = 0; round < 3; round++) {
    for (let writes = 0; writes < 3; writes++) {
      await store.writer.write([batchOf(1, stored + 1, counting(1, 9000))], calm);
      stored += 9000;
    }
    const free = fillDisk(disk);
    const attempt = () => store.writer.write([batchOf(1, stored + 1, counting(1, 50_000))], calm);
    await t.rejects(attempt(), ConnectionError);
    await t.rejects(attempt(), ConnectionError);
    t.notOk(store.health().ok);
    free();
    t.same(await store.reader.countNumbers(1, 1, 1_000_000, calm), wholeRun(stored), 'reading works again at once');
    await attempt();
    stored += 50_000;
    t.ok(store.health().ok);
  }
  t.same(await store.reader.countNumbers(1, 1, 1_000_000, calm), wholeRun(stored));
});

t.test('on a full disk retention makes room, though a new segment is due that has none', async (t) => {
  const disk = smallDisk(t, 16);
  if (!disk) return t.plan(0, 'only root can mount a small disk');
  const store = await open(join(disk, 'store'), { maxSegmentRows: 30_000 });
  t.teardown(() => store[Symbol.asyncDispose]());
  for (let stored = 0; stored < 90_000; stored += 30_000)
    await store.writer.write([batchOf(1, stored + 1, counting(1, 30_000))], calm);
  fillDisk(disk);
  const told = await retain(store, { maxAgeMs: 1e12, maxBytes: 1 }, Date.now() * 1000);
  t.match(told, [{ through: new Map([[1, 30_000]]) }, { through: new Map([[1, 60_000]]), why: 'quota' }]);
  t.same(store.health(), { ok: true });
  await store.writer.write([batchOf(1, 90_001, counting(1, 1000))], calm);
  t.equal((await store.reader.countNumbers(1, 1, 100_000, calm)).points, 31_000);
});

t.test('reads go on while it writes and rotates, and an abort ends a read', async (t) => {
  const store = await open(t.testdir(), { maxSegmentRows: 10_000 });
  t.teardown(() => store[Symbol.asyncDispose]());
  const samples = counting(1, 100_000);
  let acknowledged = 0;
  const writing = (async () => {
    for (let first = 1; first <= 100_000; first += 4000) {
      await store.writer.write([batchOf(1, first, samples.slice(first - 1, first + 3999))], calm);
      acknowledged = first + 3999;
    }
  })();
  let done = false;
  void writing.finally(() => {
    done = true;
  });
  const readers = Array.from({ length: 4 }, async () => {
    while (!done) {
      await turn();
      const before = acknowledged;
      const count = await store.reader.countNumbers(1, 1, 100_000, calm);
      if (count.points < before || count.points !== count.distinct)
        return t.fail('a read missed or doubled something', { count, before });
    }
  });
  const controller = new AbortController();
  const query = { keys: [key], from: 0, to: Number.MAX_SAFE_INTEGER };
  const read = store.reader.series(query, controller.signal);
  controller.abort(new Error('closed the page'));
  await t.rejects(read, { message: 'closed the page' });
  await Promise.all([writing, ...readers]);
  t.same(await store.reader.countNumbers(1, 1, 100_000, calm), wholeRun(100_000));
});

t.test('the gate lets in what fits, in the order of asking, and turns away what would wait too long', async (t) => {
  const gate = createGate({ places: 2, maxWaiting: 2 });
  const order: string[] = [];
  const work = (name: string) => async () => {
    order.push(`${name} in`);
    await turn();
    order.push(`${name} out`);
  };
  const leaving = new AbortController();
  const inside = [gate.together(work('a')), gate.together(work('b')), gate.alone(work('alone'))];
  const left = gate.together(work('never'), leaving.signal);
  await t.rejects(gate.together(work('too many')), ConnectionError);
  leaving.abort(new Error('left'));
  await t.rejects(left, { message: 'left' });
  await Promise.all([...inside, gate.together(work('c'))]);
  t.same(order, ['a in', 'b in', 'a out', 'b out', 'alone in', 'alone out', 'c in', 'c out']);
  const failing = gate.alone(async () => Promise.reject(new Error('inside')));
  await t.rejects(failing, { message: 'inside' });
  await t.resolves(
    gate.together(async () => {}),
    'a failure leaves the gate open',
  );
});
