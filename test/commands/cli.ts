/** The real command line as a child process: with pipes as a script has it, and on a pseudo-terminal as a person does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const launcher = join(import.meta.dirname, '../../edge-agent/payesh-agent.mjs');
const longestMs = 60_000;

/** Of util-linux: runs a program on a terminal of its own. */
const script = '/usr/bin/script';
/** Why tests that need a terminal are skipped; false where they need not be. */
export const noTerminal = existsSync(script) ? false : 'script (util-linux) is not installed';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @throws when it has not ended after a minute. */
export async function payeshAgent(
  args: readonly string[],
  options: { cwd?: string; env?: object } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  const [code] = await ended(child);
  return { code, stdout, stderr };
}

/** Also for agents that run on: what they print, and how to stop them. */
export function startAgent(args: readonly string[], cwd: string): { output(): string; stop(): Promise<number | null> } {
  const child = spawn(process.execPath, [launcher, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  return {
    output: () => output,
    async stop() {
      if (child.exitCode !== null) return child.exitCode;
      child.kill('SIGTERM');
      const [code] = await ended(child);
      return code;
    },
  };
}

/** What must stand on the screen, and what is typed then. */
export type Step = readonly [shown: string | RegExp, keys: string];

export const enter = '\r';
export const down = '\u001b[B';
export const ctrlC = '\u0003';

/**
 * Runs the command on a terminal of its own (util-linux' `script`), and answers what it asks. What a step waits for must
 * come after what the step before it saw. @throws with the screen, when it does not come.
 */
export async function onTerminal(
  args: readonly string[],
  steps: readonly Step[],
  cwd: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<Ended> {
  const command = [process.execPath, launcher, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const child = spawn(script, ['-qfec', `stty cols 120 rows 50; exec ${command}`, '/dev/null'], {
    cwd,
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '1', CI: undefined, FORCE_COLOR: undefined, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let screen = '';
  child.stdout.on('data', (text) => (screen += text));
  const exited = ended(child);
  let seen = 0;
  for (const [shown, keys] of steps) {
    const deadline = Date.now() + longestMs;
    let at = -1;
    while (at < 0) {
      const rest = screen.slice(seen);
      const found =
        typeof shown === 'string' ? { index: rest.indexOf(shown), length: shown.length } : matched(rest, shown);
      at = found.index < 0 ? -1 : seen + found.index + found.length;
      if (at >= 0) break;
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`"${shown}" did not come:\n${screen.slice(seen)}`);
      }
      await delay(20);
    }
    seen = at;
    // A person's fingers: the prompt listens only after it has been drawn.
    await delay(100);
    child.stdin.write(keys);
  }
  const [code] = await exited;
  return { code, stdout: screen, stderr: '' };
}

function matched(text: string, pattern: RegExp): { index: number; length: number } {
  const found = pattern.exec(text);
  return found ? { index: found.index, length: found[0].length } : { index: -1, length: 0 };
}

async function ended(child: ChildProcess): Promise<[number | null]> {
  const timer = setTimeout(() => child.kill('SIGKILL'), longestMs * 2);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  return [code];
}
