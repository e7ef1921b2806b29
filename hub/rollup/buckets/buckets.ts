/**
 * The stored elements of cells and of the longer buckets that are merged from them (kpi.md §5.4). A final bucket whose
 * elements change gets a new revision and the old one stays; equal elements never make one. While a bucket is
 * provisional it is overwritten. Ratios are not stored: they are computed from these elements when asked for.
 */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../../protocols/sample.ts';
import type { ElementGroup } from '../../kpi/element.ts';
import type { Sums } from '../../kpi/sums.ts';
import { cellHours, type Granularity } from '../../plant/grid.ts';
import type { Span } from '../../plant/spans.ts';
import { dayUs, hourUs } from '../../plant/zone.ts';

/** Quarter-hours are not stored: they are one cell, or two or three of them merged. */
export type Tier = 'cell' | Exclude<Granularity, '15min'>;

export interface NewBucket extends Span {
  readonly tier: Tier;
  readonly group: ElementGroup;
  /** Path of a unit or meter, or of what its tags lie below. */
  readonly asset: string;
  readonly sums: Readonly<Sums>;
  /** Its time has not passed, or its sources have not told everything of it. */
  readonly provisional: boolean;
  /** Version of the plant that it was computed with. */
  readonly plantVersion: string;
}

export interface StoredBucket extends NewBucket {
  /** From 1. */
  readonly revision: number;
  readonly computedAt: TimeUs;
}

export interface BucketQuery {
  readonly tier: Tier;
  readonly group: ElementGroup;
  readonly assets: readonly string[];
  /** Buckets that begin in [from, to). */
  readonly from: TimeUs;
  readonly to: TimeUs;
  /** What was known then; absent is now. */
  readonly asOf?: TimeUs | undefined;
}

/** A final bucket that got other elements. */
export interface Restatement extends Pick<NewBucket, 'tier' | 'group' | 'asset' | 'start' | 'end'> {
  /** Rises; where a reader of the feed goes on from. */
  readonly sequence: number;
  /** The revision that was replaced, and when. */
  readonly revision: number;
  readonly replacedAt: TimeUs;
}

export interface Buckets {
  /** All or none. @returns those that are new or have other elements, or became final. */
  put(buckets: readonly NewBucket[], now: TimeUs): NewBucket[];
  /** It stays as it is, for what it came from is gone; it says so, without a revision. */
  keep(bucket: StoredBucket): void;
  /** Takes away what overlaps a span and is none of its buckets: the calendar was another when it was computed. */
  prune(
    series: Pick<NewBucket, 'tier' | 'group' | 'asset'>,
    span: Span,
    starts: ReadonlySet<TimeUs>,
    now: TimeUs,
  ): void;
  /** Ascending by start within each asset, assets in the order of the query. */
  read(query: BucketQuery): StoredBucket[];
  /** Assets of which elements of a group are stored. */
  assetsOf(group: ElementGroup): string[];
  /** Oldest first; the last one is current. */
  revisions(key: Pick<NewBucket, 'tier' | 'group' | 'asset' | 'start'>): StoredBucket[];
  restatements(after: number, limit: number): Restatement[];
  /** When buckets of a tier that begin in [from, to) were restated: ascending, each time once. */
  restatedAt(range: Pick<BucketQuery, 'tier' | 'from' | 'to'>, limit: number): TimeUs[];
  /** Its sequence; 0 before the first. */
  newestRestatement(): number;
  /** The same of the newest one before a time. */
  newestBefore(time: TimeUs): number;
}

const tiers: readonly Tier[] = ['cell', 'hour', 'shift', 'day', 'week', 'month', 'gregorian_month'];

const schema = `
  CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, element_group TEXT NOT NULL, asset TEXT NOT NULL, UNIQUE (element_group, asset)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS bucket (
    series INTEGER NOT NULL, tier INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
    revision INTEGER NOT NULL, sums TEXT NOT NULL, provisional INTEGER NOT NULL, plant_version TEXT NOT NULL,
    computed_at INTEGER NOT NULL, PRIMARY KEY (series, tier, start)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS replaced (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, tier INTEGER NOT NULL, start INTEGER NOT NULL,
    end INTEGER NOT NULL, revision INTEGER NOT NULL, sums TEXT NOT NULL, plant_version TEXT NOT NULL,
    computed_at INTEGER NOT NULL, replaced_at INTEGER NOT NULL, UNIQUE (series, tier, start, revision)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS replaced_in_time ON replaced (tier, start);
  CREATE INDEX IF NOT EXISTS replaced_when ON replaced (replaced_at);
`;

/** No bucket is longer. */
const longestUs = 32 * dayUs;
const longestCellUs = cellHours * hourUs;

interface Row {
  readonly start: number;
  readonly end: number;
  readonly revision: number;
  readonly sums: string;
  readonly provisional: number;
  readonly plant_version: string;
  readonly computed_at: number;
}

export function openBuckets(db: Database): Buckets {
  db.exec(schema);
  const insertSeries = db.prepare<[string, string]>('INSERT INTO series (element_group, asset) VALUES (?, ?)');
  const series = new Map<string, number>();
  for (const { id, element_group, asset } of db
    .prepare<[], { id: number; element_group: string; asset: string }>('SELECT * FROM series')
    .all()) {
    series.set(`${element_group} ${asset}`, id);
  }
  const seriesOf = (group: string, asset: string): number => {
    const known = series.get(`${group} ${asset}`);
    if (known !== undefined) return known;
    const id = Number(insertSeries.run(group, asset).lastInsertRowid);
    series.set(`${group} ${asset}`, id);
    return id;
  };

  const columns = 'start, end, revision, sums, provisional, plant_version, computed_at';
  const selectOne = db.prepare<[number, number, number], Row>(
    `SELECT ${columns} FROM bucket WHERE series = ? AND tier = ? AND start = ?`,
  );
  const selectSpan = db.prepare<[number, number, number, number], Row>(
    `SELECT ${columns} FROM bucket WHERE series = ? AND tier = ? AND start >= ? AND start < ? ORDER BY start`,
  );
  const selectReplaced = db.prepare<[number, number, number, number], Row>(`
    SELECT start, end, revision, sums, 0 AS provisional, plant_version, computed_at FROM replaced
    WHERE series = ? AND tier = ? AND start >= ? AND start < ? ORDER BY start, revision`);
  const write = db.prepare(`
    INSERT INTO bucket VALUES (@series, @tier, @start, @end, @revision, @sums, @provisional, @plantVersion, @now)
    ON CONFLICT DO UPDATE SET end = @end, revision = @revision, sums = @sums, provisional = @provisional,
      plant_version = @plantVersion, computed_at = @now`);
  const writeSums = db.prepare('UPDATE bucket SET sums = ? WHERE series = ? AND tier = ? AND start = ?');
  const makeFinal = db.prepare('UPDATE bucket SET provisional = 0 WHERE series = ? AND tier = ? AND start = ?');
  const replace = db.prepare(`
    INSERT INTO replaced (series, tier, start, end, revision, sums, plant_version, computed_at, replaced_at)
    SELECT series, tier, start, end, revision, sums, plant_version, computed_at, ? FROM bucket
    WHERE series = ? AND tier = ? AND start = ?`);
  const selectRestatements = db.prepare<[number, number], Omit<Restatement, 'tier'> & { tier: number }>(`
    SELECT sequence, tier, element_group AS "group", asset, start, end, revision, replaced_at AS replacedAt
    FROM replaced JOIN series ON id = series WHERE sequence > ? ORDER BY sequence LIMIT ?`);

  const selectRestatedAt = db
    .prepare<[number, number, number, number], number>(
      'SELECT DISTINCT replaced_at FROM replaced WHERE tier = ? AND start >= ? AND start < ? ORDER BY 1 LIMIT ?',
    )
    .pluck();
  const selectNewestBefore = db
    .prepare<[number], number>('SELECT coalesce(max(sequence), 0) FROM replaced WHERE replaced_at < ?')
    .pluck();
  const selectNewest = db.prepare<[], number>('SELECT coalesce(max(sequence), 0) FROM replaced').pluck();

  const selectOverlapping = db.prepare<
    [number, number, number, number, number],
    { start: number; provisional: number }
  >('SELECT start, provisional FROM bucket WHERE series = ? AND tier = ? AND start >= ? AND start < ? AND end > ?');
  const remove = db.prepare('DELETE FROM bucket WHERE series = ? AND tier = ? AND start = ?');
  const strangers = (id: number, tier: number, { start, end }: Span, starts: ReadonlySet<TimeUs>) =>
    selectOverlapping
      .all(id, tier, start - (tiers[tier] === 'cell' ? longestCellUs : longestUs), end, start)
      .filter((row) => !starts.has(row.start));
  const prune = db.transaction((id: number, tier: number, span: Span, starts: ReadonlySet<TimeUs>, now: TimeUs) => {
    for (const row of strangers(id, tier, span, starts)) {
      if (!row.provisional) replace.run(now, id, tier, row.start);
      remove.run(id, tier, row.start);
    }
  });

  const putOne = (bucket: NewBucket, now: TimeUs): boolean => {
    const { tier, group, asset, start, end, provisional, plantVersion } = bucket;
    const key = [seriesOf(group, asset), tiers.indexOf(tier), start] as const;
    const known = selectOne.get(...key);
    if (known && known.end === end && equalSums(JSON.parse(known.sums), bucket.sums)) {
      if ((JSON.parse(known.sums)[kept] ?? 0) !== (bucket.sums[kept] ?? 0)) {
        writeSums.run(JSON.stringify(bucket.sums), ...key);
      }
      if (!known.provisional || provisional) return false;
      makeFinal.run(...key);
      return true;
    }
    if (known && !known.provisional) replace.run(now, ...key);
    const revision = known ? known.revision + (known.provisional ? 0 : 1) : 1;
    const row = { series: key[0], tier: key[1], start, end, revision, sums: JSON.stringify(bucket.sums), plantVersion };
    write.run({ ...row, provisional: Number(provisional && (!known || known.provisional === 1)), now });
    return true;
  };
  const put = db.transaction((buckets: readonly NewBucket[], now: TimeUs) =>
    buckets.filter((bucket) => putOne(bucket, now)),
  );

  const toBucket = (key: Pick<NewBucket, 'tier' | 'group' | 'asset'>, row: Row): StoredBucket => ({
    ...key,
    start: row.start,
    end: row.end,
    revision: row.revision,
    sums: JSON.parse(row.sums),
    provisional: row.provisional === 1,
    plantVersion: row.plant_version,
    computedAt: row.computed_at,
  });
  const readAsOf = (id: number, tier: number, from: TimeUs, to: TimeUs, asOf: TimeUs): Row[] => {
    const newest = new Map<number, Row>();
    for (const row of [...selectReplaced.all(id, tier, from, to), ...selectSpan.all(id, tier, from, to)]) {
      if (row.computed_at <= asOf) newest.set(row.start, row);
    }
    return [...newest.values()].sort((a, b) => a.start - b.start);
  };

  return {
    put: (buckets, now) => put.immediate(buckets, now),
    keep({ tier, group, asset, start, end, sums }) {
      const own = JSON.stringify({ ...sums, [kept]: end - start });
      writeSums.run(own, seriesOf(group, asset), tiers.indexOf(tier), start);
    },
    prune({ tier, group, asset }, span, starts, now) {
      const id = series.get(`${group} ${asset}`);
      if (id === undefined || strangers(id, tiers.indexOf(tier), span, starts).length === 0) return;
      prune.immediate(id, tiers.indexOf(tier), span, starts, now);
    },
    read({ tier, group, assets, from, to, asOf }) {
      return assets.flatMap((asset) => {
        const id = series.get(`${group} ${asset}`);
        if (id === undefined) return [];
        const at = tiers.indexOf(tier);
        const rows = asOf === undefined ? selectSpan.all(id, at, from, to) : readAsOf(id, at, from, to, asOf);
        return rows.map((row) => toBucket({ tier, group, asset }, row));
      });
    },
    assetsOf: (group) =>
      [...series.keys()].flatMap((key) => (key.startsWith(`${group} `) ? [key.slice(group.length + 1)] : [])),
    revisions({ tier, group, asset, start }) {
      const id = series.get(`${group} ${asset}`);
      if (id === undefined) return [];
      const span = [id, tiers.indexOf(tier), start, start + 1] as const;
      return [...selectReplaced.all(...span), ...selectSpan.all(...span)].map((row) =>
        toBucket({ tier, group, asset }, row),
      );
    },
    newestRestatement: () => selectNewest.get()!,
    newestBefore: (time) => selectNewestBefore.get(time)!,
    restatedAt: ({ tier, from, to }, limit) => selectRestatedAt.all(tiers.indexOf(tier), from, to, limit),
    restatements: (after, limit) =>
      selectRestatements.all(after, limit).map((row) => ({ ...row, tier: tiers[row.tier]! })),
  };
}

/** How much of a bucket cannot be made again: no element of it has changed by that. */
const kept = 'kept_us';

/** To 1e-9 (R15): sums of fractions differ in their last digits by the order in which they were added. */
function equalSums(a: Readonly<Sums>, b: Readonly<Sums>): boolean {
  const namesOf = (sums: Readonly<Sums>) => Object.keys(sums).filter((name) => name !== kept);
  const names = namesOf(a);
  if (names.length !== namesOf(b).length) return false;
  return names.every((name) => {
    const [one, other] = [a[name]!, b[name] ?? Number.NaN];
    return Math.abs(one - other) <= 1e-9 * Math.max(Math.abs(one), Math.abs(other));
  });
}
