/**
 * `opcua`: 10,000 monitored items that all change every second, through a whole agent as a process of its own, and beside
 * it, at the same server and in the same window, a bare node-opcua client that does nothing with the values. No hub is
 * there: the agent decodes, samples and commits everything to its buffer, and keeps it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, startChild } from '../../deploy/demo/child.ts';
import { identifyServer } from '../../protocols/opcua/server-certificate.ts';
import { openTrustList } from '../../protocols/opcua/trust.ts';
import { freePort } from '../support/ports.ts';
import type { Bench } from './bench.ts';
import { residentMb } from './chain.ts';
import { type FieldMessage, type FieldOptions, namespaceUri } from './opcua-field.ts';

const items = 10_000;
/** Shorter for trying out. */
const windowS = Number(process.env.PAYESH_BENCH_OPCUA_S || 120);
const settleMs = 10_000;
const startTimeoutMs = 60_000;
const root = join(import.meta.dirname, '../..');

export const opcua: Bench = {
  names: ['opcua', 'opcua-cpu-per-sample', 'opcua-core', 'opcua-memory', 'opcua-live'],
  async *run({ dir, progress }) {
    const folder = join(dir, 'opcua');
    mkdirSync(folder);
    await using field = new AsyncDisposableStack();
    const start = (options: Partial<FieldOptions>): ChildProcess => {
      const file = join(import.meta.dirname, 'opcua-field.ts');
      const child = fork(file, [JSON.stringify({ dir: folder, items, ...options })], { execArgv: [] });
      field.defer(() => void child.kill('SIGKILL'));
      return child;
    };
    progress(`opcua: a server with ${items} values`);
    const [server] = (await once(start({ role: 'server' }), 'message')) as [{ endpoint: string; certificate: string }];

    progress('opcua: agent and bare client, until all items are live');
    const clientStart = performance.now();
    const client = start({ role: 'client', endpoint: server.endpoint });
    const reference = { values: 0, liveS: 0 };
    client.on('message', (message: FieldMessage) => {
      if (!('values' in message)) return;
      reference.values = message.values;
      if (message.live === items) reference.liveS ||= (performance.now() - clientStart) / 1000;
    });
    const statusPort = await freePort();
    const agentStart = performance.now();
    const agent = await startAgent(folder, server, statusPort);
    field.defer(async () => void (await agent.stop(5000)));
    const isLive = async () => {
      const { accepted, isUp } = await metricsOf(statusPort);
      return isUp && accepted >= items;
    };
    await agent.until(isLive, startTimeoutMs);
    const liveS = (performance.now() - agentStart) / 1000;
    const deadline = performance.now() + startTimeoutMs;
    while (reference.liveS === 0 && performance.now() < deadline) await delay(100);

    await delay(settleMs);
    progress(`opcua: ${windowS} s`);
    const before = await countersOf(agent, statusPort, client, reference);
    await delay(windowS * 1000);
    const after = await countersOf(agent, statusPort, client, reference);

    const samples = after.agent.samples - before.agent.samples;
    const values = after.client.samples - before.client.samples;
    const cpuS = after.agent.cpuS - before.agent.cpuS;
    const clientCpuS = after.client.cpuS - before.client.cpuS;
    const seconds = (after.at - before.at) / 1000;
    const against = 'a bare node-opcua client with the same subscription, in the same window';
    const rate = (count: number) => `${Math.round(count / seconds)}/s`;
    yield {
      name: 'opcua-cpu-per-sample',
      value: (cpuS / samples) * 1e6,
      unit: 'µs',
      reference: (clientCpuS / values) * 1e6,
      against,
      note: `${rate(samples)} accepted to disk, ${rate(values)} by the client, over ${seconds.toFixed(0)} s; sign-and-encrypt; no hub`,
    };
    const share = { value: (cpuS / seconds) * 100, reference: (clientCpuS / seconds) * 100 };
    yield { name: 'opcua-core', ...share, unit: '% of a core', against };
    const memory = { value: residentMb(agent), reference: residentMb({ process: client }) };
    yield { name: 'opcua-memory', ...memory, unit: 'MB', against };
    const note = 'from the start of the process to the first value of every item';
    yield { name: 'opcua-live', value: liveS, unit: 's', reference: reference.liveS, against, note };
  },
};

async function startAgent(
  folder: string,
  { endpoint, certificate }: { endpoint: string; certificate: string },
  statusPort: number,
): Promise<Child> {
  const dataDir = join(folder, 'agent');
  mkdirSync(dataDir);
  const identity = identifyServer(Buffer.from(certificate, 'base64'), 'bench');
  const list = openTrustList(dataDir);
  list.keepPending(identity, endpoint);
  list.trust(identity.thumbprint, 'bench');
  writeFileSync(join(dataDir, 'password'), 'nobody asks');
  const tags = Array.from(
    { length: items },
    (_, i) => `          - { path: field/v${i}, node: "nsu=${namespaceUri};s=v${i}", type: float }`,
  );
  const file = join(folder, 'agent.yaml');
  writeFileSync(
    file,
    `agent: bench
site: bench/plant
dataDir: ${dataDir}
broker: { url: "mqtt://127.0.0.1:${await freePort()}", password: { file: ${dataDir}/password } }
status: { port: ${statusPort} }
sources:
  - id: field
    kind: opcua
    endpoint: ${endpoint}
    groups:
      - publishingIntervalMs: 1000
        samplingIntervalMs: 1000
        tags:
${tags.join('\n')}
`,
  );
  const args = ['run', '-c', file, '--drain-ms', '0'];
  const command = join(root, 'edge-agent/payesh-agent.mjs');
  return startChild({ name: 'agent', command, args, cwd: root, logFile: join(folder, 'agent.log') });
}

interface Counters {
  readonly at: number;
  readonly agent: { readonly samples: number; readonly cpuS: number };
  readonly client: { readonly samples: number; readonly cpuS: number };
}

async function countersOf(
  agent: Child,
  statusPort: number,
  client: ChildProcess,
  reference: { values: number },
): Promise<Counters> {
  const { accepted } = await metricsOf(statusPort);
  return {
    at: performance.now(),
    agent: { samples: accepted, cpuS: cpuSeconds(agent.process.pid!) },
    client: { samples: reference.values, cpuS: cpuSeconds(client.pid!) },
  };
}

async function metricsOf(port: number): Promise<{ accepted: number; isUp: boolean }> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(5000) }).catch(
    () => undefined,
  );
  const text = (await response?.text()) ?? '';
  const metric = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  return {
    accepted: metric(/^payesh_agent_accepted_samples (\d+)/m),
    isUp: metric(/^payesh_agent_source_up\{source="field"\} (\d)/m) === 1,
  };
}

/** Of all threads, in hundredths of a second: proc(5), `utime` and `stime`. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
