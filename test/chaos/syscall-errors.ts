/**
 * A disk that fails under a running process, without being root and without a special disk: strace takes hold of the
 * process and lets its calls on some files fail. The kernel has not done what failed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export type DiskError =
  /** What was written cannot be made durable: EIO on every third fsync. */
  | 'fsync'
  /** As a file system that has been remounted read-only. */
  | 'read-only';

const injections: Record<DiskError, readonly string[]> = {
  fsync: ['trace=fsync,fdatasync', 'inject=fsync,fdatasync:error=EIO:when=1+3'],
  'read-only': ['trace=pwrite64,ftruncate,unlink', 'inject=pwrite64,ftruncate,unlink:error=EROFS'],
};

/** Resolves when the process is let go again. One that ends meanwhile ends it too. */
export async function failCalls(pid: number, files: readonly string[], error: DiskError, forMs: number): Promise<void> {
  const args = ['-f', '-q', '-p', `${pid}`, '-o', '/dev/null', ...injections[error].flatMap((what) => ['-e', what])];
  const strace = spawn('strace', [...args, ...files.flatMap((file) => ['-P', file])], { stdio: 'ignore' });
  const exited = once(strace, 'exit');
  exited.catch(() => {});
  await Promise.race([delay(forMs), exited]);
  // It lets go of the process when it is asked to end.
  if (strace.exitCode === null) strace.kill('SIGTERM');
  await exited;
}

/** No process may hold more files than it does now. Resolves when it may again; `prlimit` is part of every Debian. */
export async function allowNoMoreFiles(pid: number, forMs: number): Promise<void> {
  await limitFiles(pid, openFiles(pid));
  await delay(forMs);
  await limitFiles(pid, usualFiles);
}

/** The soft limit that a service has when nothing else is said. */
const usualFiles = 1024;

/** 0 once the process has ended. */
export function openFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

async function limitFiles(pid: number, files: number): Promise<void> {
  const prlimit = spawn('prlimit', ['--pid', `${pid}`, `--nofile=${files}:`], { stdio: 'ignore' });
  await once(prlimit, 'exit');
}
