/** The agent that runs with a data folder, asked over its local socket. */
import { ConnectionError } from '../../protocols/errors.ts';
import type { AgentReport } from '../status/report.ts';

/** undefined when no agent runs there. */
export async function reportOf(dataDir: string, signal: AbortSignal): Promise<AgentReport | undefined> {
  const { askAgent } = await import('../status/client.ts');
  try {
    return (await askAgent(dataDir, 'GET', '/api/status', undefined, signal)) as AgentReport;
  } catch (error) {
    if (error instanceof ConnectionError) return undefined;
    throw error;
  }
}
