/** A changed configuration taken over by a running agent: real Modbus and OPC UA servers, the real buffer, the real file. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import type { Reloaded } from '../../edge-agent/acquire/reload.ts';
import { runAgent } from '../../edge-agent/app.ts';
import { openBufferFile } from '../../edge-agent/buffer/file.ts';
import { openConfiguration } from '../../edge-agent/commands/configuration.ts';
import { configHash, openConfigVersions } from '../../edge-agent/config/versions.ts';
import { askAgent } from '../../edge-agent/status/client.ts';
import type { AgentReport, TagReport } from '../../edge-agent/status/report.ts';
import { systemClock } from '../../protocols/clock.ts';
import { decodePayload, openFrame } from '../../protocols/frame.ts';
import { flag } from '../../protocols/sample.ts';
import { killAtEnd } from '../support/kill-at-end.ts';
import { type Request, startScriptedServer, wordsReply } from '../support/modbus-faulty-server.ts';
import { startOpcuaProcess } from '../support/opcua-process.ts';
import { double, startServer } from '../support/opcua-source.ts';

t.setTimeout(180_000);

const { execPath } = process;
const launcher = join(import.meta.dirname, '../../edge-agent/payesh-agent.mjs');
const nothing = new AbortController().signal;
const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
const withoutSecurity = `{ mode: none, waiver: { reason: a server of the test, expires: "${tomorrow}" } }`;

/** Every register counts the requests that were answered. */
async function startMeter(port = 0) {
  let count = 0;
  return await startScriptedServer(
    'mbap',
    (request: Request, peer) => {
      count++;
      peer.write(wordsReply('mbap', request, Array(request.count).fill(count & 0xffff)));
    },
    port,
  );
}

const modbus = (id: string, port: number, ...tags: string[]): string => `
  - kind: modbus
    id: ${id}
    host: 127.0.0.1
    port: ${port}
    devices:
      - unit: 1
        intervalMs: 100
        tags:
${tags.map((path, i) => `          - { path: ${path}, table: holding, address: ${i}, format: uint16 }`).join('\n')}`;

const yamlOf = (dataDir: string, ...sources: string[]): string => `agent: test
site: test/plant
dataDir: ${dataDir}
broker: { url: "mqtt://127.0.0.1:1", password: { file: ${dataDir}/password } }
acceptance: { intervalMs: 100 }
sources:${sources.join('')}
`;

interface Log {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** An agent of this process, on a file that the test may change. */
async function startAgent(t: Test, yaml: (dataDir: string) => string, dir = t.testdir()) {
  const dataDir = join(dir, 'data');
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'password'), 'secret\n');
  const file = join(dir, 'agent.yaml');
  writeFileSync(file, yaml(dataDir));
  const logs: Log[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void logs.push({ level, message, fields: fields as Record<string, unknown> });
  const stop = new AbortController();
  const { config, configuration } = openConfiguration(file);
  let loads = 0;
  const load = () => {
    loads++;
    return configuration.load();
  };
  const running = runAgent(
    {
      config,
      configuration: { ...configuration, load },
      secret: () => 'secret',
      clock: systemClock,
      version: '0.0.0',
      log: { info: note('info'), warn: note('warn'), error: note('error') },
      drainMs: 0,
    },
    stop.signal,
    nothing,
  );
  let isOver = false;
  const end = async () => {
    if (!isOver) stop.abort();
    isOver = true;
    await running;
  };
  t.teardown(end);
  const status = async () => (await askAgent(dataDir, 'GET', '/api/status')) as AgentReport;
  return {
    dir,
    dataDir,
    file,
    logs,
    end,
    status,
    loads: () => loads,
    tags: async () => ((await askAgent(dataDir, 'GET', '/api/tags')) as { tags: TagReport[] }).tags,
    reload: async () => (await askAgent(dataDir, 'POST', '/api/reload')) as Reloaded,
    allUp: () => until(async () => (await status()).sources.every(({ state }) => state === 'up'), 'all sources are up'),
    /** As an editor saves. */
    write(text: string) {
      writeFileSync(`${file}~`, text);
      renameSync(`${file}~`, file);
    },
  };
}

async function until(condition: () => Promise<boolean> | boolean, what: string, ms = 60_000): Promise<void> {
  const deadline = performance.now() + ms;
  for (;;) {
    if (await Promise.resolve(condition()).catch(() => false)) return;
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await delay(20);
  }
}

/** Every accepted sample, with the tag that the manifest says it is of. */
function acceptedIn(dataDir: string) {
  const file = openBufferFile({ dir: join(dataDir, 'buffer'), maxBytes: 2 ** 30 });
  const { revision, tags } = file.register([], 'nowhere');
  const pathOf = new Map(tags.map(({ id, path }) => [id, path]));
  const samples: { path: string | undefined; time: number; value: unknown; revision: number; flags: number }[] = [];
  let next = 1;
  for (let after = 0; ; ) {
    const frames = file.peek(after, { frames: 500, bytes: 1e9 });
    if (frames.length === 0) break;
    for (const { first, last, bytes } of frames) {
      if (first !== next) throw new Error(`hole before ${first}`);
      next = last + 1;
      const { header, payload } = openFrame(bytes);
      const decoded = decodePayload(header, payload).samples;
      for (const [i, tag] of decoded.tags.entries()) {
        const [time, value, flags] = [decoded.times[i]!, decoded.values[i]!, decoded.flags[i]!];
        samples.push({ path: pathOf.get(tag), time, value, revision: header.manifestRevision, flags });
      }
    }
    after = frames.at(-1)!.last;
  }
  file.close();
  return { samples, revision, next };
}

t.test(
  'a changed source is restarted, a new one started, one that is gone stopped, and the rest not touched',
  async (t) => {
    await using kept = await startMeter();
    await using changed = await startMeter();
    await using gone = await startMeter();
    await using added = await startMeter();
    const agent = await startAgent(t, (dataDir) =>
      yamlOf(
        dataDir,
        modbus('kept', kept.port, 'kept/a', 'kept/b'),
        modbus('changed', changed.port, 'changed/a'),
        modbus('gone', gone.port, 'gone/a'),
      ),
    );
    await agent.allUp();
    t.match(await agent.status(), { agent: 'test', config: { version: 1, file: agent.file } });

    agent.write(
      `# Another comment is no change, nor is another order.\n${yamlOf(
        agent.dataDir,
        modbus('added', added.port, 'added/a'),
        modbus('changed', changed.port, 'changed/a', 'changed/b'),
        modbus('kept', kept.port, 'kept/a', 'kept/b'),
      )}`,
    );
    t.same(await agent.reload(), {
      version: 2,
      started: ['added'],
      stopped: ['gone'],
      restarted: ['changed'],
      unchanged: ['kept'],
      needsRestart: [],
    });
    await agent.allUp();
    await until(async () => (await agent.tags()).every(({ latest }) => latest), 'every tag is measured');
    t.equal(kept.connections, 1, 'its connection goes on');
    t.equal(changed.connections, 2);
    t.equal(gone.connections, 1);
    t.equal(added.connections, 1);
    t.same(
      (await agent.status()).sources.map(({ id }) => id),
      ['added', 'changed', 'kept'],
    );

    t.match(
      await agent.reload(),
      { version: 2, unchanged: ['added', 'changed', 'kept'] },
      'the same again is no version',
    );
    await agent.end();
    const { samples } = acceptedIn(agent.dataDir);
    t.ok(samples.every(({ path }) => path !== undefined));
    const sessions = (source: string) =>
      samples.filter(({ path }) => path === `health/${source}/session`).map(({ value }) => value);
    t.same(sessions('kept'), [true, false], 'one session, until the agent was stopped');
    t.same(sessions('changed'), [true, false, true, false]);
    t.same(sessions('gone'), [true, false]);
  },
);

t.test('a file that is wrong changes nothing; it is said once, shown, and taken as soon as it is mended', async (t) => {
  await using meter = await startMeter();
  const good = (dataDir: string) => yamlOf(dataDir, modbus('meter', meter.port, 'meter/a'));
  const agent = await startAgent(t, good);
  await agent.allUp();
  agent.write(good(agent.dataDir).replace('format', 'fromat'));
  const refused = { message: 'unknown key "fromat"', path: /agent\.yaml:\d+:\d+$/, hint: /Did you mean "format"/ };
  await t.rejects(agent.reload(), { name: 'ConfigError', ...refused });
  await until(async () => (await agent.status()).config.refused !== undefined, 'the refusal is shown');
  await t.rejects(agent.reload(), { name: 'ConfigError' });
  t.match((await agent.status()).config, { version: 1, refused });
  t.equal(agent.logs.filter(({ message }) => message.startsWith('configuration refused')).length, 1);
  t.ok((await agent.status()).problems.some(({ code }) => code === 'config-refused'));

  agent.write(good(agent.dataDir).replace('intervalMs: 100\n', 'intervalMs: 200\n'));
  await until(async () => (await agent.status()).config.version === 2, 'the mended file is taken by itself');
  t.equal((await agent.status()).config.refused, undefined);
});

t.test('a table of tags is followed like the file, and SIGHUP reads both again', async (t) => {
  await using meter = await startMeter();
  const table = (...rows: string[]) => ['path,table,address,format', ...rows, ''].join('\n');
  const agent = await startAgent(t, (dataDir) => {
    writeFileSync(join(dataDir, 'm.csv'), table('meter/a,holding,0,uint16'));
    return yamlOf(dataDir, modbus('meter', meter.port).replace(/tags:\n$/, 'tagsFile: data/m.csv'));
  });
  await agent.allUp();
  writeFileSync(join(agent.dataDir, 'm.csv'), table('meter/a,holding,0,uint16', 'meter/b,holding,1,uint16'));
  await until(async () => (await agent.tags()).length === 2, 'the new tag is there');
  // As a signal that comes when nobody has noticed a change: it is read, and found to say the same.
  const read = agent.loads();
  process.emit('SIGHUP', 'SIGHUP');
  await until(() => agent.loads() > read, 'SIGHUP reads it again');
});

t.test('a SIGHUP that comes while the agent starts ends nothing', async (t) => {
  await using meter = await startMeter();
  const dir = t.testdir({ data: { password: 'secret\n' } });
  const dataDir = join(dir, 'data');
  const file = join(dir, 'agent.yaml');
  const yaml = yamlOf(dataDir, modbus('meter', meter.port, 'meter/a'));
  // Whoever reads a pipe waits for its writer: so it is known where the agent is.
  await promisify(execFile)('mkfifo', [file]);
  const child = spawn(execPath, [launcher, 'run', '-c', file], { stdio: 'ignore' });
  killAtEnd(t, child);
  let pipe = -1;
  await until(async () => {
    pipe = openSync(file, constants.O_WRONLY | constants.O_NONBLOCK);
    return true;
  }, 'it reads its file');
  child.kill('SIGHUP');
  writeFileSync(`${file}~`, yaml);
  renameSync(`${file}~`, file);
  writeSync(pipe, yaml);
  closeSync(pipe);
  const status = async () => (await askAgent(dataDir, 'GET', '/api/status')) as AgentReport;
  await until(async () => child.signalCode !== null || (await status()).sources[0]?.state === 'up', 'it runs');
  t.equal(child.signalCode, null);
});

t.test('what cannot change while it runs is named, and the rest is taken', async (t) => {
  await using meter = await startMeter();
  const agent = await startAgent(t, (dataDir) => yamlOf(dataDir, modbus('meter', meter.port, 'meter/a')));
  await agent.allUp();
  agent.write(
    yamlOf(agent.dataDir, modbus('meter', meter.port, 'meter/a', 'meter/b'))
      .replace('agent: test', 'agent: other')
      .replace('127.0.0.1:1"', '127.0.0.1:2"')
      .replace('test/plant', 'test/other-plant'),
  );
  t.match(await agent.reload(), { version: 2, restarted: ['meter'], needsRestart: ['agent', 'broker'] });
  const status = await agent.status();
  t.match(status, { agent: 'test', site: 'test/other-plant', link: { broker: 'mqtt://127.0.0.1:1' } });
  t.ok(status.problems.some(({ code }) => code === 'config-needs-restart'));
});

t.test('one source that cannot be made leaves the others alone', async (t) => {
  await using meter = await startMeter();
  const agent = await startAgent(t, (dataDir) => yamlOf(dataDir, modbus('meter', meter.port, 'meter/a')));
  await agent.allUp();
  const broken = `
  - kind: opcua
    id: broken
    endpoint: opc.tcp://127.0.0.1:9
    user: { name: a, password: { file: ${agent.dataDir}/none } }
    groups: [{ tags: [{ path: broken/a, node: "nsu=urn:x;s=a", type: int }] }]`;
  // A folder stands where the key of the agent would be kept.
  mkdirSync(join(agent.dataDir, 'opcua', 'own.pem'), { recursive: true });
  agent.write(yamlOf(agent.dataDir, modbus('meter', meter.port, 'meter/a'), broken));
  t.match(await agent.reload(), { started: ['broken'], unchanged: ['meter'] });
  const find = async () => (await agent.status()).sources.find(({ id }) => id === 'broken')!;
  await until(async () => (await find()).state === 'down', 'it is down');
  t.match(await find(), { state: 'down', error: /certificate|key/ });
  t.match((await agent.status()).sources[0], { id: 'meter', state: 'up' });
  t.equal(meter.connections, 1);
});

t.test('in time', (t) => {
  // They mostly wait, so they run side by side.
  t.jobs = 3;
  t.test('values flow again soon after a Modbus server was started anew', async (t) => {
    const first = await startMeter();
    const agent = await startAgent(t, (dataDir) => yamlOf(dataDir, modbus('meter', first.port, 'meter/a')));
    await agent.allUp();
    await first[Symbol.asyncDispose]();
    const state = async () => (await agent.status()).sources[0]!;
    await until(async () => (await state()).state === 'down', 'the loss is noticed');
    t.match(await state(), { error: /\w/ });
    await delay(6000);
    await using _second = await startMeter(first.port);
    const startedAt = performance.now();
    await until(async () => (await state()).state === 'up', 'it is up again');
    const seconds = (performance.now() - startedAt) / 1000;
    t.ok(seconds <= 15, `after ${seconds.toFixed(1)} s`);
  });

  t.test('values flow again within 30 s after an OPC UA server was started anew', async (t) => {
    const dir = t.testdir();
    const nodes = [{ namespace: 'urn:plant:press', name: 'speed', base: 1000 }];
    const pkiDir = join(dir, 'pki');
    await using server = await startOpcuaProcess({
      port: 0,
      pkiDir,
      namespaces: ['urn:plant:press'],
      nodes,
      tickMs: 50,
    });
    const source = `
  - kind: opcua
    id: press
    endpoint: ${server.endpoint}
    security: ${withoutSecurity}
    groups: [{ tags: [{ path: press/speed, node: "nsu=urn:plant:press;s=speed", type: int }] }]`;
    const agent = await startAgent(t, (dataDir) => yamlOf(dataDir, source), dir);
    await agent.allUp();
    await server.kill();
    const state = async () => (await agent.status()).sources[0]!;
    await until(async () => (await state()).state === 'down', 'the loss is noticed');
    await delay(5000);
    await server.start();
    const startedAt = performance.now();
    await until(async () => (await state()).state === 'up', 'it is up again');
    const seconds = (performance.now() - startedAt) / 1000;
    t.ok(seconds <= 30, `after ${seconds.toFixed(1)} s`);
  });

  t.test('found tags are measured without a new start of anything, and forgotten when they are gone', async (t) => {
    const dir = t.testdir();
    await using server = await startServer(join(dir, 'pki'));
    const speed = server.add('Speed', 'Double', { value: double(1.5) });
    await using meter = await startMeter();
    const opcua = `
  - kind: opcua
    id: line
    endpoint: opc.tcp://127.0.0.1:${server.port}
    security: ${withoutSecurity}
    groups:
      - publishingIntervalMs: 50
        discover: [{ from: /device, under: line, rescanMs: 10000 }]`;
    const agent = await startAgent(t, (dataDir) => yamlOf(dataDir, modbus('meter', meter.port, 'meter/a'), opcua), dir);
    await agent.allUp();
    const find = async (path: string) => (await agent.tags()).find((tag) => tag.path === path)?.latest;
    await until(async () => (await find('line/speed')) !== undefined, 'what is found is measured');
    t.match(await find('line/speed'), { value: 1.5, qualityName: 'Good' });
    server.add('Force', 'Double', { value: double(7) });
    await until(async () => (await find('line/force')) !== undefined, 'what is new is measured too');
    server.addressSpace.deleteNode(speed);
    await until(async () => (await find('line/speed')) === undefined, 'what is gone is no tag any more');
    t.equal(meter.connections, 1);
    await agent.end();
    const { samples } = acceptedIn(agent.dataDir);
    t.equal(samples.filter(({ path }) => path === 'health/line/session').length, 2, 'one session');
    t.ok(samples.some(({ path, value }) => path === 'line/force' && value === 7));
    t.equal(samples.findLast(({ path }) => path === 'line/speed')?.value, null, 'its last word is Bad');
  });
  t.end();
});

t.test('a technician sees the versions, what they changed, and goes back, however wrong the file is', async (t) => {
  await using meter = await startMeter();
  const yaml = (dataDir: string, ...tags: string[]) => yamlOf(dataDir, modbus('meter', meter.port, ...tags));
  const agent = await startAgent(t, (dataDir) => yaml(dataDir, 'meter/a'));
  await agent.allUp();
  agent.write(yaml(agent.dataDir, 'meter/a', 'meter/b'));
  await agent.reload();
  agent.write(`${yaml(agent.dataDir, 'meter/a')}sources: [`);
  const run = async (...args: string[]) =>
    (await promisify(execFile)(execPath, [launcher, 'config', ...args, '-c', agent.file])).stdout;

  t.match(JSON.parse(await run('list', '--json')), [
    { number: 2, running: true },
    { number: 1, running: false },
  ]);
  t.match(await run('list'), /^VERSION .*\n2 .*runs now\n1 /);
  t.match(await run('show', '1'), /path: meter\/a/);
  t.match(await run('diff', '1', '2'), /^\+ .*path: meter\/b, table: holding, address: 1/m);
  t.same(JSON.parse(await run('rollback', '1', '--json')), { rolledBackTo: 1, keptAs: 3, written: [agent.file] });
  t.equal(readFileSync(agent.file, 'utf8'), yaml(agent.dataDir, 'meter/a'));
  t.match((await agent.status()).config, { version: 4, refused: undefined });
  t.equal((await agent.tags()).length, 1);
  await t.rejects(run('show', '99'), { code: 64, stderr: /There are: 4, 3, 2, 1/ });
});

t.test('an agent that is told to stop before it has begun ends at once', async (t) => {
  const dir = t.testdir();
  writeFileSync(join(dir, 'agent.yaml'), yamlOf(join(dir, 'data'), modbus('meter', 1, 'meter/a')));
  const log = { info() {}, warn() {}, error() {} };
  const options = { ...openConfiguration(join(dir, 'agent.yaml')), secret: () => 'secret', clock: systemClock, log };
  const began = performance.now();
  await runAgent({ ...options, version: '0.0.0', drainMs: 200 }, AbortSignal.abort(), nothing);
  t.ok(performance.now() - began < 30_000);
});

t.test('the socket is for its owner alone, and a stale one is in nobody’s way', async (t) => {
  await using meter = await startMeter();
  let left = '';
  const agent = await startAgent(t, (dataDir) => {
    left = join(dataDir, 'agent.sock');
    writeFileSync(left, 'left by an agent that was killed');
    return yamlOf(dataDir, modbus('meter', meter.port, 'meter/a'));
  });
  await agent.allUp();
  t.ok(statSync(left).isSocket());
  t.equal(statSync(left).mode & 0o777, 0o600);
  const request = { kind: 'modbus', unit: 1, table: 'holding', address: 0, count: 2 };
  const inspect = (source: string, of: object = request) =>
    askAgent(agent.dataDir, 'POST', '/api/inspect', { source, request: of });
  t.match(await inspect('meter'), { inspection: { kind: 'modbus', words: [Number, Number] } });
  t.equal(meter.connections, 1, 'over the connection that is there');
  await t.rejects(inspect('none'), { name: 'RejectedError' });
  await t.rejects(inspect('meter', { ...request, count: 0 }), { name: 'RejectedError' });
  await agent.end();
  await t.rejects(agent.status(), { name: 'ConnectionError' });
});

t.test('kill -9 while it reloads again and again loses nothing that was accepted', async (t) => {
  await using meter = await startMeter();
  const dir = t.testdir({ data: { password: 'secret\n' } });
  const dataDir = join(dir, 'data');
  const file = join(dir, 'agent.yaml');
  let round = 0;
  const write = () => {
    round++;
    const paths = Array.from({ length: 1 + (round % 7) }, (_, i) => `round-${round % 5}/tag-${i}`);
    writeFileSync(
      `${file}~`,
      yamlOf(dataDir, modbus('meter', meter.port, ...paths), modbus('kept', meter.port, 'kept/a')),
    );
    renameSync(`${file}~`, file);
  };
  let accepted = 0;
  for (let run = 0; run < 4; run++) {
    write();
    const child: ChildProcess = spawn(execPath, [launcher, 'run', '-c', file], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const status = async () => (await askAgent(dataDir, 'GET', '/api/status')) as AgentReport;
    await until(async () => (await status()).sources.every(({ state }) => state === 'up'), 'it runs');
    for (let reloads = 0; reloads < 5; reloads++) {
      write();
      accepted = Math.max(accepted, (await status()).link.next - 1);
      await askAgent(dataDir, 'POST', '/api/reload');
    }
    write();
    const last = askAgent(dataDir, 'POST', '/api/reload').catch(() => {});
    await delay(Math.random() * 60);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await last;
  }
  const { samples, next } = acceptedIn(dataDir);
  t.ok(accepted > 100, `${accepted} samples were accepted`);
  t.ok(next > accepted, `all of them are there: next is ${next}`);
  t.ok(
    samples.every(({ path }) => path !== undefined),
    'and of each it is known what it measures',
  );
  t.ok(samples.every(({ flags }) => (flags & flag.historical) === 0));
  const versions = openConfigVersions(dataDir).list();
  // One more where the kill came before the oldest was let go of.
  t.ok([20, 21].includes(versions.length), `the last ${versions.length} versions are there`);
  for (const { number, hash } of versions) t.equal(configHash(openConfigVersions(dataDir).read(number)!), hash);
});
