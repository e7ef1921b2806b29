/** The agent's process: arguments in, exit code out. */
import { Command } from 'commander';
import { checkCommand } from './commands/check.ts';
import { runCommand } from './commands/run.ts';

await new Command('payesh-agent')
  .description('Reads PLCs, machines and meters, keeps every sample, and forwards it to the hub.')
  .addCommand(runCommand())
  .addCommand(checkCommand())
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 a fault of the program, 78 something in the configuration must be changed.',
  )
  .parseAsync();
