/** Hubs as processes of their own at a broker of the test, and light agents that measure and forward to them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, startChild } from '../../deploy/demo/child.ts';
import { createLightAgent, type LightAgent } from '../bench/fleet-agent.ts';
import { freePort } from './ports.ts';

const root = join(import.meta.dirname, '../..');
const token = `pay_${'h'.repeat(43)}`;

export interface HubProcess {
  readonly child: Child;
  /** An answer of its API; undefined while there is none. */
  get(path: string): Promise<Response | undefined>;
  proof(): Promise<{ readonly ok: boolean; readonly sentence: string }>;
}

export interface HubProcessOptions {
  /** Its data are in a folder of its name. */
  readonly dir: string;
  readonly name: string;
  readonly broker: { readonly url: string; readonly password: string };
  /** What else hub.yaml says. */
  readonly config?: object;
  readonly readyWithinMs: number;
}

/** Resolves when it is ready; whoever starts it ends it. */
export async function startHubProcess(options: HubProcessOptions): Promise<HubProcess> {
  const { dir, name, broker, config, readyWithinMs } = options;
  const http = await freePort();
  const dataDir = join(dir, name);
  mkdirSync(dataDir, { recursive: true });
  const passwordFile = join(dataDir, 'broker-password');
  writeFileSync(passwordFile, broker.password);
  const file = join(dir, `${name}.yaml`);
  const external = { kind: 'external', url: broker.url, passwordFile };
  writeFileSync(file, JSON.stringify({ dataDir, http: { port: http }, broker: external, ...config }));
  const child = startChild({
    name,
    command: process.execPath,
    args: ['hub/payesh-hub.mjs', '-c', file, 'run'],
    env: { ...process.env, PAYESH_TOKEN: token },
    cwd: root,
    logFile: join(dir, 'logs', `${name}-${http}.log`),
  });
  const get = (path: string) =>
    fetch(`http://127.0.0.1:${http}${path}`, { headers: { authorization: `Bearer ${token}` } }).catch(() => undefined);
  await child.until(async () => (await get('/readyz'))?.ok === true, readyWithinMs);
  return { child, get, proof: async () => (await get('/api/v1/verification?deep=true'))!.json() as never };
}

export interface LightFleet {
  readonly agents: readonly LightAgent[];
  /** Something new of each of them is settled; all where none are named. ms that it took. */
  flows(what: string, ids?: readonly string[]): Promise<number>;
  /** Measures nothing more; samples of each agent once all of them are settled. */
  drained(): Promise<number>;
}

export interface LightFleetOptions {
  readonly url: string;
  readonly ids: readonly string[];
  readonly passwords: Readonly<Record<string, string>>;
  readonly tagsPerAgent: number;
  readonly measureEveryMs: number;
  readonly withinMs: number;
  teardown(end: () => void): void;
}

export async function startLightFleet(options: LightFleetOptions): Promise<LightFleet> {
  const { url, ids, passwords, tagsPerAgent, measureEveryMs, withinMs } = options;
  const stop = new AbortController();
  const agents = await Promise.all(
    ids.map((id) =>
      createLightAgent({ url, id, password: passwords[id]!, tags: tagsPerAgent, onSettled() {}, log: { warn() {} } }),
    ),
  );
  const forwarding = agents.map((agent) => agent.run(stop.signal));
  let measured = 0;
  const measuring = setInterval(() => {
    measured += 1;
    for (const agent of agents) void agent.measure();
  }, measureEveryMs);
  options.teardown(() => {
    clearInterval(measuring);
    stop.abort();
  });
  const until = async (condition: () => boolean, what: string): Promise<number> => {
    const startedAt = performance.now();
    for (; !condition(); await delay(50)) {
      if (performance.now() - startedAt > withinMs)
        throw new Error(`${what}: settled up to ${agents.map(({ through }) => through)}`);
    }
    return performance.now() - startedAt;
  };
  return {
    agents,
    flows(what, which = ids) {
      const before = new Map(which.map((id) => [agents[ids.indexOf(id)]!, agents[ids.indexOf(id)]!.through]));
      return until(
        () => before.entries().every(([agent, through]) => agent.through > through + tagsPerAgent),
        `samples do not flow ${what}`,
      );
    },
    async drained() {
      clearInterval(measuring);
      const accepted = measured * tagsPerAgent;
      await until(() => agents.every(({ through }) => through >= accepted), `${accepted} are not drained`);
      stop.abort();
      await Promise.all(forwarding);
      return accepted;
    },
  };
}
