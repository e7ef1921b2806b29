/**
 * How far the buffer has come, noted beside its database after every change, without an fsync: so it is never ahead of what
 * was durable. A WAL that was cut or deleted is silent to SQLite; a database that knows less than this mark has lost it.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** As in the file's own numbering: see meta.ts. */
export interface Mark {
  readonly epoch: string;
  readonly offset: number;
  readonly next: number;
  readonly acked: number;
}

export interface MarkFile {
  write(mark: Mark): void;
  close(): void;
}

export const markName = 'buffer.mark';
const lineLength = 120;

/** undefined where there is none, or a power cut has torn it. */
export function readMark(dir: string): Mark | undefined {
  try {
    const [epoch, offset, next, acked, sum] = readFileSync(join(dir, markName), 'latin1').trim().split(' ');
    if (sum !== sumOf(`${epoch} ${offset} ${next} ${acked}`)) return undefined;
    return { epoch: epoch!, offset: Number(offset), next: Number(next), acked: Number(acked) };
  } catch {
    return undefined;
  }
}

export function openMark(dir: string): MarkFile {
  let file: number | undefined;
  return {
    write({ epoch, offset, next, acked }) {
      const text = `${epoch} ${offset} ${next} ${acked}`;
      try {
        file ??= openSync(join(dir, markName), constants.O_WRONLY | constants.O_CREAT, 0o600);
        writeSync(file, `${text} ${sumOf(text)}`.padEnd(lineLength), 0, 'latin1');
      } catch {
        // On a full disk there is no mark, or an old one: it is a second look, and nothing rests on it alone.
      }
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

const sumOf = (text: string): string => crc32(text).toString(16);
