/** `payesh-agent import`: a wiring list becomes the tags of one group or device. */
import { Command } from 'commander';
import { runTool } from './command.ts';
import type { ImportOptions } from './import-list.ts';
import { wholeNumber } from './whole-number.ts';

export const importCommand = (): Command =>
  new Command('import')
    .description('take the tags of a group or device from a wiring list (CSV)')
    .argument(
      '<file.csv>',
      'columns are the keys of a tag in agent.yaml: path, node or address, type or format, unit, …',
    )
    .requiredOption('-c, --config <file>', 'agent.yaml')
    .requiredOption('--source <id>', 'the source in agent.yaml')
    .option('--group <n>', 'which group of an OPC UA source, the first is 1', wholeNumber(1, 1000))
    .option('--device <unit>', 'which device of a Modbus source, by its unit id', wholeNumber(0, 255))
    .option('--dry-run', 'check and show only')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
The list replaces all tags of that place.

Examples:
  payesh-agent import press-1.csv -c agent.yaml --source press-1 --dry-run
  payesh-agent import meter.csv -c agent.yaml --source utilities --device 10`,
    )
    .action((csv: string, options: ImportOptions) =>
      runTool(async (terminal, signal) => {
        const { importList } = await import('./import-list.ts');
        await importList(csv, options, terminal, signal);
      }),
    );
