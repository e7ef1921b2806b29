/** What an agent reads over a connection that it holds already: it is asked before anybody connects a second time. */
import { ConnectionError } from '../../protocols/errors.ts';
import type { Inspection, InspectRequest } from '../../protocols/inspect.ts';
import { reportOf } from './running-agent.ts';

/**
 * undefined when no agent runs with this data folder, or none of its sources leads to that device.
 * @throws {ConnectionError} the agent runs and its source is not connected.
 */
export async function inspectedByAgent(
  dataDir: string,
  source: { readonly id: string } | { readonly target: string },
  request: InspectRequest,
  signal: AbortSignal,
): Promise<Inspection | undefined> {
  const report = await reportOf(dataDir, signal);
  const found = report?.sources.find(({ id, target }) =>
    'id' in source ? id === source.id : target === source.target,
  );
  if (!found) return undefined;
  if (found.state !== 'up') {
    throw new ConnectionError(`the running agent has no connection to it: ${found.error ?? found.state}`);
  }
  const { askAgent } = await import('../status/client.ts');
  const answer = await askAgent(dataDir, 'POST', '/api/inspect', { source: found.id, request }, signal);
  return (answer as { inspection: Inspection }).inspection;
}
