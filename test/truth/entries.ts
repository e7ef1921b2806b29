/** What people say of the scenario's days. */
import type { VirtualHub } from '../support/virtual-hub.ts';
import { explained } from './scenario.ts';

export async function sayWhy(hub: VirtualHub): Promise<void> {
  const { unit, ...span } = explained;
  const [from, to] = [span.from, span.to].map((time) => new Date(time / 1000).toISOString());
  await hub.fetch('/api/v1/entries', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'downtime', asset: unit, from, to, reason: 'material' }),
  });
}
