/** Which assets a request means: those it names, or those of a group of sites, with so many levels below them. */
import { z } from 'zod';
import { treeOf, withDescendants } from '../../plant/asset-tree.ts';
import type { Asset } from '../../plant/assets.ts';
import { groupsOf } from '../../plant/groups.ts';
import type { Plant } from '../../plant/plant.ts';
import { notFound } from '../door/problem.ts';
import type { RouteContext } from './context.ts';
import { listParameter } from './lists.ts';
import type { View } from './view.ts';

export const assetParameters = {
  asset: listParameter('full paths of assets'),
  group: z.string().max(200).optional().meta({ description: 'the sites of a group, as /groups lists them' }),
  depth: z.coerce
    .number()
    .int()
    .min(0)
    .max(10)
    .optional()
    .meta({ description: 'levels below the assets named (0 when left out), or below the sites (all)' }),
};

export interface AssetQuery {
  readonly asset?: readonly string[] | undefined;
  readonly group?: string | undefined;
  readonly depth?: number | undefined;
}

type Assets = Pick<RouteContext, 'kpis'>;

/** The plants that a view shows, with what people have entered. */
export const plantsIn = (view: View, { kpis }: Assets): Plant[] => kpis.plants().filter(({ path }) => view.sees(path));

/** Paths of the sites of a group. @throws {ProblemError} none in the view. */
export function sitesOfGroup(group: string, view: View, context: Assets): readonly string[] {
  const found = groupsOf(plantsIn(view, context)).find(({ id }) => id === group);
  if (found) return found.sites;
  throw notFound({ en: `group ${group}; /groups lists all`, fa: `گروه ${group} (فهرست در /groups)` });
}

/**
 * Full paths of what lies in the view and is asked for. What lies outside is as unknown as what does not exist. Tags
 * may be named too. @throws {ProblemError}
 */
export function assetsAskedFor({ asset, group, depth }: AssetQuery, view: View, context: Assets): readonly string[] {
  const all = view.assets();
  const sites = group === undefined ? undefined : new Set(sitesOfGroup(group, view, context));
  const inGroup = sites ? all.filter(({ site }) => sites.has(site)) : all;
  if (!asset) {
    if (depth === undefined) return pathsOf(inGroup);
    return pathsOf(
      withDescendants(
        treeOf(inGroup),
        inGroup.filter(({ level }) => level === 'site'),
        depth,
      ),
    );
  }
  const known = new Map(inGroup.map((one) => [one.path, one]));
  const tags = new Set(view.tags().map(({ path }) => path));
  const unknown = asset.filter((path) => !known.has(path) && !tags.has(path));
  if (unknown.length > 0) {
    throw notFound({
      en: `asset ${unknown.join(', ')} (/assets lists all)`,
      fa: `دارایی ${unknown.join('، ')} (فهرست در /assets)`,
    });
  }
  const roots = asset.flatMap((path) => known.get(path) ?? []);
  const named = asset.filter((path) => !known.has(path));
  return [...pathsOf(withDescendants(treeOf(inGroup), roots, depth ?? 0)), ...named];
}

const pathsOf = (assets: readonly Asset[]): string[] => assets.map(({ path }) => path);

/** The plant that a path belongs to, or what holds where there is no model. */
export const plantOf = (path: string, plants: readonly Plant[]): Plant | undefined =>
  plants.find((plant) => plant.path === path || path.startsWith(`${plant.path}/`));

/** Assets by the plant that they belong to; undefined has those of none. */
export const byPlant = (paths: readonly string[], plants: readonly Plant[]): Map<Plant | undefined, string[]> =>
  Map.groupBy(paths, (path) => plantOf(path, plants));
