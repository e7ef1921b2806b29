/** An HTTP server of the distribution as a child process of a test: started, waited for, ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const startDeadlineMs = 20_000;
const stopDeadlineMs = 10_000;

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  /** Ends it and waits until it is gone. SIGTERM is given ten seconds. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface StartOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Receives what it prints. */
  readonly logFile: string;
  /** Answers with a status below 500 as soon as it is up. */
  readonly readyUrl: string;
}

export async function start({ program, args, logFile, readyUrl }: StartOptions): Promise<ServerProcess> {
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
