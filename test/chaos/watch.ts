/** What can be seen only while a run goes on: numbers that fall (I6), memory that grows (I11), the backlog's end (I10). */
import { readFileSync } from 'node:fs';
import { type Growth, growthOf, type Look } from './growth.ts';
import { openFiles } from './syscall-errors.ts';
import type { Agent, Part, System } from './system.ts';

export interface Watch extends Disposable {
  readonly broken: readonly string[];
  /** Highest resident set seen, MB, by process. */
  readonly peakMb: Readonly<Record<string, number>>;
  /** What the hub showed of stored samples while the run went on: a later read must say the same (I9). */
  readonly shown: readonly Shown[];
  /** Of every process since its last start. */
  growth(): Readonly<Record<string, Growth>>;
  /** Samples that wait at the agents, as last seen; undefined while one does not answer. */
  backlog(): Promise<number | undefined>;
}

export interface Shown {
  readonly stream: number;
  readonly number: number;
  /** µs UTC. */
  readonly time: number;
  readonly value: unknown;
}

const intervalMs = 1000;
/** Of one process, in faults and with backlog. */
const maxRssMb = 1024;

export function startWatch(system: System): Watch {
  const broken: string[] = [];
  const peakMb: Record<string, number> = {};
  const looks = new Map<string, { pid: number; looks: Look[] }>();
  const last = new Map<string, Numbers>();

  const look = async ({ part, statusUrl }: Agent): Promise<number | undefined> => {
    const numbers = await readNumbers(statusUrl);
    if (!numbers) return undefined;
    const before = last.get(part.name);
    // The agent learns what is settled at its first greeting; until then it says 0 or what its file says.
    if (before && numbers.epoch === before.epoch && numbers.next < before.next)
      broken.push(`I6 ${part.name}: numbers fell from ${before.next} to ${numbers.next}`);
    last.set(part.name, numbers);
    return numbers.next - 1 - numbers.through;
  };
  const weigh = ({ name, pid }: Part) => {
    const rss = pid === undefined ? undefined : rssMb(pid);
    if (rss === undefined) return;
    if (rss > maxRssMb && (peakMb[name] ?? 0) <= maxRssMb) broken.push(`I11 ${name}: ${rss} MB`);
    peakMb[name] = Math.max(peakMb[name] ?? 0, rss);
    const known = looks.get(name);
    const seen = known?.pid === pid ? known! : { pid: pid!, looks: [] };
    looks.set(name, seen);
    seen.looks.push({ atMs: performance.now(), mb: rss, files: openFiles(pid!) });
  };
  const shown: Shown[] = [];
  let looked = 0;
  const timer = setInterval(() => {
    for (const part of system.parts) weigh(part);
    looked += 1;
    void readShown(system, looked).then((some) => shown.push(...some));
    for (const agent of system.agents) void look(agent);
  }, intervalMs);

  return {
    broken,
    peakMb,
    shown,
    growth() {
      const all = [...looks].flatMap(([name, { looks }]) => {
        const growth = growthOf(looks);
        return growth ? [[name, growth] as const] : [];
      });
      return Object.fromEntries(all);
    },
    async backlog() {
      const waiting = await Promise.all(system.agents.map(look));
      return waiting.reduce((sum, one) => (sum === undefined || one === undefined ? undefined : sum + one), 0);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** The newest samples of one tag of one agent; none while the hub does not answer. */
async function readShown({ agents, hubUrl, token }: System, turn: number): Promise<Shown[]> {
  const agent = agents[turn % agents.length]!.part.name;
  try {
    const url = `${hubUrl}/api/v1/series?tag=chaos/${agent}/field/tag-${turn % 7}&limit=20`;
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(900) });
    if (!response.ok) return [];
    const { data } = (await response.json()) as {
      data: { stream: number; number: number; time: string; value: unknown }[];
    };
    return data.map(({ stream, number, time, value }) => ({ stream, number, time: microseconds(time), value }));
  } catch {
    return [];
  }
}

/** `2026-11-23T08:00:00.123456Z`; a Date knows no more than milliseconds. */
function microseconds(time: string): number {
  const [, seconds, fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(time)!;
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

interface Numbers {
  readonly epoch: string | undefined;
  readonly next: number;
  readonly through: number;
}

async function readNumbers(url: string): Promise<Numbers | undefined> {
  try {
    const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(900) })).text();
    const read = (name: string) => Number(new RegExp(`^payesh_agent_${name} (\\S+)`, 'm').exec(text)?.[1]);
    const epoch = /^payesh_agent_epoch_info\{epoch="(\w+)"/m.exec(text)?.[1];
    const numbers = { epoch, next: read('next_number'), through: read('settled_through') };
    return Number.isNaN(numbers.next) ? undefined : numbers;
  } catch {
    return undefined;
  }
}

function rssMb(pid: number): number | undefined {
  try {
    const kb = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kb === undefined ? undefined : Math.round(Number(kb) / 1024);
  } catch {
    return undefined;
  }
}
