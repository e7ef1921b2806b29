/** The documents are true: links lead somewhere, scripts and options exist, and commands that are shown are accepted. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { readOptions } from '../deploy/demo/options.ts';

const root = join(import.meta.dirname, '..');
const files = globSync('**/*.md', {
  cwd: root,
  exclude: (name) => name === 'node_modules' || name === 'var' || name.startsWith('.tap'),
});
const textOf = (file: string) => readFileSync(join(root, file), 'utf8');
const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };

/** Lines of the shell blocks of a document. */
const shellLines = (text: string): string[] =>
  [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.replaceAll('\\\n', ' ').trim().split('\n'));

t.test('every link to a file of the repository leads somewhere', async (t) => {
  for (const file of files) {
    for (const [, target] of textOf(file).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(target!)) t.ok(existsSync(join(root, dirname(file), target!)), `${file} → ${target}`);
    }
  }
});

t.test('every script that is named exists, and none exists that is not named', async (t) => {
  const named = new Set<string>();
  for (const file of files) {
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

t.test('every payesh command that is shown is known to its program', async (t) => {
  const parents = new Set(['token', 'agent', 'gaps', 'quarantine', 'config', 'commission']);
  const commands = new Set<string>();
  for (const file of files) {
    const text = textOf(file);
    const spans = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!);
    for (const line of [...shellLines(text), ...spans]) {
      const [, program, name, sub] =
        /\bpayesh-(hub|agent)(?: -c \S+)? ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?/.exec(line) ?? [];
      if (program) commands.add([program, name, ...(parents.has(name!) && sub ? [sub] : [])].join(' '));
    }
  }
  t.ok(commands.size >= 15, [...commands].join(' | '));
  for (const command of commands) {
    const [program, ...words] = command.split(' ');
    const launcher = program === 'hub' ? 'hub/payesh-hub.mjs' : 'edge-agent/payesh-agent.mjs';
    const { stdout } = spawnSync(process.execPath, [launcher, ...words, '--help'], { cwd: root, encoding: 'utf8' });
    t.match(stdout, `Usage: payesh-${command} `, `payesh-${command}`);
  }
});
