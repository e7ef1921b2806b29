/** The broker that this hub uses, its own or another: address, account and lifetime. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { ConfigError } from '../protocols/errors.ts';
import { hubUser } from '../protocols/topics.ts';
import type { Access } from './access/access.ts';
import { type Broker, startBroker } from './broker.ts';
import type { HubConfig } from './config.ts';

export interface UsedBroker extends AsyncDisposable {
  readonly url: string;
  readonly password: string;
  /** Of its own one. */
  readonly stats?: Broker['stats'];
}

export interface OpenBrokerOptions {
  readonly config: Pick<HubConfig, 'broker' | 'ingest'>;
  readonly agents: Access['agents'];
  /** At an external one. */
  readonly password: string | undefined;
  readonly log: Parameters<typeof startBroker>[0]['log'];
}

/** @throws {ConfigError} an account is missing, or several processes would share the broker inside one of them. */
export async function openBroker({ config, agents, password: given, log }: OpenBrokerOptions): Promise<UsedBroker> {
  const { kind, url, host, port, passwordFile } = config.broker;
  const ingestUser = hubUser(config.ingest.id);
  if (kind === 'external') {
    if (given) return { url, password: given, async [Symbol.asyncDispose]() {} };
    throw new ConfigError(`no password for the user ${ingestUser} at the broker`, {
      path: passwordFile ?? 'broker.passwordFile',
      hint: `Make the account with "payesh-hub agent add ${ingestUser}" and write its password into broker.passwordFile.`,
    });
  }
  if (config.ingest.partitions.of > 1) {
    throw new ConfigError('several ingest processes cannot share the broker inside one of them', {
      path: 'broker.kind',
      hint: 'Set broker.kind to external (deploy/README.md), or ingest.partitions.of to 1.',
    });
  }
  const password = randomBytes(32).toString('base64url');
  const authenticate = (username: string, tried: string) =>
    username === ingestUser ? same(tried, password) : agents.verify(username, tried);
  const own = await startBroker({ host, port, authenticate, ingestUser, log });
  return { url: own.url, password, stats: own.stats, [Symbol.asyncDispose]: () => own[Symbol.asyncDispose]() };
}

const same = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
