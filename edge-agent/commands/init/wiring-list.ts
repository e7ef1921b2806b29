/** A wiring list is tried on its own before the next question: wrong rows are told while one can still say another file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../../protocols/errors.ts';
import type { ModbusConnectionConfig } from '../../../protocols/modbus/connection-config.ts';
import { agentOf } from '../agent-config.ts';
import { readList } from '../read-list.ts';
import { agentYaml } from './agent-yaml.ts';
import { connectionLines } from './modbus-lines.ts';

export interface GoodList {
  /** Its addresses are as 40001: nothing else fits all of them. */
  readonly isModicon: boolean;
  /** As it must be written anew, where it is not in UTF-8. */
  readonly converted: { readonly text: string; readonly charset: string } | undefined;
}

/** What is wrong, naming every row; or how it is to be read, and its paths are added to `paths` then. */
export function tryList(
  file: string,
  connection: ModbusConnectionConfig,
  unit: number,
  paths: Set<string>,
): GoodList | { readonly mistake: string } {
  try {
    const { text, charset } = readList(file);
    const { found, isModicon } = tagsIn(text, file, connection, unit);
    const twice = found.find((path) => paths.has(path));
    if (twice !== undefined) return { mistake: `${file}: another device has a tag "${twice}" already.` };
    for (const path of found) paths.add(path);
    return { isModicon, converted: charset === undefined ? undefined : { text, charset } };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const told = [error, ...error.others].map(({ message, path, hint }) => `${message} (${path}). ${hint}`);
    return { mistake: told.join('\n') };
  }
}

/** As on the wire, or else as in older manuals: what is refused in both ways is told of the first. */
function tagsIn(text: string, file: string, connection: ModbusConnectionConfig, unit: number) {
  try {
    return { found: loaded(text, file, connection, unit, undefined), isModicon: false };
  } catch (error) {
    try {
      return { found: loaded(text, file, connection, unit, 'modicon'), isModicon: true };
    } catch {
      throw error;
    }
  }
}

function loaded(
  text: string,
  file: string,
  connection: ModbusConnectionConfig,
  unit: number,
  addressing: 'modicon' | undefined,
): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'payesh-init-'));
  const list = join(folder, 'list.csv');
  const probe = join(folder, 'agent.yaml');
  try {
    const yaml = [
      'id: list',
      'kind: modbus',
      ...connectionLines(connection),
      'devices:',
      `  - unit: ${unit}`,
      ...(addressing === undefined ? [] : [`    addressing: ${addressing}`]),
      `    tagsFile: ${JSON.stringify(list)}`,
    ];
    writeFileSync(list, text);
    writeFileSync(
      probe,
      agentYaml({
        agent: 'list',
        site: 'list',
        dataDir: folder,
        broker: 'mqtt://127.0.0.1:1883',
        passwordFile: join(folder, 'password'),
        statusPort: 0,
        schemaFile: 'agent.schema.json',
        sources: [{ yaml, files: [], summary: '' }],
      }),
    );
    const [source] = agentOf(probe).config.sources;
    return source!.kind === 'modbus' ? source!.devices.flatMap(({ tags }) => tags.map(({ path }) => path)) : [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw error.renamed((text) => text.replaceAll(list, file).replaceAll(probe, file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
