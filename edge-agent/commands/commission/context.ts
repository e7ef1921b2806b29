/** What every part of `commission` works with: the configuration, the running agent, the book and the hub. */
import { readFileSync } from 'node:fs';
import { type AgentFile, loadAgentFile } from '../../../config/agent-file.ts';
import { CommandError, exitCodes } from '../../../config/process.ts';
import { createSecretReader } from '../../../config/secrets.ts';
import { ConfigError, ConnectionError } from '../../../protocols/errors.ts';
import type { HubAccount } from '../../commissioning/hub.ts';
import { type AgentConfig, agentSchema } from '../../config/schema.ts';
import { configHash } from '../../config/versions.ts';

export interface HubOptions {
  readonly config: string;
  readonly hub?: string;
  readonly tokenFile?: string;
}

export interface Loaded {
  readonly file: string;
  readonly config: AgentConfig;
  /** By the names that agent.yaml has for them. */
  readonly tables: AgentFile<AgentConfig>['files'];
  /** As the versions of the configuration have it. */
  readonly hash: string;
}

/** @throws {ConfigError} naming file and line. */
export function load(file: string): Loaded {
  const loaded = loadAgentFile(file, process.env, agentSchema);
  return { file, config: loaded.config, tables: loaded.files, hash: configHash(loaded) };
}

/** From the options, or else as agent.yaml says; undefined where neither names a hub. @throws {ConfigError} */
export function hubOf({ hub: url, tokenFile }: HubOptions, config: AgentConfig): HubAccount | undefined {
  const where = url ?? config.hub?.url;
  if (where === undefined) return undefined;
  if (tokenFile !== undefined) return { url: where, token: readToken(tokenFile) };
  if (config.hub) return { url: where, token: createSecretReader(process.env)(config.hub.token) };
  const hint = 'Give --token-file: an administrator makes a token with "payesh-hub token create … --role technician".';
  throw new ConfigError('there is no token for the hub', { path: where, hint });
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const hint = 'Check the path and the rights of the file.';
    throw new ConfigError("cannot read the hub's token", { path: file, hint, cause });
  }
}

/** Errors as of `askAgent`. */
export async function askRunning(
  dataDir: string,
  method: 'GET' | 'POST',
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const { askAgent } = await import('../../status/client.ts');
  return await askAgent(dataDir, method, path, body, signal);
}

/** @throws {CommandError} no agent runs with this data folder. */
export async function needAgent<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ConnectionError)) throw cause;
    throw new CommandError('no agent runs here', {
      path: dataDir,
      hint: 'Commissioning looks at what the running agent has: start it with "payesh-agent run -c agent.yaml".',
      exitCode: exitCodes.unavailable,
      cause,
    });
  }
}
