/**
 * Over which time agents are to spread when they come back, ms: by how many there are. Who comes
 * before there is a broker comes in vain; `npm run bench -- fleet-storm` counts the attempts.
 */
import { isImportAgent } from '../ledger/imported.ts';
import type { Ledger } from '../ledger/ledger.ts';

const msPerAgent = 5;

/** @param leastMs as configured. */
export function spreadOf({ streams }: Pick<Ledger, 'streams'>, leastMs: number): number {
  const agents = streams().filter(({ agent, closedAt }) => closedAt === null && !isImportAgent(agent));
  return Math.max(leastMs, msPerAgent * agents.length);
}
