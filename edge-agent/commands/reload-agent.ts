/** After a change of agent.yaml: the running agent is asked to take it, or the technician is told how. */
import { CommandError, exitCodes } from '../../config/process.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { LoadedAgent } from './agent-config.ts';
import { reportOf } from './running-agent.ts';

interface Reloaded {
  readonly version: number;
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  readonly restarted: readonly string[];
  readonly needsRestart: readonly string[];
}

export async function reloadAgent(
  { config, file }: LoadedAgent,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  if (!(await reportOf(config.dataDir, signal))) {
    terminal.note(`No agent runs with it now. Start it with "payesh-agent run -c ${file}".`);
    return;
  }
  const { askAgent } = await import('../status/client.ts');
  const answer = await askAgent(config.dataDir, 'POST', '/api/reload', undefined, signal);
  const { version, started, stopped, restarted, needsRestart } = answer as Reloaded;
  const parts = Object.entries({ started, stopped, restarted }).filter(([, ids]) => ids.length > 0);
  // It may have seen the files change before it was asked, and has restarted what it had to by then.
  const what = parts.map(([verb, ids]) => `${verb} ${ids.join(', ')}`).join('; ');
  terminal.note(`The running agent has taken version ${version}${what && `: ${what}`}.`);
  if (needsRestart.length > 0) {
    throw new CommandError(`takes effect only after a restart: ${needsRestart.join(', ')}`, {
      path: file,
      hint: 'Restart the agent: "systemctl restart payesh-agent", or Ctrl-C and "payesh-agent run".',
      exitCode: exitCodes.problems,
    });
  }
}
