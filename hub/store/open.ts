/** The configured store. Each library is loaded only when its store is chosen. */
import type { Clock } from '../../protocols/clock.ts';
import type { HubConfig } from '../config.ts';
import type { StoreLog } from './log.ts';
import type { TelemetryStore } from './store.ts';

export interface StoreOptions {
  readonly config: HubConfig['store'];
  /** Folder for the embedded store. */
  readonly dir: string;
  /** Password or token of the external one. */
  readonly secret: string | undefined;
  readonly clock: Clock;
  readonly log: StoreLog;
}

/** @throws {ConfigError} when it can never work as configured. One that is merely away is tried again at every write. */
export async function openStore({ config, dir, secret, clock, log }: StoreOptions): Promise<TelemetryStore> {
  if (config.kind === 'duckdb') {
    const { openDuckdbStore } = await import('./duckdb/duckdb-store.ts');
    return openDuckdbStore({ dir, ...config.duckdb, clock, log });
  }
  const { connectInfluxStore } = await import('./influx/influx-store.ts');
  const { url, api, database, username, org } = config.influx;
  if (api === 'v1') return connectInfluxStore({ api, url, database, username, password: secret, log });
  return connectInfluxStore({ api, url, org, bucket: database, token: secret ?? '', log });
}
