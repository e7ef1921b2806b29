/**
 * Taking a wiring list into agent.yaml: it is checked as the agent would, shown as a difference, and written only when all
 * of it is good; the running agent is then asked to take it.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { tagsFileAt, withTagsFile } from '../../config/edit-yaml.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { writeDurably } from '../config/durable-file.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { agentOf, type LoadedAgent } from './agent-config.ts';
import { interviewOn, usageError } from './command.ts';
import { charsetNote, readList } from './read-list.ts';
import { reloadAgent } from './reload-agent.ts';
import { differenceOf, printDifference } from './tag-difference.ts';

export interface ImportOptions {
  readonly config: string;
  readonly source: string;
  readonly group?: number;
  readonly device?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export async function importList(
  csv: string,
  options: ImportOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const before = agentOf(options.config);
  const place = placeOf(before, options);
  const text = readFileSync(options.config, 'utf8');
  const { text: list, charset } = readList(csv);
  if (charset !== undefined) terminal.warn(charsetNote(csv, charset));
  const tagsFile = nameOfList(text, place, csv, options);
  const edited = withTagsFile(text, options.config, place, tagsFile);
  const after = checked(options.config, place, text, list, csv);

  const difference = differenceOf(tagsAt(before, place), tagsAt(after, place));
  printDifference(difference, terminal);
  if (options.dryRun) return terminal.note('Nothing was written: --dry-run.');
  const interview = interviewOn(terminal, signal, true, 'nothing was written');
  const losesTags = difference.removed.length > 0;
  const agreed = await interview.confirm({
    message: losesTags ? `Take the list, and lose ${difference.removed.length} tags?` : 'Take the list?',
    option: '--yes',
    given: options.yes ? true : undefined,
    otherwise: losesTags ? undefined : true,
    proposed: !losesTags,
  });
  if (!agreed) return terminal.note('Nothing was written.');
  replace(resolve(dirname(options.config), tagsFile), list);
  if (edited !== text) replace(resolve(options.config), edited);
  terminal.note(`written: ${tagsFile}`);
  await reloadAgent(after, terminal, signal);
}

type Place = readonly ['sources', number, 'groups' | 'devices', number];

function placeOf({ config, file }: LoadedAgent, { source: id, group, device }: ImportOptions): Place {
  const index = config.sources.findIndex((source) => source.id === id);
  const source = config.sources[index];
  if (!source) {
    const known = config.sources.map((known) => known.id).join(', ');
    throw usageError(`${file} has no source "${id}"`, `It has: ${known}.`);
  }
  if (source.kind === 'opcua') {
    if (device !== undefined) throw usageError(`${id} is an OPC UA source`, 'Give --group instead of --device.');
    if (group === undefined && source.groups.length > 1) {
      throw usageError(`${id} has ${source.groups.length} groups`, 'Say which with --group; the first is 1.');
    }
    if (!source.groups[(group ?? 1) - 1]) throw usageError(`${id} has no group ${group}`, 'The first is 1.');
    return ['sources', index, 'groups', (group ?? 1) - 1];
  }
  if (group !== undefined) throw usageError(`${id} is a Modbus source`, 'Give --device instead of --group.');
  const units = source.devices.map(({ unit }) => unit);
  const fitting = units.flatMap((unit, at) => (device === undefined || unit === device ? [at] : []));
  if (fitting.length === 1) return ['sources', index, 'devices', fitting[0]!];
  const known = `It has the units ${units.join(', ')}.`;
  if (device === undefined) throw usageError(`${id} has ${units.length} devices`, `Say which with --device. ${known}`);
  throw usageError(
    `unit ${device} is there ${fitting.length === 0 ? 'not' : `${fitting.length} times`} in ${id}`,
    known,
  );
}

/** The file that stands there already, or the list itself where it lies beside agent.yaml, or a new one there. */
function nameOfList(text: string, place: Place, csv: string, { config, source }: ImportOptions): string {
  const there = tagsFileAt(text, place);
  if (there && !there.includes('${') && !isAbsolute(there)) return there;
  if (dirname(resolve(csv)) === dirname(resolve(config))) return basename(csv);
  const folder = dirname(resolve(config));
  let name = `${source}-${place[3] + 1}.csv`;
  for (let n = 2; existsSync(join(folder, name)); n++) name = `${source}-${place[3] + 1}-${n}.csv`;
  return name;
}

/** Loads what would be written as the agent would. @throws {ConfigError} naming the list that was given, and its row. */
function checked(config: string, place: Place, text: string, list: string, csv: string): LoadedAgent {
  const folder = dirname(resolve(config));
  const listFile = `.${basename(csv)}.${process.pid}.new`;
  const yamlFile = join(folder, `.${basename(config)}.${process.pid}.new`);
  try {
    writeFileSync(join(folder, listFile), list, { mode: 0o600 });
    writeFileSync(yamlFile, withTagsFile(text, config, place, listFile), { mode: 0o600 });
    return { ...agentOf(yamlFile), file: config };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw error.renamed((text) =>
      text.replaceAll(yamlFile, config).replaceAll(join(folder, listFile), csv).replaceAll(listFile, csv),
    );
  } finally {
    rmSync(yamlFile, { force: true });
    rmSync(join(folder, listFile), { force: true });
  }
}

function tagsAt({ config }: LoadedAgent, [, source, , index]: Place): readonly { path: string }[] {
  const found = config.sources[source]!;
  return found.kind === 'opcua' ? found.groups[index]!.tags : found.devices[index]!.tags;
}

/** With the rights that the file had. */
function replace(file: string, text: string): void {
  writeDurably(file, text, existsSync(file) ? statSync(file).mode & 0o777 : 0o644);
}
