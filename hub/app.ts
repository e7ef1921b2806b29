/** The hub put together, in the order in which data flow: broker → ingest → store and ledger → KPIs → HTTP. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../protocols/clock.ts';
import { openAccess } from './access/access.ts';
import { createBesideIngest } from './beside-ingest.ts';
import { createClockWatch, lastSettledIn } from './clock-watch.ts';
import type { HubConfig } from './config.ts';
import { openExports } from './exports/exports.ts';
import { openFigures } from './figures.ts';
import { createHttp } from './http.ts';
import { openImports } from './imports/imports.ts';
import { createDeliveryActions } from './ingest/actions.ts';
import { createDelivery } from './ingest/delivery.ts';
import { catalogue } from './kpi/catalogue.ts';
import { isImportAgent } from './ledger/imported.ts';
import { openSqliteLedger } from './ledger/sqlite-ledger.ts';
import { uniteLedgers } from './ledger/unite.ts';
import { createLatestValues, followStored, warmLatestValues } from './live/latest.ts';
import { createHubMetrics } from './metrics.ts';
import { openBroker } from './open-broker.ts';
import { listen, makeDataDir, onceTheDiskTakesIt, openOthers } from './opening.ts';
import type { PlantFile, ReadPlant } from './plant/book.ts';
import { runningShift } from './plant/calendar.ts';
import { agreeWithStore } from './proof/agree.ts';
import { verify } from './proof/verify.ts';
import { readinessOf } from './readiness.ts';
import { openReports } from './reports/reports.ts';
import { runRetention } from './retention.ts';
import { openRollUpDatabase } from './rollup/database.ts';
import { createRecomputing } from './rollup/recomputing.ts';
import { watchChanges } from './rollup/values/watch-changes.ts';
import { writeParquet } from './store/duckdb/parquet.ts';
import { openStore } from './store/open.ts';
import { createWarnings } from './warnings.ts';

export interface HubOptions {
  readonly config: HubConfig;
  /** Those that hub.yaml names. */
  readonly plantFiles: readonly PlantFile[];
  readonly readPlant: ReadPlant;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  /** The secret of the first token, instead of a random one. */
  readonly presetToken?: string;
  /** Of the user hub-ingest at an external broker. */
  readonly brokerPassword?: string;
  /** Of the external store. */
  readonly storeSecret?: string;
  /** Told once, when everything listens; `token` only if the first one was just made. */
  onReady(ready: { url: string; token: string | undefined }): void;
}

const warmWindowUs = 3_600_000_000;

/** Runs a hub until `stop` aborts; resolves when everything is closed. @throws {ConfigError} when it cannot start. */
export async function runHub(options: HubOptions, stop: AbortSignal): Promise<void> {
  const { config, clock, log } = options;
  makeDataDir(config.dataDir);
  const inDataDir = (name: string) => join(config.dataDir, name);
  const hubBoot = randomUUID();

  const open = <T>(openIt: () => T) => onceTheDiskTakesIt(openIt, log, stop);

  using access = await open(() => openAccess(inDataDir('access.db')));
  const firstToken = access.tokens.ensureFirst(options.presetToken);
  using ledger = await open(() => openSqliteLedger(inDataDir('ledger.db')));
  const clockWatch = createClockWatch({ clock, lastSettled: lastSettledIn(ledger), log });
  const samplesDir = inDataDir('samples');
  const beside = createBesideIngest({ clock, log });
  const warnings = createWarnings({ clockWatch, beside, ledger, samplesDir });
  await using store = await openStore({
    config: config.store,
    dir: samplesDir,
    ledgerId: ledger.id,
    secret: options.storeSecret,
    clock,
    log,
  });
  using others = openOthers(config.ledgers);
  const everyLedger = uniteLedgers([ledger, ...others.ledgers]);
  using database = await open(() => openRollUpDatabase(inDataDir('rollup.db')));
  const figures = openFigures({
    access,
    ledger,
    everyLedger,
    store,
    database,
    readPlant: options.readPlant,
    plantFiles: options.plantFiles,
    clock,
    log,
  });
  const { dirt, buckets, plantBook, entries, plants, rollUp, rolled, changes, kpis } = figures;
  const source = {
    plants,
    definitions: () => catalogue,
    rolled,
    reader: store.reader,
    tags: everyLedger.tags,
    clock,
    writeParquet,
  };
  const reports = openReports({
    dir: inDataDir('reports'),
    log: access.reports,
    source,
    policy: config.reports,
    begun: dirt.begun,
    clock,
    logger: log,
  });
  const exports = openExports({
    source: { ...source, official: reports.official, issuedWorkbook: reports.workbook },
    dir: inDataDir('exports'),
    audit: access.audit,
    clock,
    log,
  });

  const imports = openImports({
    dir: inDataDir('imports'),
    log: access.imports,
    ledger,
    tags: everyLedger.tags,
    store,
    entries,
    zoneOf: (site) => plantBook.plant(site)?.zone ?? 'Asia/Tehran',
    deleted: dirt.deleted,
    maxAgeMs: config.retention.rawDays * 86_400_000,
    clock,
    logger: log,
  });

  await using broker = await openBroker({
    config,
    agents: access.agents,
    password: options.brokerPassword,
    log,
  });
  const latest = createLatestValues(() => everyLedger.tags(), clock);
  const end = new AbortController();
  const delivery = createDelivery({
    config: config.ingest,
    broker,
    hubBoot,
    ledger,
    store,
    latest,
    settledElsewhere: (agent, epoch) =>
      Math.max(0, ...others.ledgers.map((other) => other.stream(agent, epoch)?.through ?? 0)),
    frameAt: everyLedger.frameAt,
    clock,
    signal: end.signal,
    log,
  });
  let agreed = false;
  const liveTags = () => everyLedger.tags().filter(({ agent }) => !isImportAgent(agent));

  const http = await createHttp({
    access,
    ledger: everyLedger,
    actions: createDeliveryActions({
      ledger,
      store,
      audit: access.audit,
      greetAgain: delivery.greetAgain,
      now: clock.now,
    }),
    reader: store.reader,
    plants: plantBook,
    entries,
    imports,
    recomputing: createRecomputing({ dirt, buckets, audit: access.audit }),
    kpis,
    exports,
    reports,
    latest,
    clock,
    verify: (signal, deep) => verify({ ledger, others: others.ledgers, reader: store.reader, deep }, signal),
    ready: () => {
      const health = store.health();
      const found = [...delivery.blocked];
      if (!health.ok) found.push(health.reason);
      else if (!agreed) found.push('ledger and store are being compared');
      return readinessOf(found);
    },
    warnings,
    metrics: createHubMetrics({
      delivery,
      ledger,
      clockAstrayMs: () => clockWatch.astrayMs,
      warnings,
      files: { ledger: inDataDir('ledger.db'), samplesDir },
      brokerStats: broker.stats,
    }),
    log,
    requestsPerMinute: config.http.requestsPerMinute,
    liveWindow: (site, now) => runningShift(plants(), site, now),
  });
  await using _http = { [Symbol.asyncDispose]: () => http.close() };
  const { host, port } = config.http;
  const url = await listen(http, { host, port });

  const ending = AbortSignal.any([stop, end.signal]);
  const watching = { database, changes, audit: access.audit, clock, log };
  const running = [
    agreeWithStore({ ledger, store, audit: access.audit, log }, ending).then(() => {
      agreed = true;
      const importing = beside.run('the import of files', imports.run, ending);
      return Promise.all([delivery.run(stop, end.signal), importing]).then(() => {});
    }),
    runRetention(
      {
        store,
        ledger,
        audit: access.audit,
        clock,
        policy: { maxAgeMs: config.retention.rawDays * 86_400_000, maxBytes: config.retention.maxBytes },
        onDeleted: dirt.noteDeleted,
        log,
      },
      ending,
    ),
    beside.run('the roll-up', rollUp.run, ending),
    beside.run('the making of exports', exports.jobs.run, ending),
    beside.run('the issue of reports', reports.run, ending),
    beside.run('the watch on changed figures', (signal) => watchChanges(watching, signal), ending),
    clockWatch.run(ending),
    warmLatestValues(
      latest,
      { reader: store.reader, tags: liveTags(), from: clock.now() - warmWindowUs, to: clock.now() + 1 },
      end.signal,
    ).catch((err: unknown) => log.warn({ err }, 'latest values not loaded; they come with the next samples')),
  ];
  if (others.ledgers.length > 0) {
    const tags = () => everyLedger.tags().filter(({ agent }) => !delivery.ownership.owns(agent));
    running.push(followStored(latest, { reader: store.reader, tags, clock }, end.signal));
  }
  try {
    options.onReady({ url, token: firstToken?.secret });
    await Promise.race([aborted(stop), failed(running)]);
  } finally {
    end.abort();
    await Promise.allSettled(running);
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Rejects as soon as one of them does; never resolves. */
const failed = (running: readonly Promise<void>[]): Promise<never> =>
  new Promise((_, reject) => {
    for (const one of running) one.catch(reject);
  });
