/**
 * A real hub over a folder in which a gateway's samples of the past are already stored and settled, with its API and its
 * commands. Its time runs sixty times as fast, so that roll-ups come soon.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Test } from 'tap';
import { type Child, startChild } from '../../deploy/demo/child.ts';
import { hubSchema } from '../../hub/config.ts';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { openStore } from '../../hub/store/open.ts';
import { systemClock } from '../../protocols/clock.ts';
import { encodeContent, toColumns } from '../../protocols/frame.ts';
import type { ManifestTag } from '../../protocols/manifest.ts';
import type { Sample, SampleValue } from '../../protocols/sample.ts';
import { freePort } from './ports.ts';
import { site, vectorPlantFile } from './vector-plant.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever the hub answers.
type Json = any;

const root = join(import.meta.dirname, '../..');
const secret = `pay_${'i'.repeat(43)}`;
const epoch = 'ab'.repeat(16);
const minute = 60_000_000;
export const kwh = 'energy/main/kwh';

const ofMeter = { source: 'meter', intervalMs: 60_000 } as const;
const tags: ManifestTag[] = [
  { ...ofMeter, id: 1, path: kwh, type: 'float', unit: 'kWh', role: 'kwh_import' },
  { ...ofMeter, id: 2, path: 'health/meter/session', type: 'bool', unit: '', role: 'health_session' },
  { ...ofMeter, id: 3, path: 'health/meter/through', type: 'int', unit: '', role: 'health_through' },
  { ...ofMeter, id: 4, path: 'energy/main/voltage', type: 'float', unit: 'V', role: 'process', intervalMs: 1000 },
];

export interface Measured {
  readonly from: number;
  readonly to: number;
  /** Between samples; a minute where nothing is said. */
  readonly everyUs?: number;
  /** What the register showed. */
  read(time: number): number;
}

export interface PastHub {
  readonly dir: string;
  readonly url: string;
  /** What the gateway had kept; while the hub is down. */
  measureLate(late: Measured): Promise<void>;
  start(): Promise<Child>;
  get(path: string): Promise<Json>;
  /** Of the command `payesh-hub`, with its exit code. */
  run(...args: string[]): Promise<{ out: string; err: string; code: number }>;
}

export interface PastHubOptions {
  readonly store?: 'duckdb' | 'influx';
  readonly influxUrl?: string;
  readonly measured: Measured;
  /** Other values at the top of the plant file. */
  readonly plant?: Record<string, unknown>;
}

export async function preparePastHub(
  t: Test,
  dir: string,
  { store: kind = 'duckdb', influxUrl = 'http://127.0.0.1:1', measured, plant = {} }: PastHubOptions,
): Promise<PastHub> {
  const dataDir = join(dir, 'hub');
  mkdirSync(dataDir);
  const ports = { http: await freePort(), mqtt: await freePort() };
  const config = {
    dataDir,
    http: { port: ports.http, requestsPerMinute: 100_000 },
    broker: { port: ports.mqtt },
    store: { kind, influx: { url: influxUrl } },
    plants: ['plant.yaml'],
  };
  const meters = [{ path: 'energy/main', name: { en: 'm', fa: 'm' }, carrier: 'electricity' }];
  writeFileSync(join(dir, 'hub.yaml'), JSON.stringify(config));
  writeFileSync(join(dir, 'plant.yaml'), JSON.stringify(vectorPlantFile({ meters, ...plant })));
  const store = hubSchema.parse(config).store;
  let next = await measure(dataDir, store, measured, 1);

  const running = new Set<Child>();
  t.teardown(async () => {
    for (const child of running) await child.stop(3000);
  });
  const url = `http://127.0.0.1:${ports.http}`;
  const begun = Date.now();
  const env = { ...process.env, PAYESH_TOKEN: secret, PAYESH_URL: url, PAYESH_CLOCK: `${begun}:${begun}:60` };
  let starts = 0;
  return {
    dir,
    url,
    async get(path) {
      const headers = { authorization: `Bearer ${secret}` };
      return (await fetch(`${url}/api/v1${path}`, { headers, signal: AbortSignal.timeout(30_000) })).json();
    },
    async measureLate(late) {
      next = await measure(dataDir, store, late, next);
    },
    async start() {
      const child = startChild({
        ...{ name: 'hub', command: './hub/payesh-hub.mjs', args: ['-c', join(dir, 'hub.yaml'), 'run'], env, cwd: root },
        logFile: join(dir, `hub-${++starts}.log`),
      });
      running.add(child);
      child.process.on('exit', () => running.delete(child));
      const isReady = () =>
        fetch(`${url}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        );
      await child.until(isReady, 90_000);
      return child;
    },
    run: (...args) =>
      new Promise((resolve) => {
        const cli = ['hub/main.ts', '-c', join(dir, 'hub.yaml'), ...args];
        execFile(process.execPath, cli, { env, cwd: root }, (error, out, err) =>
          resolve({ out, err, code: error ? Number(error.code) : 0 }),
        );
      }),
  };
}

/** What a gateway measured of the meter in a session of its own, stored and settled while no hub runs. @returns its next number */
async function measure(
  dataDir: string,
  config: Json,
  { from, to, everyUs = minute, read }: Measured,
  first: number,
): Promise<number> {
  const signal = AbortSignal.timeout(30_000);
  using ledger = openSqliteLedger(join(dataDir, 'ledger.db'));
  const quiet = { info() {}, warn() {}, error() {} };
  const place = { config, dir: join(dataDir, 'samples'), ledgerId: ledger.id, secret: undefined };
  await using store = await openStore({ ...place, clock: systemClock, log: quiet });
  const now = to;
  const hello = { epoch, bootId: 'b', minRetained: 1, next: 1, acked: 0, manifestRevision: 1, version: '0' };
  const { number: stream } = ledger.greet('gateway', hello, now);
  ledger.keepManifest(stream, { epoch, revision: 1, site, tags }, now);
  const samples: Sample[] = [];
  const say = (tag: number, time: number, value: SampleValue) =>
    samples.push({ tag, time, value, quality: 0, flags: 0 });
  say(2, from, true);
  for (let time = from; time <= to; time += everyUs) {
    say(1, time, read(time));
    say(3, time, time);
  }
  say(2, to, false);
  const columns = toColumns(samples);
  const numbers = samples.map((_, index) => first + index);
  await store.writer.write([{ stream, numbers, samples: columns }], signal);
  const contentHash = createHash('sha256').update(encodeContent(columns)).digest('hex');
  const times = { minTime: from, maxTime: to, acceptedAt: now };
  const last = first + samples.length - 1;
  ledger.settle([{ batch: { stream, first, last, contentHash, ...times }, deadLetters: [] }], now);
  return last + 1;
}

export async function eventually<T>(look: () => Promise<T>, holds: (found: T) => boolean, what: string): Promise<T> {
  for (let tries = 0; ; tries++) {
    const found = await look();
    if (holds(found)) return found;
    if (tries > 900) throw new Error(`${what}: ${JSON.stringify(found)}`);
    await delay(100);
  }
}
