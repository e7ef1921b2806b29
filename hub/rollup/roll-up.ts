/**
 * The loop that keeps the stored buckets true: reads what the ledger has settled, computes the cells that it touches
 * and those that time has brought, and merges them upwards. Every step can be done again: a crash loses nothing.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Clock } from '../../protocols/clock.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { EntryLog } from '../entries/entry-log.ts';
import { isImportAgent } from '../ledger/imported.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { businessDay } from '../plant/calendar.ts';
import { buckets as bucketsOf, cells } from '../plant/grid.ts';
import type { Plant } from '../plant/plant.ts';
import { intersect, type Span, type Spans, subtract, union } from '../plant/spans.ts';
import type { TelemetryReader } from '../store/store.ts';
import type { Buckets, NewBucket } from './buckets/buckets.ts';
import { bucketsOfCell, wholeCells } from './buckets/cell-buckets.ts';
import { createDeletedPast } from './buckets/deleted-past.ts';
import { createMergeUpwards, type Merging } from './buckets/merge-upwards.ts';
import { createUnmeasured } from './buckets/unmeasured.ts';
import { inChunks, type RolledAsset, reachNeeds, rolledAssets } from './cells/roll-up-plan.ts';
import { siteCells } from './cells/site-cells.ts';
import { planSite } from './cells/site-plan.ts';
import type { Dirt, DirtBook } from './dirt/dirt.ts';
import type { NewsLedger } from './dirt/ledger-news.ts';
import { createSitesOfStreams } from './dirt/sites-of-streams.ts';
import { createLateNews, isLate } from './late-news.ts';
import { makePasses } from './passes.ts';
import { createRefreshPace, type RefreshPace } from './refresh-pace.ts';
import { createArrivals } from './samples/arrivals.ts';
import { createLostTime } from './samples/lost-time.ts';
import { reachOf } from './samples/reach.ts';
import { type SiteTags, siteTags } from './samples/site-tags.ts';
import { isFinal, readWatermarks } from './samples/told.ts';

export interface RollUpOptions {
  /** Those in force now. */
  plants(): readonly Plant[];
  /** What people enter. */
  readonly entries: Pick<EntryLog, 'changes'>;
  readonly reader: Pick<TelemetryReader, 'series'>;
  readonly ledger: NewsLedger & Pick<Ledger, 'tags' | 'declared' | 'earliestAfter'>;
  readonly buckets: Buckets;
  readonly dirt: DirtBook;
  readonly clock: Clock;
  /** How often what is not final is computed anew. */
  readonly pace?: RefreshPace;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

export interface RollUpCounts {
  cells: number;
  changed: number;
  runs: number;
}

export interface RollUp {
  /** Runs until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** One pass over everything that is dirty now. @throws {ConnectionError} the store is away: nothing is forgotten. */
  once(signal: AbortSignal): Promise<void>;
  readonly counts: Readonly<RollUpCounts>;
}

const maxPointsAtOnce = 300_000;

export function createRollUp(options: RollUpOptions): RollUp {
  const lost = createLostTime(options.ledger);
  const { plants, entries, ledger, buckets, dirt: book, clock, log } = options;
  const reader = {
    series: (...query: Parameters<TelemetryReader['series']>) => options.reader.series(...query),
    arrivals: createArrivals(ledger),
  };
  const past = createDeletedPast({ reader: options.reader, buckets, deletedBefore: () => book.deletedBefore });
  const { pace = createRefreshPace() } = options;
  const mergeUpwards = createMergeUpwards(buckets);
  const sitesOfStreams = createSitesOfStreams(ledger, plants);
  const counts: RollUpCounts = { cells: 0, changed: 0, runs: 0 };

  /** Computes and stores the cells of some assets, and what is merged from them. @returns the first that is not final. */
  const computeSpan = async (
    plant: Plant,
    tags: SiteTags,
    assets: readonly RolledAsset[],
    span: Span,
    { now, ...run }: Pick<Merging, 'now' | 'next' | 'told'>,
    signal: AbortSignal,
  ): Promise<TimeUs | undefined> => {
    let open: TimeUs | undefined;
    const computed: NewBucket[] = [];
    const starts = new Set(cells(plant, span.start, span.end).map(({ start }) => start));
    for (const chunk of inChunks(assets, maxPointsAtOnce)) {
      const plan = planSite(
        plant,
        chunk.flatMap(({ asked }) => asked),
        tags,
        true,
      );
      const wholeFrom = new Map<RolledAsset, TimeUs>();
      for (const asset of chunk) {
        const own = () => planSite(plant, asset.asked, tags, true).needs.tags;
        wholeFrom.set(asset, await past.wholeFrom(asset.path, own, signal));
      }
      for await (const cell of siteCells(reader, plant, tags, plan, span, signal)) {
        const found = chunk.map((asset) => bucketsOfCell(plant, asset, cell, plan.needs.stateAheadUs, now));
        for (const own of found)
          if (own.some(({ provisional }) => provisional)) open = Math.min(open ?? cell.start, cell.start);
        const worthy = chunk.flatMap((asset, index) => past.worthy(found[index]!, wholeFrom.get(asset)!));
        counts.changed += buckets.put(worthy, now).length;
        counts.cells += worthy.length;
        for (const own of found) computed.push(...own);
        await breathe();
      }
      for (const { path, asked } of chunk) {
        for (const { group } of asked) buckets.prune({ tier: 'cell', group, asset: path }, span, starts, now);
      }
    }
    // All of them: of a run that was cut short, cells may be as they should and what is merged from them not.
    const stamp = `${plant.version} ${tags.size}`;
    const merging = { plant, unmeasured: createUnmeasured(plant, assets), stamp, now, ...run };
    await mergeUpwards(computed, merging, signal);
    return open;
  };

  /** @returns how long what is not final took, ms. */
  const computeSite = async (
    plant: Plant,
    dirt: readonly Dirt[],
    { now, live, refresh }: { readonly now: TimeUs; readonly live: boolean; readonly refresh: boolean },
    signal: AbortSignal,
  ): Promise<number> => {
    const begun = book.begun(plant.path);
    const imported = book.imported(plant.path);
    if (begun === undefined && imported.length === 0) return 0;
    const tags = siteTags(plant.path, ledger.tags(), lost);
    const assets = rolledAssets(plant, tags);
    // Without samples of its own a site has figures of what was imported, and of nothing else.
    const earliest = begun === undefined ? now : Math.max(businessDay(plant, begun).start, book.deletedBefore);
    const computable = union([{ start: earliest, end: Number.MAX_SAFE_INTEGER }], imported);
    const reached = Math.max(earliest, book.reached(plant.path) ?? earliest);
    const plantChanged = book.plantVersion(plant.path) !== plant.version;

    for (const [spans, some] of await reachesOf(dirt)) await computeSpans(some, spans);
    if (plantChanged) {
      const before = subtract(imported, [{ start: earliest, end: Number.MAX_SAFE_INTEGER }]);
      await computeSpans(assets, before, live && begun !== undefined ? earliest : undefined);
    }
    if (begun === undefined) {
      book.reach(plant.path, null, plant.version);
      return 0;
    }
    return live ? computeLive(plantChanged ? earliest : reached) : 0;

    /** From where it stopped: what is final now, and the rest if it is its turn. @returns ms that the rest took */
    async function computeLive(from: TimeUs): Promise<number> {
      const note = (open: TimeUs | undefined, until: TimeUs) =>
        book.reach(plant.path, Math.min(open ?? until, until), plant.version);
      const until = await finalUntil(from);
      await computeDays(assets, { start: from, end: until }, undefined, note);
      if (!refresh) return 0;
      const startedAt = performance.now();
      await computeDays(assets, { start: until, end: now }, undefined, note);
      return performance.now() - startedAt;
    }

    /** The end of the last cell that is final, with all cells before it. */
    async function finalUntil(from: TimeUs): Promise<TimeUs> {
      const sources = [...new Set(assets.flatMap((asset) => [...asset.sources]))];
      const watermarks = await readWatermarks(reader, sources, { start: from, end: now }, signal);
      const aheadUs = Math.max(0, ...plant.units.map(({ failureUs }) => failureUs));
      const open = cells(plant, from, now).find((cell) => !isFinal(sources, watermarks, cell, { aheadUs, now }));
      return open?.start ?? from;
    }

    /** The time that is to be computed anew, with the assets whose it is: each of them once, however much was dirty. */
    async function reachesOf(dirt: readonly Dirt[]): Promise<(readonly [Spans, readonly RolledAsset[]])[]> {
      const reaches = new Map<RolledAsset, Spans>();
      for (const { agent, spans } of dirt) {
        const touched = agent === null ? assets : assets.filter(({ sources }) => comesFrom(sources, agent));
        const historical = agent !== null && isImportAgent(agent);
        const options = { reader, ...reachNeeds(plant, touched, tags), frontier: reached, historical };
        const whole: Span[] = [];
        for (const span of spans) {
          const reach = agent === null ? span : await reachOf(span, options, signal);
          if (historical) book.noteReach(agent, reach);
          whole.push({ start: reach.start, end: Math.min(reach.end, reached) });
        }
        const reach = intersect(union(whole), computable);
        for (const asset of touched) reaches.set(asset, union(reaches.get(asset) ?? [], reach));
      }
      const alike = Map.groupBy(reaches.keys(), (asset) => JSON.stringify(reaches.get(asset)));
      return [...alike.values()].map((some) => [reaches.get(some[0]!)!, some] as const);
    }

    /** @param then where it goes on after them */
    async function computeSpans(some: readonly RolledAsset[], spans: Spans, then?: TimeUs): Promise<void> {
      for (const [index, span] of spans.entries()) await computeDays(some, span, spans[index + 1]?.start ?? then);
    }

    /** Day by day, so that a long way is gone in steps that are kept. */
    async function computeDays(
      some: readonly RolledAsset[],
      { start, end }: Span,
      then = Number.POSITIVE_INFINITY,
      onDay?: (open: TimeUs | undefined, until: TimeUs) => void,
    ): Promise<void> {
      if (start >= end || some.length === 0) return;
      let open: TimeUs | undefined;
      for (const day of bucketsOf(plant, 'day', start, end)) {
        const part = wholeCells(plant, { start: Math.max(day.start, start), end: Math.min(day.end, end) }, day, {
          now,
          deletedBefore: book.deletedBefore,
        });
        // As time passes, what comes later is yet to be computed; of what was told before, all is.
        const run = { now, next: day.end < end ? day.end : then, told: onDay ? part.end : reached };
        const openOfDay = await computeSpan(plant, tags, some, part, run, signal);
        open ??= openOfDay;
        onDay?.(open, part.end);
      }
    }
  };

  /** Sites whose past was looked for, since nothing of them had ever been computed. */
  const lookedFor = new Set<string>();
  /** What was sent before its site was declared has been read without anybody to compute it for. */
  const lookForPast = (): void => {
    for (const { path } of plants()) {
      if (lookedFor.has(path) || book.begun(path) !== undefined) continue;
      lookedFor.add(path);
      const tags = ledger.tags().filter((tag) => tag.path.startsWith(`${path}/`));
      book.readAgain([...new Set(tags.flatMap(({ keys }) => keys.map(({ stream }) => stream)))]);
    }
  };

  const collect = async (signal: AbortSignal): Promise<void> => {
    for (const _ of book.collect(ledger, sitesOfStreams)) {
      signal.throwIfAborted();
      await breathe();
    }
    while (book.collectEntries(entries)) signal.throwIfAborted();
  };

  const once = async (signal: AbortSignal): Promise<void> => {
    lookForPast();
    await collect(signal);
    const { dirt, upTo } = book.dirty();
    const refresh = pace.isDue();
    let refreshMs = 0;
    for (const plant of plants()) {
      const own = dirt.filter(({ site }) => site === plant.path);
      refreshMs += await computeSite(plant, own, { now: clock.now(), live: true, refresh }, signal);
      book.clear(plant.path, upTo);
    }
    if (refresh) pace.took(refreshMs);
    counts.runs += 1;
  };

  const lateOnce = async (signal: AbortSignal): Promise<void> => {
    await collect(signal);
    const { dirt, upTo } = book.dirty();
    for (const plant of plants()) {
      const own = dirt.filter(({ site }) => site === plant.path);
      if (!own.some((one) => isLate(one, book))) continue;
      await computeSite(plant, own, { now: clock.now(), live: false, refresh: false }, signal);
      book.clear(plant.path, upTo);
    }
  };

  const sites = () => plants().map(({ path }) => path);
  const news = createLateNews({ ledger, book, sites, sitesOf: sitesOfStreams });
  const look = () => {
    while (book.collectEntries(entries));
    const known = new Set(sites());
    const waits = book.dirty().dirt.some((one) => known.has(one.site) && isLate(one, book));
    return { arrived: news.arrived(), waits };
  };

  return {
    counts,
    once,
    run: (signal) => makePasses({ whole: once, late: lateOnce, look }, { clock, log }, signal),
  };
}

const comesFrom = (sources: RolledAsset['sources'], agent: string): boolean =>
  [...sources].some(({ id }) => id.startsWith(`${agent}/`));
