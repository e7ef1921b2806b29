/** The demo as a user starts it, on ports and in a folder of the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { portVariables } from '../../deploy/demo/options.ts';
import { freePort } from './ports.ts';

export interface Demo {
  readonly process: ChildProcess;
  readonly url: string;
  readonly token: string;
  readonly truthFile: string;
  readonly dir: string;
  output(): string;
  get(path: string): Promise<{ data: Record<string, unknown>[] } & Record<string, unknown>>;
  /** Ctrl-C; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const launcher = join(import.meta.dirname, '../../deploy/demo/start.ts');
const token = `pay_${'t'.repeat(43)}`;

/** Resolves when the launcher has printed its first KPI. @throws with its output when it ended before. */
export async function startDemo(dir: string, args: readonly string[]): Promise<Demo> {
  const env: NodeJS.ProcessEnv = { ...process.env, PAYESH_DATA: dir, PAYESH_TOKEN: token };
  for (const variable of Object.values(portVariables)) env[variable] = String(await freePort());
  const child = spawn(process.execPath, [launcher, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const exited = once(child, 'exit');
  const url = `http://127.0.0.1:${env.PAYESH_HTTP_PORT}`;
  for (let waited = 0; !output.includes('Ctrl-C drains'); waited += 100) {
    if (child.exitCode !== null || waited > 120_000) {
      child.kill('SIGKILL');
      throw new Error(`the demo did not start:\n${output}`);
    }
    await delay(100);
  }
  return {
    process: child,
    url,
    token,
    dir: join(dir, 'demo'),
    truthFile: join(dir, 'demo/truth.ndjson'),
    output: () => output,
    async get(path) {
      const response = await fetch(url + path, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(60_000),
      });
      const body = await response.json();
      if (!response.ok) throw new Error(`${path}: ${JSON.stringify(body)}`);
      return body as Awaited<ReturnType<Demo['get']>>;
    },
    async stop() {
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
      await exited;
      clearTimeout(timer);
      return child.exitCode;
    },
  };
}
