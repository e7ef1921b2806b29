/** The SQLite buffer on real files: the contract, then kills, a full disk, damage to every page, and two owners. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { type Batch, isDiskTrouble, type Keep, type NumberedFrame } from '../../edge-agent/buffer/buffer.ts';
import { openDatabase } from '../../edge-agent/buffer/database.ts';
import { openBufferFile } from '../../edge-agent/buffer/file.ts';
import { openKeeper } from '../../edge-agent/buffer/keeper.ts';
import { openSqliteBuffer } from '../../edge-agent/buffer/sqlite-buffer.ts';
import { onceTheMachineAllows } from '../../edge-agent/opening.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { decodePayload, openFrame } from '../../protocols/frame.ts';
import { isGap, readGap } from '../../protocols/gap.ts';
import { createRandom } from '../chaos/random.ts';
import { batchOf, bufferContract } from '../contract/buffer.ts';
import { fc } from '../support/drawn.ts';
import { createMemoryBuffer } from '../support/memory-buffer.ts';
import { fillDisk, smallDisk } from '../support/small-disk.ts';

const maxBytes = 64 * 1024 * 1024;
let dirs = 0;
const root = t.testdir();
const integer = { type: 'int', unit: '', role: 'process', source: 'plc', intervalMs: 1000 } as const;
const newDir = () => join(root, `buffer-${++dirs}`);

bufferContract(t, 'memory', async () => createMemoryBuffer());
// Each starts a thread; the file alone goes through many more schedules below.
bufferContract(t, 'sqlite', () => openSqliteBuffer({ dir: newDir(), maxBytes, replayMs: 0, hasBallast: false }), 5);

t.test('sqlite: keeps epoch, numbers and frames over a restart', async (t) => {
  const dir = newDir();
  let epoch: string;
  {
    await using buffer = await openSqliteBuffer({ dir, maxBytes });
    ({ epoch } = buffer.state());
    await buffer.append(batchOf(10, 1));
    await buffer.append({ ...batchOf(10, 11), watermarks: [[3, 1_790_000_000_000_001]] });
    await buffer.release(10);
  }
  await using buffer = await openSqliteBuffer({ dir, maxBytes });
  t.match(buffer.state(), { epoch, next: 21, acked: 10, minRetained: 1, frames: 2 });
  t.equal(buffer.acceptedUntil(3), 1_790_000_000_000_001, 'watermarks too, to the microsecond');
});

t.test('sqlite: a second process on the same buffer is refused with what to do', async (t) => {
  const dir = newDir();
  await using buffer = await openSqliteBuffer({ dir, maxBytes });
  await buffer.append(batchOf(1, 1));
  const module = JSON.stringify(fileURLToPath(new URL('../../edge-agent/buffer/keeper.ts', import.meta.url)));
  const script = `import(${module}).then((m) => m.openKeeper({ dir: ${JSON.stringify(dir)}, maxBytes: ${maxBytes} }, {})).catch((e) => { console.log(e.name, e.message, e.hint); })`;
  const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 60_000 });
  t.match(stdout, /ConfigError another agent holds this buffer .*dataDir/);
});

t.test('sqlite: a folder that cannot be made is a ConfigError', async (t) => {
  const file = newDir();
  writeFileSync(file, 'not a folder');
  await t.rejects(openSqliteBuffer({ dir: join(file, 'buffer'), maxBytes }), ConfigError);
});

const large = (first: number, keep: Keep = 'normal'): Batch => ({
  ...batchOf(100, first),
  chunks: [{ keep, count: 100, payload: Buffer.alloc(20_000, first) }],
});

t.test('sqlite: told to stop at its quota it takes nothing, lets go all the same, and takes again', async (t) => {
  const dir = newDir();
  await using buffer = await openSqliteBuffer({ dir, maxBytes: 1024 * 1024, full: 'stop' });
  let appended = 0;
  await t.rejects(async () => {
    for (; appended < 10_000; appended++) {
      await buffer.append(large(1 + appended * 100));
    }
  }, /full/);
  t.ok(appended > 10, `took ${appended} frames first`);
  t.equal(buffer.state().next, appended * 100 + 1, 'what was refused has no number');

  const tags = Array.from({ length: 3000 }, (_, i) => ({ path: `a/tag-${i}`, ...integer }));
  t.equal((await buffer.register(tags, 'demo/site')).idByPath.size, 3000, 'and yet new tags are registered');
  await t.rejects(buffer.append(large(appended * 100 + 1)), /full/, 'which is no room for samples');

  await buffer.release(100 * Math.floor(appended / 2));
  await buffer.append(batchOf(100, 1 + appended * 100));
  t.equal(buffer.state().next, appended * 100 + 101);
});

t.test('sqlite: what was accepted survives kill -9 at any moment', async (t) => {
  const dir = newDir();
  const writer = fileURLToPath(new URL('../support/append-forever.ts', import.meta.url));
  let acknowledged = 0;
  for (let round = 0; round < 5; round++) {
    const child = spawn(process.execPath, [writer, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', (text: Buffer) => {
      const numbers = text.toString().trim().split('\n').map(Number);
      acknowledged = Math.max(acknowledged, ...numbers.filter(Number.isFinite));
    });
    await once(child.stdout, 'data');
    await delay(20 + 40 * round);
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  const file = openBufferFile({ dir, maxBytes });
  const { next } = file.state();
  t.ok(acknowledged > 0, `${acknowledged} samples acknowledged before kills`);
  t.ok(next > acknowledged, `all of them are there: next is ${next}`);
  let expected = 1;
  for (let after = 0; ; ) {
    const frames = file.peek(after, { frames: 500, bytes: 1e9 });
    for (const { first, last } of frames) {
      if (first !== expected) t.fail(`hole before ${first}`);
      expected = last + 1;
    }
    if (frames.length === 0) break;
    after = frames.at(-1)!.last;
  }
  t.equal(expected, next, 'and the frames tile all numbers');
  file.close();
});

/** What would be sent: every number from `from` on is in a frame or a gap, once. Reasons by number of numbers. */
function tiling(t: Test, peek: (after: number) => readonly NumberedFrame[], next: number, from = 1) {
  const gone: Record<string, number> = {};
  let sent = 0;
  let expected = from;
  for (;;) {
    const frames = peek(expected - 1);
    for (const { first, last, bytes } of frames) {
      if (first !== expected) t.fail(`${first} follows ${expected - 1}`);
      expected = last + 1;
      const { header, payload } = openFrame(bytes);
      if (header.first !== first || header.count !== last - first + 1) t.fail(`the frame ${first} is of other numbers`);
      if (!isGap(header)) {
        sent += header.count;
        continue;
      }
      const { reason } = readGap(payload);
      gone[reason] = (gone[reason] ?? 0) + header.count;
    }
    if (frames.length === 0) break;
  }
  t.equal(expected, next, 'frames and gaps tile all numbers');
  return { sent, gone };
}
const many = { frames: 500, bytes: 1e9 };

t.test('sqlite: full, it gives up the oldest of what matters least, and says which numbers', async (t) => {
  const file = openBufferFile({ dir: newDir(), maxBytes: 4 * 1024 * 1024, hasBallast: false });
  t.teardown(() => file.close());
  const classes = ['bulk', 'normal', 'critical'] as const;
  const keepOf = (first: number) => classes[Math.floor(first / 100) % 3]!;
  let first = 1;
  for (; first < 100 * 600; first += 100) file.append(large(first, keepOf(first)));
  const { sent, gone } = tiling(t, (after) => file.peek(after, many), first);
  t.equal(sent + gone.evicted!, first - 1);
  t.match(file.state(), { evicted: gone.evicted, corrupt: 0, next: first });
  t.ok(file.state().bytes <= 1.05 * 4 * 1024 * 1024, `${file.state().bytes} bytes`);

  const kept: Record<string, number[]> = { bulk: [], normal: [], critical: [] };
  for (let after = 0; after < first - 1; ) {
    const [frame] = file.peek(after, { frames: 1, bytes: 1 });
    if (!isGap(openFrame(frame!.bytes).header)) kept[keepOf(frame!.first)]!.push(frame!.first);
    after = frame!.last;
  }
  t.ok(kept.critical!.length > 150, `${kept.critical!.length} of 200 critical frames are kept`);
  t.ok(kept.bulk!.length < 5 && kept.normal!.length < 5, 'at the cost of the others');
  t.equal(kept.critical!.at(-1), first - 100, 'and the newest is there');
  t.same(
    kept.critical,
    kept.critical!.map((_, i) => first - 100 - 300 * (kept.critical!.length - 1 - i)),
    'the oldest went first',
  );
});

t.test('sqlite: full, however small, it gives up no more at once than new samples need', async (t) => {
  const quota = 1024 ** 2;
  const file = openBufferFile({ dir: newDir(), maxBytes: quota, hasBallast: false });
  t.teardown(() => file.close());
  let first = 1;
  const add = () => {
    const payload = Buffer.alloc(3000, first);
    file.append({ ...batchOf(100, first), chunks: [{ keep: 'normal', count: 100, payload }] });
    first += 100;
  };
  while (file.state().evicted === 0) add();
  const least = 0.8 * ((first - 1) / 100);
  for (let i = 0; i < 600; i++) {
    add();
    const kept = (first - 1 - file.state().evicted) / 100;
    if (kept < least) return t.fail(`${kept} frames are left where ${least} have room`);
  }
});

t.test('sqlite: nothing that has been sent is given up, by an earlier process either', async (t) => {
  const dir = newDir();
  const options = { dir, maxBytes: 2 * 1024 * 1024, hasBallast: false };
  let first = 1;
  let file = openBufferFile(options);
  for (; first < 4000; first += 100) file.append(large(first));
  const sent = file.peek(0, { frames: 10, bytes: 1e9 });
  file.close();
  file = openBufferFile(options);
  t.teardown(() => file.close());
  for (let after = 0; after < 100 * 300; after += 100) file.append({ ...large(first + after), after });
  t.ok(file.state().evicted > 0);
  t.same(file.peek(0, { frames: 10, bytes: 1e9 }), sent, 'the hub may have stored it, and nobody knows');
});

t.test(
  'sqlite: what is settled is kept for a while, goes when its time is over, and first when room is needed',
  async (t) => {
    const dir = newDir();
    const options = { dir, maxBytes: 2 * 1024 * 1024, hasBallast: false };
    let file = openBufferFile({ ...options, replayMs: 3_600_000 });
    for (let first = 1; first < 4000; first += 100) file.append(large(first));
    file.release(2000);
    t.match(file.state(), { acked: 2000, minRetained: 1, evicted: 0 });
    t.equal(file.peek(0, many)[0]?.first, 1, 'the hub may go back');
    file.rewind(1000);
    t.match(file.state(), { acked: 1000, minRetained: 1 });
    file.release(3900);
    for (let first = 4001; first < 12_000; first += 100) file.append(large(first));
    const { minRetained, evicted } = file.state();
    t.ok(minRetained > 1, `what was settled made room, up to ${minRetained}`);
    t.equal(evicted, 0);
    file.rewind(1);
    t.equal(file.state().acked, minRetained - 1, 'and cannot be asked for any more');
    file.close();
    file = openBufferFile({ ...options, replayMs: 1 });
    t.teardown(() => file.close());
    file.release(11_800);
    await new Promise((resolve) => setTimeout(resolve, 5));
    file.release(11_900);
    t.ok(file.state().minRetained >= 11_801);
  },
);

t.test('sqlite: on a full disk it gives up what is old, and grows again when there is room', async (t) => {
  if (process.getuid?.() !== 0) return void t.pass('mounting a small file system takes root');
  const disk = mkdtempSync(join(tmpdir(), 'payesh-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk]);
  t.teardown(() => {
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  });
  const file = openBufferFile({ dir: join(disk, 'buffer'), maxBytes: 128 * 1024 * 1024 });
  t.ok(existsSync(join(disk, 'buffer/ballast')));
  let first = 1;
  const append = (frames: number) => {
    for (let i = 0; i < frames; i++, first += 100) file.append(large(first));
  };
  append(1000);
  const full = file.state();
  t.ok(full.diskFullSince !== undefined && full.evicted > 0, `${full.evicted} samples given up`);
  t.notOk(existsSync(join(disk, 'buffer/ballast')), 'the ballast is spent');

  // Somebody else takes the rest: what is new takes the place of what is old.
  t.throws(() => writeFileSync(join(disk, 'other'), Buffer.alloc(12 * 1024 * 1024)), { code: 'ENOSPC' });
  append(2000);
  const crowded = file.state();
  t.ok(crowded.evicted > full.evicted && crowded.bytes <= full.bytes, 'in the room that it has');
  rmSync(join(disk, 'other'));
  execFileSync('mount', ['-o', 'remount,size=64m', disk]);
  await delay(5100);
  append(200);
  const after = file.state();
  t.equal(after.diskFullSince, undefined);
  t.ok(after.bytes > full.bytes, 'it grows');
  t.ok(existsSync(join(disk, 'buffer/ballast')), 'the ballast is there again');
  const { sent, gone } = tiling(t, (number) => file.peek(number, many), first);
  t.equal(sent + gone.evicted!, first - 1);
  file.close();
});

t.test('sqlite: a new epoch takes over what came after a number, as numbers from 1', async (t) => {
  const dir = newDir();
  const file = openBufferFile({ dir, maxBytes });
  for (let first = 1; first <= 100; first += 10) file.append(batchOf(10, first));
  const { epoch } = file.state();
  file.release(20);
  file.renew(60);
  const renewed = file.state();
  t.match(renewed, { next: 41, acked: 0, minRetained: 1 });
  t.not(renewed.epoch, epoch);
  file.append({ ...batchOf(10, 41), after: 100 });
  file.close();
  const again = openBufferFile({ dir, maxBytes });
  t.teardown(() => again.close());
  t.same(
    tiling(t, (after) => again.peek(after, many), 51),
    { sent: 50, gone: {} },
  );
  const frames = again.peek(0, many);
  t.ok(frames.every(({ bytes }) => openFrame(bytes).header.epoch === renewed.epoch));
  const { header, payload } = openFrame(frames[0]!.bytes);
  t.equal(decodePayload(header, payload).samples.values[0], 60, 'what was number 61');
  again.release(40);
  t.match(again.state(), { acked: 40, next: 51 });
});

t.test('sqlite: a log that was cut, damaged or deleted is noticed, and what it held is a gap', async (t) => {
  const damages: Record<string, (log: string, size: number) => void> = {
    deleted: (log) => rmSync(log),
    'cut in half': (log, size) => truncateSync(log, size / 2),
    'damaged at its beginning': (log) => overwrite(log, 32 + 24 + 100),
    'damaged in the middle': (log, size) => overwrite(log, size / 2),
  };
  const writer = fileURLToPath(new URL('../support/append-forever.ts', import.meta.url));
  const dir = newDir();
  const child = spawn(process.execPath, [writer, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  let given = 0;
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (text: Buffer) => {
      given = Number(text.toString().trim().split('\n').at(-1));
      if (given >= 15_000) resolve();
    });
  });
  child.kill('SIGKILL');
  await once(child, 'close');
  for (const [what, damage] of Object.entries(damages)) {
    const copy = newDir();
    cpSync(dir, copy, { recursive: true });
    const log = join(copy, 'buffer.db-wal');
    damage(log, statSync(log).size);
    const file = openBufferFile({ dir: copy, maxBytes });
    const { next, regressedAt, corrupt } = file.state();
    t.ok(next > given, `${what}: numbers go on after ${given}`);
    t.ok(regressedAt !== undefined && corrupt > 0, `${what}: noticed, ${corrupt} samples`);
    t.equal(tiling(t, (after) => file.peek(after, many), next).gone.corrupt, corrupt);
    file.close();
  }
});

t.test('sqlite: a database that is gone is a gap in a stream of its own, before the new one', async (t) => {
  const dir = newDir();
  {
    const file = openBufferFile({ dir, maxBytes });
    file.append(batchOf(50, 1));
    file.append(batchOf(50, 51));
    file.release(50);
    file.close();
  }
  truncateSync(join(dir, 'buffer.db'));
  const told: string[] = [];
  await using buffer = await openSqliteBuffer({ dir, maxBytes, onProblem: (_, message) => told.push(message) });
  while (buffer.state().quarantined[0]?.state === 'salvaging') await delay(20);
  const stream = buffer.outgoing();
  t.match(stream.state(), { next: 101, acked: 50 });
  const [gap] = await stream.peek(50, many);
  t.match(gap, { first: 51, last: 100 });
  t.ok(isGap(openFrame(gap!.bytes).header));
  await stream.release(100);
  t.equal(buffer.outgoing().state().epoch, buffer.state().epoch, 'then the new one');
  t.match(told.join(), /set aside/);
});

/** Fsyncs shall not cost what they cost on a disk. */
const memoryDisk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
/** What a schedule asks of a buffer. `count` is of samples, and of numbers modulo what there is. */
const step = fc.record({
  verb: fc.constantFrom('append', 'append', 'append', 'peek', 'release', 'rewind', 'renew', 'reopen'),
  count: fc.integer({ min: 1, max: 60 }),
  keep: fc.constantFrom<Keep>('bulk', 'normal', 'critical'),
  bytes: fc.constantFrom(100, 10_000, 60_000),
});

t.test('sqlite: whatever is asked of it in any order, a full one too, is what a list would have done', (t) => {
  let evictions = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 120 }), (steps) => {
      const options = { dir: mkdtempSync(join(memoryDisk, 'payesh-buffer-')), maxBytes: 300_000, hasBallast: false };
      let file = openBufferFile(options);
      // By number the payload's mark, and the frames that were sent with all they had.
      let model = {
        epoch: file.state().epoch,
        next: 1,
        acked: 0,
        sent: 0,
        marks: new Map<number, number>(),
        whole: new Set<number>(),
      };
      let appended = 0;
      const check = (frames: readonly NumberedFrame[], after: number) => {
        let expected = after + 1;
        for (const { first, last, bytes } of frames) {
          const { header, payload } = openFrame(bytes);
          if (after >= model.acked && first > expected) throw new Error(`${first} follows ${expected - 1}`);
          if (header.first !== first || header.epoch !== model.epoch) throw new Error(`frame ${first} is not its own`);
          expected = last + 1;
          if (isGap(header)) {
            if (readGap(payload).reason !== 'evicted') throw new Error(`a gap at ${first}`);
            for (const number of model.whole) {
              if (number >= first && number <= last && number > model.acked)
                throw new Error(`${number} was sent, and given up`);
            }
          } else if (payload.readUInt32LE() !== model.marks.get(first)) throw new Error(`frame ${first} is another`);
        }
      };
      try {
        for (const { verb, count, keep, bytes } of steps) {
          const place = model.next > 1 ? count % model.next : 0;
          if (verb === 'append') {
            const payload = Buffer.alloc(bytes);
            payload.writeUInt32LE(appended + 1);
            const chunks = [{ keep, count, payload }];
            try {
              file.append({ after: appended, chunks, acceptedAt: 1, manifestRevision: 1 });
            } catch (error) {
              if (!/full/.test((error as Error).message)) throw error;
              continue;
            }
            model.marks.set(model.next, appended + 1);
            model.next += count;
            appended += count;
          } else if (verb === 'peek') {
            const after = Math.max(model.acked, model.sent);
            const frames = file.peek(after, { frames: count, bytes: 100_000 });
            check(frames, after);
            for (const { first, bytes } of frames) if (!isGap(openFrame(bytes).header)) model.whole.add(first);
            model.sent = Math.max(model.sent, frames.at(-1)?.last ?? 0);
          } else if (verb === 'release') {
            const through = Math.min(model.sent, model.acked + count);
            file.release(through);
            model.acked = Math.max(model.acked, through);
          } else if (verb === 'rewind') {
            file.rewind(place);
            const { acked } = file.state();
            if (acked > model.acked || (place < model.acked && acked < place)) throw new Error(`rewound to ${acked}`);
            model.acked = acked;
          } else if (verb === 'renew' && count > 50) {
            const after = Math.max(model.sent, model.acked);
            if (after >= model.next) continue;
            const firsts = [...model.marks].filter(([first]) => first > after);
            const offset = (firsts[0]?.[0] ?? model.next) - 1;
            file.renew(after);
            const marks = new Map(firsts.map(([first, mark]) => [first - offset, mark]));
            model = {
              epoch: file.state().epoch,
              next: model.next - offset,
              acked: 0,
              sent: 0,
              marks,
              whole: new Set(),
            };
          } else if (verb === 'reopen') {
            file.close();
            file = openBufferFile(options, appended);
          }
          const state = file.state();
          if (state.next !== model.next || state.acked !== model.acked || state.epoch !== model.epoch)
            throw new Error(`${verb}: ${JSON.stringify({ state, model })}`);
          if (state.corrupt > 0) throw new Error(`${verb}: something is taken for corrupt`);
        }
        evictions += file.state().evicted;
        for (let after = model.acked; after < model.next - 1; ) {
          const frames = file.peek(after, { frames: 1000, bytes: 1e9 });
          check(frames, after);
          if (frames.length === 0) throw new Error(`nothing after ${after} of ${model.next - 1}`);
          after = frames.at(-1)!.last;
        }
        const { pendingBytes, frames } = file.state();
        if (pendingBytes < 0 || frames < 0) throw new Error(JSON.stringify({ pendingBytes, frames }));
      } finally {
        file.close();
        rmSync(options.dir, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
  t.ok(evictions > 0, `${evictions} samples were given up on the way`);
  t.end();
});

function overwrite(path: string, at: number, bytes = randomBytes(64)): void {
  const handle = openSync(path, 'r+');
  writeSync(handle, bytes, 0, bytes.length, Math.floor(at));
  closeSync(handle);
}

t.test('sqlite: damage anywhere in the file costs what it hit, and every number of it is listed', async (t) => {
  const original = newDir();
  const samples = 50 * 400;
  {
    const file = openBufferFile({ dir: original, maxBytes });
    file.register([{ path: 'a', ...integer }], 'demo/site');
    for (let first = 1; first < samples; first += 50) file.append(batchOf(50, first));
    file.release(1000);
    file.close();
  }
  const { size } = statSync(join(original, 'buffer.db'));
  const random = createRandom(16);
  let salvaged = 0;
  let lost = 0;
  let asides = 0;
  const tryOne = async (at: number) => {
    const dir = newDir();
    cpSync(original, dir, { recursive: true, filter: (path) => !path.endsWith('ballast') });
    overwrite(join(dir, 'buffer.db'), at, randomBytes(Math.ceil(random.between(1, 5000))));
    const changed = Promise.withResolvers<void>();
    const keeper = openKeeper({ dir, maxBytes, hasBallast: false }, { changed: changed.resolve, problem() {} });
    const epochOf = () => keeper.state().live.epoch;
    const before = epochOf();
    const seen = new Map<number, number>();
    let gone = 0;
    const drain = (epoch: string, last: number) => {
      for (let after = 1000; after < last; ) {
        const frames = keeper.peek(epoch, after, many);
        if (frames.length === 0) return;
        for (const { first, last: end, bytes } of frames) {
          const { header, payload } = openFrame(bytes);
          if (header.epoch !== epoch) t.fail(`a frame of another epoch at ${at}`);
          if (first !== after + 1) t.fail(`${first} follows ${after}, damage at ${at}`);
          after = end;
          if (isGap(header)) gone += end - first + 1;
          else {
            const { values } = decodePayload(header, payload).samples;
            for (const [i, value] of values.entries()) {
              seen.set(first + i, 1);
              if (value !== first + i - 1) t.fail(`a wrong value at ${first + i}, damage at ${at}`);
            }
          }
        }
      }
    };
    drain(before, samples);
    if (seen.size + gone < samples - 1000) {
      seen.clear();
      gone = 0;
      // It was set aside, at once or when it was read.
      asides += 1;
      if (keeper.state().salvaged.length === 0) await changed.promise;
      while (keeper.state().live.quarantined.at(-1)?.state === 'salvaging') await delay(20);
      const [stream] = keeper.state().salvaged;
      if (!stream) return t.fail(`nothing was salvaged, damage at ${at}`);
      t.equal(stream.next, samples + 1);
      drain(stream.epoch, samples);
      keeper.release(stream.epoch, samples);
      t.match(keeper.state(), { salvaged: [], live: { next: 1, quarantined: [{ state: 'done' }] } });
      t.not(epochOf(), stream.epoch);
    }
    t.equal(seen.size + gone, samples - 1000, `every number is sent or listed, damage at ${at}`);
    salvaged += seen.size;
    lost += gone;
    keeper.close();
    rmSync(dir, { recursive: true });
  };
  /** More of them by hand; each is a process of its own. */
  const count = Number(process.env.PAYESH_DAMAGES ?? 15);
  const places = [0, 4096, ...Array.from({ length: count }, () => Math.floor(random.between(0, size)))];
  for (let i = 0; i < places.length; i += 5) await Promise.all(places.slice(i, i + 5).map(tryOne));
  t.comment(`${asides} of ${places.length} set aside; ${salvaged} samples salvaged, ${lost} listed as lost`);
  t.ok(salvaged > 2 * lost, 'most of it is salvaged');
});

t.test(
  'sqlite: a damaged file that there is no room to salvage waits for room, and nothing waits for it',
  async (t) => {
    // On a disk of its own, so that the buffer beside it has all the room it wants.
    const disk = smallDisk(t, 1);
    if (!disk) return void t.pass('mounting a small file system takes root');
    const dir = newDir();
    {
      const file = openBufferFile({ dir, maxBytes, hasBallast: false });
      for (let first = 1; first <= 20_000; first += 100) file.append(large(first));
      file.close();
    }
    overwrite(join(dir, 'buffer.db'), 0);
    symlinkSync(disk, join(dir, 'salvage'));
    const spare = fillDisk(disk, 16_384);
    await using buffer = await openSqliteBuffer({ dir, maxBytes, hasBallast: false });
    await buffer.append(batchOf(10, 1));
    await delay(800);
    t.match(buffer.state().quarantined, [{ state: 'salvaging' }], 'it is not given up');
    spare();
    while (buffer.state().quarantined[0]!.state === 'salvaging') await delay(20);
    t.match(buffer.state().quarantined, [{ state: 'sending' }]);
    t.match(buffer.outgoing().state(), { next: 20_001, acked: 0 });
    await buffer.append({ ...batchOf(10, 11), after: 10 });
    t.equal(buffer.state().next, 21, 'and it takes samples all the while');
  },
);

t.test('sqlite: a disk that becomes read-only while it runs is one that fails, and is waited for', (t) => {
  const disk = smallDisk(t, 12);
  if (!disk) return void t.end();
  const remount = (how: string) => execFileSync('mount', ['-o', `remount,${how}`, disk]);
  const keeper = openKeeper({ dir: join(disk, 'buffer'), maxBytes, hasBallast: false }, { changed() {}, problem() {} });
  keeper.append(batchOf(10, 1));
  // Its files are closed after an error: only then does the kernel remount under a test.
  limitFileSize('0');
  t.throws(() => keeper.append(batchOf(10, 11)), { code: /SQLITE_IOERR/ });
  limitFileSize('unlimited');
  remount('ro');
  for (let i = 0; i < 3; i++) {
    const error = thrown(() => keeper.append(batchOf(10, 11)));
    t.ok(isDiskTrouble(error), `${(error as Error).name}: ${(error as Error).message}`);
  }
  remount('rw');
  keeper.append(batchOf(10, 11));
  t.match(keeper.state().live, { next: 21, quarantined: [] });
  keeper.close();
  t.end();
});

t.test('sqlite: a folder that cannot be written at the start is a ConfigError', (t) => {
  const disk = smallDisk(t, 12);
  if (!disk) return void t.end();
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  const open = () => openKeeper({ dir: join(disk, 'buffer'), maxBytes }, { changed() {}, problem() {} });
  t.throws(open, { name: 'ConfigError', message: /cannot be written/ });
  t.end();
});

const openAt = (dir: string) => openKeeper({ dir, maxBytes, hasBallast: false }, { changed() {}, problem() {} });

t.test('sqlite: a process that may open no more files has no wrong configuration: it opens a moment later', (t) => {
  const dir = newDir();
  openAt(dir).close();
  const held: number[] = [];
  limitFiles('100');
  const full = thrown(() => {
    for (;;) held.push(openSync('/dev/null', 'r'));
  });
  const error = thrown(() => openAt(dir));
  for (const file of held) closeSync(file);
  limitFiles('1024');
  t.match(full, { code: 'EMFILE' });
  t.match(error, { code: 'SQLITE_CANTOPEN' });
  t.not((error as Error).name, 'ConfigError');
  openAt(dir).close();
  t.end();
});

t.test('sqlite: a disk that is full or read-only when a buffer is opened leaves nothing locked', (t) => {
  const disk = smallDisk(t, 4);
  if (!disk) return void t.end();
  // It has its tables, and no room for its first values.
  const dir = join(disk, 'buffer');
  openDatabase(dir, maxBytes).close();
  const giveBack = fillDisk(disk);
  for (let i = 0; i < 2; i++)
    t.match(
      thrown(() => openAt(dir)),
      { code: /^SQLITE_(FULL|IOERR)/ },
    );
  giveBack();
  openAt(dir).close();
  const remount = (how: string) => execFileSync('mount', ['-o', `remount,${how}`, disk]);
  remount('ro');
  const error = thrown(() => openAt(dir));
  t.ok(isDiskTrouble(error), `${(error as Error).name}: ${(error as Error).message}`);
  remount('rw');
  openAt(dir).close();
  t.end();
});

t.test('sqlite: who still holds the buffer is waited for, a while', async (t) => {
  const dir = newDir();
  const told: string[] = [];
  const log = { info() {}, error: (_: object, message: string) => void told.push(message) };
  const { signal: stop } = new AbortController();
  const open = () => openSqliteBuffer({ dir, maxBytes, hasBallast: false });
  const before = openAt(dir);
  await t.rejects(onceTheMachineAllows(open, { log, stop, patienceMs: 0 }), { message: /another agent holds/ });
  t.same(told, []);
  const opening = onceTheMachineAllows(open, { log: { ...log, error: () => before.close() }, stop });
  await using buffer = await opening;
  t.match(buffer.state(), { next: 1 });
});

t.test('sqlite: an append of which only the news was lost is kept once, and those after it wait for it', (t) => {
  let failing = 0;
  const failure = () => Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' });
  // What is written is durable, and that cannot be said: neither then, nor when the file is opened the first time.
  const open: typeof openBufferFile = (options, appended) => {
    if (failing === 1) {
      failing = 0;
      throw failure();
    }
    const file = openBufferFile(options, appended);
    const { append } = file;
    return Object.assign(file, {
      append(batch: Batch) {
        append(batch);
        if (failing !== 2) return;
        failing = 1;
        throw failure();
      },
    });
  };
  const keeper = openKeeper({ dir: newDir(), maxBytes, hasBallast: false }, { changed() {}, problem() {} }, open);
  keeper.append(batchOf(10, 1));
  failing = 2;
  t.throws(() => keeper.append(batchOf(10, 11)), { code: 'SQLITE_IOERR_FSYNC' });
  t.throws(() => keeper.append(batchOf(10, 21)), /comes before one that failed/);
  keeper.append(batchOf(10, 11));
  keeper.append(batchOf(10, 21));
  const { epoch, next } = keeper.state().live;
  t.equal(next, 31);
  t.same(
    tiling(t, (after) => keeper.peek(epoch, after, many), 31),
    { sent: 30, gone: {} },
  );
  keeper.close();
  t.end();
});

t.test('sqlite: a hole in the file is a gap, whether it is met in the middle or at the end', (t) => {
  const dir = newDir();
  {
    const file = openBufferFile({ dir, maxBytes });
    for (let first = 1; first <= 100; first += 10) file.append(batchOf(10, first));
    file.close();
  }
  const db = new Database(join(dir, 'buffer.db'));
  db.exec('DELETE FROM chunk WHERE first IN (41, 51, 91)');
  db.close();
  const file = openBufferFile({ dir, maxBytes });
  t.same(
    tiling(t, (after) => file.peek(after, many), 101),
    { sent: 70, gone: { corrupt: 30 } },
  );
  t.match(file.state(), { corrupt: 30, next: 101 });
  file.close();
  t.end();
});

t.test('sqlite: an eviction that could not be committed is made again, and passes nothing over', (t) => {
  const file = openBufferFile({ dir: newDir(), maxBytes: 20 * 1024 * 1024, hasBallast: false });
  let first = 1;
  const append = () => {
    file.append(large(first));
    first += 100;
  };
  while (file.state().evicted === 0) append();
  const { evicted } = file.state();
  // At the quota what is evicted is the first that is written.
  for (let i = 0; i < 20; i++) {
    limitFileSize('0');
    t.match(thrown(append), { code: /SQLITE_IOERR/ });
    limitFileSize('unlimited');
    append();
  }
  for (let i = 0; i < 1000; i++) append();
  const oldest: number[] = [];
  for (let after = 0; after < first - 1; ) {
    const [frame] = file.peek(after, { frames: 1, bytes: 1 });
    if (!isGap(openFrame(frame!.bytes).header)) oldest.push(frame!.first);
    after = frame!.last;
  }
  t.ok(file.state().evicted > evicted, `${evicted} and then ${file.state().evicted}`);
  t.same(
    oldest,
    oldest.map((_, i) => first - 100 * (oldest.length - i)),
    'all that is gone is older than all that is kept',
  );
  file.close();
  t.end();
});

// Else the test runner ends the process.
process.on('SIGXFSZ', () => {});

/** Beyond it, writing is an error of the disk. */
function limitFileSize(bytes: string): void {
  execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`]);
}

function limitFiles(count: string): void {
  execFileSync('prlimit', ['--pid', `${process.pid}`, `--nofile=${count}:`]);
}

function thrown(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
}

t.test('sqlite: a frame that the disk has damaged is a gap in its place, the same one for ever', async (t) => {
  const dir = newDir();
  {
    await using buffer = await openSqliteBuffer({ dir, maxBytes });
    for (let i = 0; i < 300; i++) await buffer.append(batchOf(10, 1 + i * 10));
  }
  const db = new Database(join(dir, 'buffer.db'));
  const damage = (first: number) => {
    const frame = db.prepare<[number], Buffer>('SELECT frame FROM chunk WHERE first = ?').pluck().get(first)!;
    frame[70]! ^= 4;
    db.prepare('UPDATE chunk SET frame = ? WHERE first = ?').run(frame, first);
  };
  // One is seen when the file is opened, the other when it is to be sent.
  for (const first of [11, 1501]) damage(first);
  db.close();
  const sent: Uint8Array[] = [];
  for (let round = 0; round < 2; round++) {
    await using buffer = await openSqliteBuffer({ dir, maxBytes });
    const frames = await buffer.peek(0, { frames: 1000, bytes: 1e9 });
    t.equal(frames.length, 300);
    const gaps = frames.filter(({ bytes }) => isGap(openFrame(bytes).header));
    t.match(gaps, [
      { first: 11, last: 20 },
      { first: 1501, last: 1510 },
    ]);
    t.same(readGap(openFrame(gaps[0]!.bytes).payload), { reason: 'corrupt' });
    t.match(buffer.state(), { corrupt: 20, frames: 300 });
    sent.push(Buffer.concat(gaps.map(({ bytes }) => bytes)));
  }
  t.same(sent[0], sent[1]);
});
