/**
 * The change feed: KPI values of final buckets that became others, with what they were before and are now. It is read
 * from the log of replaced buckets when somebody asks, so a value is told the same whenever it is asked for. Quarter-hours
 * are not told: the hour above them is.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { TimeUs } from '../../../protocols/sample.ts';
import { catalogue } from '../../kpi/catalogue.ts';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { buckets as bucketsOf } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Buckets, Restatement } from '../buckets/buckets.ts';
import { kpiAssets } from '../cells/site-plan.ts';
import { siteTags } from '../samples/site-tags.ts';
import { seriesOf } from './rolled-records.ts';
import { closedAfterUs, type RolledRequest, type RolledValue } from './rolled-values.ts';

export interface ValueChange {
  /** Of the replaced bucket that it was found by; a reader goes on after the page's `through`. */
  readonly sequence: number;
  readonly at: TimeUs;
  /** undefined: nothing was known of it. */
  readonly before: RolledValue | undefined;
  readonly after: RolledValue | undefined;
  /** Its bucket had ended 72 h ago or more. */
  readonly late: boolean;
  /** By more than half a percentage point, or one percent where the unit is another (kpi.md §5.4). */
  readonly large: boolean;
}

export interface ChangeFilter {
  readonly kpis?: readonly string[] | undefined;
  /** Full paths. */
  readonly assets?: readonly string[] | undefined;
  /** Only what changed after its bucket was closed. */
  readonly late?: boolean | undefined;
}

export interface ChangePage {
  /** Ascending; one that is cut by the page's end may be told again, the same, on the next. */
  readonly changes: readonly ValueChange[];
  /** Where the next page begins. */
  readonly through: number;
  readonly more: boolean;
}

export interface ValueChanges {
  /** What came after a sequence; 0 is everything. At most so many replaced buckets are looked at. */
  page(after: number, limit: number, filter: ChangeFilter, signal: AbortSignal): Promise<ChangePage>;
  newest(): number;
}

export function createValueChanges(options: {
  plants(): readonly Plant[];
  readonly ledger: Pick<Ledger, 'tags'>;
  readonly buckets: Pick<Buckets, 'restatements' | 'newestRestatement' | 'assetsOf'>;
  values(request: RolledRequest): readonly RolledValue[];
}): ValueChanges {
  const { plants, ledger, buckets, values } = options;

  /** @param asked requests of the page: what several buckets touch at once is told once */
  async function changesOf(
    plant: Plant,
    same: readonly Restatement[],
    { kpis, assets }: ChangeFilter,
    asked: Set<string>,
  ): Promise<ValueChange[]> {
    const { tier, start, end, replacedAt, sequence } = same.at(-1)!;
    if (tier === 'cell') return [];
    const groups = new Set(same.map(({ group }) => group));
    const touched = catalogue.filter(
      ({ id, groups: needed }) => needed.some((group) => groups.has(group)) && (kpis?.includes(id) ?? true),
    );
    const completed = buckets.assetsOf('completeness');
    const told = kpiAssets(plant, siteTags(plant.path, ledger.tags()))
      .filter(({ path, scope }) => scope !== 'tag' && (assets?.includes(path) ?? true))
      .filter((asset) => same.some(({ group, asset: of }) => seriesOf(plant, asset, group, completed).includes(of)))
      .map(({ path }) => path);
    if (touched.length === 0 || told.length === 0) return [];
    const ids = touched.map(({ id }) => id);
    const requests: RolledRequest[] = [{ kpis: ids, assets: told, granularity: tier, from: start, to: end }];
    if (tier === 'day') requests.push(...heldAgainst(plant, start, replacedAt, { touched, told }));
    const changes: ValueChange[] = [];
    for (const request of requests) {
      const key = `${replacedAt} ${JSON.stringify(request)}`;
      if (asked.has(key)) continue;
      asked.add(key);
      changes.push(...changed(request, replacedAt).map((one) => ({ ...one, sequence, at: replacedAt })));
      await breathe();
    }
    return changes;
  }

  function changed(request: RolledRequest, at: TimeUs): Omit<ValueChange, 'sequence' | 'at'>[] {
    const key = (value: RolledValue) => `${value.asset} ${value.kpi} ${value.start}`;
    const known = (asOf: TimeUs) => new Map(values({ ...request, asOf }).map((value) => [key(value), value]));
    const [before, after] = [known(at - 1), known(at)];
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((one) => {
      const [was, is] = [before.get(one), after.get(one)];
      if (was?.value === is?.value && was?.status === is?.status) return [];
      return [{ before: was, after: is, late: isLate(at, (is ?? was)!.end), large: isLarge(was, is) }];
    });
  }

  return {
    newest: buckets.newestRestatement,
    async page(after, limit, filter, signal) {
      const rows = buckets.restatements(after, limit);
      const asked = filter.late ? rows.filter(({ replacedAt, end }) => isLate(replacedAt, end)) : rows;
      const groups = Map.groupBy(asked, ({ replacedAt, tier, start, asset }) =>
        [replacedAt, tier, start, siteOf(asset)?.path].join(' '),
      );
      const changes: ValueChange[] = [];
      const requests = new Set<string>();
      for (const same of groups.values()) {
        signal.throwIfAborted();
        const plant = siteOf(same[0]!.asset);
        if (plant) changes.push(...(await changesOf(plant, same, filter, requests)));
      }
      const told = filter.late ? changes.filter(({ late }) => late) : changes;
      return { changes: told, through: rows.at(-1)?.sequence ?? after, more: rows.length === limit };
    },
  };

  function siteOf(asset: string): Plant | undefined {
    return plants().find(({ path }) => asset === path || asset.startsWith(`${path}/`));
  }
}

/** The months of a pilot that had ended then and are held against a day before it, one asset at a time. */
function* heldAgainst(
  plant: Plant,
  day: TimeUs,
  until: TimeUs,
  { touched, told }: { readonly touched: readonly KpiDefinition[]; readonly told: readonly string[] },
): Generator<RolledRequest> {
  const { pilot } = plant;
  const kpis = touched.filter(({ compares }) => compares).map(({ id }) => id);
  if (!pilot?.baseline || kpis.length === 0 || day < pilot.baseline.from || day >= pilot.baseline.to) return;
  for (const granularity of ['month', 'gregorian_month'] as const) {
    const months = bucketsOf(plant, granularity, pilot.from, Math.min(pilot.to, until));
    // The month of the day itself is told as its own bucket is.
    for (const { start, end } of months.filter(({ start, end }) => end <= until && !(start <= day && day < end))) {
      for (const asset of told) yield { kpis, assets: [asset], granularity, from: start, to: end };
    }
  }
}

const isLate = (replacedAt: TimeUs, end: TimeUs): boolean => replacedAt >= end + closedAfterUs;

const largePoints = 0.005;
const largeShare = 0.01;

/** Whether people must hear of it. One that was not known and is, or the other way round, is. */
function isLarge(
  before: Pick<RolledValue, 'value' | 'unit'> | undefined,
  after: Pick<RolledValue, 'value' | 'unit'> | undefined,
): boolean {
  const [was, is] = [before?.value ?? null, after?.value ?? null];
  if (was === null || is === null) return was !== is;
  const change = Math.abs(is - was);
  return (before ?? after)!.unit === '1' ? change > largePoints : change > largeShare * Math.abs(was);
}
