/**
 * Retention of InfluxDB 1.x: age is the retention policy's duration, at least an hour, and expiry the server's own
 * work; the quota drops the oldest shards whole, never one that may still be written to.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Deletion } from '../store.ts';
import type { InfluxV1Options } from './connection.ts';
import { identifier, type QueryClient, type Rows } from './query.ts';

interface Retention {
  retain(
    policy: { maxAgeMs: number; maxBytes: number },
    now: TimeUs,
    signal: AbortSignal,
  ): Promise<readonly Deletion[]>;
  bytes(signal: AbortSignal): Promise<number>;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** `shardBytes` gives the bytes on disk of every shard of the database by its id. */
export function createRetention(
  { query }: QueryClient,
  { database, retentionPolicy }: InfluxV1Options,
  shardBytes: (signal: AbortSignal) => Promise<ReadonlyMap<number, number>>,
): Retention {
  async function rows(statement: string, signal: AbortSignal): Promise<Record<string, unknown>[]> {
    const found: Record<string, unknown>[] = [];
    for await (const part of query([statement], signal)) found.push(...named(part));
    return found;
  }

  /** The duration is written only when it changes; only a shorter one deletes anything. */
  async function keepFor(maxAgeMs: number, now: TimeUs, signal: AbortSignal): Promise<Deletion[]> {
    const policies = await rows(`SHOW RETENTION POLICIES ON ${identifier(database)}`, signal);
    const policy = policies.find(({ name, default: isDefault }) =>
      retentionPolicy ? name === retentionPolicy : isDefault,
    );
    const hours = Math.max(1, Math.ceil(maxAgeMs / hourMs));
    const heldMs = policy && durationMs(String(policy.duration));
    if (!policy || heldMs === hours * hourMs) return [];
    const shard = hours * hourMs < 2 * dayMs ? '1h' : hours * hourMs <= 180 * dayMs ? '1d' : '7d';
    const statement = `ALTER RETENTION POLICY ${identifier(String(policy.name))} ON ${identifier(database)} DURATION ${hours}h SHARD DURATION ${shard}`;
    await rows(statement, signal);
    if (heldMs! < hours * hourMs) return [];
    return [{ before: now - hours * hourMs * 1000, samples: null, bytes: null, why: 'age' }];
  }

  async function keepWithin(maxBytes: number, now: TimeUs, signal: AbortSignal): Promise<Deletion[]> {
    const deletions: Deletion[] = [];
    const bytesOf = await shardBytes(signal);
    let total = sum(bytesOf);
    if (total <= maxBytes) return [];
    const shards = await rows('SHOW SHARDS', signal);
    const ended = shards
      .filter((shard) => shard.database === database)
      .map(({ id, end_time }) => ({ id: Number(id), endUs: Date.parse(String(end_time)) * 1000 }))
      .filter(({ endUs }) => endUs <= now)
      .sort((a, b) => a.endUs - b.endUs);
    for (const { id, endUs } of ended) {
      if (total <= maxBytes) break;
      await rows(`DROP SHARD ${id}`, signal);
      const bytes = bytesOf.get(id) ?? 0;
      total -= bytes;
      deletions.push({ before: endUs, samples: null, bytes, why: 'quota' });
    }
    return deletions;
  }

  return {
    retain: async ({ maxAgeMs, maxBytes }, now, signal) => [
      ...(await keepFor(maxAgeMs, now, signal)),
      ...(await keepWithin(maxBytes, now, signal)),
    ],
    bytes: async (signal) => sum(await shardBytes(signal)),
  };
}

const sum = (bytes: ReadonlyMap<number, number>): number => [...bytes.values()].reduce((a, b) => a + b, 0);

const named = ({ columns, values }: Rows): Record<string, unknown>[] =>
  values.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));

/** `168h0m0s`; `0s` is for ever. */
function durationMs(text: string): number {
  const [, hours = '0', minutes = '0', seconds = '0'] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  const ms = Number(hours) * hourMs + Number(minutes) * 60_000 + Number(seconds) * 1000;
  return ms === 0 ? Number.POSITIVE_INFINITY : ms;
}
