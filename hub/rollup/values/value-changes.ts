/**
 * The change feed: KPI values of final buckets that became others, with what they were before and are now. It is read
 * from the log of replaced buckets when somebody asks, so a value is told the same whenever it is asked for. Quarter-hours
 * are not told: the hour above them is.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { TimeUs } from '../../../protocols/sample.ts';
import { catalogue } from '../../kpi/catalogue.ts';
import type { Ledger } from '../../ledger/ledger.ts';
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

  const changesOf = (plant: Plant, same: readonly Restatement[], { kpis, assets }: ChangeFilter): ValueChange[] => {
    const { tier, start, end, replacedAt, sequence } = same.at(-1)!;
    if (tier === 'cell') return [];
    const groups = new Set(same.map(({ group }) => group));
    const touched = catalogue
      .filter((definition) => definition.groups.some((group) => groups.has(group)))
      .map(({ id }) => id)
      .filter((id) => kpis?.includes(id) ?? true);
    const completed = buckets.assetsOf('completeness');
    const told = kpiAssets(plant, siteTags(plant.path, ledger.tags()))
      .filter(({ path, scope }) => scope !== 'tag' && (assets?.includes(path) ?? true))
      .filter((asset) => same.some(({ group, asset: of }) => seriesOf(plant, asset, group, completed).includes(of)))
      .map(({ path }) => path);
    if (touched.length === 0 || told.length === 0) return [];
    const asked = { kpis: touched, assets: told, granularity: tier, from: start, to: end };
    const key = (value: RolledValue) => `${value.asset} ${value.kpi} ${value.start}`;
    const known = (asOf: TimeUs) => new Map(values({ ...asked, asOf }).map((value) => [key(value), value]));
    const [before, after] = [known(replacedAt - 1), known(replacedAt)];
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((one): ValueChange[] => {
      const [was, is] = [before.get(one), after.get(one)];
      if (was?.value === is?.value && was?.status === is?.status) return [];
      return [
        { sequence, at: replacedAt, before: was, after: is, late: isLate(replacedAt, end), large: isLarge(was, is) },
      ];
    });
  };

  return {
    newest: buckets.newestRestatement,
    async page(after, limit, filter, signal) {
      const rows = buckets.restatements(after, limit);
      const asked = filter.late ? rows.filter(({ replacedAt, end }) => isLate(replacedAt, end)) : rows;
      const groups = Map.groupBy(asked, ({ replacedAt, tier, start, asset }) =>
        [replacedAt, tier, start, siteOf(asset)?.path].join(' '),
      );
      const changes: ValueChange[] = [];
      for (const same of groups.values()) {
        signal.throwIfAborted();
        const plant = siteOf(same[0]!.asset);
        if (plant) changes.push(...changesOf(plant, same, filter));
        await breathe();
      }
      return { changes, through: rows.at(-1)?.sequence ?? after, more: rows.length === limit };
    },
  };

  function siteOf(asset: string): Plant | undefined {
    return plants().find(({ path }) => asset === path || asset.startsWith(`${path}/`));
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
