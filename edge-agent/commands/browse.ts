/** `payesh-agent browse`: the variables of an OPC UA server, as a table, JSON, or a tag list that agent.yaml can use. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import type { BrowsedVariable } from '../../protocols/opcua/explore.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { reaching, runTool, usageError } from './command.ts';
import { opcuaHint } from './opcua-hint.ts';
import { type OpcuaOptions, opcuaTarget, quietLog, withOpcuaOptions } from './opcua-options.ts';
import { wholeNumber } from './whole-number.ts';

interface BrowseOptions extends OpcuaOptions {
  readonly from?: string;
  readonly filter?: string;
  readonly csv?: string;
  readonly json?: boolean;
  readonly values?: boolean;
  readonly max: number;
}

export const browseCommand = (): Command =>
  withOpcuaOptions(
    new Command('browse')
      .description('list the variables of an OPC UA server')
      .argument('[endpoint]', 'opc.tcp://host:4840')
      .option('--from <node>', 'begin here instead of at the Objects folder: a node, or a path of browse names')
      .option('--filter <text>', 'only what has this text in its path; with * (one name) and ** (any number) a pattern')
      .option('--csv <file>', 'write a tag list for agent.yaml; - is stdout')
      .option('--json', 'print JSON')
      .option('--values', 'read the values too')
      .option('--max <nodes>', 'stop after so many nodes', wholeNumber(1, 10_000_000), 100_000),
  )
    .addHelpText(
      'after',
      `
Examples:
  payesh-agent browse opc.tcp://192.168.10.5:4840 --filter press --values
  payesh-agent browse -c agent.yaml --source press-1 --from "/Press 1" --csv tags.csv`,
    )
    .action((endpoint: string | undefined, options: BrowseOptions) =>
      runTool(async (terminal, signal) => {
        if (options.csv !== undefined && options.json)
          throw usageError('--csv and --json exclude each other', 'Give one.');
        const target = await opcuaTarget(endpoint, options, terminal);
        const variables = await variablesOf(target, options, terminal, signal);
        if (options.json) return terminal.printJson(variables);
        if (options.csv !== undefined) return await writeTags(variables, options.csv, terminal);
        await printVariables(variables, Boolean(options.values), terminal);
      }),
    );

async function variablesOf(
  { config, dataDir, secret }: Awaited<ReturnType<typeof opcuaTarget>>,
  { from, filter, max, values }: BrowseOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<BrowsedVariable[]> {
  using progress = terminal.progress(`connecting to ${config.endpoint}`);
  const isPattern = filter?.includes('*');
  const text = isPattern ? undefined : filter?.toLowerCase();
  return await reaching(config.endpoint, opcuaHint(config), async () => {
    const { browseVariables } = await import('../../protocols/opcua/explore.ts');
    const found: BrowsedVariable[] = [];
    let visited = 0;
    const browsed = browseVariables(
      config,
      {
        ...(from === undefined ? {} : { from }),
        ...(isPattern ? { match: filter! } : {}),
        maxNodes: max,
        withValues: Boolean(values),
        onProgress(nodes) {
          visited = nodes;
          progress.update(`${nodes} nodes, ${found.length} variables`);
        },
      },
      { dataDir, secret, log: quietLog },
      signal,
    );
    for await (const variable of browsed) {
      if (text === undefined || variable.path.toLowerCase().includes(text)) found.push(variable);
    }
    if (visited >= max) terminal.warn(`stopped after ${max} nodes: there may be more. Give --from, or a larger --max.`);
    return found;
  });
}

async function printVariables(
  variables: readonly BrowsedVariable[],
  values: boolean,
  terminal: Terminal,
): Promise<void> {
  const { nameOf } = await import('../../protocols/opcua/status.ts');
  const columns = [{ title: 'PATH' }, { title: 'TYPE' }, { title: 'UNIT' }, { title: 'NODE' }];
  const rows = variables.map(({ path, dataType, arrayLength, unit, node, value, status }) => [
    path,
    arrayLength === undefined ? dataType : `${dataType}[${arrayLength}]`,
    unit ?? '',
    node,
    ...(values ? [status ? terminal.style('red', nameOf(status)) : (value ?? '')] : []),
  ]);
  terminal.printTable(values ? [...columns, { title: 'VALUE' }] : columns, rows);
  terminal.note(`${variables.length} variables`);
}

async function writeTags(variables: readonly BrowsedVariable[], file: string, terminal: Terminal): Promise<void> {
  const { browsedTags, tagsCsv } = await import('./browsed-tags.ts');
  const { tags, standIns, unusable } = browsedTags(variables);
  const csv = tagsCsv(tags);
  if (file === '-') process.stdout.write(csv);
  else writeFileSync(file, csv);
  if (unusable.length > 0) terminal.warn(`${unusable.length} variables are left out: their type cannot be a tag.`);
  if (standIns.size > 0) {
    terminal.warn(
      `${standIns.size} names have no ASCII letters; words like ${[...standIns.values()][0]} stand for them in the column path.`,
    );
  }
  if (file !== '-') terminal.note(`${tags.length} tags in ${file}`);
}
