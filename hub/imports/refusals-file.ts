/** Rows that are not taken, each with its line and reason, as a file of JSON lines; counted by kind, however many. */
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import type { RowRefusal } from './sample-row.ts';

export interface RefusalsWriter {
  add(refusal: RowRefusal): void;
  /** By kind. */
  readonly counts: Readonly<Record<string, number>>;
  end(): Promise<void>;
}

/** More are counted and not listed: who gets so many mends the file by their kind. */
const mostListed = 100_000;

export function openRefusalsWriter(path: string): RefusalsWriter {
  const file = createWriteStream(path, { mode: 0o600 });
  const counts: Record<string, number> = {};
  let listed = 0;
  return {
    counts,
    add(refusal) {
      counts[refusal.kind] = (counts[refusal.kind] ?? 0) + 1;
      if (listed++ < mostListed) file.write(`${JSON.stringify(refusal)}\n`);
    },
    async end() {
      file.end();
      await finished(file);
    },
  };
}

/** In the order in which they were found. */
export async function readRefusals(path: string, skip: number, limit: number): Promise<RowRefusal[]> {
  const found: RowRefusal[] = [];
  await using file = await open(path);
  let at = 0;
  for await (const line of createInterface({ input: file.createReadStream({ autoClose: false }) })) {
    if (at++ >= skip) found.push(JSON.parse(line));
    if (found.length === limit) break;
  }
  return found;
}
