/** The configured store. Each library is loaded only when its store is chosen. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../../protocols/clock.ts';
import { ConfigError } from '../../protocols/errors.ts';
import type { HubConfig } from '../config.ts';
import type { StoreLog } from './log.ts';
import type { TelemetryStore } from './store.ts';
import { syncFolder } from './sync-folder.ts';

export interface StoreOptions {
  readonly config: HubConfig['store'];
  /** Folder for the embedded store. */
  readonly dir: string;
  /** Of the ledger whose stream numbers the store holds. */
  readonly ledgerId: string;
  /** Password or token of the external one. */
  readonly secret: string | undefined;
  readonly clock: Clock;
  readonly log: StoreLog;
}

/** @throws {ConfigError} when it can never work as configured. One that is merely away is tried again at every write. */
export async function openStore({ config, dir, ledgerId, secret, clock, log }: StoreOptions): Promise<TelemetryStore> {
  if (config.kind === 'duckdb') {
    await claimFolder(dir, ledgerId);
    const { openDuckdbStore } = await import('./duckdb/duckdb-store.ts');
    return openDuckdbStore({ dir, ...config.duckdb, clock, log });
  }
  const { connectInfluxStore } = await import('./influx/influx-store.ts');
  const { url, api, database, username, org } = config.influx;
  if (api === 'v1') return connectInfluxStore({ api, url, database, username, password: secret, log });
  return connectInfluxStore({ api, url, org, bucket: database, token: secret ?? '', log });
}

/**
 * A store that another ledger filled would take new samples for old ones, since both count their streams from 1.
 * @throws {ConfigError} the folder belongs to another ledger.
 */
async function claimFolder(dir: string, ledgerId: string): Promise<void> {
  const file = join(dir, 'ledger-id');
  mkdirSync(dir, { recursive: true });
  const hasSamples = readdirSync(dir).some((name) => name !== 'ledger-id');
  if (!hasSamples) {
    writeFileSync(file, ledgerId, { flush: true });
    await syncFolder(dir);
    await syncFolder(dirname(dir));
  }
  const owner = existsSync(file) ? readFileSync(file, 'utf8') : 'unknown';
  if (owner === ledgerId) return;
  throw new ConfigError('the samples in this folder belong to another ledger', {
    path: dir,
    hint: 'Restore ledger.db and samples/ from the same backup, or move samples/ away to begin anew.',
  });
}
