/**
 * KPI values of whole buckets, computed from stored elements when somebody asks: with what they were computed from,
 * down to the revision of each stored bucket, so that a figure can be explained and made again.
 */
import { hash } from 'node:crypto';
import type { TimeUs } from '../../../protocols/sample.ts';
import { catalogue } from '../../kpi/catalogue.ts';
import type { Flag } from '../../kpi/flags.ts';
import type { KpiDefinition, KpiValue } from '../../kpi/kpi.ts';
import { finish } from '../../kpi/merge-sums.ts';
import type { Elements } from '../../kpi/result.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { type Bucket, type BucketKind, type Granularity, snapped } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import { hourUs } from '../../plant/zone.ts';
import type { Buckets, Tier } from '../buckets/buckets.ts';
import { createUnmeasured } from '../buckets/unmeasured.ts';
import { rolledAssets } from '../cells/roll-up-plan.ts';
import { type KpiAsset, kpiAssets, planSite } from '../cells/site-plan.ts';
import { siteTags } from '../samples/site-tags.ts';
import { type AssetRecord, assetRecords, eventRecords, type Site, withBaseline } from './asset-records.ts';
import { type AppliedPlant, changesAfter, givenTo, type PlantHistory, parameterVersions } from './parameter-history.ts';
import { createComparisons } from './pilot-comparison.ts';
import { createReading, type Input, type Range } from './rolled-records.ts';
import { compareText, inOrder } from './value-order.ts';

export interface RolledRequest extends Omit<Range, 'granularity' | 'only'> {
  /** `event`: each event and notified limit over its own time. */
  readonly granularity: BucketKind;
  /** Ids of definitions; absent is all. */
  readonly kpis?: readonly string[];
  /** Full paths; absent is everything in all plants but single tags. */
  readonly assets?: readonly string[];
}

export interface RolledPart extends Input {
  readonly elements: Elements;
}

const below: Readonly<Record<Tier, Tier>> = {
  gregorian_month: 'day',
  month: 'day',
  week: 'day',
  day: 'hour',
  shift: 'cell',
  hour: 'cell',
  cell: 'cell',
};

/** A value that was computed from shorter buckets than its own, as a baseline's or a comparison's, has those as parts. */
const partsAre = ({ granularity }: Bucket, tier: Tier): Tier =>
  granularity !== tier && granularity in below && below[granularity as Tier] === tier ? tier : below[tier];

interface Window {
  readonly from: TimeUs;
  readonly to: TimeUs;
}

/** Life of a bucket (kpi.md §5.4). */
export type BucketState = 'open' | 'provisional' | 'final' | 'closed' | 'frozen';

export interface RolledValue extends KpiValue {
  readonly bucket: Bucket;
  readonly state: BucketState;
  readonly inputs: readonly Input[];
  /** Of the elements. */
  readonly plantVersion: string;
  /** The official report that tells it so. */
  readonly report?: { readonly id: number; readonly version: number };
  /** What the definition was given beside them, and by which version of the plant model. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly givenBy: Pick<AppliedPlant, 'number' | 'author' | 'appliedAt'> | undefined;
  /** It is what the hub knew then. */
  readonly asOf: TimeUs | undefined;
}

export interface RolledValues {
  /** By bucket, asset and KPI, ascending. @throws {RangeError} a KPI that is not known, or an empty range. */
  values(request: RolledRequest): RolledValue[];
  /** What a value was merged from, one tier below: days of a month, hours of a day or shift, cells of an hour. */
  partsOf(value: RolledValue): RolledPart[];
  /** Full paths of the tags whose samples a value comes from. */
  tagsOf(value: RolledValue): string[];
  /** Whole buckets that cover a range, of all plants; undefined where there is none. */
  snap(granularity: Granularity, range: Window): Window | undefined;
}

/** Until then late samples recompute a bucket without anybody being told. */
export const closedAfterUs = 72 * hourUs;

export function createRolledValues(options: {
  /** Those in force now. */
  plants(): readonly Plant[];
  readonly history: PlantHistory;
  readonly ledger: Pick<Ledger, 'tags'>;
  readonly buckets: Buckets;
  /** Whether the official report of a site's month, in which a span lies, is issued. */
  isFrozen?(site: string, span: Span): boolean;
  readonly clock: { now(): TimeUs };
}): RolledValues {
  const { plants, history, ledger, buckets, isFrozen = () => false, clock } = options;

  const valuesOfSite = (plant: Plant, request: RolledRequest, now: TimeUs): RolledValue[] => {
    const { kpis, assets, granularity, from, to, asOf } = request;
    const tags = siteTags(plant.path, ledger.tags());
    const versions = parameterVersions(history(plant.path), now);
    const site: Site = {
      ...{ plant, tags, model: (asOf !== undefined && versions.at(-1)?.plant) || plant, versions, buckets },
      completed: buckets.assetsOf('completeness'),
      range: { from, to },
      times: { now, asOf },
    };
    const only = elementsRead(catalogue.filter(({ id }) => kpis?.includes(id) ?? true));
    const unmeasured = asOf === undefined ? undefined : createUnmeasured(plant, rolledAssets(plant, tags));
    const reading =
      granularity === 'event'
        ? undefined
        : createReading(buckets, plant, { granularity, from, to, asOf, only }, unmeasured);
    const comparisons = reading && createComparisons(site, reading, unmeasured);
    const asked = kpiAssets(plant, tags).filter(
      ({ path, scope }) => scope !== 'tag' && (assets?.includes(path) ?? true),
    );
    return asked.flatMap((asset) => {
      // Many definitions are computed from the same groups.
      const known = new Map<string, readonly AssetRecord[]>();
      const recordsOf = (definition: KpiDefinition): readonly AssetRecord[] => {
        if (!reading) return eventRecords(site, asset, definition);
        const { groups, needs, parameters, compares } = definition;
        if (compares) return comparisons!(asset, compares);
        const key = [groups.join(), needs.length > 0, groups.length > 0 || parameters.join()].join(' ');
        const found = known.get(key) ?? assetRecords(site, reading, asset, definition);
        known.set(key, found);
        return parameters.includes('baseline') ? found.map((one) => withBaseline(site, asset, one)) : found;
      };
      return catalogue
        .filter((definition) => (kpis?.includes(definition.id) ?? true) && isFor(definition, asset, granularity))
        .flatMap((definition) =>
          recordsOf(definition).map((one) => toValue(site, asset, definition, one, isFrozen(plant.path, one.bucket))),
        );
    });
  };

  return {
    partsOf({ bucket, inputs, asOf }) {
      return inputs.flatMap(({ group, asset, tier, start, end }) =>
        buckets
          .read({ tier: partsAre(bucket, tier), group, assets: [asset], from: start, to: end, asOf })
          .map(({ sums, ...part }) => ({ ...part, elements: finish(sums) })),
      );
    },
    tagsOf({ asset, inputs }) {
      const plant = plants().find(({ path }) => path === asset || asset.startsWith(`${path}/`));
      if (!plant) return [];
      const tags = siteTags(plant.path, ledger.tags());
      const groups = new Set(inputs.map(({ group }) => group));
      const rolled = rolledAssets(plant, tags).filter(({ path }) => inputs.some((input) => input.asset === path));
      const asked = rolled.flatMap((one) => one.asked).filter(({ group }) => groups.has(group));
      return planSite(plant, asked, tags).needs.tags.map(({ path }) => path);
    },
    snap(granularity, { from, to }) {
      const spans = plants().map((plant) => snapped(plant, granularity, { start: from, end: to }));
      if (spans.length === 0) return undefined;
      return { from: Math.min(...spans.map(({ start }) => start)), to: Math.max(...spans.map(({ end }) => end)) };
    },
    values(request) {
      const { kpis, from, to } = request;
      if (!(from < to)) throw new RangeError(`the range from ${from} to ${to} is empty`);
      const strange = kpis?.find((kpi) => !catalogue.some(({ id }) => id === kpi));
      if (strange !== undefined) throw new RangeError(`there is no KPI "${strange}"`);
      const now = Math.min(clock.now(), request.asOf ?? Number.POSITIVE_INFINITY);
      const isAsked = ({ path }: Plant): boolean =>
        request.assets?.some((asset) => asset === path || asset.startsWith(`${path}/`)) ?? true;
      return plants()
        .filter(isAsked)
        .flatMap((plant) => valuesOfSite(plant, request, now))
        .sort(inOrder);
    },
  };
}

function isFor({ scope, granularities }: KpiDefinition, asset: KpiAsset, granularity: BucketKind): boolean {
  if (!scope.includes(asset.scope)) return false;
  return granularities.includes(granularity === 'gregorian_month' ? 'month' : granularity);
}

function toValue(
  { model, versions, times: { now, asOf } }: Site,
  asset: KpiAsset,
  definition: KpiDefinition,
  { bucket, record, parameters }: AssetRecord,
  frozen: boolean,
): RolledValue {
  const { elements, inputs, provisional, plantVersion } = record;
  const result = definition.compute(elements, parameters);
  const { start, end } = bucket;
  const givenBy = (plant: Plant) => givenTo(definition, { plant, asset, bucket });
  const given = givenBy(model);
  return {
    ...result,
    flags: [...result.flags, ...flagsOf(elements)],
    kpi: definition.id,
    definitionVersion: definition.version,
    asset: asset.path,
    start,
    end,
    unit: definition.unit === 'own' ? (asset.meter?.unit ?? definition.unit) : definition.unit,
    provisional,
    // Rises with every input that gets a revision, and with every parameter that changes after the end.
    revision: 1 + changesAfter(versions, end, givenBy) + inputs.reduce((sum, { revision }) => sum + revision - 1, 0),
    inputHash: hashOf(definition, result.elements, result.parameters, given),
    // What is told and not measured was known since it was told.
    computedAt: Math.max(inputs.length === 0 ? start : 0, ...inputs.map(({ computedAt }) => computedAt)),
    bucket,
    state: stateOf(end, provisional, { now, frozen }),
    inputs,
    plantVersion,
    given,
    givenBy: versions.at(-1),
    asOf,
  };
}

/** What definitions read of stored elements, and what is to be said beside. Undefined is all of them. */
function elementsRead(definitions: readonly KpiDefinition[]): ReadonlySet<string> | undefined {
  const isOpen = ({ groups, uses }: KpiDefinition) => groups.includes('tags') || uses.includes('latency_b');
  if (definitions.some(isOpen)) return undefined;
  return new Set(['absent_s', 'kept_s', ...definitions.flatMap(({ needs, uses }) => [...needs, ...uses])]);
}

/** What is to be said of a bucket, whatever is computed from it. */
const flagsOf = ({ absent_s, kept_s }: Elements): Flag[] => [
  ...(absent_s ? (['INCOMPLETE'] as const) : []),
  ...(kept_s ? (['SAMPLES_GONE'] as const) : []),
];

function stateOf(
  end: TimeUs,
  provisional: boolean,
  { now, frozen }: { readonly now: TimeUs; readonly frozen: boolean },
): BucketState {
  if (frozen) return 'frozen';
  if (end > now) return 'open';
  if (provisional) return 'provisional';
  return now < end + closedAfterUs ? 'final' : 'closed';
}

/** Of everything that the figure follows from: equal hashes are equal figures. */
export function hashOf(
  { id, version }: KpiDefinition,
  ...inputs: (Readonly<Record<string, unknown>> | undefined)[]
): string {
  const sorted = inputs.map((input) => Object.entries(input ?? {}).sort(([a], [b]) => compareText(a, b)));
  return hash('sha256', JSON.stringify([id, version, sorted]), 'hex');
}
