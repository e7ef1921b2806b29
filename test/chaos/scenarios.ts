/**
 * Faults that need a story of their own, each with real processes and the same checker at its end:
 * `npm run chaos -- --scenario NAME…`.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { holdAgentsBack, overflowBuffers } from './bounds.ts';
import type { Findings, Legal } from './check.ts';
import { conclude } from './conclude.ts';
import { cutOff, flipBits, halveLog, harmBuffers, loseLog, restore, spoilPage } from './harm-files.ts';
import { createRandom } from './random.ts';
import { type System, type SystemOptions, startSystem } from './system.ts';
import { tickMs } from './truth.ts';
import { startWatch } from './watch.ts';

interface Scenario {
  /** The row of the catalogue. */
  readonly fault: string;
  /** What must be there; undefined when it is. */
  lacks?(): string | undefined;
  /** How the system is started otherwise than usual. */
  prepare?(dir: string): Partial<SystemOptions>;
  /** Samples a second of each agent; 1,000 where nothing is said. */
  readonly rate?: number;
  readonly legal?: Legal;
  /** Returns what is broken, and where copies are of what was harmed. */
  play(
    system: System,
    dir: string,
    progress: (text: string) => void,
  ): Promise<{ readonly broken: readonly string[]; readonly earlier?: ReadonlyMap<string, readonly string[]> }>;
}

const fakeTime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
const memoryGroups = '/sys/fs/cgroup/memory';
const isRoot = process.getuid?.() === 0;
const hourMs = 3_600_000;
/** To 1 January 1970: a gateway without a battery, before it has asked for the time. */
const sinceEpochMs = Date.now() - 10_000;

const clockFile = (dir: string) => join(dir, 'agent.clock');
function setClock(dir: string, offsetMs: number): void {
  // In one step: half a line would be another time.
  writeFileSync(`${clockFile(dir)}.new`, `${offsetMs < 0 ? '' : '+'}${Math.round(offsetMs / 1000)}\n`);
  renameSync(`${clockFile(dir)}.new`, clockFile(dir));
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  clock: {
    fault: 'F19: the agent starts in 1970, is set right, and its clock steps back 2 h, forward 3 d and back again',
    lacks: () => (existsSync(fakeTime) ? undefined : 'libfaketime (Debian: apt-get install libfaketime)'),
    prepare(dir) {
      setClock(dir, -sinceEpochMs);
      return {
        agentEnv: {
          LD_PRELOAD: fakeTime,
          FAKETIME_TIMESTAMP_FILE: clockFile(dir),
          FAKETIME_NO_CACHE: '1',
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
          DONT_FAKE_MONOTONIC: '1',
        },
      };
    },
    legal: {
      clockOffsetsMs: [-sinceEpochMs, 0, -2 * hourMs, 72 * hourMs],
      deadLetters: ['time out of range'],
    },
    async play(system, dir) {
      await delay(8000);
      for (const offsetMs of [0, -2 * hourMs, 0, 72 * hourMs, 0]) {
        setClock(dir, offsetMs);
        await delay(6000);
      }
      return { broken: whoDied(system) };
    },
  },
  'log-full': {
    fault: 'F39: what hub and agents log cannot be written',
    prepare: () => ({ wrap: (argv) => ['sh', '-c', 'exec "$@" >/dev/full 2>&1', 'sh', ...argv] }),
    play: talkMuch,
  },
  'log-stalled': {
    fault: 'F39: nobody reads what hub and agents log',
    prepare: () => ({
      // A pipe that is open and never read: what does not fit into it waits for ever.
      wrap: (argv) => ['bash', '-c', 'exec 3<> <(:); exec "$@" >&3 2>&3', 'bash', ...argv],
      logLevel: 'trace',
    }),
    play: talkMuch,
  },
  dns: {
    fault: 'F37: the name of the broker is not known any more, and then is another address',
    lacks: () => (isRoot ? undefined : 'root, to give the agents a hosts file of their own'),
    prepare(dir) {
      writeFileSync(join(dir, 'hosts'), hosts('127.0.0.1'));
      return {
        brokerHost: brokerName,
        wrapAgent: (argv) => [
          ...['unshare', '-m', 'sh', '-c', `mount --bind ${join(dir, 'hosts')} /etc/hosts && exec "$@"`, 'sh'],
          ...argv,
        ],
      };
    },
    async play(system, dir) {
      await delay(5000);
      writeFileSync(join(dir, 'hosts'), hosts(undefined));
      // The hub goes by the address.
      const links = system.agents.map(({ part }) => system.links.get(`${part.name}-broker`)!);
      for (const link of links) link.inflict({ kind: 'cut' });
      await delay(8000);
      for (const link of links) {
        await link.moveTo('127.0.0.2');
        link.heal();
      }
      writeFileSync(join(dir, 'hosts'), hosts('127.0.0.2'));
      await delay(15_000);
      return { broken: whoDied(system) };
    },
  },
  'damaged-buffer': {
    fault: "F16, F18: pages and bits of agents' buffers are spoilt, and files cut off, with a backlog in them",
    legal: { gaps: ['corrupt', 'end unknown'], lostTags: true },
    play: (system, dir, progress) =>
      harmBuffers(system, dir, progress, [spoilPage, flipBits, cutOff, spoilPage, flipBits, cutOff]),
  },
  'lost-log': {
    fault: "F17: the write-ahead log of an agent's buffer is gone, or a part of it",
    legal: { gaps: ['corrupt', 'end unknown'] },
    play: (system, dir, progress) => harmBuffers(system, dir, progress, [loseLog, halveLog, loseLog, halveLog]),
  },
  'restored-store': {
    fault: 'F38: the store is put back to an older copy, while the agents still hold what it lacks',
    play: (system, dir) => restore(system, dir, 'store'),
  },
  'lost-store': {
    fault: 'F38: the store is put back to an older copy, and what it lacks the agents hold no more either',
    prepare: () => ({ buffer: { replayHours: 0 } }),
    legal: { gaps: ['released before the ledger knew'] },
    play: (system, dir) => restore(system, dir, 'store'),
  },
  'restored-ledger': {
    fault: 'F38: the ledger is put back to an older copy',
    play: (system, dir) => restore(system, dir, 'ledger'),
  },
  'full-buffer': {
    fault: 'R17: buffers of 1 MB are full in an outage, and their agents are killed while they evict',
    // Tables of 2,000 tags and half a minute of their samples.
    rate: 8000,
    prepare: () => ({ buffer: { maxBytes: 1024 ** 2 } }),
    legal: { gaps: ['evicted'] },
    play: overflowBuffers,
  },
  'narrow-window': {
    fault: 'R16: each agent may have two frames under way, or none, while the hub is held up or can keep nothing',
    prepare: () => ({ window: 2, smallDisk: isRoot }),
    play: holdAgentsBack,
  },
  memory: {
    fault: 'F30: hub and agents under a memory limit, through an outage of the hub',
    rate: 1000,
    lacks: () =>
      isRoot && existsSync(memoryGroups) ? undefined : 'root and control groups of version 1, to set a limit',
    prepare: (dir) => ({
      wrap: limited(dir, 512),
      wrapAgent: limited(dir, 192),
    }),
    async play(system) {
      await delay(8000);
      await system.hub.kill();
      await delay(15_000);
      await system.hub.start();
      await delay(10_000);
      return { broken: whoDied(system) };
    },
  },
};

const whoDied = ({ parts }: System): string[] =>
  parts.flatMap(({ name, running }) => (running ? [] : [`${name} did not live through it`]));

const brokerName = 'broker.payesh.test';
const hosts = (address: string | undefined): string =>
  `127.0.0.1 localhost\n${address === undefined ? '' : `${address} ${brokerName}\n`}`;

/** Much is logged when connections come and go. */
async function talkMuch(system: System): Promise<{ broken: readonly string[] }> {
  // On a busy machine a start takes longer than all of the talk.
  if (!(await answers(system))) return { broken: ['the hub does not come up', ...whoDied(system)] };
  for (let i = 0; i < 12; i++) {
    await delay(1000);
    for (const link of system.links.values()) link.inflict({ kind: 'reset' });
    for (const link of system.links.values()) link.heal();
  }
  return { broken: (await answers(system)) ? whoDied(system) : ['the hub does not answer', ...whoDied(system)] };
}

async function answers(system: System): Promise<boolean> {
  for (const until = Date.now() + 60_000; Date.now() < until; await delay(250)) {
    const signal = AbortSignal.timeout(5000);
    if ((await fetch(`${system.hubUrl}/healthz`, { signal }).catch(() => undefined))?.ok) return true;
  }
  return false;
}

/** The process and its children in a control group of their own. */
function limited(dir: string, mb: number): (argv: readonly string[]) => string[] {
  let groups = 0;
  return (argv) => {
    const group = join(memoryGroups, `payesh-${dir.split('/').at(-1)}-${mb}-${++groups}`);
    mkdirSync(group, { recursive: true });
    writeFileSync(join(group, 'memory.limit_in_bytes'), `${mb * 1024 ** 2}`);
    return ['sh', '-c', `echo $$ > ${join(group, 'cgroup.procs')}; exec "$@"`, 'sh', ...argv];
  };
}

export interface ScenarioResult extends Findings {
  readonly scenario: string;
  readonly fault: string;
  readonly drainedInS: number | null;
}

export interface ScenarioOptions extends Pick<SystemOptions, 'broker' | 'store'> {
  readonly name: string;
  readonly dir: string;
  readonly seed: number;
  progress(text: string): void;
}

export async function playScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const { name, dir, seed, broker, store, progress } = options;
  const scenario = scenarios[name]!;
  const rate = scenario.rate ?? 1000;
  progress(`${name}: ${scenario.fault}`);
  mkdirSync(dir, { recursive: true });
  const random = createRandom(seed).next;
  const tagsPerAgent = Math.ceil((rate * tickMs) / 1000);
  const usual = { dir, agents: 2, tagsPerAgent, broker, store, random, smallDisk: false };
  await using system = await startSystem({ ...usual, ...scenario.prepare?.(dir) });
  using watch = startWatch(system);
  const { broken, earlier = new Map() } = await scenario.play(system, dir, progress);
  const { legal } = scenario;
  const findings = await conclude(system, watch, { enough: rate * 4, within: 90, legal, earlier, progress });
  return { scenario: name, fault: scenario.fault, ...findings, broken: [...broken, ...findings.broken] };
}
