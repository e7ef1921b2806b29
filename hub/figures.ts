/** From samples to figures, put together in their order: plants and entries → roll-up → buckets → KPI values. */
import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../protocols/clock.ts';
import type { Access } from './access/access.ts';
import { createEntries } from './entries/entries.ts';
import { catalogue } from './kpi/catalogue.ts';
import type { Ledger, LedgerReader } from './ledger/ledger.ts';
import { plantAssets } from './plant/assets.ts';
import { openPlantBook, type PlantFile, type ReadPlant } from './plant/book.ts';
import { openBuckets } from './rollup/buckets/buckets.ts';
import type { openRollUpDatabase } from './rollup/database.ts';
import { openDirtBook } from './rollup/dirt/dirt.ts';
import { createRollUp } from './rollup/roll-up.ts';
import { createLostTime } from './rollup/samples/lost-time.ts';
import { siteTags } from './rollup/samples/site-tags.ts';
import { hasCounters } from './rollup/units/unit-elements.ts';
import { createKpiEvaluator } from './rollup/values/evaluate.ts';
import { createRolledValues } from './rollup/values/rolled-values.ts';
import { createValueChanges } from './rollup/values/value-changes.ts';
import type { TelemetryStore } from './store/store.ts';

export interface FiguresOptions {
  readonly access: Access;
  /** Of this process, whose news are rolled up. */
  readonly ledger: Ledger;
  readonly everyLedger: LedgerReader;
  readonly store: TelemetryStore;
  readonly database: ReturnType<typeof openRollUpDatabase>;
  readonly readPlant: ReadPlant;
  readonly plantFiles: readonly PlantFile[];
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
}

export function openFigures(options: FiguresOptions) {
  const { access, ledger, everyLedger, store, database, readPlant, plantFiles, clock, log } = options;
  const dirt = openDirtBook(database, { deletion: store.kind === 'duckdb' ? 'arrival' : 'time' });
  const buckets = openBuckets(database);
  const plantBook = openPlantBook({
    versions: access.plants,
    read: readPlant,
    files: plantFiles,
    onChange({ before, after, anew }) {
      if (anew !== 'everything') dirt.follow(after.path, { before: before.version, after: after.version }, anew);
    },
  });
  const entries = createEntries({
    log: access.entries,
    plants: plantBook.plants,
    hasCounters: (plant, unit) => hasCounters(unit, siteTags(plant.path, everyLedger.tags())),
    clock,
  });
  const { plants } = entries;
  const rollUp = createRollUp({
    plants,
    entries,
    reader: store.reader,
    ledger,
    buckets,
    dirt,
    clock,
    log,
  });
  const evaluator = createKpiEvaluator({
    plants,
    reader: store.reader,
    ledger: everyLedger,
    lost: createLostTime(everyLedger),
    clock,
  });
  const { values: rolled, ...rolledUp } = createRolledValues({
    plants,
    history: (site) =>
      plantBook.history(site).map(({ plant, version: { number, author, appliedAt } }) => ({
        ...{ plant, number, author, appliedAt },
      })),
    ledger: everyLedger,
    buckets,
    isFrozen: (site, { start, end }) =>
      access.reports.touching(site, start, end).some((report) => report.start <= start && end <= report.end),
    clock,
  });
  const changes = createValueChanges({ plants, ledger: everyLedger, buckets, values: rolled });
  const kpis = {
    ...evaluator,
    definitions: () => catalogue,
    windowed: evaluator.definitions,
    assets: () => plantAssets(plants()),
    plants,
    buckets,
    rolled,
    ...rolledUp,
    changes,
  };
  return { dirt, buckets, plantBook, entries, plants, rollUp, rolled, changes, kpis };
}
