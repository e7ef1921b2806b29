/**
 * What is rolled up of a site: production of units, consumption of meters, and completeness of tags, each tag counted
 * once, at the asset that it lies closest below; the completeness of a line is that of everything below it.
 */
import type { ElementGroup } from '../../kpi/element.ts';
import { cellHours } from '../../plant/grid.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import type { Told } from '../../plant/told.ts';
import type { SiteSource, SiteTags } from '../samples/site-tags.ts';
import {
  type Asked,
  type KpiAsset,
  kpiAssets,
  metersBelow,
  planSite,
  type SiteGroup,
  sourcesOf,
  suppliers,
  type ToldGroup,
  toldGroups,
  unitsBehind,
} from './site-plan.ts';

/** An asset whose elements are stored, with the groups of them. */
export interface RolledAsset {
  readonly path: string;
  readonly asked: readonly Asked[];
  readonly sources: ReadonlySet<SiteSource>;
  /** Samples that a cell of it takes, about. */
  readonly pointsPerCell: number;
}

export function rolledAssets(plant: Plant, tags: SiteTags): RolledAsset[] {
  const assets = kpiAssets(plant, tags);
  const own = (scope: KpiAsset['scope']) => assets.filter((asset) => asset.scope === scope);
  const places = [
    plant.path,
    ...assets.filter(({ scope }) => scope !== 'tag' && scope !== 'site').map(({ path }) => path),
  ];
  const known = new Set(places);
  const closest = (path: string): string => {
    const above = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    return above === '' || known.has(above) ? above : closest(above);
  };
  const tagsAt = Map.groupBy(
    own('tag').map(({ path }) => path),
    closest,
  );

  // How complete a contracted tag is decides by itself whether it counts.
  const contracted = plant.contractedTags.map((path): RolledAsset => {
    const asset: KpiAsset = { path, scope: 'tag', units: [], meter: undefined, tags: [path] };
    const one: Asked = { asset, group: 'tags' };
    const pointsPerCell = (3_600_000 / (tags.get(path)?.intervalMs ?? 3_600_000)) * cellHours;
    return { path, asked: [one], sources: sourcesOf(plant, one, tags), pointsPerCell };
  });
  const rolled = [...known].flatMap((path): RolledAsset[] => {
    const asset = assets.find((one) => one.path === path && one.scope !== 'tag');
    const ownTags = tagsAt.get(path) ?? [];
    const asked: Asked[] = [];
    if (asset?.scope === 'unit') asked.push({ asset, group: 'production' }, { asset, group: 'states' });
    if (asset?.scope === 'site') asked.push(...siteGroupsOf(plant).map((group) => ({ asset, group })));
    if (asset)
      asked.push(...toldGroups.filter((group) => toldOf(plant, group, path)).map((group) => ({ asset, group })));
    if (asset?.meter) asked.push(...meterGroups(plant, asset.meter).map((group) => ({ asset, group })));
    if (ownTags.length > 0) {
      const complete: KpiAsset = { path, scope: 'unit', units: [], meter: undefined, tags: ownTags };
      asked.push({ asset: complete, group: 'completeness' }, { asset: complete, group: 'timeliness' });
    }
    if (asked.length === 0) return [];
    const sources = new Set(asked.flatMap((one) => [...sourcesOf(plant, one, tags)]));
    const perHour = ownTags.reduce((sum, tag) => sum + 3_600_000 / (tags.get(tag)?.intervalMs ?? 3_600_000), 0);
    return [{ path, asked, sources, pointsPerCell: perHour * cellHours }];
  });
  return [...rolled, ...contracted];
}

/** What people tell of a place, if anybody ever did. */
export const toldOf = (plant: Plant, group: ToldGroup, path: string): Told<Span> | undefined =>
  (group === 'inspection' ? plant.inspections : plant.attendances).get(path);

function siteGroupsOf(plant: Plant): SiteGroup[] {
  const groups: SiteGroup[] = ['connectivity', 'clock'];
  if (suppliers(plant).length > 0) groups.push('supply');
  if (plant.weather) groups.push('weather');
  return groups;
}

function meterGroups(plant: Plant, meter: Meter): ElementGroup[] {
  if (meter.carrier !== 'electricity') return ['carrier', 'energy'];
  const groups: ElementGroup[] = ['electricity', 'energy'];
  if (unitsBehind(plant, meter).length > 0) groups.push('split');
  if (metersBelow(plant, meter).length > 0) groups.push('balance');
  if (plant.limits.some((limit) => limit.meter === meter.path)) groups.push('cap');
  return groups;
}

/** Assets that are read together, so that memory does not grow with the site. */
export function inChunks(assets: readonly RolledAsset[], maxPoints: number): RolledAsset[][] {
  const chunks: RolledAsset[][] = [];
  let points = Number.POSITIVE_INFINITY;
  for (const asset of assets) {
    if (points + asset.pointsPerCell > maxPoints) {
      chunks.push([]);
      points = 0;
    }
    chunks.at(-1)!.push(asset);
    points += asset.pointsPerCell;
  }
  return chunks;
}

/** What the samples of some assets may touch, and how far around their time. */
export function reachNeeds(plant: Plant, assets: readonly RolledAsset[], tags: SiteTags) {
  const asked = assets.flatMap((asset) => asset.asked);
  const { tags: all, registers, states, stateAheadUs, stateBackUs } = planSite(plant, asked, tags, true).needs;
  const ofStates = new Set(states.flatMap((need) => need.tags));
  return { tags: all, registers: new Set(registers), states: ofStates, stateAheadUs, stateBackUs };
}
