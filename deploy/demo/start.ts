/**
 * `npm start`: the demo factory, the hub and two agents as processes of their own, on real protocols, with one command.
 * It writes only below its data folder, which it begins anew, and on Ctrl-C drains, proves and stops everything.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { exitWith, stopSignals } from '../../config/process.ts';
import { createScaledClock } from '../../protocols/clock.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { askHub, firstKpi } from './api.ts';
import { type Child, startChild } from './child.ts';
import { accepts, startInfluxdb, startMosquitto } from './counterparts.ts';
import { type DemoOptions, type PortName, portVariables, readOptions } from './options.ts';
import { leadShifts } from './shift-leads.ts';
import { trustFactory } from './trust.ts';

const root = join(import.meta.dirname, '../..');
const inRoot = (file: string) => join(root, file);
const agents = ['machining', 'packaging'] as const;
const readyTimeoutMs = 60_000;
const firstKpiTimeoutMs = 60_000;

async function runDemo(options: DemoOptions, stop: AbortSignal, kill: AbortSignal): Promise<void> {
  const { speed, dataDir, ports } = options;
  await refuseTakenPorts(options);
  rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(dataDir, { recursive: true });

  const token = options.token ?? `pay_${randomBytes(32).toString('base64url')}`;
  const wallStartMs = Date.now();
  const clock = createScaledClock({ startMs: options.startMs, wallStartMs, speed });
  const env = environmentOf(options, token, `${options.startMs}:${wallStartMs}:${speed}`);
  const url = `http://127.0.0.1:${ports.http}`;
  const children: Child[] = [];
  const start = (name: string, command: string, args: string[]) => {
    const child = startChild({
      name,
      command,
      args,
      env,
      cwd: root,
      logFile: join(dataDir, 'logs', `${name}.log`),
    });
    children.push(child);
    return child;
  };
  console.log(
    `Payesh demo: two plants on this machine, over real OPC UA, Modbus and MQTT${speed === 1 ? '' : `, at ${speed} × real time`}`,
  );

  const ending = new AbortController();
  try {
    const step = stepPrinter();
    const { opcua, modbus, utilities } = ports;
    const factory = start('factory', process.execPath, [
      ...[inRoot('protocols/simulator/main.ts'), '--seed', String(options.seed), '--data', join(dataDir, 'factory')],
      ...['--truth', join(dataDir, 'truth.ndjson'), '--start', new Date(options.startMs).toISOString()],
      ...['--opcua-port', String(opcua), '--modbus-port', String(modbus), '--utilities-port', String(utilities)],
    ]);
    const everyPort = async () => (await Promise.all([opcua, modbus, utilities].map(accepts))).every(Boolean);
    await factory.until(everyPort, readyTimeoutMs);
    step('factory', `OPC UA on ${opcua}, Modbus TCP on ${modbus} and ${utilities}`);
    trustFactory(dataDir, opcua);

    addAccounts(options, env);
    if (options.broker === 'mosquitto') {
      const passwords = payeshHub(['agent', 'passwords'], env);
      children.push(await startMosquitto(join(dataDir, 'mosquitto'), ports.mqtt, passwords));
      step('broker', `mosquitto on ${ports.mqtt}`);
    }
    if (options.store === 'influx') {
      children.push(await startInfluxdb(join(dataDir, 'influxdb'), ports.influx));
      step('store', `InfluxDB on ${ports.influx}`);
    }
    const hub = start('hub', inRoot('hub/payesh-hub.mjs'), ['-c', inRoot('config/demo/hub.yaml'), 'run']);
    await hub.until(
      () =>
        askHub(url, '/readyz', token).then(
          () => true,
          () => false,
        ),
      readyTimeoutMs,
    );
    step(
      'hub',
      `${url}, ${options.broker === 'embedded' ? `embedded broker on ${ports.mqtt}` : 'mosquitto'}, ${options.store}`,
    );

    const agentsFrom = clock.now();
    for (const agent of agents) {
      start(agent, inRoot('edge-agent/payesh-agent.mjs'), ['run', '-c', inRoot(`config/demo/agent-${agent}.yaml`)]);
    }
    for (const agent of children.slice(-agents.length)) {
      const port = ports[`${agent.name}Status` as PortName];
      await agent.until(
        () =>
          askHub(`http://127.0.0.1:${port}`, '/readyz', token).then(
            () => true,
            () => false,
          ),
        readyTimeoutMs,
      );
    }
    step('agents', agents.join(' and '));
    step('first KPI', await firstKpi({ url, token, clock, from: agentsFrom, timeoutMs: firstKpiTimeoutMs, stop }));

    step('people', 'a shift lead of each line enters inspections and attendance');

    console.log(`
  Open    ${url}/#token=${token}
  API     ${url}/api/v1/docs
  Prove   PAYESH_URL=${url} PAYESH_TOKEN=${token} npx payesh-hub verify
  Logs    ${join(dataDir, 'logs')}
  Stop    Ctrl-C drains what is buffered, proves what is stored, and stops everything.
`);
    const lead = JSON.parse(payeshHub(['token', 'create', 'shift-lead', '--role', 'technician', '--json'], env)).token;
    const leading = leadShifts({ url, token: lead, clock, from: agentsFrom }, AbortSignal.any([stop, ending.signal]));
    const until = options.forS === undefined ? Number.POSITIVE_INFINITY : wallStartMs + options.forS * 1000;
    while (!stop.aborted && Date.now() < until) {
      const ended = children.find(({ process }) => process.exitCode !== null || process.signalCode !== null);
      if (ended) await ended.until(() => false, 1);
      await delay(200, undefined, { signal: stop }).catch(() => {});
    }

    ending.abort();
    await leading;
    for (const child of children.filter(({ name }) => agents.some((agent) => agent === name))) await child.stop(10_000);
    const { sentence } = (await askHub(url, '/api/v1/verification', token, 60_000)) as { sentence: string };
    console.log(`\n${sentence}`);
  } finally {
    ending.abort();
    const patience = kill.aborted ? 0 : 10_000;
    for (const child of children.reverse()) await child.stop(patience);
  }
}

/** The processes' environment: one clock, one data folder, the ports, the token. */
function environmentOf(options: DemoOptions, token: string, clock: string): NodeJS.ProcessEnv {
  const ports = Object.entries(options.ports).map(([name, port]) => [portVariables[name as PortName], String(port)]);
  return {
    ...process.env,
    ...Object.fromEntries(ports),
    PAYESH_DATA: options.dataDir,
    // Beside the demo's data, so that the next start finds it.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(options.dataDir, '../cache'),
    PAYESH_CLOCK: clock,
    PAYESH_TOKEN: token,
    PAYESH_BROKER: options.broker === 'mosquitto' ? 'external' : 'embedded',
    PAYESH_STORE: options.store,
  };
}

async function refuseTakenPorts(options: DemoOptions): Promise<void> {
  for (const [name, port] of Object.entries(options.ports) as [PortName, number][]) {
    if (name === 'influx' && options.store !== 'influx') continue;
    if (!(await accepts(port))) continue;
    throw new ConfigError(`port ${port} (${name}) is taken by another program`, {
      path: `127.0.0.1:${port}`,
      hint: `Stop that program, or set ${portVariables[name]} to a free port.`,
    });
  }
}

/** Every agent's password comes from the hub's own command and goes into a file that the agent reads. */
function addAccounts(options: DemoOptions, env: NodeJS.ProcessEnv): void {
  const accounts = options.broker === 'mosquitto' ? [...agents, 'hub-ingest'] : agents;
  for (const id of accounts) {
    const { password } = JSON.parse(payeshHub(['agent', 'add', id, '--json'], env));
    const dir = join(options.dataDir, id === 'hub-ingest' ? 'hub' : `agents/${id}`);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, id === 'hub-ingest' ? 'broker-password' : 'password'), password, { mode: 0o600 });
  }
}

const payeshHub = (args: string[], env: NodeJS.ProcessEnv): string =>
  execFileSync(process.execPath, [inRoot('hub/payesh-hub.mjs'), '-c', inRoot('config/demo/hub.yaml'), ...args], {
    env,
    cwd: root,
    encoding: 'utf8',
  });

function stepPrinter(): (what: string, detail: string) => void {
  const startedAt = Date.now();
  return (what, detail) =>
    console.log(
      `  ${what.padEnd(10)} ${detail.padEnd(74)} ${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s`,
    );
}

await exitWith(async () => {
  const options = readOptions(process.argv.slice(2), process.env);
  const { stop, kill } = stopSignals();
  await runDemo(options, stop, kill);
});
