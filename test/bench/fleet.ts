/**
 * `fleet-embedded`, `fleet-influx`: a thousand agents, each with a frame of 100 samples a second, against one hub.
 * `fleet-storm`: the broker, then the hub, is killed under all of them and comes back. Agents, broker, hub and store share
 * the machine's cores.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { type Chain, processorS, residentMb, startChain } from './chain.ts';
import type { FleetOrder, FleetState } from './fleet-process.ts';

const usualAgents = 1000;
const usualSeconds = 600;
const tagsPerAgent = 100;
const settleTimeoutS = 120;
/** After the last agent has come: what the start has left behind is over. */
const warmUpMs = 10_000;
const askEveryMs = 100;
/** Shorter than the broker's patience with a silent client. */
const unreadMs = 15_000;

export const fleetEmbedded: Bench = {
  names: ['fleet-embedded'],
  async *run(context) {
    yield* sustain('fleet-embedded', 'duckdb', context);
  },
};

export const fleetInflux: Bench = {
  names: ['fleet-influx'],
  async *run(context) {
    yield* sustain('fleet-influx', 'influx', context);
  },
};

export const fleetStorm: Bench = {
  names: ['fleet-storm'],
  async *run(context) {
    yield* storm(context);
  },
};

async function* sustain(name: string, store: 'duckdb' | 'influx', context: BenchContext): AsyncGenerator<Figure> {
  const { seconds = usualSeconds, agents = usualAgents, progress } = context;
  const dir = join(context.dir, name);
  mkdirSync(dir);
  const ids = idsOf(agents);
  await using chain = await startChain(dir, store, { agents: ids });
  await using fleet = startFleet(chain, ids, join(dir, 'fleet.log'));
  progress(`${name}: ${agents} agents connect`);
  await fleet.settling(settleTimeoutS);
  await delay(warmUpMs);

  progress(`${name}: ${seconds} s of ${agents * tagsPerAgent} samples/s`);
  const before = await fleet.ask('mark');
  const cpuBefore = { hub: processorS(chain.hub), broker: processorS(chain.broker) };
  const startedAt = performance.now();
  const answers: number[] = [];
  let hubMb = 0;
  let oldestMs = 0;
  for (let n = 0; performance.now() - startedAt < seconds * 1000; n++) {
    answers.push(await timeAnswer(chain, ids, n));
    hubMb = Math.max(hubMb, residentMb(chain.hub));
    if (n % 10 === 0) oldestMs = Math.max(oldestMs, (await fleet.ask('state')).oldestMs);
    await delay(askEveryMs);
  }
  const elapsedS = (performance.now() - startedAt) / 1000;
  const after = await fleet.ask('state');
  const share = (from: number, to: number) => `${Math.round(((to - from) / elapsedS) * 100)} %`;
  const cores = `of a core: hub ${share(cpuBefore.hub, processorS(chain.hub))}, mosquitto ${share(cpuBefore.broker, processorS(chain.broker))}, all agents ${share(before.cpuS, after.cpuS)}`;

  const rate = (after.samples - before.samples) / elapsedS;
  const offered = agents * tagsPerAgent;
  // The figure of InfluxDB is stated only: nothing is promised of somebody else's store.
  const bounds = store === 'duckdb';
  yield figure(name, rate, 'samples/s settled', {
    ...(bounds && { atLeast: offered * 0.99 }),
    note: `${agents} agents × ${tagsPerAgent} samples/s for ${Math.round(elapsedS)} s; ${cores}`,
  });
  const lagMs = Math.max(after.lagMaxMs, oldestMs);
  yield figure(`${name}-lag`, lagMs, 'ms, longest from acceptance to acknowledgement', {
    ...(bounds && { atMost: 3000 }),
    note: `p99 ${Math.round(after.lagP99Ms)} ms`,
  });
  yield figure(`${name}-hub-memory`, hubMb, 'MB, most', { atMost: 600 });
  yield figure(`${name}-api-p95`, p95(answers), 'ms', { atMost: 500, note: `${answers.length} answers of the API` });
}

async function* storm(context: BenchContext): AsyncGenerator<Figure> {
  const { agents = usualAgents, progress } = context;
  const dir = join(context.dir, 'fleet-storm');
  mkdirSync(dir);
  const ids = idsOf(agents);
  await using chain = await startChain(dir, 'duckdb', { agents: ids });
  await using fleet = startFleet(chain, ids, join(dir, 'fleet.log'));
  progress(`fleet-storm: ${agents} agents connect`);
  await fleet.settling(settleTimeoutS);
  await delay(warmUpMs);

  for (const which of ['broker', 'hub'] as const) {
    progress(`fleet-storm: kill -9 of the ${which}`);
    const before = await fleet.ask('state');
    await chain.kill(which);
    const killedAt = performance.now();
    // What the dead one had still sent has been read by now.
    await delay(200);
    await fleet.ask('mark');
    await chain.start(which);
    const upS = (performance.now() - killedAt) / 1000;
    await fleet.settling(settleTimeoutS);
    const backS = (performance.now() - killedAt) / 1000;
    const { attempts } = await fleet.ask('state');
    const note = `from the kill until the hub has settled something new of each of ${agents} agents; the ${which} was up again after ${upS.toFixed(1)} s`;
    if (which === 'broker') {
      yield figure('fleet-storm-back', backS, 's', { atMost: 60, note });
      const each = (kind: 'all' | 'answered') => (attempts[kind] - before.attempts[kind]) / agents;
      yield figure('fleet-storm-attempts', each('all'), 'TCP connections that an agent tried', {
        atMost: 1.5,
        note: `${each('answered').toFixed(2)} of them were made; the others found no broker on the port, or were refused`,
      });
      await fleet.caughtUp(settleTimeoutS);
    } else yield figure('fleet-storm-hub-back', backS, 's', { atMost: 30, note });
  }

  await fleet.caughtUp(settleTimeoutS);
  progress(`fleet-storm: the hub does not read for ${unreadMs / 1000} s`);
  chain.hub.process.kill('SIGSTOP');
  await delay(unreadMs);
  chain.hub.process.kill('SIGCONT');
  const readsAgainAt = performance.now();
  await fleet.caughtUp(settleTimeoutS);
  const drops = readFileSync(chain.broker.logFile, 'utf8').match(/messages are being dropped/g)?.length ?? 0;
  yield figure('fleet-storm-unread', (performance.now() - readsAgainAt) / 1000, 's until nothing waits', {
    atMost: 30,
    note: `after ${unreadMs / 1000} s in which the hub read nothing; mosquitto said ${drops} times that it drops messages`,
  });
}

interface Fleet extends AsyncDisposable {
  /** `mark` starts what is counted since the last mark anew. */
  ask(what: 'state' | 'mark'): Promise<FleetState>;
  /** Resolves when something of every agent has been settled since the mark. @throws when that takes longer. */
  settling(withinS: number): Promise<void>;
  /** Resolves when no frame waits longer than 2 s. @throws when that takes longer. */
  caughtUp(withinS: number): Promise<void>;
}

function startFleet(chain: Chain, ids: readonly string[], logFile: string): Fleet {
  const log = createWriteStream(logFile);
  const child = fork(join(import.meta.dirname, 'fleet-process.ts'), { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  child.stdout!.pipe(log);
  child.stderr!.pipe(log);
  const agents = ids.map((id) => ({ id, password: chain.passwords.get(id)! }));
  const order: FleetOrder = { url: chain.mqttUrl, agents, tags: tagsPerAgent };
  child.send(JSON.stringify(order));
  const ask = async (what: 'state' | 'mark'): Promise<FleetState> => {
    const answer = once(child, 'message', { signal: AbortSignal.timeout(30_000) });
    child.send(what);
    return (await answer)[0];
  };
  const until = async (condition: (state: FleetState) => boolean, withinS: number, what: string) => {
    for (const deadline = performance.now() + withinS * 1000; ; await delay(100)) {
      const state = await ask('state');
      if (condition(state)) return;
      if (performance.now() > deadline)
        throw new Error(`not within ${withinS} s: ${what}; now ${JSON.stringify(state)}, log ${logFile}`);
    }
  };
  return {
    ask,
    settling: (withinS) => until(({ settling, agents }) => settling === agents, withinS, 'every agent settles'),
    caughtUp: (withinS) => until(({ oldestMs }) => oldestMs < 2000, withinS, 'no backlog is left'),
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

/** What screens ask for: a tag's newest values, and all agents. */
async function timeAnswer(chain: Chain, ids: readonly string[], n: number): Promise<number> {
  const id = ids[(n * 7) % ids.length];
  const path = n % 10 === 9 ? '/api/v1/agents' : `/api/v1/series?tag=fleet/${id}/line-1/tag-0&limit=100`;
  const startedAt = performance.now();
  await chain.get(path);
  return performance.now() - startedAt;
}

const idsOf = (agents: number): string[] => Array.from({ length: agents }, (_, i) => `agent-${i + 1}`);

const p95 = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length * 0.95)]!;

const figure = (
  name: string,
  value: number,
  unit: string,
  rest: Pick<Figure, 'atMost' | 'atLeast' | 'note'>,
): Figure => ({ name, value, unit, reference: null, ...rest });
