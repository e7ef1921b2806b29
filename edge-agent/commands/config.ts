/** `payesh-agent config`: the versions of agent.yaml that the agent has run with, and the way back to one of them. */
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { readAgentText } from '../../config/agent-text.ts';
import { writeDurably } from '../../config/durable-file.ts';
import { type ConfigText, type ConfigVersion, configHash, openConfigVersions } from '../../config/versions.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { agentOf } from './agent-config.ts';
import { runTool, usageError } from './command.ts';
import { lineDifference } from './line-difference.ts';
import { reloadAgent } from './reload-agent.ts';
import { reportOf } from './running-agent.ts';
import { wholeNumber } from './whole-number.ts';

interface ConfigOptions {
  readonly config: string;
  readonly json?: boolean;
}

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
  payesh-agent config -c agent.yaml list
  payesh-agent config -c agent.yaml diff 3
  payesh-agent config -c agent.yaml rollback 3`,
    );
  const version = wholeNumber(1, 999_999_999);

  config
    .command('list', { isDefault: true })
    .description('list the versions')
    .action((_options, command: Command) =>
      runTool(async (terminal, signal) => {
        const { config: file, json } = command.optsWithGlobals<ConfigOptions>();
        const { dataDir, versions } = open(file);
        const running = (await reportOf(dataDir, signal))?.config.version;
        if (json) terminal.printJson(versions.list().map((each) => ({ ...each, running: each.number === running })));
        else printVersions(versions.list(), running, terminal);
      }),
    );

  config
    .command('show')
    .description('print a version')
    .argument('<n>', 'number of the version', version)
    .action((number: number, _options, command: Command) =>
      runTool(async (terminal) => {
        const { config: file, json } = command.optsWithGlobals<ConfigOptions>();
        const found = versionOf(open(file), number);
        if (json) return terminal.printJson(found);
        for (const { name, text } of parts(found, file)) terminal.print(`# ${name}\n${text.trimEnd()}\n`);
      }),
    );

  config
    .command('diff')
    .description('what changed between two versions, or since one')
    .argument('<n>', 'number of the version', version)
    .argument('[m]', 'of the other; default: the files as they are now', version)
    .action((from: number, to: number | undefined, _options, command: Command) =>
      runTool(async (terminal) => {
        const { config: file, json } = command.optsWithGlobals<ConfigOptions>();
        const opened = open(file);
        const after = to === undefined ? readAgentText(file, process.env) : versionOf(opened, to);
        const changes = differences(versionOf(opened, from), after, file);
        if (json) return terminal.printJson(changes);
        for (const { name, lines } of changes) printDifference(name, lines, terminal);
        if (changes.length === 0) terminal.note('They say the same.');
      }),
    );

  config
    .command('rollback')
    .description('write a version back over agent.yaml and its tables, and let the running agent take it')
    .argument('<n>', 'number of the version', version)
    .action((number: number, _options, command: Command) =>
      runTool(async (terminal, signal) => {
        const { config: file, json } = command.optsWithGlobals<ConfigOptions>();
        const opened = open(file);
        const wanted = versionOf(opened, number);
        const kept = keepNow(opened, file);
        const written = writeBack(wanted, file);
        if (json) terminal.printJson({ rolledBackTo: number, keptAs: kept?.number ?? null, written });
        else {
          if (kept) terminal.note(`What was there is kept as version ${kept.number}.`);
          terminal.print(`Written as in version ${number}: ${written.join(', ')}`);
        }
        // What was written may be of another time: whether it is right today is seen now.
        await reloadAgent(agentOf(file), terminal, signal);
      }),
    );
  return config;
};

type Opened = { readonly dataDir: string; readonly versions: ReturnType<typeof openConfigVersions> };

/** A file that is wrong must not keep anybody from going back: only its data folder is needed. */
function open(file: string): Opened {
  const { dataDir } = readAgentText(file, process.env);
  return { dataDir, versions: openConfigVersions(dataDir) };
}

function versionOf({ versions }: Opened, number: number): ConfigVersion & ConfigText {
  const found = versions.read(number);
  if (found) return found;
  const known = versions.list().map((each) => each.number);
  throw usageError(`there is no version ${number}`, `There are: ${known.join(', ') || 'none yet'}.`);
}

/** undefined where the newest version says the same already. */
function keepNow({ versions }: Opened, file: string): ConfigVersion | undefined {
  const now = readAgentText(file, process.env);
  if (versions.list()[0]?.hash === configHash(now)) return undefined;
  return versions.keep(now, Date.now() * 1000);
}

/** Tables first: the YAML never names one that is not there yet. */
function writeBack({ text, files }: ConfigText, file: string): string[] {
  const write = (path: string, content: string) => writeDurably(path, content, modeOf(path));
  for (const table of files) write(resolve(dirname(file), table.name), table.text);
  write(resolve(file), text);
  return [file, ...files.map(({ name }) => name)];
}

function modeOf(file: string): number {
  try {
    return statSync(file).mode & 0o777;
  } catch {
    return 0o640;
  }
}

const parts = ({ text, files }: ConfigText, file: string) => [{ name: file, text }, ...files];

function differences(before: ConfigText, after: ConfigText, file: string) {
  const [old, now] = [before, after].map((each) => new Map(parts(each, file).map(({ name, text }) => [name, text])));
  return [...new Set([...old!.keys(), ...now!.keys()])].flatMap((name) => {
    const lines = lineDifference(old!.get(name) ?? '', now!.get(name) ?? '');
    return lines.length > 0 ? [{ name, lines }] : [];
  });
}

function printDifference(name: string, lines: readonly string[], terminal: Terminal): void {
  terminal.print(terminal.style('bold', name));
  for (const line of lines) {
    const colour = line.startsWith('+') ? 'green' : line.startsWith('-') ? 'red' : 'dim';
    terminal.print(terminal.style(colour, line));
  }
}

function printVersions(versions: readonly ConfigVersion[], running: number | undefined, terminal: Terminal): void {
  const rows = versions.map(({ number, at, hash, files }) => [
    String(number),
    new Date(at / 1000).toISOString().replace('T', ' ').slice(0, 19),
    hash.slice(0, 12),
    files.map(({ name }) => name).join(', '),
    number === running ? 'runs now' : '',
  ]);
  terminal.printTable(
    ['VERSION', 'SINCE (UTC)', 'HASH', 'TABLES', ''].map((title) => ({ title })),
    rows,
  );
  terminal.note(`${versions.length} versions`);
}
