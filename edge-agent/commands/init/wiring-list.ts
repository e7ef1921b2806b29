/** A wiring list is tried on its own before the next question: a wrong row is told while one can still say another file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigError } from '../../../protocols/errors.ts';
import type { ModbusConnectionConfig } from '../../../protocols/modbus/connection-config.ts';
import { agentOf } from '../agent-config.ts';
import { agentYaml } from './agent-yaml.ts';
import { connectionLines } from './modbus-lines.ts';

/** What is wrong, naming the row; undefined when it is good, and its paths are added to `paths` then. */
export function mistakeInList(
  file: string,
  connection: ModbusConnectionConfig,
  unit: number,
  paths: Set<string>,
): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'payesh-init-'));
  try {
    const yaml = [
      'id: list',
      'kind: modbus',
      ...connectionLines(connection),
      'devices:',
      `  - unit: ${unit}`,
      `    tagsFile: ${JSON.stringify(resolve(file))}`,
    ];
    const probe = join(folder, 'agent.yaml');
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
    const found = source!.kind === 'modbus' ? source!.devices.flatMap(({ tags }) => tags.map(({ path }) => path)) : [];
    const twice = found.find((path) => paths.has(path));
    if (twice !== undefined) return `${file}: another device has a tag "${twice}" already.`;
    for (const path of found) paths.add(path);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.message} (${error.path.replace(join(folder, 'agent.yaml'), file)}). ${error.hint}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
