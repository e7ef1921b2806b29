/** What can be seen only while a run goes on: numbers that fall (I6), memory that grows (I11), the backlog's end (I10). */
import { readFileSync } from 'node:fs';
import type { Agent, Part, System } from './system.ts';

export interface Watch extends Disposable {
  readonly broken: readonly string[];
  /** Highest resident set seen, MB, by process. */
  readonly peakMb: Readonly<Record<string, number>>;
  /** Samples that wait at the agents, as last seen; undefined while one does not answer. */
  backlog(): Promise<number | undefined>;
}

const intervalMs = 1000;
/** Of one process, in faults and with backlog. */
const maxRssMb = 1024;

export function startWatch(system: System): Watch {
  const broken: string[] = [];
  const peakMb: Record<string, number> = {};
  const last = new Map<string, { next: number; through: number }>();

  const look = async ({ part, statusUrl }: Agent): Promise<number | undefined> => {
    const numbers = await readNumbers(statusUrl);
    if (!numbers) return undefined;
    const before = last.get(part.name);
    // The agent learns what is settled at its first greeting; until then it says 0 or what its file says.
    if (before && numbers.next < before.next)
      broken.push(`I6 ${part.name}: numbers fell from ${before.next} to ${numbers.next}`);
    last.set(part.name, numbers);
    return numbers.next - 1 - numbers.through;
  };
  const weigh = ({ name, pid }: Part) => {
    const rss = pid === undefined ? undefined : rssMb(pid);
    if (rss === undefined) return;
    if (rss > maxRssMb && (peakMb[name] ?? 0) <= maxRssMb) broken.push(`I11 ${name}: ${rss} MB`);
    peakMb[name] = Math.max(peakMb[name] ?? 0, rss);
  };
  const timer = setInterval(() => {
    for (const part of system.parts) weigh(part);
    for (const agent of system.agents) void look(agent);
  }, intervalMs);

  return {
    broken,
    peakMb,
    async backlog() {
      const waiting = await Promise.all(system.agents.map(look));
      return waiting.reduce((sum, one) => (sum === undefined || one === undefined ? undefined : sum + one), 0);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

async function readNumbers(url: string): Promise<{ next: number; through: number } | undefined> {
  try {
    const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(900) })).text();
    const read = (name: string) => Number(new RegExp(`^payesh_agent_${name} (\\S+)`, 'm').exec(text)?.[1]);
    const numbers = { next: read('next_number'), through: read('settled_through') };
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
