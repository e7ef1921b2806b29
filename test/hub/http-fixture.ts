/**
 * A hub's HTTP side over two small plants: real ledger, real access file, real server on a free port. Only the samples and
 * KPIs behind it are made up, so that a test knows every number it expects.
 */
import { join } from 'node:path';
import { Registry } from 'prom-client';
import type { Test } from 'tap';
import { openAccess } from '../../hub/access/access.ts';
import type { Role, SiteScope } from '../../hub/access/scope.ts';
import { readPlant } from '../../hub/commands/read-plant.ts';
import { createEntries } from '../../hub/entries/entries.ts';
import { openExports } from '../../hub/exports/exports.ts';
import { createHttp, type HttpOptions } from '../../hub/http.ts';
import { openImports } from '../../hub/imports/imports.ts';
import { createDeliveryActions } from '../../hub/ingest/actions.ts';
import type { KpiDefinition, KpiValue } from '../../hub/kpi/kpi.ts';
import type { KnownTag } from '../../hub/ledger/ledger.ts';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { streamNumberOf } from '../../hub/ledger/stream-number.ts';
import { createLatestValues } from '../../hub/live/latest.ts';
import type { Asset } from '../../hub/plant/assets.ts';
import { openPlantBook } from '../../hub/plant/book.ts';
import type { Plant } from '../../hub/plant/plant.ts';
import { openReports } from '../../hub/reports/reports.ts';
import { openBuckets } from '../../hub/rollup/buckets/buckets.ts';
import { openRollUpDatabase } from '../../hub/rollup/database.ts';
import { openDirtBook } from '../../hub/rollup/dirt/dirt.ts';
import { createRecomputing } from '../../hub/rollup/recomputing.ts';
import { createValueChanges } from '../../hub/rollup/values/value-changes.ts';
import type { KpiSource } from '../../hub/routes/asked/kpi-source.ts';
import { writeParquet } from '../../hub/store/duckdb/parquet.ts';
import type { SeriesPoints, TelemetryReader, TelemetryWriter } from '../../hub/store/store.ts';
import type { Clock } from '../../protocols/clock.ts';
import { toColumns } from '../../protocols/frame.ts';
import type { ManifestTag } from '../../protocols/manifest.ts';
import type { Sample, TimeUs } from '../../protocols/sample.ts';

export const sites = { machining: 'sahand/machining-plant', packaging: 'aras/packaging-plant' };
const epochs = { machining: 'a'.repeat(32), packaging: 'b'.repeat(32) };
export const machiningStream = streamNumberOf('machining', epochs.machining);

/** 2025-07-07 11:30 in Tehran. */
export const noon: TimeUs = Date.UTC(2025, 6, 7, 8, 0) * 1000;

const asset = (
  path: string,
  level: Asset['level'],
  fa: string,
  en: string,
  parent: string | null,
  site: string,
): Asset => ({
  path,
  level,
  name: { fa, en },
  parent,
  site,
});

const m = sites.machining;
const p = sites.packaging;
const assets: readonly Asset[] = [
  asset(m, 'site', 'کارخانه ماشین‌کاری سهند', 'Sahand machining plant', null, m),
  asset(`${m}/machining`, 'area', 'سالن ماشین‌کاری', 'Machining hall', m, m),
  asset(`${m}/machining/line-1`, 'line', 'خط ۱', 'Line 1', `${m}/machining`, m),
  asset(`${m}/machining/line-1/cnc-1`, 'unit', 'سی‌ان‌سی ۱', 'CNC 1', `${m}/machining/line-1`, m),
  asset(`${m}/machining/line-1/cnc-2`, 'unit', 'سی‌ان‌سی ۲', 'CNC 2', `${m}/machining/line-1`, m),
  asset(`${m}/energy/main`, 'meter', 'کنتور اصلی برق', 'Main meter', m, m),
  asset(p, 'site', 'کارخانه بسته‌بندی ارس', 'Aras packaging plant', null, p),
  asset(`${p}/packaging/line-1`, 'line', 'خط بسته‌بندی ۱', 'Packaging line 1', p, p),
  asset(`${p}/packaging/line-1/filler`, 'unit', 'پرکن', 'Filler', `${p}/packaging/line-1`, p),
];

const tag = (
  id: number,
  path: string,
  type: ManifestTag['type'],
  unit: string,
  role: ManifestTag['role'],
  source: string,
) => ({ id, path, type, unit, role, source, intervalMs: 1000 }) satisfies ManifestTag;

const tags = {
  machining: [
    tag(1, 'machining/line-1/cnc-1/state', 'int', '', 'state', 'cnc'),
    tag(2, 'machining/line-1/cnc-1/temperature', 'float', '°C', 'process', 'cnc'),
    tag(3, 'machining/line-1/cnc-1/count-total', 'int', '', 'count_total', 'cnc'),
    tag(4, 'machining/line-1/cnc-1/alarm', 'string', '', 'alarm', 'cnc'),
    tag(5, 'energy/main/kwh', 'float', 'kWh', 'kwh_import', 'cnc'),
    tag(6, 'health/cnc/session', 'bool', '', 'health_session', 'cnc'),
    tag(7, 'machining/line-1/cnc-2/spindle-load', 'float', '%', 'process', 'cnc'),
  ],
  packaging: [
    tag(1, 'packaging/line-1/filler/speed', 'float', '1/min', 'process', 'plc'),
    tag(2, 'health/plc/session', 'bool', '', 'health_session', 'plc'),
    { ...tag(3, 'utilities/boiler/gas', 'int', 'm³', 'gas_pulse', 'plc'), counter: { modulus: 65_536, scale: 0.1 } },
  ],
};

const definition = (
  id: string,
  fa: string,
  en: string,
  unit: string,
  scope: KpiDefinition['scope'],
): KpiDefinition => ({
  id,
  version: 1,
  name: { fa, en },
  unit,
  scope,
  formula: 'a/b',
  trend: 'higher',
  source: 'ISO 22400-2',
  granularities: ['day'],
  rules: [],
  groups: ['production'],
  needs: [],
  uses: [],
  parameters: [],
  compute: () => ({ value: null, status: 'no_data', coverage: 0, flags: [], elements: {} }),
});

const definitions = [
  definition('prod.oee', 'اثربخشی کلی تجهیزات (OEE)', 'OEE index', '1', ['unit', 'line']),
  definition('prod.availability', 'دسترس‌پذیری', 'Availability', '1', ['unit', 'line']),
  definition('prod.effectiveness', 'نرخ عملکرد (اثربخشی)', 'Effectiveness', '1', ['unit', 'line']),
  definition('prod.quality', 'نسبت کیفیت', 'Quality ratio', '1', ['unit', 'line']),
  definition('prod.scrap', 'نسبت ضایعات', 'Scrap ratio', '1', ['unit', 'line']),
  definition('prod.volume', 'میزان تولید', 'Production volume', 'pcs', ['unit', 'line']),
  definition('en.kwh', 'مصرف برق', 'Electricity consumption', 'kWh', ['meter']),
  definition('en.peak_block', 'حداکثر دیماند (بازه ثابت)', 'Max demand, block', 'kW', ['meter']),
  definition('dq.complete', 'درصد تکمیل داده', 'Data completeness', '1', ['unit', 'line', 'meter']),
];

const figures: Record<string, number> = {
  'prod.oee': 0.738889,
  'prod.availability': 0.822222,
  'prod.effectiveness': 0.945946,
  'prod.quality': 0.95,
  'prod.scrap': 0.03,
  'prod.volume': 665,
  'en.kwh': 1540.25,
  'en.peak_block': 1160,
  'dq.complete': 0.989583,
};

/** Every KPI has one known figure for every asset of its scope; CNC 2 has none, for want of data. */
function createKpis(): KpiSource {
  const buckets = openBuckets(openRollUpDatabase(':memory:'));
  return {
    definitions: () => definitions,
    assets: () => assets,
    plants: () => [],
    buckets,
    windowed: () => definitions,
    tagsRead: () => [{ intervalMs: 1000 }],
    rolled: () => [],
    changes: createValueChanges({ plants: () => [], ledger: { tags: () => [] }, buckets, values: () => [] }),
    partsOf: () => [],
    tagsOf: () => [],
    snap: (_granularity, range) => range,
    async evaluate({ kpis, assets: asked, from, to }, signal) {
      signal.throwIfAborted();
      const chosen = assets.filter(({ path }) => !asked || asked.includes(path));
      return chosen.flatMap(({ path, level }) =>
        definitions
          .filter(({ id, scope }) => scope.some((kind) => kind === level) && (!kpis || kpis.includes(id)))
          .map(({ id, unit }): KpiValue => {
            const known = !path.endsWith('cnc-2');
            return {
              kpi: id,
              definitionVersion: 1,
              asset: path,
              start: from,
              end: to,
              unit,
              value: known ? figures[id]! : null,
              status: known ? (path.endsWith('filler') ? 'partial' : 'ok') : 'no_data',
              coverage: known ? 0.99 : 0.4,
              flags: known ? [] : ['GAP'],
              elements: { PBT_s: 27_000 },
              provisional: true,
              revision: 1,
              inputHash: 'c'.repeat(64),
              computedAt: to,
            };
          }),
      );
    },
  };
}

export interface MemoryStore {
  readonly reader: TelemetryReader;
  readonly writer: TelemetryWriter;
  put(stream: number, first: number, samples: readonly Sample[]): void;
  /** What the next read throws. */
  fail?: Error | undefined;
  reads: number;
}

function createMemoryStore(): MemoryStore {
  const points: { stream: number; number: number; sample: Sample }[] = [];
  const store: MemoryStore = {
    reads: 0,
    put: (stream, first, samples) => {
      for (const [i, sample] of samples.entries()) points.push({ stream, number: first + i, sample });
    },
    writer: {
      async write() {
        throw new Error('ingest has no part in this');
      },
      async fill({ stream, numbers, samples }) {
        for (const [i, number] of numbers.entries()) {
          const value = samples.values[i]!;
          const each = { tag: samples.tags[i]!, time: samples.times[i]!, value, quality: 0, flags: 0 };
          points.push({ stream, number, sample: each });
        }
        return [];
      },
    },
    reader: {
      async series({ keys, from, to, limit }) {
        store.reads++;
        if (store.fail) throw store.fail;
        return keys.map((key): SeriesPoints => {
          const found = points
            .filter(({ stream, sample }) => stream === key.stream && sample.tag === key.tag)
            .filter(({ sample }) => sample.time >= from && sample.time < to)
            .sort((a, b) => a.sample.time - b.sample.time || a.number - b.number)
            .slice(limit === undefined ? 0 : -limit);
          const { tags: _, ...columns } = toColumns(found.map(({ sample }) => sample));
          return { ...columns, numbers: found.map(({ number }) => number) };
        });
      },
      firstAmong: async () => undefined,
      countNumbers: async () => ({ points: 0, distinct: 0, min: null, max: null }),
      samplesByNumber: async () => ({ numbers: [], samples: toColumns([]) }),
    },
  };
  return store;
}

export const sample = (tagId: number, time: TimeUs, value: Sample['value'], quality = 0, flags = 0): Sample => ({
  tag: tagId,
  time,
  value,
  quality,
  flags,
});

export interface HubOverrides extends Omit<Partial<HttpOptions>, 'plants'> {
  readonly plants?: readonly Plant[];
  /** Those that the routes know, where they are of another site than the fixture's. */
  readonly knownTags?: () => readonly KnownTag[];
}

export async function startHub(t: Test, { plants = [], knownTags, ...overrides }: HubOverrides = {}, port = 0) {
  const folder = t.testdir();
  const access = openAccess(join(folder, 'access.db'));
  const ledger = openSqliteLedger(join(folder, 'ledger.db'));
  const store = createMemoryStore();
  const time = { now: noon };
  const clock: Clock = { speed: 1, now: () => time.now, sleep: async () => {}, wallMs: (ms) => ms };
  const latest = createLatestValues(() => ledger.tags(), clock);

  /** Samples that arrived, were stored and settled, as ingest does it. */
  const arrive = (
    stream: number,
    samples: readonly Sample[],
    deadLetters: readonly { number: number; reason: string }[] = [],
  ) => {
    const first = ledger.streams().find(({ number }) => number === stream)!.through + 1;
    const times = samples.map((each) => each.time);
    store.put(stream, first, samples);
    const batch = {
      stream,
      first,
      last: first + samples.length - 1,
      contentHash: 'd'.repeat(64),
      minTime: Math.min(...times),
      maxTime: Math.max(...times),
      acceptedAt: time.now,
    };
    const letters = deadLetters.map(({ number, reason }) => {
      const { tag: tagId, time: at, value, quality, flags } = samples[number - first]!;
      return { stream, number, reason, tag: tagId, time: at, value: `${typeof value}:${value}`, quality, flags };
    });
    ledger.settle([{ batch, deadLetters: letters }], time.now);
    latest.update(stream, toColumns(samples));
  };

  const greet = (agent: 'machining' | 'packaging', epoch: string, next = 1) => {
    const hello = { epoch, bootId: 'boot', minRetained: 1, next, acked: 0, manifestRevision: 1, version: '0.1.0' };
    const { number } = ledger.greet(agent, hello, time.now);
    const manifest = { epoch, revision: 1, site: sites[agent], tags: tags[agent] };
    ledger.keepManifest(number, manifest, time.now);
    return number;
  };
  let revision = 1;
  /** A tag more, as the agent would announce it after a fix. */
  const declare = (agent: 'machining' | 'packaging', id: number, path: string, type: ManifestTag['type'] = 'float') => {
    const declared = [...tags[agent], tag(id, path, type, '', 'process', 'late')];
    const manifest = { epoch: epochs[agent], revision: ++revision, site: sites[agent], tags: declared };
    ledger.keepManifest(streams[agent], manifest, time.now);
  };
  const streams = { machining: greet('machining', epochs.machining), packaging: greet('packaging', epochs.packaging) };

  const { kpis = createKpis() } = overrides;
  const source = {
    plants: () => plants,
    definitions: kpis.definitions,
    rolled: kpis.rolled,
    reader: store.reader,
    tags: () => ledger.tags(),
    clock,
    writeParquet,
  };
  const reports = openReports({
    dir: join(folder, 'reports'),
    log: access.reports,
    source,
    policy: { issue: 'by-hand', day: 5, hour: 12 },
    begun: () => undefined,
    clock,
    logger: { info() {}, warn() {} },
  });
  const exports = openExports({
    source: { ...source, official: reports.official, issuedWorkbook: reports.workbook },
    dir: join(folder, 'exports'),
    audit: access.audit,
    clock,
    log: { error: (fields) => t.comment(String((fields as { err: Error }).err.stack)) },
  });
  const end = new AbortController();
  const exporting = exports.jobs.run(end.signal);

  const plantBook = openPlantBook({ versions: access.plants, read: readPlant, files: [], onChange() {} });
  const database = openRollUpDatabase(':memory:');
  const entries = createEntries({ log: access.entries, plants: plantBook.plants, hasCounters: () => false, clock });
  const greetedAgain: string[] = [];
  const app = await createHttp({
    access,
    ledger: knownTags ? { ...ledger, tags: knownTags } : ledger,
    actions: createDeliveryActions({
      ledger,
      store: { reader: store.reader, writer: store.writer },
      audit: access.audit,
      greetAgain: (agent) => void greetedAgain.push(agent),
      now: () => time.now,
    }),
    reader: store.reader,
    kpis,
    exports,
    reports,
    plants: plantBook,
    recomputing: createRecomputing({
      dirt: openDirtBook(database),
      buckets: openBuckets(database),
      audit: access.audit,
    }),
    entries,
    imports: openImports({
      dir: join(folder, 'imports'),
      log: access.imports,
      ledger,
      tags: ledger.tags,
      store: { ...store, kind: 'duckdb' },
      entries,
      zoneOf: () => 'Asia/Tehran',
      deleted: () => undefined,
      maxAgeMs: Number.MAX_SAFE_INTEGER,
      clock,
      logger: { info() {}, error: (fields) => t.comment(String((fields as { err: Error }).err.stack)) },
    }),
    latest,
    clock,
    verify: async () => ({
      ok: true,
      sentence: 'Every one of the 3 samples is stored.',
      streams: [],
      doubles: { count: 0, listed: [] },
    }),
    ready: () => ({ ok: true, reasons: [] }),
    warnings: () => [],
    metrics: new Registry(),
    requestsPerMinute: 100_000,
    ...overrides,
  });
  t.teardown(async () => {
    await app.close();
    end.abort();
    await exporting;
    ledger[Symbol.dispose]();
    access[Symbol.dispose]();
  });
  await app.listen({ port, host: '127.0.0.1' });
  const { port: bound } = app.server.address() as { port: number };
  const origin = `http://127.0.0.1:${bound}`;

  let tokens = 0;
  const token = (role: Role, scope: SiteScope = '*'): string =>
    access.tokens.create({ name: `${role} ${++tokens}`, role, sites: scope === '*' ? '*' : [...scope] }, 'test').secret;
  const get = (path: string, secret?: string, init: RequestInit = {}): Promise<Response> => {
    const authorization: Record<string, string> = secret ? { authorization: `Bearer ${secret}` } : {};
    return fetch(origin + path, { ...init, headers: { ...authorization, ...(init.headers as object) } });
  };
  return {
    app,
    greetedAgain,
    origin,
    access,
    ledger,
    store,
    latest,
    time,
    streams,
    arrive,
    greet,
    declare,
    token,
    get,
  };
}
