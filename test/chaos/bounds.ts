/** What is bounded, driven to its bound: buffers that are full, and a hub that lets little be under way, or nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent, System } from './system.ts';

/** 1 MB is full after about half a minute. */
const longestFillS = 120;
const killsWhileEvicting = 3;

/** Cuts the agents off until their buffers are full, and kills them while they give up the oldest. */
export async function overflowBuffers({ agents, links }: System): Promise<{ broken: string[] }> {
  const linkOf = ({ part }: Agent) => links.get(`${part.name}-broker`)!;
  for (const agent of agents) linkOf(agent).inflict({ kind: 'cut' });
  const broken = await Promise.all(agents.map(killWhileEvicting));
  for (const agent of agents) linkOf(agent).heal();
  await delay(4000);
  return { broken: broken.flat() };
}

async function killWhileEvicting({ part, statusUrl }: Agent): Promise<string[]> {
  let before = 0;
  for (let kills = 0; kills < killsWhileEvicting; kills++) {
    const until = performance.now() + longestFillS * 1000;
    let now = 0;
    while (now <= before && performance.now() < until) {
      await delay(100);
      now = await evictedBy(statusUrl);
    }
    if (now <= before) return [`${part.name} has evicted nothing within ${longestFillS} s`];
    before = now;
    await part.kill();
    await part.start();
  }
  return [];
}

async function evictedBy(statusUrl: string): Promise<number> {
  const response = await fetch(`${statusUrl}/metrics`, { signal: AbortSignal.timeout(900) }).catch(() => undefined);
  return Number(/^payesh_agent_evicted_samples (\d+)/m.exec((await response?.text()) ?? '')?.[1] ?? 0);
}

/** A hub that is held up, and then one whose store or disk takes nothing: agents have a backlog, and must hold it back. */
export async function holdAgentsBack(system: System): Promise<{ broken: string[] }> {
  const { hub, links, smallDisks } = system;
  await delay(4000);
  hub.pause();
  await delay(8000);
  hub.resume();
  await delay(8000);
  const store = links.get('hub-store');
  store?.inflict({ kind: 'http-status', status: 503 });
  if (smallDisks.includes('hub') && !store) system.fillDisk('hub', true);
  await delay(25_000);
  store?.heal();
  if (smallDisks.includes('hub') && !store) system.fillDisk('hub', false);
  await delay(4000);
  return { broken: [] };
}
