/** What `payesh-agent config` does with the versions of agent.yaml. */
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readAgentText } from '../../../config/agent-text.ts';
import { writeDurably } from '../../config/durable-file.ts';
import {
  type ConfigText,
  type ConfigVersion,
  configHash,
  openConfigVersions,
  withoutMark,
} from '../../config/versions.ts';
import type { Terminal } from '../../terminal/terminal.ts';
import { agentOf } from '../agent-config.ts';
import { usageError } from '../command.ts';
import { reloadAgent } from '../reload-agent.ts';
import { reportOf } from '../running-agent.ts';
import { lineDifference } from './line-difference.ts';

export interface VersionsOptions {
  readonly config: string;
  readonly json?: boolean;
}

export async function listVersions({ config: file, json }: VersionsOptions, terminal: Terminal, signal: AbortSignal) {
  const { dataDir, versions } = open(file);
  const running = (await reportOf(dataDir, signal))?.config.version;
  if (json) terminal.printJson(versions.list().map((each) => ({ ...each, running: each.number === running })));
  else printVersions(versions.list(), running, terminal);
}

export function showVersion(number: number, { config: file, json }: VersionsOptions, terminal: Terminal): void {
  const found = versionOf(open(file), number);
  if (json) terminal.printJson(found);
  else for (const { name, text } of partsOf(found, file)) terminal.print(`# ${name}\n${text.trimEnd()}\n`);
}

/** @param to undefined: the files as they are now. */
export function showDifference(
  from: number,
  to: number | undefined,
  { config: file, json }: VersionsOptions,
  terminal: Terminal,
): void {
  const opened = open(file);
  const after = to === undefined ? readAgentText(file, process.env) : versionOf(opened, to);
  const changes = differences(versionOf(opened, from), after, file);
  if (json) terminal.printJson(changes);
  else for (const { name, lines } of changes) printDifference(name, lines, terminal);
  if (changes.length === 0) terminal.note('They say the same.');
}

export async function rollBack(
  number: number,
  { config: file, json }: VersionsOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
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
}

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

const partsOf = ({ text, files }: ConfigText, file: string) => [{ name: file, text }, ...files];

function differences(before: ConfigText, after: ConfigText, file: string) {
  const [old, now] = [before, after].map(
    (each) => new Map(partsOf(each, file).map(({ name, text }) => [name, withoutMark(text)])),
  );
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
