/** The elements of a site over any window, merged from the cells of that window, which are read for it. */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { ElementGroup } from '../../kpi/element.ts';
import { addAssets, finish, mergeInTime } from '../../kpi/merge-sums.ts';
import type { Elements } from '../../kpi/result.ts';
import type { Sums } from '../../kpi/sums.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import type { TelemetryReader } from '../../store/store.ts';
import { siteCells, sumsKey } from '../cells/site-cells.ts';
import type { KpiAsset, SitePlan } from '../cells/site-plan.ts';
import type { SiteSource, SiteTags } from '../samples/site-tags.ts';

export interface SiteElements {
  /** Of a line, the sums of its units' (R4). */
  of(asset: KpiAsset, group: ElementGroup): Elements;
  /** Everything that a source measured up to here has been read; undefined is nothing yet. */
  watermark(source: SiteSource): TimeUs | undefined;
}

/** @throws {ConnectionError} the store is away. */
export async function siteElements(
  reader: Pick<TelemetryReader, 'series'>,
  plant: Plant,
  tags: SiteTags,
  plan: SitePlan,
  window: Span,
  signal: AbortSignal,
): Promise<SiteElements> {
  const whole = new Map<string, Sums>();
  const slots = new Map<SiteSource, Sums>();
  const watermarks = new Map<SiteSource, TimeUs>();
  const merge = <K>(into: Map<K, Sums>, parts: ReadonlyMap<K, Sums>) => {
    for (const [key, sums] of parts) {
      const merged = into.get(key);
      if (merged) mergeInTime(merged, sums);
      else into.set(key, { ...sums });
    }
  };
  for await (const cell of siteCells(reader, plant, tags, plan, window, signal)) {
    merge(whole, cell.sums);
    merge(slots, cell.slots);
    for (const [source, reach] of cell.watermarks) {
      watermarks.set(source, Math.max(reach, watermarks.get(source) ?? reach));
    }
  }

  const finished = (group: ElementGroup, path: string): Elements => finish(whole.get(sumsKey(group, path)) ?? {});
  return {
    of(asset, group) {
      if (group === 'production') return addAssets(asset.units.map(({ path }) => finished(group, path)));
      if (group !== 'completeness') return finished(group, asset.meter!.path);
      const ofTags = asset.tags.map((path) => finished(group, path));
      const sources = asset.scope === 'tag' ? (tags.get(asset.path)?.sources ?? []) : [];
      return addAssets([...ofTags, ...sources.map((source) => finish(slots.get(source) ?? {}))]);
    },
    watermark: (source) => watermarks.get(source),
  };
}
