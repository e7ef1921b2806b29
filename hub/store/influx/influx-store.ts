/**
 * The InfluxDB store. A sample is one point whose series and ns never change, so writing it again changes nothing (R12,
 * R13) and the store needs no memory of what it holds. InfluxDB being away is never a failure to start: `health()` says
 * what the last request came to.
 */
import { setLogger } from '@influxdata/influxdb-client';
import { z } from 'zod';
import { ConnectionError } from '../../../protocols/errors.ts';
import type { StoreHealth, TelemetryStore, TelemetryWriter } from '../store.ts';
import {
  authorization,
  databaseOf,
  endpoint,
  type InfluxOptions,
  isOperators,
  refusal,
  unreachable,
} from './connection.ts';
import { highestNumbers } from './highest.ts';
import { createQueryClient, identifier } from './query.ts';
import { createInfluxReader } from './read.ts';
import { createRetention } from './retain.ts';
import { createLineWriter } from './write.ts';

/** What /debug/vars tells of a shard. */
const shardSchema = z.object({
  name: z.literal('shard'),
  tags: z.object({ database: z.string(), id: z.string() }),
  values: z.object({ diskBytes: z.number() }),
});

export async function connectInfluxStore(options: InfluxOptions): Promise<TelemetryStore> {
  const { log, timeoutMs = 10_000 } = options;
  const queries = createQueryClient(options, timeoutMs * 3);
  const lines = createLineWriter(options, timeoutMs);
  const policy = options.api === 'v1' ? options.retentionPolicy : undefined;
  const measurement = `${policy === undefined ? '' : `${identifier(policy)}.`}"sample"`;
  const reader = createInfluxReader(queries, measurement);
  const retention = options.api === 'v1' ? createRetention(queries, options, shardBytes) : undefined;
  const calm = new AbortController().signal;
  let health: StoreHealth = { ok: true };
  // Its default prints every failed request to the console; failures come as errors anyway.
  setLogger({ error: () => {}, warn: () => {} });

  function tell(now: StoreHealth): void {
    if (health.ok && !now.ok) {
      const alarm = isOperators(now.reason) ? 'STORE_REFUSES' : 'STORE_FAILED';
      log.error({ reason: now.reason, alarm }, 'the store failed; nothing is acknowledged until it works again');
    }
    if (!health.ok && now.ok) log.info({}, 'the store works again');
    health = now;
  }

  /** Watches over what the result says of the store's health. */
  async function watched<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      tell({ ok: true });
      return result;
    } catch (error) {
      if (error instanceof ConnectionError) tell({ ok: false, reason: error.message });
      throw error;
    }
  }

  /** Asks before it creates, because a user who may write need not be one who may create. */
  async function ensureDatabase(signal: AbortSignal): Promise<void> {
    if (options.api !== 'v1') return;
    const database = identifier(options.database);
    const names: unknown[] = [];
    try {
      for await (const { values } of queries.query([`SHOW RETENTION POLICIES ON ${database}`], signal)) {
        names.push(...values.map(([name]) => name));
      }
    } catch (error) {
      if (!isMissingDatabase(error)) throw error;
      await drain(queries.query([`CREATE DATABASE ${database}`], signal));
    }
    if (policy === undefined || names.includes(policy)) return;
    const statement = `CREATE RETENTION POLICY ${identifier(policy)} ON ${database} DURATION INF REPLICATION 1`;
    await drain(queries.query([statement], signal));
  }

  async function shardBytes(signal: AbortSignal): Promise<Map<number, number>> {
    const bytes = new Map<number, number>();
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const response = await fetch(endpoint(options, 'debug/vars'), {
        headers: authorization(options),
        signal: limit,
      });
      if (!response.ok) throw refusal(response.status, await response.text());
      for (const entry of Object.values((await response.json()) as object)) {
        const { data } = shardSchema.safeParse(entry);
        if (data?.tags.database === databaseOf(options)) bytes.set(Number(data.tags.id), data.values.diskBytes);
      }
      return bytes;
    } catch (cause) {
      throw unreachable(cause, signal);
    }
  }

  await watched(() => ensureDatabase(calm)).catch(() => {
    // Told by `health()`; every write tries again.
  });

  const write: TelemetryWriter['write'] = (batches, signal) =>
    watched(async () => {
      signal.throwIfAborted();
      try {
        return await lines.write(batches, signal);
      } catch (error) {
        if (!isMissingDatabase(error)) throw error;
        await ensureDatabase(signal);
        return lines.write(batches, signal);
      }
    });

  return {
    kind: 'influx',
    // The same sample at the same place is overwritten, whenever it comes.
    writer: {
      write,
      fill: (batch, signal) => write([batch], signal),
    },
    reader,
    health: () => health,
    account: async (signal) => ({
      highest: await highestNumbers(queries, measurement, signal),
      lost: [],
      gone: new Map(),
    }),
    async retain(limits, now, tell, signal) {
      if (retention) return retention.retain(limits, now, tell, signal);
      // The bucket's own retention is its operator's, and set to the same age.
      const before = now - limits.maxAgeMs * 1000;
      tell({ before, through: null, samples: null, bytes: null, why: 'age' });
    },
    bytes: async () => (retention ? retention.bytes(calm) : null),
    [Symbol.asyncDispose]: async () => lines[Symbol.dispose](),
  };
}

const isMissingDatabase = (error: unknown): boolean => /database not found/.test(String(error));

async function drain(rows: AsyncGenerator<unknown>): Promise<void> {
  for await (const _ of rows);
}
