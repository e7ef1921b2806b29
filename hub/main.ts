/** The hub's process: arguments in, exit code out. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { loadYaml } from '../config/load.ts';
import { exitWith } from '../config/process.ts';
import { openAccess } from './access/access.ts';
import { agentCommand } from './commands/agent.ts';
import { deadLettersCommand } from './commands/delivery/dead-letters.ts';
import { gapsCommand } from './commands/delivery/gaps.ts';
import { quarantineCommand } from './commands/delivery/quarantine.ts';
import { rewindCommand, streamsCommand } from './commands/delivery/streams.ts';
import { entryCommand } from './commands/entry.ts';
import { explainCommand } from './commands/explain/explain.ts';
import { exportCommand } from './commands/export/export.ts';
import { importCommand } from './commands/import/import.ts';
import { plantCommand } from './commands/plant.ts';
import { recomputeCommand } from './commands/recompute.ts';
import { reportCommand } from './commands/report.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { tokenCommand } from './commands/token.ts';
import { verifyCommand } from './commands/verify.ts';
import { hubSchema } from './config.ts';

const program = new Command('payesh-hub')
  .description('Stores what agents send, computes KPIs, and serves them.')
  .option('-c, --config <file>', 'hub.yaml', 'hub.yaml')
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 refused or a fault, 2 verify found something, 78 something in the configuration must be changed.',
  );

const configFile = (): string => program.opts<{ config: string }>().config;
const openAccessFile = () => {
  const { dataDir } = loadYaml(configFile(), hubSchema, process.env);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return openAccess(join(dataDir, 'access.db'));
};

program
  .addCommand(runCommand(configFile))
  .addCommand(statusCommand())
  .addCommand(tokenCommand(openAccessFile))
  .addCommand(agentCommand(openAccessFile))
  .addCommand(plantCommand())
  .addCommand(exportCommand())
  .addCommand(entryCommand())
  .addCommand(importCommand())
  .addCommand(reportCommand())
  .addCommand(recomputeCommand())
  .addCommand(verifyCommand())
  .addCommand(explainCommand())
  .addCommand(streamsCommand())
  .addCommand(deadLettersCommand())
  .addCommand(gapsCommand())
  .addCommand(rewindCommand())
  .addCommand(quarantineCommand());

await exitWith(async () => {
  await program.parseAsync();
});
