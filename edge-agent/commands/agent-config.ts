/** agent.yaml as the commands use it, and the sources in it that an option names. */
import { loadAgentFile } from '../../config/agent-file.ts';
import { createSecretReader } from '../../config/secrets.ts';
import type { ReadSecret } from '../../protocols/secret.ts';
import { type AgentConfig, agentSchema } from '../config/schema.ts';
import { usageError } from './command.ts';

export interface LoadedAgent {
  /** As it was named on the command line. */
  readonly file: string;
  readonly config: AgentConfig;
  readonly secret: ReadSecret;
}

type Source = AgentConfig['sources'][number];
export type OpcuaSource = Source & { kind: 'opcua' };
export type ModbusSource = Source & { kind: 'modbus' };

/** @throws {ConfigError} naming file and line. */
export function agentOf(file: string): LoadedAgent {
  const { config } = loadAgentFile(file, process.env, agentSchema);
  return { file, config, secret: createSecretReader(process.env) };
}

export const opcuaSourcesOf = (agent: LoadedAgent, id: string | undefined): OpcuaSource[] =>
  sourcesOf(agent, id).filter((source) => source.kind === 'opcua');

export const modbusSourcesOf = (agent: LoadedAgent, id: string | undefined): ModbusSource[] =>
  sourcesOf(agent, id).filter((source) => source.kind === 'modbus');

/** The one that `id` names, or all. */
function sourcesOf({ config, file }: LoadedAgent, id: string | undefined): readonly Source[] {
  if (id === undefined) return config.sources;
  const found = config.sources.filter((source) => source.id === id);
  if (found.length > 0) return found;
  throw usageError(`${file} has no source "${id}"`, `It has: ${config.sources.map((source) => source.id).join(', ')}.`);
}

/** The one OPC UA source that is meant. */
export function opcuaSourceOf(agent: LoadedAgent, id: string | undefined, endpoint: string | undefined): OpcuaSource {
  const sources = opcuaSourcesOf(agent, id).filter((source) => endpoint === undefined || source.endpoint === endpoint);
  if (sources.length === 1) return sources[0]!;
  const known = opcuaSourcesOf(agent, undefined).map((source) => `${source.id} (${source.endpoint})`);
  if (sources.length === 0)
    throw usageError(`${agent.file} has no such OPC UA source`, `It has: ${known.join(', ') || 'none'}.`);
  throw usageError(`${agent.file} has several OPC UA sources`, `Say which with --source: ${known.join(', ')}.`);
}
