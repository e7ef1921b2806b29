/**
 * What a request for KPIs means at one site: its assets, the groups of elements that the asked definitions need of
 * them, and the tags that must be read for that, and no others.
 */
import type { ElementGroup } from '../../kpi/element.ts';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import { wantedTags } from '../../plant/bindings.ts';
import { canonicalState } from '../../plant/canonical-state.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Plant, Unit } from '../../plant/plant.ts';
import { lengthUs, subtract } from '../../plant/spans.ts';
import type { SiteSource, SiteTag, SiteTags } from '../samples/site-tags.ts';
import type { SliceNeeds, StateNeed } from '../samples/slice.ts';
import { isFailed, longestFailureUs } from '../units/failures.ts';
import { bindUnit } from '../units/unit-elements.ts';

/** Something that KPIs are computed for. */
export interface KpiAsset {
  readonly path: string;
  readonly scope: 'site' | 'area' | 'line' | 'unit' | 'meter' | 'tag';
  /** The unit itself, or the units below. */
  readonly units: readonly Unit[];
  readonly meter: Meter | undefined;
  /** Paths of the tags below it, announced or only expected. */
  readonly tags: readonly string[];
}

export function kpiAssets(plant: Plant, tags: SiteTags): KpiAsset[] {
  const tagPaths = [...new Set([...tags.keys(), ...wantedTags(plant).map(({ path }) => path)])].sort();
  // What begins with a path and a slash stands together, before what has the next character there.
  const below = (path: string) => tagPaths.slice(firstFrom(tagPaths, `${path}/`), firstFrom(tagPaths, `${path}0`));
  const none = { units: [], meter: undefined };
  const unitsBelow = (path: string) => plant.units.filter((unit) => unit.path.startsWith(`${path}/`));
  return [
    { ...none, path: plant.path, scope: 'site', units: plant.units, tags: below(plant.path) },
    ...plant.areas.map(
      ({ path }): KpiAsset => ({ ...none, path, scope: 'area', units: unitsBelow(path), tags: below(path) }),
    ),
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

/** Index of the first text of an ascending list that is not before another. */
function firstFrom(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < text) low = middle + 1;
    else high = middle;
  }
  return low;
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

/** Elements of one group that are asked of an asset. */
export interface Asked {
  readonly asset: KpiAsset;
  readonly group: ElementGroup;
}

export interface SitePlan {
  readonly units: readonly Unit[];
  /** Meters that elements are asked of, by the group. */
  readonly meters: readonly { readonly meter: Meter; readonly group: ElementGroup }[];
  /** Those that take part in it. */
  readonly readMeters: readonly Meter[];
  /** Units whose states are asked for, or split the energy of a meter. */
  readonly stateUnits: readonly Unit[];
  /** Tags that are asked how complete they are, or when their data came; a path that no agent announced has no tag. */
  readonly tags: readonly { readonly group: TagGroup; readonly paths: readonly string[] }[];
  /** What is asked of the whole site. */
  readonly site: readonly SiteGroup[];
  /** Places of which people tell something, by the group. */
  readonly told: readonly { readonly group: ToldGroup; readonly path: string }[];
  readonly withFailures: boolean;
  readonly needs: SliceNeeds;
}

export const tagGroups = ['completeness', 'timeliness', 'tags'] as const satisfies readonly ElementGroup[];
export type TagGroup = (typeof tagGroups)[number];
export const siteGroups = ['supply', 'weather', 'connectivity', 'clock'] as const satisfies readonly ElementGroup[];
export type SiteGroup = (typeof siteGroups)[number];
/** What comes from entries alone, and of places of which there are some. */
export const toldGroups = ['inspection', 'personnel'] as const satisfies readonly ElementGroup[];
export type ToldGroup = (typeof toldGroups)[number];
export const isTold = (group: ElementGroup): group is ToldGroup => toldGroups.some((one) => one === group);
const meterGroups: readonly ElementGroup[] = ['electricity', 'carrier', 'energy', 'split', 'balance', 'cap'];

export const suppliers = ({ meters }: Plant): Meter[] =>
  meters.filter(({ carrier, role }) => carrier === 'electricity' && role !== 'sub');

export const metersBelow = ({ meters }: Plant, { path }: Meter): Meter[] =>
  meters.filter(({ parent, carrier }) => parent === path && carrier === 'electricity');

/** The units that a meter measures, directly or as part of an area or line. */
export const unitsBehind = ({ units }: Plant, { measures }: Meter): Unit[] =>
  units.filter(({ path }) => measures.some((asset) => path === asset || path.startsWith(`${asset}/`)));

/** @param withFailures read far enough around to tell failures; only what is stored needs them. */
export function planSite(plant: Plant, asked: readonly Asked[], tags: SiteTags, withFailures = false): SitePlan {
  const ofGroup = (group: ElementGroup) => asked.filter((one) => one.group === group).map(({ asset }) => asset);
  const units = [...new Set(ofGroup('production').flatMap((asset) => asset.units))];
  const meters = asked.flatMap(({ asset, group }) =>
    asset.meter && meterGroups.includes(group) ? [{ meter: asset.meter, group }] : [],
  );
  const site = siteGroups.filter((group) => ofGroup(group).length > 0);
  const readMeters = new Set(meters.map(({ meter }) => meter));
  for (const { meter, group } of meters) if (group === 'balance') addEach(readMeters, metersBelow(plant, meter));
  if (site.includes('supply')) addEach(readMeters, suppliers(plant));
  const stateUnits = new Set(ofGroup('states').flatMap((asset) => asset.units));
  for (const { meter, group } of meters) if (group === 'split') addEach(stateUnits, unitsBehind(plant, meter));
  const complete = ofGroup('completeness');
  const askedTags = tagGroups.map((group) => ({
    group,
    paths: [...new Set(ofGroup(group).flatMap((asset) => asset.tags))],
  }));
  const slots = complete.filter(({ scope }) => scope === 'tag').flatMap(({ path }) => tags.get(path)?.sources ?? []);

  const isTag = (tag: SiteTag | undefined): tag is SiteTag => tag !== undefined;
  const unitTags = units.map((unit) => bindUnit(unit, tags));
  const registers = [...readMeters]
    .flatMap((meter) => registersOf(meter, tags))
    .map((path) => tags.get(path))
    .filter(isTag);
  const pieces = unitTags.flatMap(({ total, good, scrap, rework }) => [total, good, scrap, rework]).filter(isTag);
  const states = [...new Set([...units, ...stateUnits])].map((unit): StateNeed => {
    const { state, mode } = bindUnit(unit, tags);
    const own = [state, mode].filter(isTag);
    return { tags: own, state, reachesBack: (raw) => isFailed(canonicalState(unit.stateMap, raw, null)) };
  });
  const electric = meters.filter(({ group }) => group === 'electricity').map(({ meter }) => meter.supply?.tag);
  const others = [
    ...askedTags.flatMap(({ paths }) => paths),
    ...electric,
    site.includes('weather') ? plant.weather?.temperature : undefined,
  ]
    .map((path) => (path === undefined ? undefined : tags.get(path)))
    .filter(isTag);
  const isOfDelivery = site.includes('connectivity') || site.includes('clock');
  return {
    units,
    meters,
    readMeters: [...readMeters],
    stateUnits: [...stateUnits],
    tags: askedTags,
    site,
    told: toldGroups.flatMap((group) => ofGroup(group).map(({ path }) => ({ group, path }))),
    withFailures,
    needs: {
      tags: [...new Set([...states.flatMap((one) => one.tags), ...pieces, ...registers, ...others])],
      counters: [...pieces, ...registers],
      registers: [...new Set(registers)],
      registerBackUs: Math.max(0, ...meters.map(({ meter }) => meter.demandIntervalUs)),
      states: withFailures ? states : [],
      stateBackUs: withFailures ? longestFailureUs : 0,
      stateAheadUs: withFailures ? Math.max(0, ...units.map(({ failureUs }) => failureUs)) : 0,
      sources: isOfDelivery ? allSources(tags) : [],
      arrivals: isOfDelivery || ofGroup('timeliness').length > 0,
      slots: [...new Set(slots)],
    },
  };
}

/** Of agents; what was imported has none. */
export const allSources = (tags: SiteTags): SiteSource[] =>
  [...new Set([...tags.values()].flatMap(({ sources }) => sources))].filter(({ historical }) => !historical);

function addEach<T>(set: Set<T>, items: readonly T[]): void {
  for (const item of items) set.add(item);
}

/** What a meter's energy is read from: its registers, and its power where it had none at some time. */
function registersOf({ register, power, reactive, reactiveLead }: Meter, tags: SiteTags): string[] {
  const tag = (path: string | undefined) => (path === undefined ? undefined : tags.get(path));
  const [ofRegister, ofPower] = [tag(register), tag(power)];
  const apart = ofPower ? subtract(ofPower.lives, ofRegister?.lives ?? []) : [];
  const active = lengthUs(apart) > 0 ? [register, power] : [register];
  return [...active, reactive, reactiveLead].filter((path) => path !== undefined);
}

/** The sources that must have told everything before the elements of a group are final. */
export function sourcesOf(plant: Plant, { asset, group }: Asked, tags: SiteTags): Set<SiteSource> {
  const { needs } = planSite(plant, [{ asset, group }], tags);
  return new Set([...needs.tags.flatMap(({ sources }) => sources), ...(needs.sources ?? [])]);
}
