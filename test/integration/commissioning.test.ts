/**
 * A whole walk: a Modbus meter, the agent that reads it, the hub that it forwards to, and the technician's command, each
 * of them a process or server of its own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ServerTCP } from 'modbus-serial';
import t, { type Test } from 'tap';
import { type Child, startChild } from '../../deploy/demo/child.ts';
import { askAgent } from '../../edge-agent/status/client.ts';
import { freePort } from '../support/ports.ts';

t.setTimeout(180_000);

const root = join(import.meta.dirname, '../..');
const token = `pay_${'c'.repeat(43)}`;
const site = 'sahand/machining-plant';
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Json = any;

/** A meter whose 32-bit values come with the low word first; its counter stands still. It answers after `delayMs`. */
async function startMeter(t: Test) {
  const data = Buffer.alloc(16);
  const float = Buffer.alloc(4);
  float.writeFloatBE(231.4);
  data.set(float.subarray(2), 0);
  data.set(float.subarray(0, 2), 2);
  const counter = 1_234_567;
  data.writeUInt16BE(counter & 0xffff, 4);
  data.writeUInt16BE(counter >> 16, 6);
  data.writeInt16BE(543, 8);
  const meter = { port: await freePort(), delayMs: 0 };
  const word = (address: number) => data.readUInt16BE(address * 2);
  const words = (from: number, count: number, _unit: number, answer: (error: Error | null, found: number[]) => void) =>
    void setTimeout(
      () =>
        answer(
          null,
          Array.from({ length: count }, (_, i) => word(from + i)),
        ),
      meter.delayMs,
    );
  const { port } = meter;
  const server = new ServerTCP(
    { getHoldingRegister: word, getMultipleHoldingRegisters: words },
    { host: '127.0.0.1', port },
  );
  await once(server, 'initialized');
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return meter;
}

async function startPlant(t: Test) {
  const dir = t.testdir();
  const meter = await startMeter(t);
  const [httpPort, mqttPort] = [await freePort(), await freePort()];
  const env = { ...process.env, PAYESH_TOKEN: token };
  const children: Child[] = [];
  t.teardown(async () => {
    for (const child of children.reverse()) await child.stop(5000);
  });
  const start = (name: string, ...args: string[]) => {
    const command = `./${name}/payesh-${name === 'hub' ? 'hub' : 'agent'}.mjs`;
    const child = startChild({
      name,
      command,
      args,
      env,
      cwd: root,
      logFile: join(dir, `${name}-${children.length}.log`),
    });
    children.push(child);
    return child;
  };

  const hubFile = join(dir, 'hub.yaml');
  writeFileSync(
    hubFile,
    `dataDir: ${dir}/hub\nhttp: { port: ${httpPort} }\nbroker: { kind: embedded, port: ${mqttPort} }\n`,
  );
  const url = `http://127.0.0.1:${httpPort}`;
  const hub = start('hub', '-c', hubFile, 'run');
  const isUp = () =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await hub.until(isUp, 90_000);
  const account = await run('hub', ['-c', hubFile, 'agent', 'add', 'meters', '--json']);
  writeFileSync(join(dir, 'password'), JSON.parse(account.stdout).password);
  writeFileSync(join(dir, 'token'), token);

  const agentFile = join(dir, 'agent.yaml');
  writeFileSync(
    agentFile,
    `# The meters of hall 1.
agent: meters
site: ${site}
dataDir: ${dir}/agent
broker: { url: "mqtt://127.0.0.1:${mqttPort}", password: { file: ${dir}/password } }
hub: { url: "${url}", token: { file: ${dir}/token } }
sources:
  - id: meter
    kind: modbus
    host: 127.0.0.1
    port: ${meter.port}
    devices:
      - unit: 1
        intervalMs: 200
        tags:
          - { path: energy/main/power, table: holding, address: 0, format: float32, unit: kW } # the big one
          - { path: energy/main/kwh, table: holding, address: 2, format: uint32, byteOrder: CDAB, unit: kWh, role: kwh_import, counter: { scale: 0.1 } }
      - unit: 1
        intervalMs: 200
        tagsFile: hall.csv
`,
  );
  // As Excel in Iran writes it.
  writeFileSync(
    join(dir, 'hall.csv'),
    '\ufeffpath;table;address;format;scale;unit\r\nhall-1/temperature;holding;4;int16;0.1;°C\r\nhall-1/humidity;holding;5;int16;;%\r\n',
  );
  start('edge-agent', 'run', '-c', agentFile);
  const get = async (path: string) => {
    const response = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
    return (await response.json()) as Json;
  };
  const tags = async () => {
    const { data } = await get(`/api/v1/tags?under=${site}`);
    const measured = data.filter((tag: Json) => !tag.role.startsWith('health_') && !tag.retired);
    return Object.fromEntries(measured.map((tag: Json) => [tag.path.slice(site.length + 1), tag]));
  };
  await children[1]!.until(
    async () => Object.values(await tags()).filter((tag: Json) => tag.latest).length === 4,
    30_000,
  );
  const commission = (...args: string[]) => run('agent', ['commission', '-c', agentFile, ...args]);
  return { dir, url, agentFile, meter, get, tags, commission };
}

/** A command of ours, to its end. */
async function run(program: 'agent' | 'hub', args: string[], kill?: Promise<unknown>) {
  const file = program === 'hub' ? 'hub/payesh-hub.mjs' : 'edge-agent/payesh-agent.mjs';
  const env = { ...process.env, NO_COLOR: '1' };
  const child = spawn(process.execPath, [join(root, file), ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  void kill?.then(() => child.kill('SIGKILL'));
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

t.test('a walk with noted readings ends as a signed sheet at the hub', async (t) => {
  const { dir, url, agentFile, meter, get, tags, commission } = await startPlant(t);
  const readings = join(dir, 'walk.csv');
  writeFileSync(
    readings,
    'path,displayed,unit,note\nenergy/main/kwh,۱۲۳٫۴۵۶,MWh,\nhall-1/temperature,54.3,,\nenergy/main/power,231.4,kW,panel A\nhall-1/humidity,,,display is dark\n',
  );
  const walked = await commission('--readings', readings, '--technician', 'سارا احمدی', '--json');
  t.equal(walked.code, 1, walked.stderr);
  const { sheets, rows } = JSON.parse(walked.stdout);
  t.match(
    rows.map(({ path, verdict, agrees, note }: Json) => ({ path, verdict, agrees, note })),
    [
      { path: 'energy/main/kwh', verdict: 'accepted', agrees: true },
      { path: 'hall-1/temperature', verdict: 'accepted', agrees: true },
      { path: 'energy/main/power', verdict: 'rejected', agrees: false, note: /^panel A; byteOrder: CDAB gives 231\.4/ },
      { path: 'hall-1/humidity', verdict: 'skipped', agrees: null, note: 'display is dark' },
    ],
  );
  t.match(rows[0], {
    raw: 'D687 0012 (54919 18)',
    agentValue: { value: 1_234_567 },
    hubValue: { value: 1_234_567 },
    scale: 0.1,
  });
  t.match(walked.stderr, /keeps it/);

  const proved = async () =>
    Object.entries(await tags())
      .filter(([, tag]: Json) => tag.commissioned)
      .map(([path]) => path);
  t.same((await proved()).sort(), ['energy/main/kwh', 'hall-1/temperature']);
  const open = await get(`/api/v1/tags?under=${site}&commissioned=false`);
  t.same(
    open.data.map((tag: Json) => tag.path),
    [`${site}/energy/main/power`, `${site}/hall-1/humidity`],
  );

  const pages = await Promise.all(
    ['fa', 'en'].map(async (lang) => {
      const out = join(dir, `${lang}.html`);
      const { code, stderr } = await commission('export', sheets[0].slice(0, 8), '--lang', lang, '--out', out);
      t.equal(code, 0, stderr);
      return readFileSync(out, 'utf8');
    }),
  );
  t.match(pages[0], '۱۲۳٬۴۵۶٫۷ kWh');
  t.match(pages[1], '123,456.7 kWh');
  for (const page of pages) t.match(page, 'سارا احمدی');

  t.test('what the display shows decides the byte order, and the corrected tag is commissioned', async (t) => {
    writeFileSync(readings, 'path,displayed\nenergy/main/power,231.4\n');
    const corrected = await commission('--readings', readings, '--only-missing', '--correct', '--json');
    t.equal(corrected.code, 0, corrected.stderr);
    t.match(JSON.parse(corrected.stdout).rows, [
      {
        verdict: 'corrected',
        agentValue: { value: 231.4 },
        correction: { key: 'byteOrder', from: 'ABCD', to: 'CDAB' },
      },
    ]);
    const text = readFileSync(agentFile, 'utf8');
    t.match(text, /^# The meters of hall 1\./);
    t.match(text, /energy\/main\/power.*byteOrder: CDAB.*# the big one/);
    for (let waited = 0; waited < 100 && (await proved()).length < 3; waited++) await delay(100);
    t.same((await proved()).sort(), ['energy/main/kwh', 'energy/main/power', 'hall-1/temperature']);
  });

  t.test('what is changed while the technician walks is compared as it is now, by agent and hub alike', async (t) => {
    const list = readFileSync(join(dir, 'hall.csv'), 'utf8');
    const before = (await tags())['hall-1/temperature'].id;
    meter.delayMs = 300;
    writeFileSync(readings, 'path;displayed\nenergy/main/kwh;123456.7\nhall-1/temperature;۵٫۴۳\n');
    const walking = commission('--readings', readings, '--json');
    const progress = join(dir, 'agent/commissioning/walk.json');
    while (!existsSync(progress)) await delay(5);
    writeFileSync(join(dir, 'hall.csv'), list.replace('0.1', '0.01'));
    await askAgent(join(dir, 'agent'), 'POST', '/api/reload');
    const walked = await walking;
    meter.delayMs = 0;
    t.equal(walked.code, 0, walked.stderr);
    const row = JSON.parse(walked.stdout).rows.find(({ path }: Json) => path === 'hall-1/temperature');
    t.match(row, { address: /×0\.01$/, agentValue: { value: 5.43 }, verdict: 'accepted' });
    for (let waited = 0; waited < 100; waited++) {
      const tag = (await tags())['hall-1/temperature'];
      if (tag.id !== before && tag.commissioned) break;
      await delay(100);
    }
    t.ok((await tags())['hall-1/temperature'].commissioned, 'at the hub');
    const open = JSON.parse((await run('agent', ['status', '-c', agentFile, '--json'])).stdout);
    t.equal(open.sources[0].notCommissioned, 1, 'at the agent: only the humidity is open');
    const [sheet] = JSON.parse(walked.stdout).sheets;
    const versions = JSON.parse((await run('agent', ['config', 'list', '-c', agentFile, '--json'])).stdout);
    const { config } = (await get(`/api/v1/commissioning-sheets/${sheet}`)).sheet;
    t.equal(config.hash, versions.find(({ number }: Json) => number === config.version).hash);
  });

  t.test('what stands in a list is corrected there, and the rest of the list stays as it was', async (t) => {
    const file = join(dir, 'hall.csv');
    const list = `${readFileSync(file, 'utf8')}hall-1/power;holding;0;float32;;kW\r\n`;
    writeFileSync(file, list);
    for (let waited = 0; waited < 100 && !(await tags())['hall-1/power']?.latest; waited++) await delay(100);
    writeFileSync(readings, 'path\tdisplayed\nhall-1/power\t231,4\n');
    const walked = await commission('--readings', readings, '--correct', '--json');
    t.equal(walked.code, 0, walked.stderr);
    t.match(JSON.parse(walked.stdout).rows, [{ verdict: 'corrected', address: /float32 CDAB/ }]);
    const expected = list.replace('unit\r\n', 'unit;byteOrder\r\n').replace('kW\r\n', 'kW;CDAB\r\n');
    t.equal(readFileSync(file, 'utf8'), expected);
  });

  t.test('the sheets are listed, and brought to a hub again without harm', async (t) => {
    const { stdout } = await commission('list');
    t.match(stdout, /سارا احمدی/);
    t.equal(stdout.trim().split('\n').length, 5);
    const pushed = await commission('push', '--json');
    t.same(JSON.parse(pushed.stdout), { sent: 0, sheets: 4 });
    const stored = await get(`/api/v1/commissioning-sheets/${sheets[0]}`);
    stored.sheet.rows[0].displayed = '999';
    const forged = await fetch(`${url}/api/v1/commissioning-sheets`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(stored),
    });
    t.equal(forged.status, 422);
  });

  t.test('kill -9 in the middle of a walk loses no answer, and the walk goes on', async (t) => {
    writeFileSync(
      readings,
      'path,displayed\nenergy/main/kwh,123456.7\nhall-1/temperature,5.43\nenergy/main/power,231.4\n',
    );
    const progress = join(dir, 'agent/commissioning/walk.json');
    meter.delayMs = 500;
    const killed = (async () => {
      while (!existsSync(progress)) await delay(5);
    })();
    const args = ['commission', '-c', agentFile, '--readings', readings, '--technician', 'Reza'];
    const away = ['--hub', `http://127.0.0.1:${await freePort()}`, '--token-file', join(dir, 'token')];
    const first = await run('agent', [...args, ...away], killed);
    t.equal(first.code, null, first.stderr);
    t.equal(JSON.parse(readFileSync(progress, 'utf8')).rows.length, 1);

    const second = await run('agent', [...args, '--json']);
    t.equal(second.code, 0, second.stderr);
    t.match(second.stderr, /going on after 1 answers of Reza/);
    t.match(JSON.parse(second.stdout).rows, [
      { path: 'energy/main/kwh', hubValue: null, hubReason: 'unreachable' },
      { path: 'hall-1/temperature', hubValue: { value: 5.43 } },
      { path: 'energy/main/power' },
    ]);
    t.notOk(existsSync(progress));
    t.equal(readdirSync(join(dir, 'agent/commissioning/sheets')).length, 5);
  });
});
