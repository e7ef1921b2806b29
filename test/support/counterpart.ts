/**
 * Programs of the distribution that tests run against, as child processes of the test. One that is not installed is
 * a reason to skip on a laptop and a failure where `PAYESH_REQUIRE_COUNTERPARTS=1` says that all of them must be there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const startDeadlineMs = 20_000;
const stopDeadlineMs = 10_000;

export interface Counterpart extends AsyncDisposable {
  readonly pid: number;
  /** Ends it and waits until it is gone. SIGTERM is given ten seconds. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Why tests of this program must be skipped, or undefined when they can run. */
export function missing(program: string): string | undefined {
  const found = (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found || process.env.PAYESH_REQUIRE_COUNTERPARTS === '1') return undefined;
  return `${program} is not installed (apt-get install it, or see test/support/counterpart.ts)`;
}

export interface StartOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Receives what it prints. */
  readonly logFile: string;
  /** Answers with a status below 500 as soon as it is up. */
  readonly readyUrl: string;
}

export async function start({ program, args, logFile, readyUrl }: StartOptions): Promise<Counterpart> {
  const log = openSync(logFile, 'a');
  const child = spawn(program, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  await once(child, 'spawn');
  const stop = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
    await exited;
    clearTimeout(timer);
  };
  const ready = await untilReady(child, readyUrl);
  if (!ready) {
    await stop('SIGKILL');
    throw new Error(`${program} did not come up at ${readyUrl}; see ${logFile}`);
  }
  return { pid: child.pid!, stop, [Symbol.asyncDispose]: () => stop() };
}

async function untilReady(child: ChildProcess, url: string): Promise<boolean> {
  const deadline = Date.now() + startDeadlineMs;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
      await response.arrayBuffer();
      if (response.status < 500) return true;
    } catch {
      // Not listening yet.
    }
    await delay(25);
  }
  return false;
}
