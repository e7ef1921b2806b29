/** The documents are true: links lead somewhere, scripts and options exist, and the commands that are shown do their work. */
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { readOptions } from '../deploy/demo/options.ts';
import { readOptions as readChaosOptions } from './chaos/options.ts';
import { at, demoHub, demoSite } from './support/demo-site.ts';
import { documents, root, shellLines, textOf } from './support/documents.ts';

const never = new AbortController().signal;
const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };

t.test('every link to a file of the repository leads somewhere', async (t) => {
  for (const file of documents) {
    for (const [, target] of textOf(file).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(target!)) t.ok(existsSync(join(root, dirname(file), target!)), `${file} → ${target}`);
    }
  }
});

t.test('every script that is named exists, and none exists that is not named', async (t) => {
  const named = new Set<string>();
  for (const file of documents) {
    for (const [, name] of textOf(file).matchAll(/npm (?:run )?(start|test|check|bench|chaos)\b/g)) named.add(name!);
    for (const [, name] of textOf(file).matchAll(/npm run ([a-z:-]+)/g))
      t.ok(name! in scripts, `${file}: npm run ${name}`);
  }
  for (const script of Object.keys(scripts)) t.ok(named.has(script), `${script} is told of`);
});

t.test('the two commands of the README are the whole of it', async (t) => {
  const lines = shellLines(textOf('README.md'));
  t.ok(lines.includes('npm ci && npm start'));
  t.ok(lines.includes('npm ci && npm test'));
});

t.test('every option of the demo that is told of is accepted', async (t) => {
  const told = [...textOf('README.md').matchAll(/`(?:npm start -- )?((?:--\w+ [^\s`]+ ?)+)`/g)].map(([, options]) =>
    options!.trim(),
  );
  t.ok(told.length >= 4, told.join(' | '));
  for (const options of told) t.doesNotThrow(() => readOptions(options.split(' '), {}), options);
  for (const [, name] of textOf('README.md').matchAll(/`(PAYESH_[A-Z_]+)`/g)) {
    const used = globSync('{deploy,config,hub,edge-agent,test}/**/*.{ts,yaml}', { cwd: root }).some((file) =>
      textOf(file).includes(name!),
    );
    t.ok(used, `${name} is read somewhere`);
  }
});

/** Lines that are not executed here, and what does it instead, or why nothing can. */
const elsewhere: readonly [lines: RegExp, why: string][] = [
  [/^(sudo|apt-get|install|chown|systemctl|journalctl|grafana-cli|cp -r|nats-server|#) /, 'for root, on its machine'],
  [/^npm ci$/, 'whoever runs this has done it'],
  [/^(npm ci && )?npm (start|test)\b/, 'test/acceptance/demo.test.ts starts the demo; the tests are these'],
  [/^npm run check|^npx biome|^\.ci\/run/, 'what CI does itself'],
  [/^npm run chaos -- /, 'minutes to hours; the options are read below'],
  [/^payesh-hub import /, 'test/integration/import.test.ts, on a hub whose imports run'],
  [/^node protocols\/simulator\/main.ts /, 'test/simulator/process.test.ts'],
];
const isExecuted = (line: string): boolean => !elsewhere.some(([lines]) => lines.test(line));

t.test('every payesh command that is only spoken of is known to its program', async (t) => {
  const parents = new Set(['token', 'agent', 'gaps', 'quarantine', 'config', 'commission']);
  const spoken = new Set<string>();
  const executed = new Set<string>();
  const note = (commands: Set<string>, text: string) => {
    const [, program, name, sub] =
      /\bpayesh-(hub|agent)(?: -c \S+)? ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?/.exec(text) ?? [];
    if (program) commands.add([program, name, ...(parents.has(name!) && sub ? [sub] : [])].join(' '));
  };
  for (const file of documents) {
    const text = textOf(file);
    for (const line of shellLines(text)) note(isExecuted(line) ? executed : spoken, line);
    for (const [, span] of text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`\n]+)`/g)) note(spoken, span!);
  }
  t.ok(spoken.union(executed).size >= 20, [...spoken, ...executed].join(' | '));
  // They mostly wait for programs to start.
  t.jobs = 4;
  for (const command of spoken.difference(executed)) {
    t.test(`payesh-${command}`, async (t) => {
      const [program, ...words] = command.split(' ');
      const launcher = program === 'hub' ? 'hub/payesh-hub.mjs' : 'edge-agent/payesh-agent.mjs';
      const { stdout } = await promisify(execFile)(process.execPath, [launcher, ...words, '--help'], { cwd: root });
      t.match(stdout, `Usage: payesh-${command} `);
    });
  }
});

/** With the demo running, as it says there: `test/acceptance/demo.test.ts`. */
const withDemo = new Set(['README.md']);

t.test('every option of the chaos that is shown is accepted', async (t) => {
  const shown = shellLines(textOf('test/chaos/README.md')).map((line) => line.replace(/^npm run chaos -- /, ''));
  t.ok(shown.length >= 7);
  for (const options of shown) t.doesNotThrow(() => readChaosOptions(options.split(' ')), options);
});

t.test('every command that is shown does its work, against a live hub', async (t) => {
  const { hub, rollUp, rolled, clock } = await demoHub(t);
  // The month has ended, and may be issued.
  clock.now = hub.time.now = at('2025-07-27', '12:00');
  await rollUp.once(never);
  const tokenFor = (role: 'manager' | 'approver') => hub.token(role, [demoSite]);
  const tokens = { manager: tokenFor('manager'), approver: tokenFor('approver') };
  const path = 'machining/line-1/cnc-1/state';
  const stop = { agent: 0, path, time: at('2025-07-08', '12:00'), value: 4 };
  /** @returns the environment that a command wants. */
  const prepare = async (line: string) => {
    const isRestated = line.includes(' restate ');
    if (isRestated) {
      rolled.arrive([stop, { ...stop, time: at('2025-07-08', '12:20'), value: 6 }], clock.now);
      await rollUp.once(never);
    }
    return { PAYESH_URL: hub.origin, PAYESH_TOKEN: tokens[isRestated ? 'approver' : 'manager'] };
  };
  // They mostly wait for programs to start.
  t.jobs = 3;
  for (const file of documents) {
    const lines = shellLines(textOf(file)).filter(isExecuted);
    if (lines.length > 0 && !withDemo.has(file)) t.test(file, (t) => follow(t, lines, prepare));
  }
});

/** One after the other, in a folder of their own in which our programs are installed. */
async function follow(t: Test, lines: readonly string[], prepare: (line: string) => Promise<object>): Promise<void> {
  const folder = t.testdir({ 'hub.yaml': 'dataDir: data' });
  mkdirSync(join(folder, 'etc/mosquitto'), { recursive: true });
  symlinkSync(join(root, 'hub/payesh-hub.mjs'), join(folder, 'payesh-hub'));
  symlinkSync(join(root, 'edge-agent/payesh-agent.mjs'), join(folder, 'payesh-agent'));
  const env = {
    ...process.env,
    PATH: [folder, dirname(process.execPath), process.env.PATH].join(delimiter),
  };
  const said: string[] = [];
  /** What a reader puts in: what a command before has printed, and folders of this machine. */
  const filled = (line: string): string => {
    const last = (pattern: RegExp) => said.join('\n').match(pattern)?.at(-1) ?? '?';
    return line
      .replace('/etc/', 'etc/')
      .replace('pay_…', last(/pay_\S+/g))
      .replace('package_….zip', readdirSync(folder).find((name) => /^package_.*zip$/.test(name)) ?? '?')
      .replace('--fingerprint …', `--fingerprint ${last(/(?<=fingerprint: )\S+/gi)}`)
      .replace('show 7 ', `show ${last(/(?<=^Report )\d+/gm)} `);
  };
  for (const line of lines) {
    const command = filled(line);
    const done = await promisify(execFile)('bash', ['-c', command], {
      cwd: folder,
      env: { ...env, ...(await prepare(line)) },
    }).catch((error) => error);
    said.push(done.stdout);
    t.equal(done.code ?? 0, 0, `${command}${done.code ? `\n${done.stdout}${done.stderr}` : ''}`);
  }
}
