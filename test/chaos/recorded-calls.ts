/**
 * What a program asks of the disk, recorded by strace: every change of a file below a folder and every sync, in the
 * order in which the kernel finished them, and the lines that the program wrote to its standard output in between.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { relative } from 'node:path';
import { createInterface } from 'node:readline';

/** Paths are relative to the folder. A file keeps its number when it is renamed. */
export type Call =
  | { readonly kind: 'create'; readonly path: string; readonly file: number }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'write'; readonly file: number; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: number; readonly size: number }
  | { readonly kind: 'sync'; readonly file: number }
  | { readonly kind: 'sync-folder'; readonly path: string }
  | { readonly kind: 'said'; readonly line: string };

const traced =
  'open,openat,close,write,pwrite64,ftruncate,fsync,fdatasync,mkdir,rename,renameat,renameat2,unlink,unlinkat,rmdir';
/** Longest write that is recorded whole. */
const longest = 8 * 1024 * 1024;

/** Runs a script under strace. @throws {Error} it failed. */
export async function record(trace: string, script: string, args: readonly string[]): Promise<void> {
  const strace = ['-f', '-xx', '-s', `${longest}`, '-e', `trace=${traced}`, '-e', 'signal=none', '-o', trace];
  const child = spawn('strace', [...strace, process.execPath, script, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the recorded program ended with ${code}`);
}

interface OpenFile {
  readonly file: number;
  position: number;
  readonly appends: boolean;
}

/** The calls of a trace that concern what lies below `root`; `-shm` files do not outlive a power cut and are left out. */
export async function readCalls(trace: string, root: string): Promise<Call[]> {
  const calls: Call[] = [];
  const files = new Map<string, number>();
  const sizes = new Map<number, number>();
  const open = new Map<string, OpenFile>();
  const folders = new Map<string, string>();
  const unfinished = new Map<string, string>();
  let count = 0;
  const below = (path: string): string | undefined => {
    const name = relative(root, path);
    return name.startsWith('..') || name.startsWith('/') || /-shm$|(^|\/)spill(\/|$)/.test(name) ? undefined : name;
  };

  function take(call: string, args: string, result: string): void {
    const texts = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => bytesOf(hex!));
    const plain = args.replaceAll(/"[^"]*"/g, '').split(',');
    const fd = plain[0]!.trim();
    const paths = texts.map((text) => below(text.toString()));
    switch (call) {
      case 'open':
      case 'openat':
        opened(paths[0], args, result);
        return;
      case 'close':
        open.delete(fd);
        return void folders.delete(fd);
      case 'mkdir':
        return void (paths[0] !== undefined && calls.push({ kind: 'folder', path: paths[0] }));
      case 'rename':
      case 'renameat':
      case 'renameat2': {
        const [from, to] = paths;
        if (from === undefined || to === undefined) return;
        files.set(to, files.get(from)!);
        files.delete(from);
        return void calls.push({ kind: 'rename', from, to });
      }
      case 'unlink':
      case 'unlinkat':
      case 'rmdir':
        if (paths[0] === undefined) return;
        files.delete(paths[0]);
        return void calls.push({ kind: 'remove', path: paths[0] });
      case 'fsync':
      case 'fdatasync': {
        const [file, folder] = [open.get(fd), folders.get(fd)];
        if (folder !== undefined) calls.push({ kind: 'sync-folder', path: folder });
        if (file) calls.push({ kind: 'sync', file: file.file });
        return;
      }
      case 'ftruncate': {
        const at = open.get(fd);
        if (!at) return;
        const size = Number(plain[1]);
        sizes.set(at.file, size);
        return void calls.push({ kind: 'truncate', file: at.file, size });
      }
    }
    const at = open.get(fd);
    if (call === 'write' && fd === '1') {
      for (const line of texts[0]!.toString().trimEnd().split('\n')) calls.push({ kind: 'said', line });
    }
    if (!at || (call !== 'write' && call !== 'pwrite64')) return;
    const bytes = texts[0]!.subarray(0, Number(result));
    if (bytes.length !== Number(result)) throw new Error(`a write of ${result} bytes was not recorded whole`);
    const size = sizes.get(at.file) ?? 0;
    const offset = call === 'pwrite64' ? Number(plain.at(-1)) : at.appends ? size : at.position;
    if (call === 'write') at.position = offset + bytes.length;
    sizes.set(at.file, Math.max(size, offset + bytes.length));
    calls.push({ kind: 'write', file: at.file, offset, bytes });
  }

  function opened(path: string | undefined, args: string, fd: string): void {
    open.delete(fd);
    folders.delete(fd);
    if (path === undefined) return;
    let file = files.get(path);
    if (file === undefined) {
      if (!args.includes('O_CREAT')) return void folders.set(fd, path);
      file = ++count;
      files.set(path, file);
      calls.push({ kind: 'create', path, file });
    }
    if (args.includes('O_TRUNC')) {
      sizes.set(file, 0);
      calls.push({ kind: 'truncate', file, size: 0 });
    }
    open.set(fd, { file, position: 0, appends: args.includes('O_APPEND') });
  }

  for await (const line of createInterface({ input: createReadStream(trace, 'latin1') })) {
    const [, pid, text] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined) continue;
    if (text!.endsWith('<unfinished ...>')) {
      unfinished.set(pid, text!.slice(0, -'<unfinished ...>'.length));
      continue;
    }
    // Threads interleave: a call counts when it is finished.
    const whole = text!.replace(/^<\.\.\. \w+ resumed>/, () => unfinished.get(pid) ?? '');
    const [, call, args, result] = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(whole) ?? [];
    if (call !== undefined && Number(result) >= 0) take(call, args!, result!);
  }
  return calls;
}

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll('\\x', ''), 'hex');
