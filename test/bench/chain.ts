/** The whole chain as processes of their own, as in production: mosquitto, hub, one agent; in a folder of the bench. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, startChild } from '../../deploy/demo/child.ts';
import { startInfluxdb, startMosquitto } from '../../deploy/demo/counterparts.ts';
import { openAccess } from '../../hub/access/access.ts';
import { freePort } from '../support/ports.ts';

export interface Chain extends AsyncDisposable {
  readonly url: string;
  readonly hub: Child;
  get<T>(path: string): Promise<T>;
  /** Starts the agent with these sources (YAML) on its folder. */
  startAgent(sources: string, statusPort?: number): Child;
  readonly agentDir: string;
}

const root = join(import.meta.dirname, '../..');
const token = `pay_${'b'.repeat(43)}`;
const startTimeoutMs = 30_000;

export async function startChain(dir: string, store: 'duckdb' | 'influx'): Promise<Chain> {
  const [httpPort, mqttPort, influxPort] = [await freePort(), await freePort(), await freePort()];
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PAYESH_TOKEN: token,
    PAYESH_LOG: 'warn',
  };
  const agentDir = join(dir, 'agents/bench');
  for (const folder of ['hub', 'agents/bench']) mkdirSync(join(dir, folder), { recursive: true });
  const children: Child[] = [];
  {
    using access = openAccess(join(dir, 'hub/access.db'));
    const passwords = { 'hub-ingest': 'hub/broker-password', bench: 'agents/bench/password' };
    for (const [user, file] of Object.entries(passwords)) {
      const password = randomBytes(18).toString('base64url');
      access.agents.setPassword(user, password, 'bench');
      writeFileSync(join(dir, file), password);
    }
    children.push(await startMosquitto(join(dir, 'mosquitto'), mqttPort, access.agents.passwordFile()));
  }
  if (store === 'influx') children.push(await startInfluxdb(join(dir, 'influxdb'), influxPort));
  const start = (name: string, launcher: string, ...args: string[]) => {
    const logFile = join(dir, 'logs', `${name}-${children.length}.log`);
    const child = startChild({ name, command: join(root, launcher), args, env, cwd: root, logFile });
    children.push(child);
    return child;
  };
  const url = `http://127.0.0.1:${httpPort}`;
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(url + path, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(30_000),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const hubFile = join(dir, 'hub.yaml');
  writeFileSync(
    hubFile,
    `dataDir: ${join(dir, 'hub')}
http: { port: ${httpPort}, requestsPerMinute: 1000000 }
broker: { kind: external, url: "mqtt://127.0.0.1:${mqttPort}", passwordFile: ${join(dir, 'hub/broker-password')} }
store: { kind: ${store}, influx: { url: "http://127.0.0.1:${influxPort}" } }
`,
  );
  const hub = start('hub', 'hub/payesh-hub.mjs', '-c', hubFile, 'run');
  await hub.until(
    () =>
      get('/readyz').then(
        () => true,
        () => false,
      ),
    startTimeoutMs,
  );

  return {
    url,
    hub,
    get,
    agentDir,
    startAgent(sources, statusPort) {
      const file = join(dir, 'agent.yaml');
      const status = statusPort === undefined ? '' : `status: { port: ${statusPort} }\n`;
      writeFileSync(
        file,
        `agent: bench\nsite: bench/plant\ndataDir: ${agentDir}\nbroker: { url: "mqtt://127.0.0.1:${mqttPort}", password: { file: ${agentDir}/password } }\n${status}sources:\n${sources}`,
      );
      return start('agent', 'edge-agent/payesh-agent.mjs', 'run', '-c', file, '--drain-ms', '0');
    },
    async [Symbol.asyncDispose]() {
      for (const child of children.reverse()) await child.stop(10_000);
    },
  };
}

export interface StreamState {
  readonly through: number;
  readonly accepted: number;
}

export const streamOf = async (chain: Chain): Promise<StreamState | undefined> =>
  (await chain.get<{ data: StreamState[] }>('/api/v1/streams')).data[0];

/** Resident memory of a process, MB. */
export function residentMb(child: Pick<Child, 'process'>): number {
  const status = readFileSync(`/proc/${child.process.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}
