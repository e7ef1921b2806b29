/** `pipeline`: from the sampler's input to durable in one agent, against bare better-sqlite3 writing the same chunks. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { startAcceptor } from '../../edge-agent/acquire/accept.ts';
import { createSampler } from '../../edge-agent/acquire/sampler.ts';
import { openSqliteBuffer } from '../../edge-agent/buffer/sqlite-buffer.ts';
import type { Sample } from '../../protocols/sample.ts';
import { type Bench, timed } from './bench.ts';
import { createDemoSignals } from './demo-signals.ts';

const samplesWanted = 2_000_000;
/** Values measured at a time, as of one large poll. */
const readingSize = 1000;
const maxBytes = 4 * 1024 ** 3;
const quiet = { info() {}, warn() {} };

export const pipeline: Bench = {
  names: ['pipeline'],
  async *run({ dir, progress }) {
    const { tags, samples } = demoSamples();
    await runAgent(samples.slice(0, samplesWanted / 10), tags, 1000, join(dir, 'warm-up'));
    for (const chunk of [250, 1000, 8192]) {
      progress(`pipeline: ${samples.length} samples in frames of ${chunk}`);
      const folder = join(dir, `pipeline-${chunk}`);
      const throughAgent = await runAgent(samples, tags, chunk, folder);
      const bare = await writeBare(await framesOf(folder), join(dir, `bare-${chunk}.db`));
      const against = `bare better-sqlite3, FULL, the same frames already encoded`;
      yield {
        name: 'pipeline',
        value: samples.length / throughAgent,
        unit: 'samples/s',
        reference: samples.length / bare,
        against,
        note: `${chunk} samples a frame`,
      };
    }
    const rows = samples.slice(0, 200_000);
    const seconds = await writeRows(rows, join(dir, 'rows.db'));
    const note = `one JSON row a sample, ${readingSize} rows a commit, FULL`;
    yield { name: 'pipeline-json-rows', value: rows.length / seconds, unit: 'samples/s', reference: null, note };
  },
};

/** Demo signals, repeated in time until there are enough: the sampler must take every one of them. */
function demoSamples(): { tags: number; samples: Sample[] } {
  const signals = createDemoSignals({ factories: 40 });
  const samples: Sample[] = [];
  while (samples.length < samplesWanted) samples.push(...signals.nextSecond());
  return { tags: signals.tags, samples: samples.slice(0, samplesWanted) };
}

async function runAgent(samples: readonly Sample[], tags: number, maxSamples: number, dir: string): Promise<number> {
  const report = { mode: 'always', deadband: 0, heartbeatMs: 60_000 } as const;
  const sampler = createSampler(new Map(Array.from({ length: tags }, (_, i) => [i + 1, report])), () => 0);
  await using buffer = await openSqliteBuffer({ dir, maxBytes });
  await using acceptor = startAcceptor({
    buffer,
    manifestRevision: 1,
    now: () => Date.now() * 1000,
    intervalMs: 250,
    maxSamples,
    log: quiet,
    giveUp: new AbortController().signal,
  });
  return await timed(async () => {
    for (let i = 0; i < samples.length; i += readingSize)
      await acceptor.add(sampler.take(samples.slice(i, i + readingSize)));
    await acceptor.flush();
  });
}

async function framesOf(dir: string): Promise<Uint8Array[]> {
  await using buffer = await openSqliteBuffer({ dir, maxBytes });
  const frames: Uint8Array[] = [];
  for (let after = 0; ; ) {
    const found = await buffer.peek(after, { frames: 1000, bytes: 1e9 });
    if (found.length === 0) return frames;
    frames.push(...found.map(({ bytes }) => bytes));
    after = found.at(-1)!.last;
  }
}

function openBare(file: string, table: string): Database.Database {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(table);
  return db;
}

async function writeBare(frames: readonly Uint8Array[], file: string): Promise<number> {
  const db = openBare(file, 'CREATE TABLE chunk (first INTEGER PRIMARY KEY, frame BLOB NOT NULL)');
  const insert = db.prepare('INSERT INTO chunk (frame) VALUES (?)');
  const seconds = await timed(() => {
    for (const frame of frames) insert.run(frame);
  });
  db.close();
  return seconds;
}

async function writeRows(samples: readonly Sample[], file: string): Promise<number> {
  const db = openBare(file, 'CREATE TABLE sample (n INTEGER PRIMARY KEY, body TEXT NOT NULL)');
  const insert = db.prepare('INSERT INTO sample (body) VALUES (?)');
  const commit = db.transaction((some: readonly Sample[]) => {
    for (const sample of some) insert.run(JSON.stringify(sample));
  });
  const seconds = await timed(() => {
    for (let i = 0; i < samples.length; i += readingSize) commit(samples.slice(i, i + readingSize));
  });
  db.close();
  return seconds;
}
