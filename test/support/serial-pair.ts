/** Serial lines without hardware: pseudo-terminals that socat holds. They have no parity, and no baud rate to speak of. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../protocols/clock.ts';

export interface SerialPair extends AsyncDisposable {
  readonly near: string;
  /** The other end: of the line, or nothing where the line leads to a TCP server. */
  readonly far: string;
}

/** A line between two paths in `dir`; with a port, between one path and that port of 127.0.0.1. */
export async function openSerialPair(socat: string, dir: string, tcpPort?: number): Promise<SerialPair> {
  const id = Math.random().toString(36).slice(2, 8);
  const near = join(dir, `near-${id}`);
  const far = tcpPort === undefined ? join(dir, `far-${id}`) : '';
  const pty = (path: string) => `pty,raw,echo=0,link=${path}`;
  const child = spawn(socat, [pty(near), far ? pty(far) : `tcp:127.0.0.1:${tcpPort},nodelay`], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  while (child.exitCode === null && !(existsSync(near) && (!far || existsSync(far)))) await systemClock.sleep(5);
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
