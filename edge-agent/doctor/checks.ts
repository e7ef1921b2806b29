/** All checks of one configuration, in the order in which the data flow. */
import type { ReadSecret } from '../../protocols/secret.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { AgentReport } from '../status/report.ts';
import type { Check } from './check.ts';
import { findHubOffset, synchronisationCheck } from './clock.ts';
import { diskCheck } from './disk.ts';
import { findWay, placeOf } from './network.ts';

export interface CheckOptions {
  readonly config: AgentConfig;
  /** As the commands to print name it. */
  readonly file: string;
  readonly secret: ReadSecret;
  /** Of the agent that runs with this data folder. */
  readonly running: AgentReport | undefined;
}

export async function checksOf({ config, file, secret, running }: CheckOptions): Promise<Check[]> {
  const { agent, broker, dataDir } = config;
  const asked = running && (await import('./running.ts')).runningChecks(running);
  const sources = config.sources.map((source) => sourceCheck(source));
  return [
    ...(asked ? [asked.agent] : []),
    diskCheck(dataDir, config.buffer.maxBytes),
    synchronisationCheck(),
    await expiry(),
    ...(await Promise.all(sources)),
    asked?.broker ?? (await brokerLogin()),
    ...(config.hub ? [hubCheck(config.hub.url)] : []),
  ];

  // The drivers' libraries are loaded only where they are configured.
  async function sourceCheck(source: AgentConfig['sources'][number]): Promise<Check> {
    const known = asked?.sources.get(source.id);
    if (known) return known;
    if (source.kind === 'modbus') return (await import('./modbus.ts')).modbusCheck(source, { dataDir, secret, file });
    return (await import('./opcua.ts')).opcuaCheck(source, { dataDir, secret, file });
  }
  async function brokerLogin(): Promise<Check> {
    const { brokerCheck } = await import('./broker.ts');
    return brokerCheck({ url: broker.url, agent, password: () => secret(broker.password) });
  }
  async function expiry(): Promise<Check> {
    return (await import('./expiry.ts')).expiryCheck(config, file);
  }
}

const hubCheck = (url: string): Check => ({
  name: (say) => say.names.hub,
  timeoutMs: 20_000,
  async run(signal) {
    const way = await findWay(placeOf(url), signal);
    return way.some(({ level }) => level === 'bad') ? way : [...way, await findHubOffset(url, signal)];
  },
});
