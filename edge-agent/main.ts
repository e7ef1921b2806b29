/** The agent's process: arguments in, exit code out. Every command loads what it needs when it runs, so that help is quick. */
import { Command, type CommanderError } from 'commander';
import { exitCodes, exitWith } from '../config/process.ts';
import { packageVersion } from '../config/version.ts';
import { browseCommand } from './commands/browse.ts';
import { checkCommand } from './commands/check.ts';
import { commissionCommand } from './commands/commission.ts';
import { completeCommand, completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import { doctorCommand } from './commands/doctor.ts';
import { importCommand } from './commands/import.ts';
import { initCommand } from './commands/init.ts';
import { planCommand } from './commands/plan.ts';
import { probeCommand } from './commands/probe.ts';
import { runCommand } from './commands/run.ts';
import { schemaCommand } from './commands/schema.ts';
import { statusCommand } from './commands/status.ts';
import { trustCommand } from './commands/trust.ts';

const program = new Command('payesh-agent')
  .description('Reads PLCs, machines and meters, keeps every sample, and forwards it to the hub.')
  .version(packageVersion)
  .commandsGroup('Set up:')
  .addCommand(initCommand())
  .addCommand(browseCommand())
  .addCommand(probeCommand())
  .addCommand(trustCommand())
  .addCommand(importCommand())
  .addCommand(planCommand())
  .addCommand(checkCommand())
  .addCommand(configCommand())
  .commandsGroup('Run:')
  .addCommand(runCommand())
  .addCommand(statusCommand())
  .addCommand(doctorCommand())
  .addCommand(commissionCommand())
  .commandsGroup('Shell and editor:')
  .addCommand(schemaCommand())
  .addCommand(completionCommand())
  .addHelpCommand(new Command('help').argument('[command]').description('show how a command is used'))
  .addHelpText(
    'after',
    `
Exit codes:
    0  done, and all is well
    1  done, and something is not well; or a fault of the program
   64  the command line is wrong
   65  the device or server answers, and refuses
   69  the device, server, broker or agent cannot be reached
   78  something in the configuration must be changed
  130  stopped with Ctrl-C`,
  );
program.addCommand(completeCommand(program), { hidden: true });
tellUsageErrors(program);

await exitWith(async () => {
  try {
    await program.parseAsync();
  } catch (error) {
    const { exitCode } = error as CommanderError;
    if (exitCode === undefined) throw error;
    process.exitCode = exitCode === 0 ? 0 : exitCodes.usage;
  }
});

/** A mistake on the command line is told like every other: what, where, what to do. */
function tellUsageErrors(command: Command): void {
  command.exitOverride().configureOutput({
    outputError(text, write) {
      const [message = '', ...hints] = text
        .replace(/^error: /, '')
        .trim()
        .split('\n');
      const hint = hints.join(' ').replace(/^\((.*)\)$/, '$1') || `"${fullName(command)} --help" shows how.`;
      write(`error: ${message}\n   at: ${fullName(command)}\n hint: ${hint}\n`);
    },
  });
  for (const inner of command.commands) tellUsageErrors(inner);
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}
