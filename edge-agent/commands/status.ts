/** `payesh-agent status`: what a running agent says of itself, and what is wrong with what to do. */
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { CommandError, exitCodes } from '../../config/process.ts';
import type { Language } from '../status/problems.ts';
import type { AgentReport } from '../status/report.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { runTool } from './command.ts';
import { languageOption } from './language.ts';
import { configOption, dataDirOption } from './opcua-options.ts';
import { printReport } from './report-text.ts';
import { reportOf } from './running-agent.ts';

interface StatusOptions {
  readonly config?: string;
  readonly dataDir: string;
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly lang: Language;
}

const watchMs = 2000;

export const statusCommand = (): Command =>
  new Command('status')
    .description('show how the running agent is')
    .addOption(configOption())
    .addOption(dataDirOption())
    .option('--watch', 'show it again every 2 seconds, until Ctrl-C')
    .addOption(languageOption())
    .option('--json', 'print JSON; with --watch one line each time')
    .addHelpText('after', '\nExit codes: 0 all is well, 1 there are problems, 69 no agent runs.')
    .action((options: StatusOptions) =>
      runTool(async (terminal, signal) => {
        const dataDir = options.config === undefined ? resolve(options.dataDir) : await dataDirOf(options.config);
        do {
          const report = await ask(dataDir, signal);
          if (options.json && options.watch) terminal.print(JSON.stringify(report));
          else if (options.json) terminal.printJson(report);
          else await show(report, options, terminal);
          process.exitCode = report.problems.length > 0 ? exitCodes.problems : 0;
          if (options.watch) await delay(watchMs, undefined, { signal });
        } while (options.watch);
      }),
    );

/** However wrong the file may have become: that is when one asks. */
const dataDirOf = async (file: string): Promise<string> => {
  const { readAgentText } = await import('../../config/agent-text.ts');
  return readAgentText(file, process.env).dataDir;
};

async function ask(dataDir: string, signal: AbortSignal): Promise<AgentReport> {
  const report = await reportOf(dataDir, signal);
  if (report) return report;
  const hint =
    'Start it with "payesh-agent run -c agent.yaml", or "systemctl start payesh-agent" where it is a service.';
  throw new CommandError('no agent runs here', { path: dataDir, hint, exitCode: exitCodes.unavailable });
}

async function show(report: AgentReport, { watch, lang }: StatusOptions, terminal: Terminal): Promise<void> {
  // The whole screen again, so that what changed is seen where it stood.
  if (watch && terminal.isInteractive) terminal.print('\u001b[2J\u001b[H');
  await printReport(report, lang, terminal);
}
