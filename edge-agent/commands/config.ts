/** `payesh-agent config`: the versions of agent.yaml that the agent has run with, and the way back to one of them. */
import { Command } from 'commander';
import { runTool } from './command.ts';
import type { VersionsOptions } from './config/versions.ts';
import { wholeNumber } from './whole-number.ts';

export const configCommand = (): Command => {
  const config = new Command('config')
    .description('show the versions of agent.yaml that the agent has run with, and go back to one')
    .requiredOption('-c, --config <file>', 'agent.yaml')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The last 20 are kept below the agent's data folder, with their tables.

Examples:
  payesh-agent config list -c agent.yaml
  payesh-agent config diff 3 -c agent.yaml
  payesh-agent config rollback 3 -c agent.yaml`,
    );
  const version = wholeNumber(1, 999_999_999);
  const optionsOf = (command: Command) => command.optsWithGlobals<VersionsOptions>();

  config
    .command('list', { isDefault: true })
    .description('list the versions')
    .action((_options, command: Command) =>
      runTool(async (terminal, signal) => {
        const { listVersions } = await import('./config/versions.ts');
        await listVersions(optionsOf(command), terminal, signal);
      }),
    );

  config
    .command('show')
    .description('print a version')
    .argument('<n>', 'number of the version', version)
    .action((number: number, _options, command: Command) =>
      runTool(async (terminal) => {
        const { showVersion } = await import('./config/versions.ts');
        showVersion(number, optionsOf(command), terminal);
      }),
    );

  config
    .command('diff')
    .description('what changed between two versions, or since one')
    .argument('<n>', 'number of the version', version)
    .argument('[m]', 'of the other; default: the files as they are now', version)
    .action((from: number, to: number | undefined, _options, command: Command) =>
      runTool(async (terminal) => {
        const { showDifference } = await import('./config/versions.ts');
        showDifference(from, to, optionsOf(command), terminal);
      }),
    );

  config
    .command('rollback')
    .description('write a version back over agent.yaml and its tables, and let the running agent take it')
    .argument('<n>', 'number of the version', version)
    .action((number: number, _options, command: Command) =>
      runTool(async (terminal, signal) => {
        const { rollBack } = await import('./config/versions.ts');
        await rollBack(number, optionsOf(command), terminal, signal);
      }),
    );
  return config;
};
