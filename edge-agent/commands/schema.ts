/** `payesh-agent schema`: the JSON Schema of agent.yaml, from which editors complete and check while one types. */
import { Command } from 'commander';
import { runTool } from './command.ts';

export const schemaCommand = (): Command =>
  new Command('schema')
    .description('print the JSON Schema of agent.yaml')
    .addHelpText(
      'after',
      `
Editors that know YAML read it when agent.yaml begins with
  # yaml-language-server: $schema=agent.schema.json`,
    )
    .action(() =>
      runTool(async (terminal) => {
        const { agentJsonSchema } = await import('../config/schema.ts');
        terminal.printJson(agentJsonSchema());
      }),
    );
