/** `GET /assets`, `/assets/{path}` and its children, `/groups`: the plant model's tree, with names in both languages. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { isUnder } from '../../access/scope.ts';
import { treeOf, withDescendants } from '../../plant/asset-tree.ts';
import { type Asset, plantAssets } from '../../plant/assets.ts';
import { groupKindNames, groupKinds, groupsOf } from '../../plant/groups.ts';
import type { Plant } from '../../plant/plant.ts';
import { type Carrier, carriers } from '../../plant/schema-energy.ts';
import { timeOrDateParameter } from '../../plant/time-parameters.ts';
import { kpiAssets } from '../../rollup/cells/site-plan.ts';
import { answerRows, columnsOf, nameSchema, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { plantOf, plantsIn, sitesOfGroup } from '../asked/asked-assets.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import type { View } from '../asked/view.ts';
import { everyRole } from '../door/guard.ts';
import { notFound } from '../door/problem.ts';

const assetSchema = z.object({
  path: z.string(),
  level: z.enum(['site', 'area', 'line', 'unit', 'meter']),
  name: nameSchema,
  parent: z.string().nullable(),
  site: z.string(),
});
type AssetJson = z.infer<typeof assetSchema>;
const columns = columnsOf<AssetJson>({ path: 'text', level: 'text', name: 'name', parent: 'text', site: 'text' });

const detailSchema = assetSchema.extend({
  children: z.array(assetSchema),
  groups: z.array(z.string()).meta({ description: 'ids of the groups that its site is in' }),
  kpis: z.array(z.string()).meta({ description: 'ids of definitions that are told of it' }),
  unit: z
    .object({
      tags: z.record(z.string(), z.string()),
      capacity_per_hour: z.number().nullable(),
      products: z.array(z.string()),
    })
    .optional(),
  meter: z
    .object({
      carrier: z.string(),
      role: z.string(),
      unit: z.string(),
      subscription: z.string().nullable(),
      measures: z.array(z.string()),
      demand_interval_min: z.number(),
    })
    .optional(),
});

const groupSchema = z.object({
  id: z.string(),
  kind: z.enum(groupKinds),
  kind_name: nameSchema,
  name: nameSchema,
  sites: z.array(z.string()),
});

const config = { access: everyRole };
const tags = ['plant'];
const depth = z.coerce.number().int().min(0).max(10);
const asOfParameter = timeOrDateParameter
  .optional()
  .meta({ description: 'the tree of the plant models that were in force then' });
const pathParameter = z.object({
  path: z.string().max(600).meta({ description: 'the full path, each / written as %2F' }),
});
const examplePath = 'sahand/machining-plant/machining/line-1';

const metersOf = (plants: readonly Plant[], carrier: Carrier): ReadonlySet<string> =>
  new Set(plants.flatMap(({ meters }) => meters.flatMap((meter) => (meter.carrier === carrier ? [meter.path] : []))));

export const assetRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const plantsAt = (asOf: number) => context.plants.plantsAt(asOf);
    const treeAt = (view: View, asOf: number | undefined): readonly Asset[] =>
      asOf === undefined ? view.assets() : plantAssets(plantsAt(asOf)).filter(({ path }) => view.sees(path));
    const find = (path: string, assets: readonly Asset[]): Asset => {
      const found = assets.find((asset) => asset.path === path);
      if (found) return found;
      throw notFound({ en: `asset ${path} (/assets lists all)`, fa: `دارایی ${path} (فهرست در /assets)` });
    };

    app.get(
      '/assets',
      {
        config: { ...config, example: { query: { level: 'unit' } } },
        schema: {
          tags,
          summary: 'Sites, areas, lines, units and meters',
          querystring: z.strictObject({
            level: assetSchema.shape.level.optional(),
            under: z.string().max(600).optional().meta({ description: 'full path; itself and what lies below it' }),
            carrier: z.enum(carriers).optional().meta({ description: 'only meters, of it' }),
            group: z.string().max(200).optional().meta({ description: 'the sites of a group, as /groups lists them' }),
            depth: depth.optional().meta({ description: 'levels below the sites; all when left out' }),
            as_of: asOfParameter,
            ...rowsParameters,
          }),
          response: rowsResponse('Assets', assetSchema, { as_of: z.string().optional() }),
        },
      },
      async (request, reply) => {
        const { level, under, carrier, group, depth, as_of } = request.query;
        const view = viewOf(request, context);
        const sites = group === undefined ? undefined : sitesOfGroup(group, view, context);
        const all = treeAt(view, as_of).filter(({ site }) => sites?.includes(site) ?? true);
        const roots = all.filter(({ parent }) => parent === null);
        const chosen = depth === undefined ? all : withDescendants(treeOf(all), roots, depth);
        if (under !== undefined) find(under, all);
        const plants = as_of === undefined ? plantsIn(view, context) : plantsAt(as_of);
        const ofCarrier = carrier && metersOf(plants, carrier);
        const rows = chosen.filter(
          ({ path, level: own }) =>
            (level === undefined || own === level) &&
            (under === undefined || isUnder(path, under)) &&
            (ofCarrier?.has(path) ?? true),
        );
        return answerRows(request, reply, context, request.query, { name: 'assets', meta: {}, rows, columns });
      },
    );

    app.get(
      '/assets/:path',
      {
        config: { ...config, example: { params: { path: examplePath } } },
        schema: {
          tags,
          summary: 'One asset, what lies directly below it, and which KPIs are told of it',
          params: pathParameter,
          querystring: z.strictObject({ as_of: asOfParameter }),
          response: { 200: detailSchema },
        },
      },
      async (request) => {
        const view = viewOf(request, context);
        const assets = treeAt(view, request.query.as_of);
        const asset = find(request.params.path, assets);
        const plants = plantsIn(view, context);
        const plant = plantOf(asset.path, plants);
        return {
          ...asset,
          children: [...(treeOf(assets).get(asset.path) ?? [])],
          groups: groupsOf(plants).flatMap(({ id, sites }) => (sites.includes(asset.site) ? [id] : [])),
          kpis: kpisOf(asset, context),
          ...(plant && { unit: unitJson(plant, asset.path), meter: meterJson(plant, asset.path) }),
        };
      },
    );

    app.get(
      '/assets/:path/children',
      {
        config: { ...config, example: { params: { path: examplePath }, query: { depth: '1' } } },
        schema: {
          tags,
          summary: 'What lies below an asset',
          params: pathParameter,
          querystring: z.strictObject({
            depth: depth.min(1).default(1).meta({ description: 'levels below it' }),
            as_of: asOfParameter,
            ...rowsParameters,
          }),
          response: rowsResponse('Assets', assetSchema, { parent: z.string() }),
        },
      },
      async (request, reply) => {
        const { depth, as_of } = request.query;
        const assets = treeAt(viewOf(request, context), as_of);
        const asset = find(request.params.path, assets);
        const rows = withDescendants(treeOf(assets), [asset], depth).slice(1);
        const meta = { parent: asset.path };
        return answerRows(request, reply, context, request.query, { name: 'assets', meta, rows, columns });
      },
    );

    app.get(
      '/groups',
      {
        config,
        schema: {
          tags,
          summary: 'Provinces, estates, sectors, holdings and programmes, with their sites',
          querystring: z.strictObject({ kind: z.enum(groupKinds).optional(), ...rowsParameters }),
          response: rowsResponse('Groups', groupSchema, {}),
        },
      },
      async (request, reply) => {
        const rows = groupsOf(plantsIn(viewOf(request, context), context))
          .filter(({ kind }) => kind === (request.query.kind ?? kind))
          .map((group) => ({ ...group, sites: [...group.sites], kind_name: groupKindNames[group.kind] }));
        return answerRows(request, reply, context, request.query, {
          ...{ name: 'groups', meta: {}, rows },
          columns: columnsOf<(typeof rows)[number]>({
            id: 'text',
            kind: 'text',
            kind_name: 'name',
            name: 'name',
            sites: 'list',
          }),
        });
      },
    );
  };

function kpisOf({ path, level }: Asset, { kpis }: RouteContext): string[] {
  const plant = plantOf(path, kpis.plants());
  const known = plant && kpiAssets(plant, new Map()).some((asset) => asset.path === path);
  return known ? kpis.definitions().flatMap(({ id, scope }) => (scope.includes(level) ? [id] : [])) : [];
}

function unitJson({ units }: Plant, path: string): z.infer<typeof detailSchema>['unit'] {
  const unit = units.find((one) => one.path === path);
  if (!unit) return undefined;
  const tags = Object.entries(unit.tags).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    tags: Object.fromEntries(tags),
    capacity_per_hour: unit.capacityPerHour ?? null,
    products: [...new Set(unit.rates.map(({ product }) => product))],
  };
}

function meterJson({ meters }: Plant, path: string): z.infer<typeof detailSchema>['meter'] {
  const meter = meters.find((one) => one.path === path);
  if (!meter) return undefined;
  const { carrier, role, unit, subscription = null, measures, demandIntervalUs } = meter;
  return { carrier, role, unit, subscription, measures: [...measures], demand_interval_min: demandIntervalUs / 60e6 };
}
