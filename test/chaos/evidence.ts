/**
 * What the files and the store say, read by the checker on its own: nothing here comes from the hub's or the agent's
 * code, so that a mistake of theirs cannot hide itself.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, zstdDecompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import Database from 'better-sqlite3';

export interface LedgerEvidence {
  readonly streams: readonly LedgerStream[];
}

export interface LedgerStream {
  readonly number: number;
  readonly agent: string;
  readonly epoch: string;
  readonly through: number;
  readonly batches: readonly { readonly first: number; readonly last: number; readonly hash: string }[];
  readonly deadLetters: readonly { readonly number: number; readonly reason: string }[];
  readonly gaps: readonly { readonly first: number; readonly last: number | null; readonly reason: string }[];
  readonly pathByTag: ReadonlyMap<number, string>;
}

export function readLedger(file: string): LedgerEvidence {
  const db = new Database(file, { readonly: true });
  try {
    const rows = db.prepare('SELECT number, agent, epoch, through FROM stream ORDER BY number').all() as Pick<
      LedgerStream,
      'number' | 'agent' | 'epoch' | 'through'
    >[];
    const of = (sql: string, stream: number) => db.prepare(sql).all(stream) as never[];
    return {
      streams: rows.map((row) => {
        const manifests = of('SELECT content FROM manifest WHERE stream = ? ORDER BY revision', row.number) as {
          content: string;
        }[];
        const tags = manifests.flatMap(({ content }) => JSON.parse(content).tags as { id: number; path: string }[]);
        return {
          ...row,
          batches: of(
            'SELECT first, last, lower(hex(content_hash)) AS hash FROM batch WHERE stream = ? ORDER BY first',
            row.number,
          ),
          deadLetters: of('SELECT number, reason FROM dead_letter WHERE stream = ? ORDER BY number', row.number),
          gaps: of('SELECT first, last, reason FROM gap WHERE stream = ? ORDER BY first', row.number),
          pathByTag: new Map(tags.map(({ id, path }) => [id, path])),
        };
      }),
    };
  } finally {
    db.close();
  }
}

export interface BufferEvidence {
  readonly epoch: string;
  readonly next: number;
  readonly acked: number;
  readonly minRetained: number;
  /** Frames of samples still kept. */
  readonly frames: readonly { readonly first: number; readonly last: number; readonly contentHash: string }[];
  /** Of a copy: what could be read of it after the harm. */
  readonly readable?: readonly { readonly first: number; readonly last: number }[];
  /** Numbers that it says are lost. */
  readonly gaps: readonly { readonly first: number; readonly last: number; readonly reason: string }[];
}

/** Within the copy of a buffer from before it was harmed: its files right after. */
export const harmedFolder = 'harmed';

/** Runs of numbers whose frames can still be read of the harmed file, from either end, and are whole. */
export function readHarmed(folder: string): { readonly first: number; readonly last: number }[] {
  const file = join(folder, harmedFolder, 'buffer.db');
  if (!existsSync(file)) return [];
  const before = new Database(join(folder, 'buffer.db'));
  const offset = Number(before.prepare("SELECT value FROM meta WHERE key = 'offset'").pluck().get() ?? 0);
  before.close();
  const runs = new Map<number, { first: number; last: number }>();
  for (const order of ['ASC', 'DESC']) {
    try {
      const db = new Database(file);
      db.pragma('cell_size_check = ON');
      const rows = db.prepare(`SELECT first, last, frame FROM chunk ORDER BY first ${order}`).iterate();
      for (const { first, last, frame } of rows as Iterable<{ first: number; last: number; frame: Buffer }>) {
        if (first <= offset || !isWhole(frame, last - first + 1)) continue;
        runs.set(first, { first: first - offset, last: last - offset });
      }
      db.close();
    } catch {
      // The rest, or all of it, cannot be read from this end.
    }
  }
  return [...runs.values()];
}

const isWhole = (frame: Buffer, count: number): boolean =>
  frame.length >= 56 &&
  frame[5] !== gapCodec &&
  frame.readUInt32LE(40) === count &&
  frame.readUInt32LE(52) === crc32(frame.subarray(56), crc32(frame.subarray(0, 52)));

/** The codec of a frame that says that its numbers will never come. */
const gapCodec = 2;

/** Opened for writing, since what a killed agent left in the log must be taken in. Numbers are those of the wire. */
export function readBuffer(file: string): BufferEvidence {
  const db = new Database(file);
  try {
    const meta = new Map(db.prepare('SELECT key, value FROM meta').raw().all() as [string, string | number][]);
    // In the file they go on for ever; on the wire they begin anew with each epoch.
    const offset = (meta.get('offset') as number | undefined) ?? 0;
    const next = (meta.get('next') as number) - offset;
    const rows = db.prepare('SELECT first, last, frame FROM chunk WHERE first > ? ORDER BY first').all(offset) as {
      first: number;
      last: number;
      frame: Buffer;
    }[];
    const chunks = rows.map(({ first, last, frame }) => ({ first: first - offset, last: last - offset, frame }));
    const isGap = ({ frame }: { frame: Buffer }) => frame[5] === gapCodec;
    return {
      epoch: meta.get('epoch') as string,
      next,
      acked: (meta.get('acked') as number) - offset,
      minRetained: chunks[0]?.first ?? next,
      frames: chunks
        .filter((chunk) => !isGap(chunk))
        .map(({ first, last, frame }) => ({ first, last, contentHash: sha256(contentOf(frame)) })),
      gaps: chunks.filter(isGap).map(({ first, last, frame }) => ({
        first,
        last,
        reason: JSON.parse(frame.subarray(56).toString()).reason,
      })),
    };
  } finally {
    db.close();
  }
}

/** The payload begins at byte 56 and is zstd over one line of JSON. */
const contentOf = (frame: Buffer): Buffer => zstdDecompressSync(frame.subarray(56, 56 + frame.readUInt32LE(48)));

export const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

export interface StoredSample {
  readonly number: number;
  readonly tag: number;
  /** µs UTC. */
  readonly time: number;
  readonly value: number | bigint | boolean | string | null;
  readonly quality: number;
  readonly flags: number;
}

type DuckdbRow = [
  n: number,
  tag: number,
  time: number,
  f: number | null,
  i: bigint | null,
  b: boolean | null,
  s: string | null,
  q: number,
  flags: number,
];
type InfluxRow = [
  ns: string,
  n: number,
  f: number | string | null,
  i: number | string | null,
  u: string | null,
  b: boolean | null,
  s: string | null,
  q: number | null,
  o: number | null,
];

/** All samples of a stream in order of their numbers; a number that is stored twice is there twice. */
export type ReadStored = (stream: number) => Promise<StoredSample[]>;

/** Of the embedded store, whose process has ended. */
export function duckdbEvidence(dir: string): ReadStored {
  return async (stream) => {
    const files = readdirSync(dir).filter((name) => name.endsWith('.duckdb'));
    const samples: StoredSample[] = [];
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    for (const [i, file] of files.sort().entries()) {
      // Attached for writing, so that its log is taken in; its own files are those of a run that is over.
      await connection.run(`ATTACH '${join(dir, file).replaceAll("'", "''")}' AS part_${i}`);
      const result = await connection.stream(
        `SELECT n::DOUBLE, tag, time::DOUBLE, f, i, b, s, q, flags FROM part_${i}.sample WHERE stream = ${stream}`,
      );
      for await (const rows of result.yieldRows()) {
        for (const [number, tag, time, f, integer, b, s, quality, flags] of rows as unknown as DuckdbRow[]) {
          samples.push({ number, tag, time, value: f ?? integer ?? b ?? s, quality, flags });
        }
      }
      await connection.run(`DETACH part_${i}`);
    }
    connection.closeSync();
    instance.closeSync();
    return samples.sort((a, b) => a.number - b.number);
  };
}

export function influxEvidence(url: string, database: string): ReadStored {
  return async (stream) => {
    const query = `SELECT "n","f","i","u","b","s","q","o" FROM "sample" WHERE "stream" = '${stream}' GROUP BY "tag"`;
    const parameters = new URLSearchParams({ db: database, q: query, epoch: 'ns', chunked: 'true' });
    const response = await fetch(`${url}/query?${parameters}`);
    if (!response.ok || !response.body) throw new Error(`InfluxDB: ${response.status} ${await response.text()}`);
    const samples: StoredSample[] = [];
    for await (const line of linesOf(response.body)) {
      // Numbers of 16 digits and more as text: a double cannot hold nanoseconds.
      const { results } = JSON.parse(line.replaceAll(/(?<=[[,])-?\d{16,}(?=[,\]])/g, '"$&"'));
      const [result] = results as { error?: string; series?: { tags: { tag: string }; values: InfluxRow[] }[] }[];
      if (result?.error) throw new Error(`InfluxDB: ${result.error}`);
      for (const { tags, values } of result?.series ?? []) {
        for (const [ns, n, f, i, u, b, s, q, o] of values) {
          const integer = i === null ? (u === null ? null : BigInt(u)) : BigInt(i);
          samples.push({
            number: n,
            tag: Number(tags.tag),
            time: Number(BigInt(ns) / 1000n),
            value: (typeof f === 'string' ? Number(f) : f) ?? integer ?? b ?? s,
            quality: q ?? 0,
            flags: o ?? 0,
          });
        }
      }
    }
    return samples.sort((a, b) => a.number - b.number);
  };
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop()!;
    yield* lines.filter((line) => line !== '');
  }
  if (rest.trim() !== '') yield rest;
}
