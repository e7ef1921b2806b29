/** A cluster of three real nats-servers with the files of deploy/nats, moved to free ports and a folder of the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './ports.ts';

const deployed = join(import.meta.dirname, '../../deploy/nats');
const startTimeoutMs = 60_000;

export interface NatsNode {
  readonly url: string;
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
  /** Again on the same files and ports; resolves when it says that it is healthy. */
  start(): Promise<void>;
}

export interface NatsCluster extends AsyncDisposable {
  readonly nodes: readonly NatsNode[];
}

export interface NatsOptions {
  readonly program: string;
  readonly folder: string;
  /** Passwords. Agents are all but those that begin with `hub-`. */
  readonly users: Readonly<Record<string, string>>;
}

export async function startNatsCluster({ program, folder, users }: NatsOptions): Promise<NatsCluster> {
  const names = ['node-1', 'node-2', 'node-3'];
  const ports = await Promise.all(
    names.map(async () => ({
      client: await freePort(),
      mqtt: await freePort(),
      route: await freePort(),
      monitor: await freePort(),
    })),
  );
  writeFileSync(join(folder, 'users.conf'), usersOf(users));
  const nodes = names.map((name, i): NatsNode => {
    const { client, mqtt, route, monitor } = ports[i]!;
    const routes = ports.filter((other) => other !== ports[i]).map((other) => `nats-route://127.0.0.1:${other.route}`);
    const store = join(folder, name);
    mkdirSync(store);
    const configuration = readFileSync(join(deployed, 'nats.conf'), 'utf8')
      .replace('server_name: node-1', `server_name: ${name}`)
      .replace('127.0.0.1:4222', `127.0.0.1:${client}`)
      .replace('127.0.0.1:1883', `127.0.0.1:${mqtt}`)
      .replace('127.0.0.1:6222', `127.0.0.1:${route}`)
      .replace(/routes: \[.*\]/, `routes: [ ${routes.join(', ')} ]`)
      .replace('/var/lib/nats', store);
    const file = join(folder, `${name}.conf`);
    writeFileSync(file, `${configuration}\nhttp: 127.0.0.1:${monitor}\n`);
    let child: ChildProcess | undefined;
    return {
      url: `mqtt://127.0.0.1:${mqtt}`,
      async kill() {
        if (!child || child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      },
      async start() {
        const log = openSync(join(folder, `${name}.log`), 'a');
        child = spawn(program, ['-c', file], { stdio: ['ignore', log, log] });
        closeSync(log);
        for (const deadline = Date.now() + startTimeoutMs; ; await delay(100)) {
          const ask = (what: string) => fetch(`http://127.0.0.1:${monitor}/${what}`).catch(() => undefined);
          const routes = (await (await ask('routez'))?.json()) as { num_routes: number } | undefined;
          if ((routes?.num_routes ?? 0) >= names.length - 1 && (await ask('healthz'))?.ok) return;
          if (child.exitCode !== null || Date.now() > deadline)
            throw new Error(`${name} is not up: ${folder}/${name}.log`);
        }
      },
    };
  });
  await Promise.all(nodes.map((node) => node.start()));
  return {
    nodes,
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node.kill()));
    },
  };
}

/** The entries of deploy/nats/users.conf, once for each user. */
function usersOf(users: NatsOptions['users']): string {
  const text = readFileSync(join(deployed, 'users.conf'), 'utf8');
  const [hub, agent] = [...text.matchAll(/ {4}\{\n.*?\n {4}\}\n/gs)].map(([entry]) => entry);
  const entries = Object.entries(users).map(([user, password]) => {
    const entry = user.startsWith('hub-') ? hub!.replaceAll('hub.ingest', `hub.${user.slice(4)}`) : agent!;
    return entry.replaceAll(/hub-ingest|machining/g, user).replace('change me', password);
  });
  return `authorization {\n  users: [\n${entries.join('')}  ]\n}\n`;
}
