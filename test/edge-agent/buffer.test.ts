import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import t from 'tap';
import { openBufferFile } from '../../edge-agent/buffer-file.ts';
import { createMemoryBuffer } from '../../edge-agent/memory-buffer.ts';
import { openSqliteBuffer } from '../../edge-agent/sqlite-buffer.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { decodePayload, openFrame } from '../../protocols/frame.ts';
import { bufferContract, chunkOf } from '../contract/buffer.ts';

const maxBytes = 64 * 1024 * 1024;
let dirs = 0;
const root = t.testdir();
const integer = { type: 'int', unit: '', role: 'process', source: 'plc', intervalMs: 1000 } as const;
const newDir = () => join(root, `buffer-${++dirs}`);

bufferContract(t, 'memory', async () => createMemoryBuffer());
bufferContract(t, 'sqlite', () => openSqliteBuffer({ dir: newDir(), maxBytes }));

t.test('sqlite: keeps epoch, numbers and frames over a restart', async (t) => {
  const dir = newDir();
  let epoch: string;
  {
    await using buffer = await openSqliteBuffer({ dir, maxBytes });
    ({ epoch } = buffer.state());
    await buffer.append(chunkOf(10, 1));
    await buffer.append({ ...chunkOf(10, 11), watermarks: [[3, 1_790_000_000_000_001]] });
    await buffer.release(10);
  }
  await using buffer = await openSqliteBuffer({ dir, maxBytes });
  t.match(buffer.state(), { epoch, next: 21, acked: 10, minRetained: 11, frames: 1 });
  t.equal(buffer.acceptedUntil(3), 1_790_000_000_000_001, 'watermarks too, to the microsecond');
});

t.test('sqlite: a second process on the same buffer is refused with what to do', async (t) => {
  const dir = newDir();
  await using buffer = await openSqliteBuffer({ dir, maxBytes });
  await buffer.append(chunkOf(1, 1));
  const module = JSON.stringify(fileURLToPath(new URL('../../edge-agent/buffer-file.ts', import.meta.url)));
  const script = `import(${module}).then((m) => m.openBufferFile({ dir: ${JSON.stringify(dir)}, maxBytes: ${maxBytes} })).catch((e) => { console.log(e.name, e.message, e.hint); })`;
  const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 20_000 });
  t.match(stdout, /ConfigError another agent holds this buffer .*dataDir/);
});

t.test('sqlite: a folder that cannot be made is a ConfigError', async (t) => {
  const file = newDir();
  writeFileSync(file, 'not a folder');
  await t.rejects(openSqliteBuffer({ dir: join(file, 'buffer'), maxBytes }), ConfigError);
});

t.test('sqlite: at its quota it takes nothing, lets go all the same, and takes again', async (t) => {
  const dir = newDir();
  await using buffer = await openSqliteBuffer({ dir, maxBytes: 1024 * 1024 });
  let appended = 0;
  await t.rejects(async () => {
    for (; appended < 10_000; appended++) {
      await buffer.append({ ...chunkOf(100, 1 + appended * 100), payload: Buffer.alloc(20_000, appended) });
    }
  }, /full/);
  t.ok(appended > 10, `took ${appended} frames first`);
  t.equal(buffer.state().next, appended * 100 + 1, 'what was refused has no number');

  const tags = Array.from({ length: 3000 }, (_, i) => ({ path: `a/tag-${i}`, ...integer }));
  t.equal((await buffer.register(tags, 'demo/site')).idByPath.size, 3000, 'and yet new tags are registered');
  const large = { ...chunkOf(100, appended * 100 + 1), payload: Buffer.alloc(20_000) };
  await t.rejects(buffer.append(large), /full/, 'which is no room for samples');

  await buffer.release(100 * Math.floor(appended / 2));
  await buffer.append(chunkOf(100, 1 + appended * 100));
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
    await new Promise((resolve) => setTimeout(resolve, 700 + 100 * round));
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

t.test('sqlite: a frame that the disk has damaged goes out as one that the hub lists number by number', async (t) => {
  const dir = newDir();
  {
    await using buffer = await openSqliteBuffer({ dir, maxBytes });
    await buffer.append(chunkOf(10, 1));
    await buffer.append(chunkOf(10, 11));
  }
  const db = new Database(join(dir, 'buffer.db'));
  const damaged = db.prepare<[], Buffer>('SELECT frame FROM chunk WHERE first = 1').pluck().get()!;
  damaged[70]! ^= 4;
  db.prepare('UPDATE chunk SET frame = ? WHERE first = 1').run(damaged);
  db.close();
  await using buffer = await openSqliteBuffer({ dir, maxBytes });
  const [first, second] = await buffer.peek(0, { frames: 10, bytes: 1e9 });
  const opened = openFrame(first!.bytes);
  t.match(opened.header, { first: 1, count: 10, epoch: buffer.state().epoch });
  t.throws(() => decodePayload(opened.header, opened.payload), /not zstd/);
  t.doesNotThrow(() => decodePayload(openFrame(second!.bytes).header, openFrame(second!.bytes).payload));
});
