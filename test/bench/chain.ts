/** The whole chain as processes of their own, as in production: mosquitto, hub, one agent; in a folder of the bench. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, startChild } from '../../deploy/demo/child.ts';
import { startInfluxdb, startMosquitto } from '../../deploy/demo/counterparts.ts';
import { openAccess } from '../../hub/access/access.ts';
import { freePort } from '../support/ports.ts';

export interface Chain extends AsyncDisposable {
  readonly url: string;
  readonly mqttUrl: string;
  /** As it runs now. */
  readonly hub: Child;
  readonly broker: Child;
  get<T>(path: string): Promise<T>;
  /** Starts the agent with these sources (YAML) on its folder. */
  startAgent(sources: string, statusPort?: number): Child;
  readonly agentDir: string;
  /** By the name of the agent. */
  readonly passwords: ReadonlyMap<string, string>;
  /** kill -9. */
  kill(which: 'hub' | 'broker'): Promise<void>;
  /** Starts it again on the same files and port; resolves when it answers. */
  start(which: 'hub' | 'broker'): Promise<void>;
}

export interface ChainOptions {
  /** Accounts beside the one of the agent that `startAgent` starts. */
  readonly agents?: readonly string[];
}

const root = join(import.meta.dirname, '../..');
const token = `pay_${'b'.repeat(43)}`;
const startTimeoutMs = 30_000;

export async function startChain(
  dir: string,
  store: 'duckdb' | 'influx',
  { agents = [] }: ChainOptions = {},
): Promise<Chain> {
  const [httpPort, mqttPort, influxPort] = [await freePort(), await freePort(), await freePort()];
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PAYESH_TOKEN: token,
    PAYESH_LOG: 'warn',
  };
  const agentDir = join(dir, 'agents/bench');
  for (const folder of ['hub', 'agents/bench']) mkdirSync(join(dir, folder), { recursive: true });
  const children: Child[] = [];
  const passwords = new Map(
    ['hub-ingest', 'bench', ...agents].map((user) => [user, randomBytes(18).toString('base64url')]),
  );
  writeFileSync(join(dir, 'hub/broker-password'), passwords.get('hub-ingest')!);
  writeFileSync(join(agentDir, 'password'), passwords.get('bench')!);
  const startBroker = async () => {
    using access = openAccess(join(dir, 'hub/access.db'));
    for (const [user, password] of passwords) access.agents.setPassword(user, password, 'bench');
    const child = await startMosquitto(join(dir, 'mosquitto'), mqttPort, access.agents.passwordFile());
    children.push(child);
    return child;
  };
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
  const startHub = async () => {
    const child = start('hub', 'hub/payesh-hub.mjs', '-c', hubFile, 'run');
    const answers = () =>
      get('/readyz').then(
        () => true,
        () => false,
      );
    await child.until(answers, startTimeoutMs);
    return child;
  };

  let broker = await startBroker();
  if (store === 'influx') children.push(await startInfluxdb(join(dir, 'influxdb'), influxPort));
  let hub = await startHub();
  return {
    url,
    mqttUrl: `mqtt://127.0.0.1:${mqttPort}`,
    get hub() {
      return hub;
    },
    get broker() {
      return broker;
    },
    get,
    agentDir,
    passwords,
    startAgent(sources, statusPort) {
      const file = join(dir, 'agent.yaml');
      const status = statusPort === undefined ? '' : `status: { port: ${statusPort} }\n`;
      writeFileSync(
        file,
        `agent: bench\nsite: bench/plant\ndataDir: ${agentDir}\nbroker: { url: "mqtt://127.0.0.1:${mqttPort}", password: { file: ${agentDir}/password } }\n${status}sources:\n${sources}`,
      );
      return start('agent', 'edge-agent/payesh-agent.mjs', 'run', '-c', file, '--drain-ms', '0');
    },
    async kill(which) {
      const { process } = which === 'hub' ? hub : broker;
      const exited = once(process, 'exit');
      process.kill('SIGKILL');
      await exited;
    },
    async start(which) {
      if (which === 'hub') hub = await startHub();
      else broker = await startBroker();
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

/** Seconds of processor time that a process has had; clock ticks are 10 ms on every Linux that we know. */
export function processorS(child: Pick<Child, 'process'>): number {
  const stat = readFileSync(`/proc/${child.process.pid}/stat`, 'utf8');
  // After the name, which may hold blanks: utime and stime are the 12th and 13th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
