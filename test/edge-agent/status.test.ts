/** What a running agent serves on loopback, and to whom: a browser, Prometheus, and nobody else. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { runAgent } from '../../edge-agent/app.ts';
import { openConfiguration } from '../../edge-agent/commands/configuration.ts';
import { openCommissioningBook } from '../../edge-agent/commissioning/book.ts';
import { askAgent } from '../../edge-agent/status/client.ts';
import type { AgentReport, TagReport } from '../../edge-agent/status/report.ts';
import { startLocalSocket } from '../../edge-agent/status/server.ts';
import { openSocketPath } from '../../edge-agent/status/socket-path.ts';
import { systemClock } from '../../protocols/clock.ts';
import { qualityName } from '../../protocols/quality-names.ts';
import { kwhRow, newKey, signedSheet } from '../support/commissioning.ts';
import { startScriptedServer, wordsReply } from '../support/modbus-faulty-server.ts';

t.setTimeout(240_000);

/** The port is in the log, as it is the system's choice. */
async function startAgent() {
  const meter = await startScriptedServer('mbap', (asked, peer) =>
    peer.write(wordsReply('mbap', asked, Array(asked.count).fill(7))),
  );
  const dir = t.testdir();
  const dataDir = join(dir, 'data');
  mkdirSync(dataDir);
  const file = join(dir, 'agent.yaml');
  writeFileSync(
    file,
    `agent: test
site: test/plant
dataDir: ${dataDir}
broker: { url: "mqtt://127.0.0.1:1", password: { file: none } }
status: { port: 0 }
sources:
  - kind: modbus
    id: meter
    host: 127.0.0.1
    port: ${meter.port}
    devices:
      - unit: 1
        intervalMs: 100
        tags:
          - { path: energy/kwh, table: holding, address: 10, format: uint32, unit: kWh, counter: { scale: 0.1 } }
          - { path: energy/power, table: holding, address: 12, format: uint16, unit: kW }
`,
  );
  const { promise: port, resolve } = Promise.withResolvers<number>();
  const info = (fields: object, message: string) => {
    if (message === 'status served') resolve((fields as { port: number }).port);
  };
  const stop = new AbortController();
  const log = { info, warn() {}, error() {} };
  const options = { ...openConfiguration(file), secret: () => 'secret', clock: systemClock, version: '1.2.3', log };
  const running = runAgent({ ...options, drainMs: 0 }, stop.signal, new AbortController().signal);
  t.teardown(async () => {
    stop.abort();
    await running;
    await meter[Symbol.asyncDispose]();
  });
  return { dataDir, port: await Promise.race([port, running.then(() => 0)]) };
}

async function ask(port: number, path: string, { method = 'GET', host = `127.0.0.1:${port}` } = {}) {
  const asking = request({ host: '127.0.0.1', port, path, method, headers: { host } }).end();
  const [response] = await once(asking, 'response');
  let text = '';
  for await (const piece of response) text += piece;
  return { status: response.statusCode as number, headers: response.headers as Record<string, string>, text };
}

t.test('the local page and its interface', async (t) => {
  const { dataDir, port } = await startAgent();
  const report = async () => JSON.parse((await ask(port, '/api/status')).text) as AgentReport;
  const tags = async (query = '') =>
    (JSON.parse((await ask(port, `/api/tags${query}`)).text) as { tags: TagReport[] }).tags;
  while ((await report()).sources[0]?.state !== 'up') await delay(20);

  t.test('says how the agent is', async (t) => {
    t.match(await report(), {
      agent: 'test',
      site: 'test/plant',
      version: '1.2.3',
      config: { version: 1 },
      link: { state: 'connecting', broker: 'mqtt://127.0.0.1:1', error: /ECONNREFUSED/, through: 0 },
      buffer: { maxBytes: 2 * 1024 ** 3, frames: Number, diskFreeBytes: Number },
      sources: [
        {
          id: 'meter',
          kind: 'modbus',
          target: /^tcp:\/\/127\.0\.0\.1:\d+$/,
          tags: { good: 2, uncertain: 0, bad: 0, silent: 0 },
          notCommissioned: 2,
        },
      ],
      problems: Array,
    });
    t.ok((await report()).problems.some(({ code }) => code === 'not-commissioned'));
    while (!(await report()).buffer.oldestAt) await delay(20);
    t.ok(Math.abs((await report()).buffer.oldestAt! - Date.now() * 1000) < 60e6);
  });

  t.test('says what every tag is worth, and who has commissioned it', async (t) => {
    const [kwh, power] = await tags();
    t.match(kwh, {
      path: 'energy/kwh',
      source: 'meter',
      type: 'int',
      unit: 'kWh',
      latest: { value: 458_759, quality: 0, qualityName: 'Good', time: Number, measuredAt: Number },
      commissioned: undefined,
    });
    t.match(power, { latest: { value: 7 } });
    t.same(await tags('?source=none'), []);

    const row = { ...kwhRow, path: kwh!.path, source: 'meter', address: kwh!.address };
    openCommissioningBook(dataDir).keep(signedSheet(newKey(), { site: 'test/plant', rows: [row] }));
    for (let i = 0; i < 100 && !(await tags())[0]!.commissioned; i++) await delay(50);
    t.match((await tags())[0]!.commissioned, { by: String, sheet: /^[0-9a-f]{64}$/ });
    t.equal((await report()).sources[0]!.notCommissioned, 1);
  });

  t.test('answers probes and Prometheus', async (t) => {
    t.match(await ask(port, '/healthz'), { status: 200, text: '{"ok":true}\n' });
    t.match(await ask(port, '/readyz'), { status: 503, text: /link to the hub: connecting/ });
    const metrics = await ask(port, '/metrics');
    t.match(metrics.headers['content-type'], /^text\/plain/);
    t.match(metrics.text, /payesh_agent_source_tags\{source="meter",quality="good"\} 2\n/);
    t.match(metrics.text, /payesh_agent_source_up\{source="meter"\} 1\n/);
  });

  t.test('serves the page with its fonts, and lets nothing else run in it', async (t) => {
    const page = await ask(port, '/');
    t.match(page.headers, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': /default-src 'none'; script-src 'self'.*require-trusted-types-for 'script'/,
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    });
    const wanted = [...page.text.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => `/${path}`);
    t.ok(wanted.length > 2, wanted.join(' '));
    for (const path of [...wanted, '/fonts/vazirmatn-arabic-wght-normal.woff2']) {
      t.equal((await ask(port, path)).status, 200, path);
    }
    t.equal((await ask(port, '/fonts/vazirmatn-arabic-wght-normal.woff2')).headers['content-type'], 'font/woff2');
    for (const path of ['/../server.ts', '/%2e%2e/server.ts', '/tell-problem.d.ts', '/nothing']) {
      t.equal((await ask(port, path)).status, 404, path);
    }
  });

  t.test('answers to its own names only, and is only read', async (t) => {
    for (const host of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`]) {
      t.equal((await ask(port, '/api/status', { host })).status, 200, host);
    }
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', '10.0.0.1']) {
      t.equal((await ask(port, '/api/status', { host })).status, 421, host);
      t.equal((await ask(port, '/', { host })).status, 421, host);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      t.match(await ask(port, '/api/reload', { method }), { status: 405, headers: { allow: 'GET' } });
    }
    t.equal((await ask(port, '/api/reload')).status, 404);
  });
});

t.test('a socket lies in the data folder, however long its path is', async (t) => {
  const dataDir = join(t.testdir(), 'x'.repeat(120));
  await t.rejects(askAgent(dataDir, 'GET', '/healthz'), { name: 'ConnectionError' }, 'no such folder');
  mkdirSync(dataDir);
  const openFolders = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === dataDir;
      } catch {
        return false;
      }
    });
  {
    using place = openSocketPath(dataDir);
    await using _socket = await startLocalSocket(place, {
      'GET /healthz': async () => ({ status: 200, body: { ok: true } }),
    });
    t.ok(statSync(join(dataDir, 'agent.sock')).isSocket());
    for (let n = 0; n < 3; n++) t.same(await askAgent(dataDir, 'GET', '/healthz'), { ok: true });
  }
  t.notOk(existsSync(join(dataDir, 'agent.sock')));
  t.same(openFolders(), [], 'the folder is not left open');
  await t.rejects(askAgent(dataDir, 'GET', '/healthz'), { name: 'ConnectionError' });
});

t.test('status codes have the names of the standard', async (t) => {
  t.equal(qualityName(0), 'Good');
  t.equal(qualityName(0x800a0000), 'BadTimeout');
  t.equal(qualityName(0x80340000), 'BadNodeIdUnknown');
  t.equal(qualityName(0x40900480), 'UncertainLastUsableValue', 'whatever the info bits say');
  t.equal(qualityName(0x81234567), '0x81234567');
});
