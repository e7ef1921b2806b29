/** The demo factory as a process: what it says, how it stops, and what it leaves behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { createFactory } from '../../protocols/simulator/factory.ts';
import { killAtEnd } from '../support/kill-at-end.ts';

const start = '2026-11-23T13:48:00+03:30';
const startUs = Date.parse(start) * 1000;

const main = new URL('../../protocols/simulator/main.ts', import.meta.url).pathname;
const anyPort = ['--opcua-port', '0', '--modbus-port', '0', '--utilities-port', '0'];

function run(cwd: string, args: string[]): ChildProcess & { output: { stdout: string; stderr: string } } {
  const now = Date.now();
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...process.env, HOME: cwd, XDG_CONFIG_HOME: cwd, PAYESH_CLOCK: `${startUs / 1000}:${now}:10` },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return Object.assign(child, { output });
}

t.test('the process says where it listens, and SIGTERM completes the truth', { timeout: 120_000 }, async (t) => {
  const dir = t.testdir({ cwd: {}, out: {} });
  const truthFile = join(dir, 'out', 'truth.ndjson');
  const args = ['--seed', '5', '--start', start, '--data', join(dir, 'out'), '--truth', truthFile];
  const child = run(join(dir, 'cwd'), [...anyPort, ...args]);
  killAtEnd(t, child);
  const [ready] = await once(child, 'message');
  t.match(ready, { ready: true, startUs, opcua: /^opc\.tcp:\/\/127\.0\.0\.1:\d+\/payesh\/demo$/ });
  t.equal(ready.modbus.length, 2);
  await delay(300);
  t.same(JSON.parse(child.output.stdout), ready, 'stdout says the same in one line');
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  t.equal(code, 0);
  const lines = readFileSync(truthFile, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(lines[0], { type: 'header', seed: 5, startUs });
  const expected = createFactory({ seed: 5, startUs });
  const events: unknown[] = [...expected.latest()];
  expected.listen({ happened: (event) => events.push(event) });
  expected.advanceTo(lines.at(-1).t);
  t.ok(lines.at(-1).t > startUs + 5e6);
  t.same(lines.slice(1), events.slice(0, lines.length - 1), 'and it is the history of this seed');
  t.same(readdirSync(join(dir, 'cwd')), [], 'nothing is written to home or the working directory');
});

t.test(
  'a port that is taken, or a wrong argument, is one clear line and exit code 78',
  { timeout: 120_000 },
  async (t) => {
    const dir = t.testdir();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.teardown(() => taken.close());
    const { port } = taken.address() as { port: number };
    mkdirSync(join(dir, 'cwd'));
    const ports = (name: string): string[] => anyPort.with(anyPort.indexOf(name) + 1, String(port));
    const cases: [string[], RegExp][] = [
      [['--data', dir, ...ports('--opcua-port')], new RegExp(`^port ${port}: taken by another program\\..*\n$`)],
      [['--data', dir, ...ports('--utilities-port')], new RegExp(`^port ${port}: taken by another program\\..*\n$`)],
      [[], /^command line: --data is missing/],
      [['--data', dir, '--seed', 'x'], /^command line: --seed must be a whole number/],
      [['--data', dir, '--start', 'noon'], /^command line: --start must be an ISO 8601 time/],
    ];
    for (const [args, message] of cases) {
      const child = run(join(dir, 'cwd'), args);
      const [code] = await once(child, 'close');
      t.equal(code, 78);
      t.match(child.output.stderr, message);
    }
  },
);
