/**
 * After retention has deleted samples, what was computed from them stands. Cells of the deleted time are not computed
 * again. A cell after it may still hang on a sample from before, that of a state that has not changed since: it is
 * computed, and where less would be known of it than was, the one that is stored is kept and marked so.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Sums } from '../../kpi/sums.ts';
import type { TelemetryReader } from '../../store/store.ts';
import { isTold, tagGroups } from '../cells/site-plan.ts';
import { keysOf, type SiteTag } from '../samples/site-tags.ts';
import type { Buckets, NewBucket } from './buckets.ts';

export interface DeletedPast {
  /** From here on the cells of an asset follow from samples that are all there. @throws {ConnectionError} */
  wholeFrom(asset: string, tagsOf: () => readonly SiteTag[], signal: AbortSignal): Promise<TimeUs>;
  /**
   * Of what was computed of one asset's cell, what may replace what is stored; where anything would be told worse, all
   * that belongs together is kept, and marked so.
   */
  worthy(computed: readonly NewBucket[], wholeFrom: TimeUs): readonly NewBucket[];
}

/** What is known of a cell, by element; more is better, and of the second less. */
const known = ['known_us', 'measured_us', 'estimated_us', 'reactive_us', 'energy_known_us', 'PBT_known_us'] as const;
const alsoKnown = [
  'balance_known_us',
  'supply_known_us',
  'weather_known_us',
  'outage_known_us',
  'cap_measured_us',
] as const;
const countedKnown = ['counted_cells', 'blocks_measured', 'ontime_us', 'recovered_us'] as const;
const unknown = ['UNK_us', 'state_UNKNOWN_us', 'lead_us', 'kWh_unsplit'] as const;

export function createDeletedPast(options: {
  readonly reader: Pick<TelemetryReader, 'series'>;
  readonly buckets: Buckets;
  deletedBefore(): TimeUs;
}): DeletedPast {
  const { reader, buckets, deletedBefore } = options;
  /** By asset, as of one deletion: where the last of its tags has its first sample that is left. */
  let found = { before: Number.NEGATIVE_INFINITY, byAsset: new Map<string, TimeUs>() };

  const firstLeft = async (tags: readonly SiteTag[], before: TimeUs, signal: AbortSignal): Promise<TimeUs> => {
    const old = tags.filter(({ lives }) => (lives[0]?.start ?? before) < before).map(keysOf);
    const keys = old.flat();
    if (keys.length === 0) return before;
    const next = await reader.series({ keys, from: before, to: before, withNext: true }, signal);
    const first = new Map(keys.map((key, index) => [key, next[index]!.times[0] ?? Number.POSITIVE_INFINITY]));
    return Math.max(...old.map((own) => Math.min(...own.map((key) => first.get(key)!))));
  };

  return {
    async wholeFrom(asset, tagsOf, signal) {
      const before = deletedBefore();
      if (!Number.isFinite(before)) return before;
      if (found.before !== before) found = { before, byAsset: new Map() };
      const from = found.byAsset.get(asset) ?? (await firstLeft(tagsOf(), before, signal));
      found.byAsset.set(asset, from);
      return from;
    },
    worthy(computed, wholeFrom) {
      if (computed.every(({ start }) => start >= wholeFrom)) return computed;
      // How complete tags are says nothing of what is made of the few among them that a unit or meter is told by.
      // What people tell comes from no samples.
      const [told, measured] = [
        computed.filter(({ group }) => isTold(group)),
        computed.filter(({ group }) => !isTold(group)),
      ];
      const [ofTags, others] = [measured.filter(isOfTags), measured.filter((bucket) => !isOfTags(bucket))];
      return [told, ...[ofTags, others].map(keptOrComputed)].flat();
    },
  };

  function keptOrComputed(together: readonly NewBucket[]): readonly NewBucket[] {
    const pairs = together.map((bucket) => ({ bucket, stored: storedAs(bucket) }));
    const isWorse = pairs.some(({ bucket, stored }) => stored && isLess(bucket.sums, stored.sums));
    if (!isWorse) return together;
    for (const { stored } of pairs) if (stored) buckets.keep(stored);
    return pairs.flatMap(({ bucket, stored }) => (stored ? [] : [bucket]));
  }

  function storedAs({ tier, group, asset, start, end }: NewBucket) {
    const [stored] = buckets.read({ tier, group, assets: [asset], from: start, to: start + 1 });
    return stored?.end === end ? stored : undefined;
  }
}

const isOfTags = ({ group }: NewBucket): boolean => tagGroups.some((one) => one === group);

function isLess(sums: Readonly<Sums>, than: Readonly<Sums>): boolean {
  const less = (a: number | undefined, b: number | undefined): boolean => (b ?? 0) - (a ?? 0) > 1e-6;
  return (
    [...known, ...alsoKnown, ...countedKnown].some((name) => less(sums[name], than[name])) ||
    unknown.some((name) => less(than[name], sums[name]))
  );
}
