/**
 * Retention of InfluxDB 1.x: age is the retention policy's duration, at least an hour, and expiry the server's own
 * work, by its own clock; the quota drops the oldest shards whole, never one that may still be written to.
 *
 * What the server has deleted by age is what is too old by the hub's clock, unless shards are there that should have gone
 * long ago: then one of the two clocks is wrong, and only what is before the oldest shard is taken for deleted.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Deletion, TelemetryStore } from '../store.ts';
import type { InfluxV1Options } from './connection.ts';
import { identifier, type QueryClient, type Rows } from './query.ts';

interface Retention {
  readonly retain: TelemetryStore['retain'];
  bytes(signal: AbortSignal): Promise<number>;
}

interface Shard {
  readonly id: number;
  readonly start: TimeUs;
  readonly end: TimeUs;
  readonly policy: string;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** The server looks for what is too old every half hour. */
const overdueUs = 2 * hourMs * 1000;

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

  /** The duration is written only when it changes. Returns the policy's name, and how long it keeps samples. */
  async function keepFor(maxAgeMs: number, signal: AbortSignal): Promise<[name: string, keptMs: number]> {
    const policies = await rows(`SHOW RETENTION POLICIES ON ${identifier(database)}`, signal);
    const policy = policies.find(({ name, default: isDefault }) =>
      retentionPolicy ? name === retentionPolicy : isDefault,
    );
    const hours = Math.max(1, Math.ceil(maxAgeMs / hourMs));
    const name = String(policy?.name);
    if (!policy || durationMs(String(policy.duration)) === hours * hourMs) return [name, hours * hourMs];
    const shard = hours * hourMs < 2 * dayMs ? '1h' : hours * hourMs <= 180 * dayMs ? '1d' : '7d';
    const statement = `ALTER RETENTION POLICY ${identifier(name)} ON ${identifier(database)} DURATION ${hours}h SHARD DURATION ${shard}`;
    await rows(statement, signal);
    return [name, hours * hourMs];
  }

  async function shards(signal: AbortSignal): Promise<Shard[]> {
    const found = await rows('SHOW SHARDS', signal);
    return found
      .filter((shard) => shard.database === database)
      .map(({ id, start_time, end_time, retention_policy }) => ({
        id: Number(id),
        start: Date.parse(String(start_time)) * 1000,
        end: Date.parse(String(end_time)) * 1000,
        policy: String(retention_policy),
      }))
      .sort((a, b) => a.start - b.start);
  }

  return {
    async retain({ maxAgeMs, maxBytes }, now, tell, signal) {
      const whole = { through: null, samples: null, bytes: null };
      if (Number.isFinite(maxAgeMs)) {
        const [policy, keptMs] = await keepFor(maxAgeMs, signal);
        const oldest = (await shards(signal)).find((shard) => shard.policy === policy);
        const tooOld = now - keptMs * 1000;
        const isOverdue = oldest !== undefined && oldest.end < tooOld - overdueUs;
        const before = isOverdue ? Math.min(oldest.start, tooOld) : tooOld;
        tell({ ...whole, before, why: 'age' });
      }
      const bytesOf = await shardBytes(signal);
      let total = sum(bytesOf);
      if (total <= maxBytes) return;
      for (const { id, end } of (await shards(signal)).filter((shard) => shard.end <= now)) {
        if (total <= maxBytes) break;
        const bytes = bytesOf.get(id) ?? 0;
        const deletion: Deletion = { ...whole, before: end, bytes, why: 'quota' };
        tell(deletion);
        await rows(`DROP SHARD ${id}`, signal);
        total -= bytes;
      }
    },
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
