/**
 * kill -9 of the agent, the hub and the broker, once each, while the demo factory is read over real protocols through a
 * real mosquitto. Accepted samples are counted in the agents' own files, stored ones in the store.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Child, startChild } from '../../deploy/demo/child.ts';
import { accepts } from '../../deploy/demo/counterparts.ts';
import { trustFactory } from '../../deploy/demo/trust.ts';
import { openBufferFile } from '../../edge-agent/buffer/file.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { startInfluxd } from '../support/influxd.ts';
import { startMosquitto } from '../support/mosquitto.ts';
import { freePort } from '../support/ports.ts';

t.setTimeout(240_000);

const root = join(import.meta.dirname, '../..');
const agents = ['machining', 'packaging'] as const;
const token = `pay_${'k'.repeat(43)}`;

interface StreamState {
  agent: string;
  through: number;
  dead_letters: number;
}

// Both mostly wait, so they run side by side.
t.jobs = 2;

t.test('kill -9 of agent, hub and broker loses no accepted sample', (t) => killEverything(t, 'duckdb'));

t.test('kill -9 of agent, hub, broker and InfluxDB loses no accepted sample', async (t) => {
  if (requireOrSkip(t, 'influxd')) await killEverything(t, 'influx');
});

async function killEverything(t: Test, store: 'duckdb' | 'influx'): Promise<void> {
  const program = requireOrSkip(t, 'mosquitto');
  if (!program) return;
  const dir = t.testdir({ broker: {} });
  const users = Object.fromEntries(
    [...agents, 'hub-ingest'].map((user) => [user, randomBytes(18).toString('base64url')]),
  );
  await using broker = await startMosquitto({ program, folder: join(dir, 'broker'), users });

  await using database = new AsyncDisposableStack();
  const influxPort = await freePort();
  const startDatabase = async () => database.use(await startInfluxd({ dir: join(dir, 'influxdb'), port: influxPort }));
  const influxd = store === 'influx' ? await startDatabase() : undefined;

  const ports = {
    http: await freePort(),
    opcua: await freePort(),
    modbus: await freePort(),
    utilities: await freePort(),
  };
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PAYESH_DATA: dir,
    PAYESH_TOKEN: token,
    PAYESH_BROKER: 'external',
    PAYESH_STORE: store,
    PAYESH_INFLUX_PORT: String(influxPort),
    PAYESH_CLOCK: `${Date.now()}:${Date.now()}:2`,
    PAYESH_HTTP_PORT: String(ports.http),
    PAYESH_MQTT_PORT: String(broker.port),
    PAYESH_OPCUA_PORT: String(ports.opcua),
    PAYESH_MODBUS_PORT: String(ports.modbus),
    PAYESH_UTILITIES_PORT: String(ports.utilities),
    PAYESH_MACHINING_STATUS_PORT: String(await freePort()),
    PAYESH_PACKAGING_STATUS_PORT: String(await freePort()),
  };
  for (const agent of agents) {
    mkdirSync(join(dir, 'agents', agent), { recursive: true });
    writeFileSync(join(dir, 'agents', agent, 'password'), users[agent]!);
  }
  mkdirSync(join(dir, 'hub'));
  writeFileSync(join(dir, 'hub/broker-password'), users['hub-ingest']!);

  const running = new Set<Child>();
  t.teardown(async () => {
    for (const child of running) await child.stop(2000);
  });
  let starts = 0;
  const start = (name: string, command: string, ...args: string[]): Child => {
    const logFile = join(dir, 'logs', `${name}-${++starts}.log`);
    const child = startChild({ name, command, args, env, cwd: root, logFile });
    running.add(child);
    return child;
  };
  const kill = async (child: Child) => {
    running.delete(child);
    child.process.kill('SIGKILL');
    await once(child.process, 'exit');
  };
  const { opcua, modbus, utilities } = ports;
  const simulator = ['protocols/simulator/main.ts', '--data', join(dir, 'factory')];
  const factory = start(
    'factory',
    process.execPath,
    ...simulator,
    '--opcua-port',
    `${opcua}`,
    '--modbus-port',
    `${modbus}`,
    '--utilities-port',
    `${utilities}`,
  );
  await factory.until(() => accepts(opcua), 90_000);
  trustFactory(dir, opcua);
  const startHub = () => start('hub', './hub/payesh-hub.mjs', '-c', 'config/demo/hub.yaml', 'run');
  const startAgent = (agent: string) =>
    start(agent, './edge-agent/payesh-agent.mjs', 'run', '-c', `config/demo/agent-${agent}.yaml`);
  let hub = startHub();
  let [machining, packaging] = agents.map(startAgent) as [Child, Child];

  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${ports.http}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return response.ok ? response.json() : undefined;
  };
  const streams = async () =>
    ((await get('/api/v1/streams').catch(() => undefined)) as { data: StreamState[] } | undefined)?.data ?? [];
  /** What the hub lacks; empty when nothing. */
  const readiness = async () => {
    const response = await fetch(`http://127.0.0.1:${ports.http}/readyz`);
    return response.ok ? '' : await response.text();
  };
  const flowing = async (what: string) => {
    const before = new Map((await streams()).map(({ agent, through }) => [agent, through]));
    for (let waited = 0; waited < 60_000; waited += 200) {
      const now = await streams();
      if (
        agents.every((agent) =>
          now.some((stream) => stream.agent === agent && stream.through > (before.get(agent) ?? 0)),
        )
      )
        return;
      await delay(200);
    }
    throw new Error(`samples do not flow ${what}: ${JSON.stringify(await streams())}`);
  };

  /** So that something is under way, or waits, when the next thing dies. */
  const aWhile = () => delay(800);

  await flowing('at first');
  await aWhile();

  await kill(packaging);
  await kill(machining);
  await aWhile();
  [machining, packaging] = agents.map(startAgent) as [Child, Child];
  await flowing('after the agents were killed');
  await aWhile();

  await kill(hub);
  await aWhile();
  hub = startHub();
  await flowing('after the hub was killed');
  await aWhile();

  await broker.kill();
  await aWhile();
  await broker.restart();
  await flowing('after the broker was killed');
  await aWhile();

  if (influxd) {
    await influxd.stop('SIGKILL');
    for (let waited = 0; (await readiness()) === '' && waited < 20_000; waited += 200) await delay(200);
    t.match(await readiness(), /InfluxDB cannot be reached/, 'the hub says why it is not ready');
    await startDatabase();
    await flowing('after InfluxDB was killed');
    await aWhile();
  }

  for (const agent of [machining, packaging]) {
    running.delete(agent);
    t.equal(await agent.stop(15_000), 0, `${agent.name} drained and stopped`);
  }
  const settled = await streams();
  for (const agent of agents) {
    const file = openBufferFile({ dir: join(dir, 'agents', agent, 'buffer'), maxBytes: 1024 ** 3 });
    const { next } = file.state();
    file.close();
    const mine = settled.filter((stream) => stream.agent === agent);
    t.match(
      mine,
      [{ through: next - 1, dead_letters: 0 }],
      `${agent}: all ${next - 1} accepted samples are settled in one stream`,
    );
  }
  const proof = (await get('/api/v1/verification?deep=true')) as { ok: boolean; sentence: string };
  t.ok(proof.ok, proof.sentence);
  t.equal(await hub.stop(15_000), 0, 'the hub stopped');
  running.delete(hub);
}
