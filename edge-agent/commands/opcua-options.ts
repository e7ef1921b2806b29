/**
 * How a tool gets at an OPC UA server: by options on the command line, or with the settings that agent.yaml has of a
 * source. Either way the connection is the tool's own, and short.
 */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { OpcuaConnectionConfig } from '../../protocols/opcua/connection-config.ts';
import type { ReadSecret } from '../../protocols/secret.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { usageError } from './command.ts';
import { wholeNumber } from './whole-number.ts';

export interface OpcuaOptions {
  readonly security: 'none' | 'sign' | 'sign-and-encrypt';
  readonly policy: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly dataDir: string;
  readonly config?: string;
  readonly source?: string;
  readonly timeout: number;
}

/** Where a connection leads, and what it needs. */
export interface OpcuaTarget {
  readonly config: OpcuaConnectionConfig;
  /** Where our key and the trusted certificates are. */
  readonly dataDir: string;
  readonly secret: ReadSecret;
}

/** Where tools keep the agent's key and the servers' certificates when no agent.yaml says where: as `init` does. */
const defaultDataDir = 'data';

const policies = ['best', 'aes256-sha256-rsapss', 'aes128-sha256-rsaoaep', 'basic256sha256'];

export const configOption = (): Option => new Option('-c, --config <file>', 'take the settings from this agent.yaml');
export const sourceOption = (): Option =>
  new Option('--source <id>', 'the source in agent.yaml; needed where it has several');
export const dataDirOption = (): Option =>
  new Option('--data-dir <dir>', "folder of the agent's key and of trusted certificates").default(defaultDataDir);

export const withOpcuaOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--security <mode>', 'security of the connection')
        .choices(['none', 'sign', 'sign-and-encrypt'])
        .default('sign-and-encrypt'),
    )
    .addOption(new Option('--policy <policy>', 'security policy').choices(policies).default('best'))
    .option('--user <name>', 'user name; without it anonymous')
    .option('--password-file <file>', "file that holds the user's password")
    .addOption(dataDirOption())
    .addOption(configOption())
    .addOption(sourceOption())
    .option('--timeout <s>', 'seconds that the connection and every request may take', wholeNumber(1, 60), 10);

/** @throws {CommandError} usage. @throws {ConfigError} agent.yaml is wrong. */
export async function opcuaTarget(
  endpoint: string | undefined,
  options: OpcuaOptions,
  terminal: Terminal,
): Promise<OpcuaTarget> {
  if (options.config !== undefined) {
    const { agentOf, opcuaSourceOf } = await import('./agent-config.ts');
    const agent = agentOf(options.config);
    const source = opcuaSourceOf(agent, options.source, endpoint);
    const { endpoint: known, security, user, timeoutMs } = source;
    return {
      config: { endpoint: known, security, user, timeoutMs },
      dataDir: agent.config.dataDir,
      secret: agent.secret,
    };
  }
  if (endpoint === undefined) {
    throw usageError('no server is named', 'Give its endpoint, opc.tcp://host:4840, or -c agent.yaml --source <id>.');
  }
  const [{ opcuaConnectionSchema, refuseOpenPassword }, { createSecretReader }] = await Promise.all([
    import('../../protocols/opcua/connection-config.ts'),
    import('../../config/secrets.ts'),
  ]);
  const { security: mode, policy, user, passwordFile } = options;
  if ((user === undefined) !== (passwordFile === undefined)) {
    throw usageError('a user needs a password file, and the other way round', 'Give both --user and --password-file.');
  }
  if (mode === 'none') {
    terminal.warn('--security none: anybody on the network can read and change what this connection carries.');
  }
  const waiver = { reason: 'explored once from the command line', expires: tomorrow() };
  const parsed = opcuaConnectionSchema.superRefine(refuseOpenPassword).safeParse({
    endpoint,
    security: mode === 'none' ? { mode, waiver } : { mode, policy },
    user: user === undefined ? undefined : { name: user, password: { file: resolve(passwordFile!) } },
    timeoutMs: options.timeout * 1000,
  });
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw usageError(`${path[0] === 'endpoint' ? endpoint : path.join('.')}: ${message}`, 'See --help for an example.');
  }
  return { config: parsed.data, dataDir: resolve(options.dataDir), secret: createSecretReader(process.env) };
}

const tomorrow = (): string => new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);

/** What tools log is not for a technician's screen: errors say what matters. */
export const quietLog = { info() {}, warn() {} };
