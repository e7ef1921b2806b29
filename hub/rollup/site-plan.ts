/**
 * What a request for KPIs means at one site: its assets, the groups of elements that the asked definitions need of
 * them, and the tags that must be read for that, and no others.
 */
import type { ElementGroup } from '../kpi/element-table.ts';
import type { KpiDefinition } from '../kpi/kpi.ts';
import { wantedTags } from '../plant/bindings.ts';
import type { Meter } from '../plant/meter.ts';
import type { Plant, Unit } from '../plant/plant.ts';
import type { SiteSource, SiteTag, SiteTags } from './site-tags.ts';
import type { SliceNeeds } from './slice.ts';
import { bindUnit } from './unit-elements.ts';

/** Something that KPIs are computed for. */
export interface KpiAsset {
  readonly path: string;
  readonly scope: 'unit' | 'line' | 'meter' | 'tag';
  /** The unit itself, or the units of the line. */
  readonly units: readonly Unit[];
  readonly meter: Meter | undefined;
  /** Paths of the tags below it, announced or only expected. */
  readonly tags: readonly string[];
}

export function kpiAssets(plant: Plant, tags: SiteTags): KpiAsset[] {
  const tagPaths = [...new Set([...tags.keys(), ...wantedTags(plant).map(({ path }) => path)])].sort();
  const below = (path: string) => tagPaths.filter((tag) => tag.startsWith(`${path}/`));
  const none = { units: [], meter: undefined };
  return [
    ...plant.lines.map(({ path, units }): KpiAsset => ({ ...none, path, scope: 'line', units, tags: below(path) })),
    ...plant.units.map(
      (unit): KpiAsset => ({ ...none, path: unit.path, scope: 'unit', units: [unit], tags: below(unit.path) }),
    ),
    ...plant.meters.map(
      (meter): KpiAsset => ({ ...none, path: meter.path, scope: 'meter', meter, tags: below(meter.path) }),
    ),
    ...tagPaths.map((path): KpiAsset => ({ ...none, path, scope: 'tag', tags: [path] })),
  ];
}

/** Windows are evaluated for definitions of one group only. */
export const groupOf = ({ groups }: KpiDefinition): ElementGroup => groups[0]!;

/** Whether a definition says anything of an asset. */
export function applies(definition: KpiDefinition, asset: KpiAsset): boolean {
  if (!definition.scope.includes(asset.scope)) return false;
  if (groupOf(definition) === 'electricity') return asset.meter?.carrier === 'electricity';
  if (groupOf(definition) === 'carrier') return asset.meter !== undefined && asset.meter.carrier !== 'electricity';
  return true;
}

export interface SitePlan {
  readonly units: readonly Unit[];
  readonly meters: readonly Meter[];
  /** Tags whose completeness is asked for; a path that no agent announced has no tag. */
  readonly tags: readonly string[];
  readonly needs: SliceNeeds;
}

/** Of pairs of an asset and the group of elements that is asked of it. */
export function planSite(asked: readonly { asset: KpiAsset; group: ElementGroup }[], tags: SiteTags): SitePlan {
  const ofGroups = (...groups: ElementGroup[]) =>
    asked.filter(({ group }) => groups.includes(group)).map(({ asset }) => asset);
  const units = [...new Set(ofGroups('production').flatMap((asset) => asset.units))];
  const meters = [...new Set(ofGroups('electricity', 'carrier').flatMap(({ meter }) => meter ?? []))];
  const complete = ofGroups('completeness');
  const completePaths = [...new Set(complete.flatMap((asset) => asset.tags))];
  const slots = complete.filter(({ scope }) => scope === 'tag').flatMap(({ path }) => tags.get(path)?.sources ?? []);

  const isTag = (tag: SiteTag | undefined): tag is SiteTag => tag !== undefined;
  const unitTags = units.map((unit) => bindUnit(unit, tags));
  const registers = meters.map(({ register }) => tags.get(register)).filter(isTag);
  const counters = [...unitTags.flatMap(({ total, good, scrap }) => [total, good, scrap]).filter(isTag), ...registers];
  const states = unitTags.flatMap(({ state, mode }) => [state, mode]).filter(isTag);
  const others = completePaths.map((path) => tags.get(path)).filter(isTag);
  return {
    units,
    meters,
    tags: completePaths,
    needs: {
      tags: [...new Set([...states, ...counters, ...others])],
      counters,
      registers,
      lookbackUs: Math.max(0, ...meters.map(({ demandIntervalUs }) => demandIntervalUs)),
      slots: [...new Set(slots)],
    },
  };
}

/** The sources that must have told everything before the elements of a group are final. */
export function sourcesOf(asset: KpiAsset, group: ElementGroup, tags: SiteTags): Set<SiteSource> {
  const paths =
    group === 'production'
      ? asset.units.flatMap((unit) => Object.values(unit.tags))
      : group === 'completeness'
        ? asset.tags
        : asset.meter
          ? [asset.meter.register]
          : [];
  return new Set(paths.flatMap((path) => (path === undefined ? [] : (tags.get(path)?.sources ?? []))));
}
