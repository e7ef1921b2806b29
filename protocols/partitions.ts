/**
 * Which hub takes an agent's samples, where several ingest processes share a broker: the agent's id decides its
 * partition, and among those that say they own it, the highest generation has it. Agents and hubs judge alike from the
 * same retained states, so a partition moves by being claimed with a higher generation, and the old owner lets go.
 */
import { crc32 } from 'node:zlib';
import type { HubAnnouncement } from './messages.ts';

export const partitionOf = (agent: string, of: number): number => crc32(agent) % of;

export const owns = ({ partitions: { of, own } }: Pick<HubAnnouncement, 'partitions'>, agent: string): boolean =>
  own.includes(partitionOf(agent, of));

/** Whether a claim goes before another on the same partition; of equals, the one whose hub's id is lower. */
export const goesBefore = (
  a: { readonly hub: string; readonly generation: number },
  b: { readonly hub: string; readonly generation: number },
): boolean => a.generation > b.generation || (a.generation === b.generation && a.hub < b.hub);

/** The hub that an agent follows; undefined while none that is online owns it. */
export function hubOf(agent: string, states: ReadonlyMap<string, HubAnnouncement>): string | undefined {
  let found: { hub: string; generation: number } | undefined;
  for (const [hub, state] of states) {
    if (!state.online || !owns(state, agent)) continue;
    const claim = { hub, generation: state.generation };
    if (!found || goesBefore(claim, found)) found = claim;
  }
  return found?.hub;
}
