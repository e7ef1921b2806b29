/**
 * From stored samples to KPI values, over any window: reads what the asked KPIs need, adds up elements, computes. A
 * window that has not ended is computed up to now. Nothing of it is kept: what has revisions are buckets.
 */
import type { Clock } from '../../../protocols/clock.ts';
import type { TimeUs } from '../../../protocols/sample.ts';
import { catalogue } from '../../kpi/catalogue.ts';
import type { KpiDefinition, KpiValue } from '../../kpi/kpi.ts';
import type { LedgerReader } from '../../ledger/ledger.ts';
import type { Plant } from '../../plant/plant.ts';
import type { TelemetryReader } from '../../store/store.ts';
import { applies, groupOf, type KpiAsset, kpiAssets, planSite, sourcesOf } from '../cells/site-plan.ts';
import type { LostTime } from '../samples/lost-time.ts';
import { livedIn, type SiteTags, siteTags } from '../samples/site-tags.ts';
import { type SiteElements, siteElements } from '../windows/site-elements.ts';
import { hashOf } from './rolled-values.ts';

export interface KpiEvaluatorOptions {
  /** Those in force now. */
  plants(): readonly Plant[];
  readonly reader: Pick<TelemetryReader, 'series'>;
  readonly ledger: Pick<LedgerReader, 'tags'>;
  /** When samples are gone; never where nothing is said. */
  readonly lost?: LostTime;
  readonly clock: Pick<Clock, 'now'>;
}

export interface KpiRequest {
  /** Ids of definitions; absent is all. */
  readonly kpis?: readonly string[];
  /** Full paths of units, lines, meters or tags; absent is everything in all plants. */
  readonly assets?: readonly string[];
  /** Half-open window, µs. */
  readonly from: TimeUs;
  readonly to: TimeUs;
}

export interface KpiEvaluator {
  /**
   * One value for every definition and every asset that it applies to. Assets that are not known have none.
   * @throws {RangeError} a KPI that is not known, or a window that is empty.
   * @throws {ConnectionError} the store is away.
   */
  evaluate(request: KpiRequest, signal: AbortSignal): Promise<KpiValue[]>;
  /** The tags whose samples that would read. */
  tagsRead(request: KpiRequest): readonly { readonly intervalMs: number }[];
  definitions(): readonly KpiDefinition[];
}

/** What can be evaluated over any window straight from samples: a part of the catalogue. */
const fromSamples: ReadonlySet<string> = new Set([
  'prod.availability',
  'prod.effectiveness',
  'prod.quality',
  'prod.oee',
  'en.kwh',
  'en.carrier',
  'en.peak_block',
  'dq.complete',
]);

interface Asked {
  readonly definition: KpiDefinition;
  readonly asset: KpiAsset;
}

export function createKpiEvaluator({ plants, reader, ledger, lost, clock }: KpiEvaluatorOptions): KpiEvaluator {
  const definitions = catalogue.filter(({ id }) => fromSamples.has(id));

  const planOf = (plant: Plant, { kpis, assets, from, to }: KpiRequest) => {
    const tags = new Map(
      siteTags(plant.path, ledger.tags(), lost)
        .entries()
        .filter(([, tag]) => livedIn(tag, { start: from, end: to })),
    );
    const asked = kpiAssets(plant, tags)
      .filter(({ path }) => assets?.includes(path) ?? true)
      .flatMap((asset) => definitions.map((definition) => ({ definition, asset })))
      .filter(({ definition, asset }) => (kpis?.includes(definition.id) ?? true) && applies(definition, asset));
    const groups = asked.map(({ definition, asset }) => ({ asset, group: groupOf(definition) }));
    return { tags, asked, plan: planSite(plant, groups, tags) };
  };

  const evaluateSite = async (
    plant: Plant,
    request: KpiRequest,
    now: TimeUs,
    signal: AbortSignal,
  ): Promise<KpiValue[]> => {
    const { from, to } = request;
    const window = { start: from, end: Math.max(from, Math.min(to, now)) };
    const { tags, asked, plan } = planOf(plant, request);
    if (asked.length === 0) return [];
    const elements = await siteElements(reader, plant, tags, plan, window, signal);
    return asked.map((one) => toValue(plant, one, elements, tags, request, now));
  };

  return {
    async evaluate(request, signal) {
      const { kpis, from, to } = request;
      if (!(from < to)) throw new RangeError(`the window from ${from} to ${to} is empty`);
      const strange = kpis?.find((kpi) => !definitions.some(({ id }) => id === kpi));
      if (strange !== undefined) throw new RangeError(`there is no KPI "${strange}"`);
      const now = clock.now();
      const fresh: KpiValue[] = [];
      for (const plant of plants()) fresh.push(...(await evaluateSite(plant, request, now, signal)));
      return fresh;
    },
    tagsRead: (request) => plants().flatMap((plant) => planOf(plant, request).plan.needs.tags),
    definitions: () => definitions,
  };
}

function toValue(
  plant: Plant,
  { definition, asset }: Asked,
  site: SiteElements,
  tags: SiteTags,
  { from, to }: KpiRequest,
  now: TimeUs,
): KpiValue {
  const result = definition.compute(site.of(asset, groupOf(definition)), { coverage: plant.coverage });
  const isTold = sourcesOf(plant, { asset, group: groupOf(definition) }, tags)
    .values()
    .every((source) => source.historical || (site.watermark(source) ?? Number.NEGATIVE_INFINITY) >= to);
  return {
    ...result,
    kpi: definition.id,
    definitionVersion: definition.version,
    asset: asset.path,
    start: from,
    end: to,
    unit: groupOf(definition) === 'carrier' ? asset.meter!.unit : definition.unit,
    provisional: to > now || !isTold,
    revision: 1,
    inputHash: hashOf(definition, result.elements, result.parameters),
    computedAt: now,
  };
}
