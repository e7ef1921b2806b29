/** Configuration: every example loads, and every mistake is told with file, line, column and what to do. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { loadYaml, parseYaml } from '../config/load.ts';
import { tagsOf } from '../edge-agent/acquire/sources.ts';
import { agentSchema } from '../edge-agent/config/schema.ts';
import { hubSchema } from '../hub/config.ts';
import { plantSchema } from '../hub/plant/plant-file.ts';
import { ConfigError } from '../protocols/errors.ts';
import { textOf } from './support/documents.ts';

const demo = join(import.meta.dirname, '../config/demo');
const environment = {};

function mistake(text: string, schema: z.ZodType, env = {}): ConfigError {
  try {
    parseYaml(text, 'f.yaml', schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no mistake was found');
}

t.test('every example configuration loads', async (t) => {
  const files = readdirSync(demo, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.yaml'));
  t.ok(files.length >= 5, files.join(' '));
  for (const name of files) {
    const schema = name.startsWith('plants/') ? plantSchema : name === 'hub.yaml' ? hubSchema : agentSchema;
    t.doesNotThrow(() => loadYaml(join(demo, name), schema as z.ZodType, environment), name);
  }
});

t.test('what the documents show of a configuration is accepted', async (t) => {
  const yamlIn = (file: string): string[] => [...textOf(file).matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);
  const hubs = yamlIn('deploy/README.md');
  const agents = yamlIn('deploy/systemd/README.md');
  t.same([hubs.length, agents.length], [1, 1]);
  for (const text of hubs) t.doesNotThrow(() => parseYaml(text, 'deploy/README.md', hubSchema, environment));
  const rest = readFileSync(join(demo, 'agent-packaging.yaml'), 'utf8').replace(
    /^(dataDir|broker):.*\n(?: .*\n)*/gm,
    '',
  );
  for (const text of agents) t.doesNotThrow(() => parseYaml(text + rest, 'deploy/systemd', agentSchema, environment));
});

t.test('the demo plants find every tag that they name in the demo agents', async (t) => {
  const paths = new Set<string>();
  for (const name of ['agent-machining.yaml', 'agent-packaging.yaml']) {
    const config = loadYaml(join(demo, name), agentSchema, environment);
    for (const source of config.sources) for (const tag of tagsOf(source)) paths.add(`${config.site}/${tag.path}`);
  }
  const { buildPlant } = await import('../hub/plant/plant.ts');
  const { wantedTags } = await import('../hub/plant/bindings.ts');
  for (const name of ['machining.yaml', 'packaging.yaml']) {
    const plant = buildPlant(loadYaml(join(demo, 'plants', name), plantSchema, environment));
    for (const { path } of wantedTags(plant)) t.ok(paths.has(path), path);
  }
});

const small = z.strictObject({
  name: z.string(),
  ports: z.array(z.strictObject({ port: z.int().max(65535), kind: z.enum(['tcp', 'udp']) })).default([]),
});

t.test('an unknown key is refused where it stands, with the nearest known one', async (t) => {
  const error = mistake('name: a\nports:\n  - prot: 1\n    kind: tcp\n', small);
  t.match(error, { message: 'unknown key "prot"', path: 'f.yaml:3:5' });
  t.match(error.hint, 'Did you mean "port"? Known here: port, kind.');
});

t.test('a wrong value, a missing one and broken YAML are told with line and column', async (t) => {
  t.match(mistake('name: a\nports:\n  - { port: 70000, kind: tcp }\n', small), {
    path: 'f.yaml:3:13',
    hint: 'The most allowed is 65535.',
  });
  t.match(mistake('name: a\nports:\n  - { port: 1, kind: xyz }\n', small), {
    path: 'f.yaml:3:22',
    hint: 'Allowed: tcp, udp.',
  });
  t.match(mistake('ports: []\n', small), { message: /^name: / });
  t.match(mistake('name: [a\n', small), { message: /^not valid YAML/, path: /^f.yaml:[12]:/ });
  t.match(mistake('', small), { message: /^name: /, path: 'f.yaml:1:1' });
});

t.test('variables are replaced, with their defaults, and a missing one is told', async (t) => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the file's own variables
  const text = 'name: ${A_NAME}\nports: [{ port: ${A_PORT:-502}, kind: tcp }]\n';
  t.same(parseYaml(text, 'f', small, { A_NAME: 'x' }), { name: 'x', ports: [{ port: 502, kind: 'tcp' }] });
  t.same(parseYaml(text, 'f', small, { A_NAME: 'x', A_PORT: '9' }).ports[0]?.port, 9);
  t.match(mistake(text, small), { message: /A_NAME is not set/, path: 'f.yaml:1' });
});

t.test('what is loaded cannot be changed', async (t) => {
  const config = parseYaml('name: a\nports: [{ port: 1, kind: tcp }]\n', 'f', small, {});
  t.throws(() => {
    (config.ports[0] as { port: number }).port = 2;
  }, TypeError);
});

t.test('the commands say a mistake in three lines and end with 78', async (t) => {
  const dir = t.testdir();
  const file = join(dir, 'agent.yaml');
  writeFileSync(
    file,
    readFileSync(join(demo, 'agent-packaging.yaml'), 'utf8').replace('timeoutMs', 'x').replace('host:', 'hots:'),
  );
  const run = (args: string[]) => spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 });
  const agent = run(['edge-agent/payesh-agent.mjs', 'check', '-c', file]);
  t.equal(agent.status, 78);
  t.match(agent.stderr, /^error: unknown key "hots"\n {3}at: .*agent\.yaml:\d+:\d+\n hint: Did you mean "host"\?/);
  const hub = run(['hub/payesh-hub.mjs', '-c', join(dir, 'none.yaml'), 'run']);
  t.equal(hub.status, 78);
  t.match(hub.stderr, /cannot read/);
  const good = run(['edge-agent/payesh-agent.mjs', 'check', '--json', '-c', join(demo, 'agent-packaging.yaml')]);
  t.equal(good.status, 0);
  t.match(JSON.parse(good.stdout), { ok: true, agent: 'packaging' });
});

t.test(
  'on a full disk the exit code still says what it was, and no half an answer passes for a whole one',
  async (t) => {
    const full = openSync('/dev/full', 'w');
    const endsWith = async (args: string[], stdout: number | 'ignore', stderr: number | 'ignore') => {
      const child = spawn(process.execPath, ['edge-agent/payesh-agent.mjs', ...args], {
        stdio: ['ignore', stdout, stderr],
        timeout: 30_000,
      });
      return (await once(child, 'exit'))[0];
    };
    const codes = await Promise.all([
      endsWith(['check', '-c', join(t.testdir(), 'none')], 'ignore', full),
      endsWith(['check', '--nothing-like-it'], 'ignore', full),
      endsWith(['schema'], full, 'ignore'),
    ]);
    closeSync(full);
    t.same(codes, [78, 64, 1]);
  },
);

t.test('a log that cannot be written holds nobody up, and says later what it lacks', async (t) => {
  const program = `
    import { openLogOutput } from '${join(import.meta.dirname, '../config/log-output.ts')}';
    const log = openLogOutput();
    const lines = (count) => { for (let i = 0; i < count; i++) log.write(JSON.stringify({ i, text: 'x'.repeat(200) }) + '\\n'); };
    lines(20_000);
    process.stderr.write('lives');
    process.stdin.once('data', () => { lines(3); process.exit(0); });`;
  const command = [process.execPath, '--input-type=module', '-e', program];
  const start = (stdout: number) => {
    const child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', stdout, 'pipe'] });
    return { child, lives: once(child.stderr!, 'data'), ended: once(child, 'exit') };
  };
  await t.test('the disk is full', async (t) => {
    const full = openSync('/dev/full', 'w');
    const { child, lives, ended } = start(full);
    closeSync(full);
    t.equal(String((await lives)[0]), 'lives');
    child.stdin!.end('go');
    t.equal((await ended)[0], 0);
  });
  await t.test('the pipe belongs to another user', async (t) => {
    if (process.getuid?.() !== 0) return t.plan(0, 'only root can become another user');
    // Without what the test runner would have it write, which that user may not.
    const script = 'env -i setpriv --reuid=65534 --clear-groups "$@" | head -n 1';
    const { stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...command], { input: 'go', timeout: 30_000 });
    t.equal(String(stderr), 'lives');
    t.match(JSON.parse(String(stdout)), { i: 0 });
  });
  await t.test('nobody reads, and then somebody does', async (t) => {
    const pipe = join(t.testdir({}), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const both = openSync(pipe, 'r+');
    const { child, lives, ended } = start(both);
    t.equal(String((await lives)[0]), 'lives');
    const reader = createReadStream(pipe, 'utf8');
    const readAll = once(reader, 'end');
    let text = '';
    reader.on('data', (some) => {
      text += some;
    });
    while (text.length < 60_000) await once(reader, 'data');
    closeSync(both);
    child.stdin!.end('go');
    t.equal((await ended)[0], 0);
    await readAll;
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { i?: number; dropped?: number });
    const dropped = lines.reduce((sum, line) => sum + (line.dropped ?? 0), 0);
    const whole = lines.filter(({ i }) => i !== undefined).length;
    t.equal(whole + dropped, 20_003, 'every line is there or counted, and none is cut');
  });
});
