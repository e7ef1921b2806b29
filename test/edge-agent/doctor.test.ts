/** `payesh-agent doctor` against things that are really broken: each is told apart, with what to do about it. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { startChild } from '../../deploy/demo/child.ts';
import { brokerCheck } from '../../edge-agent/doctor/broker.ts';
import {
  type Check,
  type CheckResult,
  type Finding,
  good,
  inWords,
  needsPerson,
  runChecks,
  type ToldFinding,
} from '../../edge-agent/doctor/check.ts';
import { findHubOffset, tellOffset } from '../../edge-agent/doctor/clock.ts';
import { diskCheck } from '../../edge-agent/doctor/disk.ts';
import { expiryCheck } from '../../edge-agent/doctor/expiry.ts';
import { modbusCheck } from '../../edge-agent/doctor/modbus.ts';
import { placeOf, findWay as tryWay } from '../../edge-agent/doctor/network.ts';
import { opcuaCheck } from '../../edge-agent/doctor/opcua.ts';
import { runningChecks } from '../../edge-agent/doctor/running.ts';
import { sayIn } from '../../edge-agent/doctor/say.ts';
import { findSerialPort } from '../../edge-agent/doctor/serial.ts';
import type { AgentReport } from '../../edge-agent/status/report.ts';
import { startBroker } from '../../hub/broker.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { modbusSourceSchema } from '../../protocols/modbus/config.ts';
import { openOwnCertificate } from '../../protocols/opcua/certificate.ts';
import { opcuaSourceSchema } from '../../protocols/opcua/config.ts';
import { listOffers } from '../../protocols/opcua/explore.ts';
import { openTrustList } from '../../protocols/opcua/trust.ts';
import { exceptionReply, startScriptedServer, wordsReply } from '../support/modbus-faulty-server.ts';
import { startTestServer } from '../support/opcua-server.ts';
import { freePort } from '../support/ports.ts';

const gigabyte = 1024 ** 3;
const never = new AbortController().signal;

const say = sayIn('en');
/** In English; every finding is also told in Persian on the way. */
async function findingsOf(check: Check): Promise<readonly ToldFinding[]> {
  let found: readonly Finding[] = [];
  const run: Check['run'] = async (signal) => {
    found = await check.run(signal);
    return found;
  };
  const told: ToldFinding[] = [];
  for await (const { findings } of runChecks([{ ...check, run }], say, never)) told.push(...findings);
  for (const finding of found) checkPersian(inWords(finding, sayIn('fa')));
  return told;
}
const inEnglish = (findings: readonly Finding[]) => findings.map((finding) => inWords(finding, say));
const findWay = async (place: Parameters<typeof tryWay>[0]) => inEnglish(await tryWay(place, never));

/** What is not Persian stands between the marks that keep it from left to right. */
function checkPersian({ text, todo = [] }: ToldFinding): void {
  for (const line of [text, ...todo]) {
    const bare = line.replaceAll(/[\u2066\u2068][^\u2069]*\u2069/g, '');
    const isRight = /\p{Script=Arabic}/u.test(bare) && !/[0-9يك`]|undefined|NaN|\$\{/.test(bare);
    if (!isRight) throw new Error(`not as Persian is written: ${line}`);
  }
}
const levels = (findings: readonly Pick<Finding, 'level'>[]) => findings.map(({ level }) => level);
const texts = (findings: readonly ToldFinding[]) => findings.map(({ text }) => text).join('\n');
const todo = (findings: readonly ToldFinding[]) => findings.flatMap((finding) => finding.todo ?? []).join('\n');

t.test('checks run side by side, are told in order, and none can hold up the others for ever', async (t) => {
  const order: string[] = [];
  const check = (name: string, ms: number): Check => ({
    name: () => name,
    timeoutMs: 200,
    run: (signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        setTimeout(() => {
          order.push(name);
          resolve([good((words) => words.unforeseen(name))]);
        }, ms).unref();
      }),
  });
  const broken: Check = {
    name: () => 'broken',
    timeoutMs: 200,
    run: () => Promise.reject(new Error('outside', { cause: new Error('inside') })),
  };
  const told: CheckResult[] = [];
  const checks = [check('slow', 60), check('fast', 1), check('stuck', 60_000), broken];
  for await (const result of runChecks(checks, say, never)) told.push(result);
  t.same(order, ['fast', 'slow']);
  t.same(
    told.map(({ name, findings }) => `${name}: ${findings[0]?.level} ${findings[0]?.text}`),
    ['slow: good slow', 'fast: good fast', 'stuck: bad not finished within 0.2 s', 'broken: bad outside: inside'],
  );
  const interrupted = runChecks([check('slow', 60)], say, AbortSignal.abort(new Error('stopped')));
  await t.rejects(interrupted.next(), { message: 'stopped' });
});

t.test('the data folder', async (t) => {
  t.test('that is well: writable, room enough, and its fsync is measured', async (t) => {
    const findings = await findingsOf(diskCheck(t.testdir(), 1_048_576));
    t.equal(findings.length, 3);
    t.same(levels(findings).slice(0, 2), ['good', 'good']);
    t.match(findings[2]?.text, /^making a block durable takes \d+\.\d ms \(median of 50\)/);
  });
  t.test('that is not there yet is made at the first start, and not by the doctor', async (t) => {
    const dir = join(t.testdir(), 'a/b');
    t.same(levels(await findingsOf(diskCheck(dir, gigabyte))), ['note']);
    t.same(levels(await findingsOf(diskCheck(dir, gigabyte))), ['note'], 'still not there');
  });
  t.test('that cannot be written, or is none', async (t) => {
    const dir = t.testdir({ file: '' });
    t.match(await findingsOf(diskCheck(join(dir, 'file'), gigabyte)), [{ level: 'bad', text: /is not a folder/ }]);
    // What even root cannot write.
    const [unwritable] = await findingsOf(diskCheck('/proc/self', gigabyte));
    t.match(unwritable, { level: 'bad', text: /cannot be written|not there|can only be read/ });
    const [missing] = await findingsOf(diskCheck('/proc/self/payesh', gigabyte));
    t.ok(missing);
  });
  t.test('without a right to it', { skip: process.getuid?.() === 0 && 'root may write everywhere' }, async (t) => {
    const dir = t.testdir({ closed: {} });
    await chmod(join(dir, 'closed'), 0o500);
    t.match(await findingsOf(diskCheck(join(dir, 'closed'), gigabyte)), [{ level: 'bad', text: /cannot be written/ }]);
  });
  t.test('on a disk with less room than the buffer may take', async (t) => {
    const findings = await findingsOf(diskCheck(t.testdir(), Number.MAX_SAFE_INTEGER));
    t.match(findings[1], { level: 'warning', text: /the disk would be full before/ });
    t.match(todo(findings), 'buffer.maxBytes');
  });
});

t.test('the network: unknown name, closed port, silence and an open port are told apart', async (t) => {
  const port = await freePort();
  const closed = await findWay({ host: '127.0.0.1', port });
  t.match(closed, [{ level: 'bad', text: /refuses port \d+: nothing listens there/ }]);
  const unknown = await findWay({ host: 'plc-7.invalid', port });
  t.match(unknown, [{ level: 'bad', text: /the name plc-7\.invalid is not known/ }]);
  t.match(todo(unknown), 'Write the IP address');
  const open = await listen(createServer());
  t.teardown(() => open.server.close());
  const named = await findWay({ host: 'localhost', port: open.port });
  t.same(levels(named), ['good', 'good'], 'name and port');
  t.match(await findWay({ host: '127.0.0.1', port: open.port }), [{ level: 'good', text: /is open/ }]);
  t.same(placeOf('mqtts://hub.example'), { host: 'hub.example', port: 8883 });
  t.same(placeOf('opc.tcp://[::1]:4841/path'), { host: '::1', port: 4841 });
});

const listen = (server: Server): Promise<{ server: Server; port: number }> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ server, port: (server.address() as { port: number }).port }));
  });

t.test('the clock of the hub is compared by its HTTP date', async (t) => {
  let ahead = 0;
  const http = createHttpServer({}, (_, response) => {
    response.sendDate = false;
    response.setHeader('date', new Date(Date.now() + ahead).toUTCString());
    response.end();
  });
  const { port } = await listen(http);
  t.teardown(() => http.close());
  const url = `http://127.0.0.1:${port}`;
  const offset = async (of: string) => inWords(await findHubOffset(of, never), say);
  t.match(await offset(url), { level: 'good', text: /agrees/ });
  ahead = 10 * 60_000;
  t.match(await offset(url), { level: 'warning', text: /10 min ahead of/ });
  t.match(await offset(`http://127.0.0.1:${await freePort()}`), {
    level: 'warning',
    text: /does not answer: .*ECONNREFUSED/,
  });
  t.match(inWords(tellOffset('server', -3000, 2000), say), { level: 'warning', text: /3\.0 s behind/ });
});

t.test('the broker: a wrong password is told as such', async (t) => {
  await using broker = await startBroker({
    port: 0,
    ingestUser: 'hub',
    authenticate: (user, password) => user === 'plant-1' && password === 'right',
    log: { info() {}, warn() {}, error() {} },
  });
  const login = { url: broker.url, agent: 'plant-1', password: () => 'right' };
  t.same(levels(await findingsOf(brokerCheck(login))), ['good', 'good']);
  const wrong = await findingsOf(brokerCheck({ ...login, password: () => 'wrong' }));
  t.match(wrong[1], { level: 'bad', text: /refuses the user plant-1: wrong password/ });
  t.match(todo(wrong), 'Have a new password made at the hub');
  const missing = () => {
    throw new ConfigError('there is no file /run/credentials/password', { path: 'x', hint: 'y' });
  };
  t.match(await findingsOf(brokerCheck({ ...login, password: missing })), [
    { level: 'good' },
    { level: 'bad', text: /password cannot be read: there is no file/ },
  ]);
  const away = await findingsOf(brokerCheck({ ...login, url: `mqtt://127.0.0.1:${await freePort()}` }));
  t.match(away, [{ level: 'bad', text: /nothing listens there/ }]);
});

/** How the doctor asks: with nothing of a folder, and the name that its advice has. */
const asking = { dataDir: '/nowhere', secret: () => '', file: 'agent.yaml' };
const modbus = (change: object) =>
  modbusSourceSchema.parse({
    kind: 'modbus',
    id: 'plc',
    host: '127.0.0.1',
    timeoutMs: 150,
    devices: [1, 2, 3].map((unit) => ({
      unit,
      tags: [{ path: `line/unit-${unit}/speed`, table: 'holding', address: 7, format: 'uint16' }],
    })),
    ...change,
  });

t.test('Modbus: a unit that answers, one that refuses and one that is silent', async (t) => {
  const asked = new Set<number>();
  await using server = await startScriptedServer('mbap', (request, peer) => {
    asked.add(request.address);
    if (request.unit === 1) peer.write(wordsReply('mbap', request, [1]));
    if (request.unit === 2) peer.write(exceptionReply('mbap', request, 2));
  });
  const findings = await findingsOf(modbusCheck(modbus({ port: server.port }), asking));
  t.same(levels(findings), ['good', 'good', 'warning', 'bad']);
  t.match(texts(findings), /unit 1 answers/);
  t.match(texts(findings), /unit 2 is there, but refuses holding 7 \(exception 2\)/);
  t.match(texts(findings), /unit 3 does not answer/);
  t.same([...asked], [7], 'a configured register, not a guessed one');
  const closed = await findingsOf(modbusCheck(modbus({ port: await freePort() }), asking));
  t.match(closed, [{ level: 'bad', text: /nothing listens there/ }]);
});

t.test('Modbus: each tag is read, and those that cannot be are told with an example of each reason', async (t) => {
  await using server = await startScriptedServer('mbap', (request, peer) => {
    if (request.address < 2) peer.write(wordsReply('mbap', request, Array(request.count).fill(1)));
    else peer.write(exceptionReply('mbap', request, 2));
  });
  const tag = (path: string, address: number) => ({ path, table: 'holding', address, format: 'uint16' });
  const device = { unit: 1, maxGap: 0, tags: [tag('a/first', 0), tag('a/second', 1), tag('a/third', 50)] };
  const some = await findingsOf(modbusCheck(modbus({ port: server.port, devices: [device] }), asking));
  t.match(some.at(-1), {
    level: 'warning',
    text: /^1 of 3 tags cannot be read, a\/third for instance: Bad/,
    todo: [/configured as unit 1, holding 50/, 'Read it undecoded: payesh-agent probe -c agent.yaml a/third'],
  });
  const well = { ...device, tags: device.tags.slice(0, 2) };
  const all = await findingsOf(modbusCheck(modbus({ port: server.port, devices: [well] }), asking));
  t.match(all.at(-1), { level: 'good', text: 'all 2 tags are read, and good' });
  t.equal(server.connections, 6, 'port, unit and tags, one after the other, and none stays');
});

t.test('Modbus: a gateway that answers in the place of its device', async (t) => {
  await using server = await startScriptedServer('mbap', (request, peer) => {
    peer.write(exceptionReply('mbap', request, 11));
  });
  const findings = await findingsOf(modbusCheck(modbus({ port: server.port }), asking));
  t.match(findings[1], { level: 'bad', text: /unit 1: the gateway in between answers in its place/ });
});

t.test('a serial port that is not there names those that are', async (t) => {
  const path = join(t.testdir(), 'ttyUSB9');
  t.match(inWords(await findSerialPort(path), say), { level: 'bad', text: /there is no serial port/ });
  const serial = { transport: 'rtu', host: undefined, serial: { path } };
  t.match(await findingsOf(modbusCheck(modbus(serial), asking)), [{ level: 'bad', text: /there is no serial port/ }]);
  await writeFile(path, '');
  t.match(inWords(await findSerialPort(path), say), { level: 'good' });
});

t.test('OPC UA', async (t) => {
  const dir = t.testdir();
  await using server = await startTestServer({
    port: 0,
    pkiDir: join(dir, 'pki'),
    namespaces: ['urn:test'],
    nodes: [{ namespace: 'urn:test', name: 'speed', base: 0 }],
    tickMs: 1000,
    users: { reader: 'right' },
  });
  const source = (change: object) =>
    opcuaSourceSchema.parse({
      kind: 'opcua',
      id: 'server',
      endpoint: server.endpoint,
      user: { name: 'reader', password: { env: 'PASSWORD' } },
      groups: [{ tags: [{ path: 'line/speed', node: 'nsu=urn:test;s=speed', type: 'int' }] }],
      ...change,
    });
  let password = 'right';
  let folders = 0;
  const newFolder = async () => {
    const dataDir = join(dir, `data-${folders++}`);
    await mkdir(dataDir);
    return dataDir;
  };
  const check = (change: object, dataDir: string) =>
    findingsOf(opcuaCheck(source(change), { dataDir, secret: () => password, file: 'agent.yaml' }));

  await t.test(
    'a server that nobody has approved waits for it, and nothing is written before the agent ran',
    async (t) => {
      const dataDir = await newFolder();
      const findings = await check({}, dataDir);
      t.same(levels(findings), ['good', 'good', 'bad']);
      t.match(texts(findings), /its certificate has not been approved: SHA-256 [0-9a-f]{64}/);
      t.match(todo(findings), 'payesh-agent trust -c agent.yaml');
      t.same(await readdir(dataDir), []);
    },
  );

  await t.test('an approved server is logged into, and its clock compared', async (t) => {
    const dataDir = await newFolder();
    await openOwnCertificate(dataDir);
    const { identity } = await listOffers(server.endpoint, { timeoutMs: 5000, dataDir }, never);
    const list = openTrustList(dataDir);
    list.keepPending(identity!, server.endpoint);
    list.trust(identity!.thumbprint, 'test');
    password = 'right';
    const findings = await check({}, dataDir);
    t.notOk(findings.some(needsPerson), texts(findings));
    t.match(texts(findings), /it offers sign-and-encrypt with aes256-sha256-rsapss/);
    t.match(texts(findings), /a session opens[\s\S]*clock of the server agrees[\s\S]*its tag is read, and good/);
    const groups = [{ tags: [{ path: 'line/torque', node: 'nsu=urn:test;s=torque', type: 'int' }] }];
    t.match((await check({ groups }, dataDir)).at(-1), {
      level: 'warning',
      text: '1 of 1 tags cannot be read, line/torque for instance: BadNodeIdUnknown',
    });
    password = 'wrong';
    const refused = await check({}, dataDir);
    t.match(refused.at(-1), { level: 'bad', text: /no session/, todo: [/name and the password/] });
  });

  await t.test('what is configured and not offered, and who is not let in', async (t) => {
    const dataDir = await newFolder();
    t.match(texts(await check({ user: undefined }, dataDir)), /lets nobody in as configured \(anonymous\), only: name/);
    await using open = await startTestServer({
      port: 0,
      pkiDir: join(dir, 'pki-open'),
      namespaces: [],
      nodes: [],
      tickMs: 1000,
      onlyNone: true,
    });
    const none = await check({ endpoint: open.endpoint, user: undefined }, dataDir);
    t.match(none.at(-1), { level: 'bad', text: /does not offer what is configured \(sign-and-encrypt.*only: none/ });
  });

  await t.test('what is no OPC UA server', async (t) => {
    const other = await listen(
      createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    t.teardown(() => other.server.close());
    const change = { endpoint: `opc.tcp://127.0.0.1:${other.port}`, timeoutMs: 1000 };
    t.match(await check(change, await newFolder()), [
      { level: 'good' },
      { level: 'bad', text: /does not answer as an OPC UA/ },
    ]);
  });

  await t.test('waivers that end within 30 days are told', async (t) => {
    const expires = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    const security = (days: number) => ({
      security: { mode: 'none', waiver: { reason: 'old firmware without encryption', expires: expires(days) } },
      user: undefined,
    });
    const dataDir = await newFolder();
    const find = (days: number) =>
      findingsOf(expiryCheck({ dataDir, sources: [source(security(days))] }, 'agent.yaml'));
    t.same(levels(await find(100)), ['note', 'good']);
    t.match((await find(10))[1], { level: 'warning', text: /only until .*10 more days/ });
    await openOwnCertificate(dataDir);
    t.match((await find(100))[0], { level: 'good', text: /own certificate is valid until/ });
    t.match(await findingsOf(expiryCheck({ dataDir, sources: [modbus({})] }, 'agent.yaml')), [{ level: 'good' }]);
  });
});

t.test('a running agent is asked, and its problems are told where they belong', async (t) => {
  const report: AgentReport = {
    agent: 'packaging',
    site: 'aras/packaging-plant',
    version: '1.0.0',
    startedAt: 0,
    now: 1,
    config: { file: 'agent.yaml', version: 4, hash: '', appliedAt: 0 },
    link: {
      state: 'connecting',
      broker: 'mqtt://hub:1883',
      stateSince: 0,
      backlog: 12,
      next: 13,
      through: 0,
      resentFrames: 0,
    },
    buffer: {
      pendingBytes: 0,
      full: 'evict',
      replayHours: 24,
      replaySamples: 0,
      evicted: 0,
      corrupt: 0,
      quarantined: [],
      bytes: 1,
      maxBytes: 2,
      frames: 1,
      diskFreeBytes: 3,
    },
    sources: [
      {
        id: 'plc',
        kind: 'modbus',
        target: 'tcp://10.0.0.1:502',
        state: 'down',
        stateSince: 0,
        error: 'connect ECONNREFUSED',
        tags: { good: 0, uncertain: 0, bad: 2, silent: 0 },
        slots: { good: 0, bad: 0, skipped: 0 },
        lost: 0,
        clockSuspect: 0,
        notCommissioned: 2,
      },
    ],
    problems: [
      {
        code: 'source-down',
        severity: 'error',
        subject: 'plc',
        details: {
          kind: 'modbus',
          target: 'tcp://10.0.0.1:502',
          error: '',
          reason: 'refused',
          tags: 2,
          file: 'agent.yaml',
        },
      },
      {
        code: 'broker-away',
        severity: 'error',
        details: { broker: 'mqtt://hub:1883', error: '', reason: 'other', backlog: 12 },
      },
      { code: 'config-needs-restart', severity: 'warning', details: { keys: 'dataDir', file: 'agent.yaml' } },
      { code: 'not-commissioned', severity: 'warning', details: { count: 2, sources: 'plc', file: 'agent.yaml' } },
    ],
  };
  const { agent, broker, sources } = runningChecks(report);
  t.same(levels(await findingsOf(agent)), ['good', 'warning', 'note']);
  t.match(texts(await findingsOf(broker)), /the agent is connecting[\s\S]*No connection to the hub’s broker/);
  const plc = await findingsOf(sources.get('plc')!);
  t.same(levels(plc), ['note', 'bad']);
  t.match(todo(plc), 'nothing listens at tcp://10.0.0.1:502');

  t.test('what has been away for seconds is no problem yet, and not well either', async (t) => {
    const [source] = report.sources;
    const soon = (change: Partial<typeof source>) =>
      runningChecks({ ...report, now: 3e6, problems: [], sources: [{ ...source!, ...change }] });
    t.match(await findingsOf(soon({}).sources.get('plc')!), [
      { level: 'warning', text: 'the agent is not connected, for 3\u00a0s: connect ECONNREFUSED', todo: [/again/] },
    ]);
    t.match(await findingsOf(soon({}).broker), [{ level: 'warning', text: /the agent is connecting/ }]);
    const tags = { good: 0, uncertain: 0, bad: 0, silent: 5 };
    t.match(await findingsOf(soon({ state: 'up', tags }).sources.get('plc')!), [
      { level: 'warning', text: 'the agent is connected, but none of its 5 tags has a value yet' },
    ]);
    t.match(await findingsOf(soon({ state: 'up', tags: { ...tags, good: 1 } }).sources.get('plc')!), [
      { level: 'good' },
    ]);
  });
});

t.test('the command', async (t) => {
  await using broker = await startBroker({
    port: 0,
    ingestUser: 'hub',
    authenticate: (_, password) => password === 'right',
    log: { info() {}, warn() {}, error() {} },
  });
  await using device = await startScriptedServer('mbap', (request, peer) => {
    peer.write(wordsReply('mbap', request, [1]));
  });

  await t.test('an installation that is well: exit code 0, and the device was asked once', async (t) => {
    const file = await writeConfig(t, { broker: broker.url, port: device.port });
    const { code, stdout } = await doctor('-c', file, '--json');
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: CheckResult[] };
    // Whether its clock is synchronised is this machine's affair.
    const wrong = checks.filter(({ name, findings }) => name !== 'clock' && findings.some(needsPerson));
    t.same(wrong, []);
    t.equal(code, ok ? 0 : 1);
    t.match(
      checks.map(({ name }) => name),
      ['configuration', 'data folder', 'clock', 'expiry dates', /^plc \(tcp:/, 'broker'],
    );
  });

  await t.test('one that is not: exit code 1, each fault with what to do', async (t) => {
    const file = await writeConfig(t, { broker: broker.url, port: await freePort(), password: 'wrong' });
    const { code, stdout } = await doctor('-c', file);
    t.equal(code, 1);
    t.match(stdout, /✔ .*agent\.yaml is right: agent plant-1 of a\/b/);
    t.match(stdout, /✖ 127\.0\.0\.1 answers, but refuses port \d+: nothing listens there\n {6}→ Compare the port/);
    t.match(stdout, /✖ the broker at .* refuses the user plant-1/);
    t.match(stdout, /\d things need a person\.\n$/);
    const persian = await doctor('-c', file, '--lang', 'fa');
    t.match(persian.stdout, /✖ \u2066127\.0\.0\.1\u2069 پاسخ می‌دهد، ولی پورت/);
    t.match(persian.stdout, /مورد رسیدگی می‌خواهد\.\n$/);
  });

  await t.test('a configuration that is wrong: exit code 78, with file and line', async (t) => {
    const file = await writeConfig(t, { broker: broker.url, port: 70_000 });
    const { code, stderr } = await doctor('-c', file);
    t.equal(code, 78);
    t.match(stderr, /agent\.yaml:\d+:\d+/);
  });

  await t.test('a running agent is asked: its login at the broker and its device are left alone', async (t) => {
    const file = await writeConfig(t, { broker: broker.url, port: device.port });
    const logFile = join(dirname(file), 'agent.log');
    const connections = () => device.connections;
    const atFirst = connections();
    const agent = startChild({
      name: 'agent',
      command: launcher,
      args: ['run', '-c', file, '--drain-ms', '0'],
      logFile,
    });
    t.teardown(() => agent.stop(5000));
    await agent.until(() => broker.stats().connections === 1 && connections() > atFirst, 60_000);
    const before = connections();
    const { stdout } = await doctor('-c', file);
    t.match(stdout, /running agent\n.*plant-1 .* runs, with version \d+ of/);
    t.match(stdout, /plc \(tcp:.*\n.*the agent is connected; 1 tags are good/);
    t.match(stdout, /broker\n.*the agent is waiting for hub/);
    t.equal(connections(), before, 'no connection more to the device');
    t.equal(broker.stats().connections, 1, 'the agent is still connected');
  });
});

const launcher = join(import.meta.dirname, '../../edge-agent/payesh-agent.mjs');

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const doctor = (...args: string[]): Promise<Result> =>
  new Promise((resolve) => {
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}`, NO_COLOR: '1' };
    execFile(launcher, ['doctor', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });

/** The path of an agent.yaml with one Modbus device, in a folder of its own. */
async function writeConfig(
  t: Test,
  { broker, port, password = 'right' }: { broker: string; port: number; password?: string },
) {
  const dir = t.testdir({ password, data: {} });
  const config = {
    agent: 'plant-1',
    site: 'a/b',
    dataDir: join(dir, 'data'),
    broker: { url: broker, password: { file: join(dir, 'password') } },
    buffer: { maxBytes: 1_048_576 },
    sources: [
      {
        id: 'plc',
        kind: 'modbus',
        host: '127.0.0.1',
        port,
        devices: [{ unit: 1, tags: [{ path: 'line/speed', table: 'holding', address: 0, format: 'uint16' }] }],
      },
    ],
  };
  // JSON is YAML.
  await writeFile(join(dir, 'agent.yaml'), JSON.stringify(config));
  return join(dir, 'agent.yaml');
}
