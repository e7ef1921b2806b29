/** The configuration files that hub and agents of a chaos run start with. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tickMs } from './truth.ts';

export interface HubFile {
  readonly dataDir: string;
  readonly httpPort: number;
  readonly broker: 'embedded' | 'mosquitto';
  readonly mqttPort: number;
  readonly store: 'duckdb' | 'influx';
  readonly influxPort: number;
  /** Frames that an agent may have under way; undefined: what the hub takes by itself. */
  readonly window: number | undefined;
}

export function writeHubFile(dir: string, options: HubFile): string {
  const { dataDir, httpPort, broker, mqttPort, store, influxPort, window } = options;
  const file = join(dir, 'hub.yaml');
  writeFileSync(
    file,
    `dataDir: ${JSON.stringify(dataDir)}
http: { port: ${httpPort} }
broker:
  kind: ${broker === 'embedded' ? 'embedded' : 'external'}
  port: ${mqttPort}
  url: mqtt://127.0.0.1:${mqttPort}
  passwordFile: ${JSON.stringify(join(dataDir, 'broker-password'))}
store:
  kind: ${store}
  influx: { url: "http://127.0.0.1:${influxPort}", database: payesh }
${window === undefined ? '' : `ingest: { window: ${window} }\n`}`,
  );
  return file;
}

export interface AgentFile {
  readonly id: string;
  readonly dataDir: string;
  readonly passwordFile: string;
  readonly statusPort: number;
  readonly mqttHost: string;
  readonly mqttPort: number;
  readonly fieldPort: number;
  readonly tags: number;
  readonly buffer: BufferSettings | undefined;
}

export interface BufferSettings {
  readonly maxBytes?: number;
  readonly replayHours?: number;
}

export function writeAgentFile(dir: string, options: AgentFile): string {
  const { id, dataDir, passwordFile, statusPort, mqttHost, mqttPort, fieldPort, tags, buffer = {} } = options;
  const tagLines = Array.from(
    { length: tags },
    (_, tag) => `          - { path: ${tagPath(tag)}, table: holding, address: ${2 * tag}, format: uint32 }`,
  );
  const file = join(dir, `${id}.yaml`);
  writeFileSync(
    file,
    `agent: ${id}
site: chaos/${id}
dataDir: ${JSON.stringify(dataDir)}
broker:
  url: mqtt://${mqttHost}:${mqttPort}
  password: { file: ${JSON.stringify(passwordFile)} }
status: { port: ${statusPort} }
buffer: ${JSON.stringify(buffer)}
sources:
  - id: field
    kind: modbus
    host: 127.0.0.1
    port: ${fieldPort}
    devices:
      - unit: 1
        intervalMs: ${tickMs}
        tags:
${tagLines.join('\n')}
`,
  );
  return file;
}

/** The checker finds a tag's index in its path again. */
const tagPath = (tag: number): string => `field/tag-${tag}`;
