/**
 * Power cuts, replayed: the writes and fsyncs of a real buffer are recorded (strace), and the disk is made anew as it
 * could be after a cut at any point. What was written since a file's last fsync is lost whole, or a random half of it
 * is, sector by sector. Every state is opened with the real buffer: what was accepted must be there and unchanged.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openBufferFile } from '../../edge-agent/buffer-file.ts';
import { createRandom, type Random } from './random.ts';

export interface PowerCutResult {
  readonly seed: number;
  readonly states: number;
  /** States in which an accepted number was gone or changed, or the buffer could not be opened. */
  readonly lost: number;
  readonly examples: readonly string[];
}

/** A change of a file, in the order in which the kernel was asked for it. */
type Operation =
  | { readonly kind: 'write'; readonly file: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: string; readonly size: number }
  | { readonly kind: 'remove'; readonly file: string }
  | { readonly kind: 'sync'; readonly file: string }
  | { readonly kind: 'accepted'; readonly through: number }
  | { readonly kind: 'released'; readonly through: number };

type FileOperation = Extract<Operation, { kind: 'write' | 'truncate' }>;

const sector = 512;
const chunks = 400;

export function replayPowerCuts(root: string, seed: number, states: number): PowerCutResult {
  const dir = mkdtempSync(join(root, 'power-cut-'));
  try {
    const operations = record(dir, seed);
    const random = createRandom(seed);
    const disk = createDisk();
    const examples: string[] = [];
    let done = 0;
    let lost = 0;
    for (let state = 0; state < states; state++) {
      // At every point both ways of losing.
      const cut = 1 + Math.floor(((state >> 1) * operations.length) / Math.ceil(states / 2));
      while (done < cut) disk.take(operations[done++]!);
      const what = examine(join(dir, 'state'), disk, state % 2 === 0 ? undefined : random);
      if (what === undefined) continue;
      lost += 1;
      if (examples.length < 5) examples.push(`cut after ${cut} of ${operations.length} calls: ${what}`);
    }
    return { seed, states, lost, examples };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function record(dir: string, seed: number): Operation[] {
  const trace = join(dir, 'trace');
  const calls = 'openat,pwrite64,write,fsync,fdatasync,ftruncate,unlink,close';
  const { status, stderr } = spawnSync(
    'strace',
    [
      ...['-f', '-xx', '-s', '1048576', '-e', `trace=${calls}`, '-e', 'signal=none', '-o', trace],
      ...[process.execPath, join(import.meta.dirname, 'power-cut-writer.ts'), join(dir, 'buffer')],
      ...[`${seed}`, `${chunks}`],
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the recorded writer failed: ${stderr}`);
  return parseTrace(readFileSync(trace, 'latin1'));
}

/** Only files of SQLite, and what went to the standard output. */
function parseTrace(trace: string): Operation[] {
  const operations: Operation[] = [];
  const files = new Map<string, string>();
  for (const line of trace.split('\n')) {
    const [, call, args, result] = /^\d+\s+(\w+)\((.*)\)\s+= (-?\d+)/.exec(line) ?? [];
    if (call === undefined || Number(result) < 0) continue;
    const texts = [...args!.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => bytesOf(hex!));
    const numbers = args!
      .replaceAll(/"[^"]*"/g, '')
      .split(',')
      .map((text) => text.trim());
    const file = files.get(numbers[0]!);
    if (call === 'openat') {
      const name = basename(texts[0]!.toString());
      if (/^buffer\.db/.test(name)) files.set(result!, name);
      else files.delete(result!);
    } else if (call === 'close') files.delete(numbers[0]!);
    else if (call === 'unlink') {
      const name = basename(texts[0]!.toString());
      if (/^buffer\.db/.test(name)) operations.push({ kind: 'remove', file: name });
    } else if (call === 'write' && numbers[0] === '1') {
      const [, kind, through] = /^(accepted|released) (\d+)/.exec(texts[0]!.toString()) ?? [];
      if (kind) operations.push({ kind: kind as 'accepted' | 'released', through: Number(through) });
    } else if (file !== undefined) {
      if (call === 'pwrite64') {
        operations.push({ kind: 'write', file, offset: Number(numbers[3]), bytes: texts[0]! });
      } else if (call === 'ftruncate') operations.push({ kind: 'truncate', file, size: Number(numbers[1]) });
      else if (call === 'fsync' || call === 'fdatasync') operations.push({ kind: 'sync', file });
    }
  }
  return operations;
}

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll('\\x', ''), 'hex');

/** What is wrong with the disk after a cut; undefined when all that was accepted is there. @param random loses by half */
function examine(dir: string, disk: Disk, random: Random | undefined): string | undefined {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  for (const [file, bytes] of disk.afterCut(random)) writeFileSync(join(dir, file), bytes);
  const { accepted, released } = disk;
  let buffer: ReturnType<typeof openBufferFile>;
  try {
    buffer = openBufferFile({ dir, maxBytes: 64 * 1024 * 1024 });
  } catch (error) {
    return `it cannot be opened: ${(error as Error).message}`;
  }
  try {
    const { next } = buffer.state();
    if (next <= accepted) return `accepted up to ${accepted}, and the next number is ${next}`;
    let expected = released + 1;
    while (expected <= accepted) {
      const frames = buffer.peek(expected - 1, { frames: 64, bytes: 1024 * 1024 });
      if (frames.length === 0) return `number ${expected} is gone`;
      for (const frame of frames) {
        if (frame.first > expected) return `number ${expected} is gone`;
        const text = Buffer.from(frame.bytes.subarray(56)).toString();
        if (!text.startsWith(`${frame.first};${frame.first};`)) return `frame ${frame.first} is changed`;
        expected = frame.last + 1;
      }
    }
    return undefined;
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`;
  } finally {
    buffer.close();
  }
}

interface Disk {
  readonly accepted: number;
  readonly released: number;
  take(operation: Operation): void;
  /** Files as they may be found. Names are taken to be durable at once; contents from a file's fsync on. */
  afterCut(random: Random | undefined): Map<string, Buffer>;
}

function createDisk(): Disk {
  const durable = new Map<string, FileImage>();
  const pending = new Map<string, FileOperation[]>();
  const imageOf = (file: string): FileImage => {
    let image = durable.get(file);
    if (!image) {
      image = createImage();
      durable.set(file, image);
    }
    return image;
  };
  let accepted = 0;
  let released = 0;
  return {
    get accepted() {
      return accepted;
    },
    get released() {
      return released;
    },
    take(operation) {
      if (operation.kind === 'accepted') accepted = operation.through;
      else if (operation.kind === 'released') released = Math.max(released, operation.through);
      else if (operation.kind === 'remove') {
        durable.delete(operation.file);
        pending.delete(operation.file);
      } else if (operation.kind === 'sync') {
        const image = imageOf(operation.file);
        for (const waiting of pending.get(operation.file) ?? []) image.apply(waiting);
        pending.delete(operation.file);
      } else {
        imageOf(operation.file);
        const waiting = pending.get(operation.file) ?? [];
        waiting.push(operation);
        pending.set(operation.file, waiting);
      }
    },
    afterCut(random) {
      const files = new Map<string, Buffer>();
      for (const [file, image] of durable) {
        const kept = random ? (pending.get(file) ?? []).flatMap((operation) => survivors(operation, random)) : [];
        const found = kept.length > 0 ? createImage(image.bytes()) : image;
        for (const operation of kept) found.apply(operation);
        files.set(file, found.bytes());
      }
      return files;
    },
  };
}

interface FileImage {
  apply(operation: FileOperation): void;
  bytes(): Buffer;
}

function createImage(content: Buffer = Buffer.alloc(0)): FileImage {
  let space: Buffer = Buffer.from(content);
  let size = content.length;
  return {
    apply(operation) {
      if (operation.kind === 'truncate') {
        if (operation.size < size) space.fill(0, operation.size, size);
        size = operation.size;
        return;
      }
      const end = operation.offset + operation.bytes.length;
      if (end > space.length) space = Buffer.concat([space, Buffer.alloc(end * 2 - space.length)]);
      operation.bytes.copy(space, operation.offset);
      size = Math.max(size, end);
    },
    bytes: () =>
      size > space.length ? Buffer.concat([space, Buffer.alloc(size - space.length)]) : space.subarray(0, size),
  };
}

/** A disk writes whole sectors, in any order. */
function survivors(operation: FileOperation, random: Random): FileOperation[] {
  if (operation.kind !== 'write') return random.next() < 0.5 ? [operation] : [];
  const parts: FileOperation[] = [];
  for (let from = 0; from < operation.bytes.length; ) {
    const to = Math.min(operation.bytes.length, from + sector - ((operation.offset + from) % sector));
    if (random.next() < 0.5) {
      parts.push({ ...operation, offset: operation.offset + from, bytes: operation.bytes.subarray(from, to) });
    }
    from = to;
  }
  return parts;
}
