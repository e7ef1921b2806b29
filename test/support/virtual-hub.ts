/**
 * The whole hub, put together as in production, in this process and on any clock: its own broker, ledger, store, roll-up and
 * HTTP.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { openAccess } from '../../hub/access/access.ts';
import { runHub } from '../../hub/app.ts';
import { readPlant } from '../../hub/commands/read-plant.ts';
import { hubSchema } from '../../hub/config.ts';
import type { PlantFile } from '../../hub/plant/book.ts';
import type { Clock } from '../../protocols/clock.ts';
import { freePort } from './ports.ts';

export interface VirtualHubOptions {
  /** For everything that the hub keeps; may be that of an earlier run. */
  readonly dir: string;
  readonly clock: Clock;
  readonly plants: readonly PlantFile[];
  /** Names of the agents that may send. */
  readonly agents: readonly string[];
  /** URL of an InfluxDB; the embedded store where there is none. */
  readonly influx?: string | undefined;
}

export interface VirtualHub extends AsyncDisposable {
  readonly url: string;
  readonly mqttUrl: string;
  readonly passwords: ReadonlyMap<string, string>;
  /** Rejects when the hub ends by itself. */
  readonly ended: Promise<never>;
  /** Of an administrator. @throws {Error} any other answer than 2xx. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  get<T>(path: string): Promise<T>;
}

const token = `pay_${'v'.repeat(43)}`;
const requestTimeoutMs = 60_000;

export async function startVirtualHub(options: VirtualHubOptions): Promise<VirtualHub> {
  const { dir, clock, plants, influx } = options;
  mkdirSync(dir, { recursive: true });
  const passwords = new Map(options.agents.map((agent) => [agent, randomBytes(18).toString('base64url')]));
  {
    using access = openAccess(join(dir, 'access.db'));
    for (const [agent, password] of passwords) access.agents.setPassword(agent, password, 'test');
  }
  const mqttPort = await freePort();
  const config = hubSchema.parse({
    dataDir: dir,
    http: { port: 0, requestsPerMinute: 1_000_000 },
    broker: { port: mqttPort },
    store: influx ? { kind: 'influx', influx: { url: influx } } : { kind: 'duckdb' },
    ingest: { spreadMs: 0 },
  });
  const stop = new AbortController();
  const ready = Promise.withResolvers<string>();
  const log = pino({ level: process.env.PAYESH_LOG ?? 'fatal' }, process.stderr);
  const onReady = ({ url }: { url: string }) => ready.resolve(url);
  const running = runHub(
    { config, plantFiles: plants, readPlant, clock, log, presetToken: token, onReady },
    stop.signal,
  );
  const ended = running.then((): never => {
    throw new Error('the hub has ended');
  });
  ended.catch(() => {});
  const url = await Promise.race([ready.promise, ended]);

  const fetchFrom: VirtualHub['fetch'] = async (path, init = {}) => {
    const headers = { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) };
    const response = await fetch(url + path, { ...init, headers, signal: AbortSignal.timeout(requestTimeoutMs) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  return {
    url,
    mqttUrl: `mqtt://127.0.0.1:${mqttPort}`,
    passwords,
    ended,
    fetch: fetchFrom,
    get: async <T>(path: string) => (await (await fetchFrom(path)).json()) as T,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
