/** A file's way to the hub: announced by its hash, sent in pieces, waited for. Broken off, it goes on where it was. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '../../../protocols/errors.ts';
import { askHub, type HubAddress, sendBytes } from '../ask-hub.ts';
import type { ImportJson } from './import-json.ts';
import type { ImportWords } from './words.ts';

export interface SendOptions {
  readonly site?: string;
  readonly entries?: true;
  readonly zone?: string;
  /** Minutes. */
  readonly holds: number;
  readonly dryRun?: true;
}

const pieceBytes = 4 * 1024 * 1024;
const lookEveryMs = 500;

/** @returns the import when nothing more happens to it; `isNew`: not a file that was imported before. @throws {ConfigError} */
export async function sendFile(
  hub: HubAddress,
  file: string,
  options: SendOptions,
  words: ImportWords,
): Promise<{ readonly one: ImportJson; readonly isNew: boolean }> {
  const { site, entries, zone, holds, dryRun = false } = options;
  const { sha256, bytes, rows } = await describe(file, words);
  const body = {
    ...{
      kind: entries ? 'entries' : 'samples',
      format: extname(file).toLowerCase() === '.parquet' ? 'parquet' : 'csv',
    },
    ...{ name: basename(file), bytes, sha256, rows, hold_s: holds * 60, dry_run: dryRun },
    ...(site !== undefined && { site }),
    ...(zone !== undefined && { zone }),
  };
  let one = await askHub<ImportJson>(hub, '/imports', { method: 'POST', body });
  const isNew = one.state !== 'done';
  await using source = await open(file);
  const piece = Buffer.alloc(pieceBytes);
  while (one.state === 'receiving') {
    const { bytesRead } = await source.read(piece, 0, pieceBytes, one.received);
    const path = `/imports/${one.id}/content?offset=${one.received}`;
    one = await sendBytes<ImportJson>(hub, path, piece.subarray(0, bytesRead));
    tell(words.sent(Math.round((100 * one.received) / bytes)));
  }
  while (one.state === 'checking' || one.state === 'writing') {
    tell(words.underWay(one.state, Math.round(100 * one.progress), one.step));
    await delay(lookEveryMs);
    one = await askHub<ImportJson>(hub, `/imports/${one.id}`);
  }
  tell('');
  return { one, isNew };
}

async function describe(
  file: string,
  { noFile }: ImportWords,
): Promise<{ sha256: string; bytes: number; rows: number }> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw new ConfigError(noFile.message, { path: file, hint: noFile.hint });
  const hash = createHash('sha256');
  let rows = 0;
  for await (const part of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(part);
    for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, at + 1)) rows += 1;
  }
  return { sha256: hash.digest('hex'), bytes: found.size, rows };
}

/** On a terminal, in one line that the next replaces. */
function tell(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
