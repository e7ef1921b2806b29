/**
 * `payesh-agent commission`: tag by tag, what the device, the agent and the hub have is held against what the technician
 * reads on the display. What comes out is a signed sheet.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { runTool } from './command.ts';
import type { HubOptions } from './commission/context.ts';
import type { WalkOptions } from './commission/run.ts';

type Options = HubOptions & WalkOptions;

/** Beside the digits of the display: process values flicker while somebody reads them. */
const usualTolerancePercent = 1;

export const commissionCommand = (): Command => {
  const commission = new Command('commission')
    .description('hold every tag against the display of its device, and sign a sheet of it')
    .requiredOption('-c, --config <file>', 'agent.yaml of the running agent')
    .option('--source <id>', 'only tags of this source')
    .option('--tag <pattern>', 'only these tag paths: energy/**, or machining/*/cnc-1/*')
    .option('--only-missing', 'only tags that are not commissioned yet')
    .option('--technician <name>', 'who reads the displays; default: the user of this computer')
    .option('--role <text>', 'what the technician is: instrumentation, contractor')
    .option('--tolerance <percent>', "allowed beside the display's own digits", percent, usualTolerancePercent)
    .option('--readings <file.csv>', 'ask nothing: columns path, displayed[, unit][, note] as noted down before')
    .option('--correct', 'with --readings: where another byte order alone agrees, write it into agent.yaml or its list')
    .option('--discard', 'throw away the answers of a walk that was left off')
    .option('--hub <url>', 'instead of hub.url in agent.yaml')
    .option('--token-file <file>', "file with a technician's token of the hub")
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Counters must agree to the digits of their display; readings that were noted down before may be 0.1 % off.
Exit codes: 0 every tag that was read is accepted, 1 some are rejected, 69 no agent runs.

Examples:
  payesh-agent commission -c agent.yaml --only-missing
  payesh-agent commission -c agent.yaml --source utilities --tag 'energy/**' --technician 'Sara Ahmadi'
  payesh-agent commission -c agent.yaml --readings walk.csv --correct
  payesh-agent commission export 3f2a -c agent.yaml --lang fa --out sheet.html`,
    )
    .action((options: Options) =>
      runTool(async (terminal, signal) => {
        const { runWalk } = await import('./commission/run.ts');
        await runWalk(options, terminal, signal);
      }),
    );

  commission
    .command('list')
    .description('list the sheets of this agent')
    .action((_options, command: Command) =>
      runTool(async (terminal) => {
        const { listSheets } = await import('./commission/sheets.ts');
        listSheets(command.optsWithGlobals<Options>(), terminal);
      }),
    );

  commission
    .command('export')
    .description('a sheet as a page to print')
    .argument('<sheet>', 'its hash, or the first digits of it')
    .addOption(new Option('--lang <language>', 'Persian or English').choices(['fa', 'en']).default('fa'))
    .option('--out <file.html>', 'where to write it; default: standard output')
    .action((hash: string, _options, command: Command) =>
      runTool(async (terminal) => {
        const { exportSheet } = await import('./commission/sheets.ts');
        exportSheet(hash, command.optsWithGlobals<Options & { lang: 'fa' | 'en'; out?: string }>(), terminal);
      }),
    );

  commission
    .command('push')
    .description('bring to the hub what it has not')
    .action((_options, command: Command) =>
      runTool(async (terminal, signal) => {
        const { pushBook } = await import('./commission/sheets.ts');
        await pushBook(command.optsWithGlobals<Options>(), terminal, signal);
      }),
    );
  return commission;
};

function percent(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 20) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 20.');
}
