/**
 * The system under fire: field, broker, store, hub and agents as real processes, joined by proxies that can be spoilt.
 * Processes that are killed come back on the same files and ports.
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, startChild } from '../../deploy/demo/child.ts';
import { startInfluxdb, startMosquitto } from '../../deploy/demo/counterparts.ts';
import { freePort } from '../support/ports.ts';
import { type BufferSettings, writeAgentFile, writeHubFile } from './config-files.ts';
import { type FaultyLink, startFaultyLink } from './faulty-link.ts';
import { type InFlight, watchInFlight } from './in-flight.ts';

export interface SystemOptions {
  readonly dir: string;
  readonly agents: number;
  readonly tagsPerAgent: number;
  readonly broker: 'embedded' | 'mosquitto';
  readonly store: 'duckdb' | 'influx';
  /** For what the faults themselves choose by chance. */
  readonly random: () => number;
  /** The data folders of the last agent and of the hub are file systems of their own; takes root. */
  readonly smallDisk: boolean;
  /** Added to the environment of the agents. */
  readonly agentEnv?: NodeJS.ProcessEnv;
  /** Another command that becomes the given one: of the hub, and of the agents where `wrapAgent` is not given. */
  readonly wrap?: (argv: readonly string[]) => readonly string[];
  readonly wrapAgent?: (argv: readonly string[]) => readonly string[];
  readonly logLevel?: string;
  /** By which the agents know the broker. */
  readonly brokerHost?: string;
  /** Frames that the hub lets each agent have under way. */
  readonly window?: number;
  /** As in agent.yaml. */
  readonly buffer?: BufferSettings;
}

export interface Part {
  readonly name: string;
  start(): Promise<void>;
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** SIGTERM with patience. Resolves with the exit code. */
  stop(patienceMs: number): Promise<number | null>;
  readonly running: boolean;
  readonly pid: number | undefined;
  /** How often it ended though nobody killed or stopped it. */
  readonly endedAlone: number;
}

export interface Agent {
  readonly part: Part;
  readonly index: number;
  readonly dataDir: string;
  readonly statusUrl: string;
  readonly inFlight: InFlight;
}

export interface System extends AsyncDisposable {
  readonly parts: readonly Part[];
  readonly agents: readonly Agent[];
  readonly hub: Part;
  readonly links: ReadonlyMap<string, FaultyLink>;
  readonly hubDir: string;
  readonly hubUrl: string;
  readonly token: string;
  /** Of the store itself, not through a proxy. */
  readonly influxUrl: string | undefined;
  /** Processes that may be unable to start now, as their disk is full or they may open nothing: somebody starts them again. */
  readonly hampered: Set<string>;
  /** Names of the processes that have one. */
  readonly smallDisks: readonly string[];
  /** Fills the small disk of a process, or frees it again. */
  fillDisk(process: string, full: boolean): void;
  /** What the hub or an agent writes to and must not lose. */
  filesOf(process: string): readonly string[];
}

/** EX_CONFIG. */
const needsPerson = 78;
const repository = join(import.meta.dirname, '../..');
/** Room for half a minute of samples, the database's own files and its log; and at the hub for all of a run. */
const smallDiskMb = { agent: 24, hub: 512 };

export async function startSystem(options: SystemOptions): Promise<System> {
  const { dir, broker, store, random } = options;
  const cleanup = new AsyncDisposableStack();
  const token = `pay_${randomBytes(32).toString('base64url')}`;
  const hubDir = join(dir, 'hub');
  const logs = join(dir, 'logs');
  mkdirSync(hubDir, { recursive: true });
  const disks = new Map<string, string>();
  const mountSmallDisk = (process: string, folder: string, mb: number) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mb}m`, 'tmpfs', folder]);
    disks.set(process, folder);
  };
  const unmountAll = () => {
    // Lazily: a process that was killed may take a moment to let go.
    for (const folder of disks.values()) execFileSync('umount', ['-l', folder]);
    disks.clear();
  };
  cleanup.defer(unmountAll);
  if (options.smallDisk) mountSmallDisk('hub', hubDir, smallDiskMb.hub);
  const ports = { http: await freePort(), mqtt: await freePort(), influx: await freePort() };
  const fieldPorts = await Promise.all(Array.from({ length: options.agents }, () => freePort()));
  const { agentEnv = {}, wrap = (argv: readonly string[]) => argv, wrapAgent = wrap, logLevel = 'info' } = options;
  const env = {
    ...process.env,
    PAYESH_TOKEN: token,
    PAYESH_LOG: logLevel,
    NODE_COMPILE_CACHE: join(dir, 'cache'),
  };

  const hampered = new Set<string>();
  const links = new Map<string, FaultyLink>();
  const link = async (name: string, targetPort: number, wire?: InFlight): Promise<number> => {
    const proxy = cleanup.use(await startFaultyLink(targetPort, random, wire));
    links.set(name, proxy);
    return proxy.port;
  };

  const hubFile = writeHubFile(dir, {
    dataDir: hubDir,
    httpPort: ports.http,
    broker,
    mqttPort: broker === 'mosquitto' ? await link('hub-broker', ports.mqtt) : ports.mqtt,
    store,
    influxPort: store === 'influx' ? await link('hub-store', ports.influx) : ports.influx,
    window: options.window,
  });
  const payeshHub = (...args: string[]): string =>
    execFileSync(process.execPath, [join(repository, 'hub/payesh-hub.mjs'), '-c', hubFile, ...args], {
      env,
      encoding: 'utf8',
    });

  const part = (name: string, spawn: (logFile: string) => Promise<Child> | Child): Part => {
    let child: Child | undefined;
    let starts = 0;
    let endedAlone = 0;
    let ending = false;
    const process = (): ChildProcess | undefined => child?.process;
    const running = () => child !== undefined && process()!.exitCode === null && process()!.signalCode === null;
    const signal = (which: NodeJS.Signals) => {
      if (running()) process()!.kill(which);
    };
    return {
      name,
      get running() {
        return running();
      },
      get pid() {
        return running() ? process()!.pid : undefined;
      },
      get endedAlone() {
        return endedAlone;
      },
      async start() {
        starts += 1;
        ending = false;
        child = await spawn(join(logs, `${name}-${String(starts).padStart(3, '0')}.log`));
        child.process.once('exit', (code) => {
          // Who says that a person must act is not started again.
          if (!ending && (code === needsPerson || !hampered.has(name))) endedAlone += 1;
        });
      },
      async kill() {
        ending = true;
        if (!running()) return;
        const exited = once(process()!, 'exit');
        signal('SIGKILL');
        await exited;
      },
      pause: () => signal('SIGSTOP'),
      resume: () => signal('SIGCONT'),
      async stop(patienceMs) {
        ending = true;
        return running() ? child!.stop(patienceMs) : (process()?.exitCode ?? null);
      },
    };
  };
  const node = (name: string, argv: readonly string[], more: NodeJS.ProcessEnv = {}): Part =>
    part(name, (logFile) => {
      const [command, ...args] = argv;
      return startChild({ name, command: command!, args, env: { ...env, ...more }, cwd: repository, logFile });
    });
  const run = (script: string, ...args: string[]) => [process.execPath, script, ...args];

  const field = node('field', run(join(import.meta.dirname, 'field-process.ts'), ...fieldPorts.map(String)));
  const hub = node('hub', wrap(run(join(repository, 'hub/payesh-hub.mjs'), '-c', hubFile, 'run')));
  const parts: Part[] = [hub];
  cleanup.defer(async () => {
    for (const each of [field, ...parts, ...agents.map(({ part }) => part)]) {
      each.resume();
      await each.kill();
    }
  });
  const agents: Agent[] = [];
  // Nothing outlives a run that ends before its time.
  const leaveNothing = () => {
    for (const { pid } of [field, ...parts, ...agents.map(({ part }) => part)]) if (pid) process.kill(pid, 'SIGKILL');
    unmountAll();
  };
  process.once('exit', leaveNothing);
  cleanup.defer(() => void process.off('exit', leaveNothing));
  const add = (id: string): string => JSON.parse(payeshHub('agent', 'add', id, '--json')).password;

  for (let index = 0; index < options.agents; index++) {
    const id = `agent-${index + 1}`;
    const dataDir = join(dir, id);
    mkdirSync(dataDir, { recursive: true });
    if (options.smallDisk && index === options.agents - 1) mountSmallDisk(id, dataDir, smallDiskMb.agent);
    const passwordFile = join(dir, `${id}.password`);
    writeFileSync(passwordFile, add(id), { mode: 0o600 });
    const statusPort = await freePort();
    const inFlight = watchInFlight(id);
    const file = writeAgentFile(dir, {
      id,
      dataDir,
      passwordFile,
      statusPort,
      mqttHost: options.brokerHost ?? '127.0.0.1',
      mqttPort: await link(`${id}-broker`, ports.mqtt, inFlight),
      fieldPort: fieldPorts[index]!,
      tags: options.tagsPerAgent,
      buffer: options.buffer,
    });
    const drain = ['--drain-ms', '120000'];
    agents.push({
      part: node(
        id,
        wrapAgent(run(join(repository, 'edge-agent/payesh-agent.mjs'), 'run', '-c', file, ...drain)),
        agentEnv,
      ),
      index,
      dataDir,
      statusUrl: `http://127.0.0.1:${statusPort}`,
      inFlight,
    });
  }
  if (broker === 'mosquitto') {
    writeFileSync(join(hubDir, 'broker-password'), add('hub-ingest'), { mode: 0o600 });
    const passwords = payeshHub('agent', 'passwords');
    parts.unshift(part('broker', () => startMosquitto(join(dir, 'mosquitto'), ports.mqtt, passwords)));
  }
  if (store === 'influx') parts.unshift(part('store', () => startInfluxdb(join(dir, 'influxdb'), ports.influx)));

  await field.start();
  const all = [...parts, ...agents.map(({ part }) => part)];
  for (const each of all) await each.start();
  return {
    parts: all,
    agents,
    hub,
    links,
    hubDir,
    hubUrl: `http://127.0.0.1:${ports.http}`,
    token,
    influxUrl: store === 'influx' ? `http://127.0.0.1:${ports.influx}` : undefined,
    hampered,
    smallDisks: [...disks.keys()],
    fillDisk(process, full) {
      const folder = disks.get(process)!;
      const filler = join(folder, 'filler');
      if (full) {
        const { bavail, bsize } = statfsSync(folder);
        try {
          writeFileSync(filler, Buffer.alloc(bavail * bsize));
        } catch (error) {
          // The process took some of it meanwhile: full is full.
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      } else rmSync(filler, { force: true });
    },
    filesOf(process) {
      const agent = agents.find(({ part }) => part.name === process);
      const folder = agent ? join(agent.dataDir, 'buffer') : hubDir;
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(db|db-wal|duckdb|duckdb\.wal)$/.test(name))
        .map((name) => join(folder, name));
    },
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  };
}
