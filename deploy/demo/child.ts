/** A process of the demo: started in a group of its own, so that Ctrl-C reaches the launcher alone and it can stop them in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  /** The file that has everything it printed. */
  readonly logFile: string;
  /** Resolves when the condition holds. @throws with the end of its log when it ended or took too long. */
  until(condition: () => Promise<boolean> | boolean, timeoutMs: number): Promise<void>;
  /** SIGTERM, and SIGKILL when that takes too long. Resolves with its exit code. */
  stop(timeoutMs: number): Promise<number | null>;
}

export interface ChildOptions {
  readonly name: string;
  /** A launcher of ours finds, by PATH, the Node.js that this process runs on. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly logFile: string;
}

export function startChild({ name, command, args, env = process.env, cwd, logFile }: ChildOptions): Child {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = createWriteStream(logFile);
  const PATH = `${dirname(process.execPath)}:${env.PATH ?? ''}`;
  const child = spawn(command, args, { env: { ...env, PATH }, cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = error;
  });
  const ended = () => failure !== undefined || child.exitCode !== null || child.signalCode !== null;
  const lastWords = () => failure?.message ?? readFileSync(logFile, 'utf8').trim().split('\n').slice(-8).join('\n');
  return {
    name,
    process: child,
    logFile,
    async until(condition, timeoutMs) {
      const deadline = Date.now() + timeoutMs;
      while (!(await condition())) {
        if (ended()) throw new Error(`${name} ended:\n${lastWords()}`);
        if (Date.now() > deadline)
          throw new Error(`${name} was not ready within ${timeoutMs / 1000} s; its log is ${logFile}`);
        await delay(50);
      }
    },
    async stop(timeoutMs) {
      if (!ended()) {
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
        await exited;
        clearTimeout(timer);
      }
      log.end();
      return child.exitCode;
    },
  };
}
