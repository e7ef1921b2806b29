/** `GET /kpi-values/{id}/lineage`: a figure with its formula, its elements and what they mean, and what it came from. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { entriesBehind } from '../../entries/behind.ts';
import { importsBehind } from '../../imports/behind.ts';
import { elementSpec } from '../../kpi/elements.ts';
import { union } from '../../plant/spans.ts';
import { formatTime } from '../../plant/time-text.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';
import { bucketLabels } from '../answers/bucket-label.ts';
import { entryRevisionJson, entryRevisionSchema } from '../answers/entry-json.ts';
import { plantOf } from '../asked/asked-assets.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { civilDay } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';
import { notFound } from '../door/problem.ts';
import {
  inputJson,
  inputSchema,
  kpiDefinitionJson,
  kpiDefinitionSchema,
  kpiValueSchema,
  rolledValueJson,
} from './kpi-json.ts';
import { importBehindJson, importBehindSchema } from './lineage-imports.ts';
import { decodeValueId } from './value-id.ts';

const mostEntries = 1000;

const lineageSchema = z.object({
  value: kpiValueSchema,
  definition: kpiDefinitionSchema,
  plant_version: z.string().meta({ description: 'of the plant model that the elements were computed with' }),
  as_of: z.string().nullable().meta({ description: 'the figure is what the hub knew then; null is now' }),
  given: z
    .record(z.string(), z.unknown())
    .meta({ description: 'what the plant model gave beside the elements: part of the hash, a change is a revision' }),
  given_by: z
    .object({ plant_version: z.int(), author: z.string(), applied_at: z.string() })
    .nullable()
    .meta({ description: 'the version of the plant model that did; null where versions are not kept' }),
  elements: z.array(z.object({ name: z.string(), value: z.number(), unit: z.string(), meaning: z.string() })),
  inputs: z.array(inputSchema).meta({ description: 'the stored buckets that it was computed from' }),
  parts: z
    .array(inputSchema.extend({ elements: z.record(z.string(), z.number()) }))
    .meta({ description: 'what those were merged from, one tier below: cells are computed from samples' }),
  entries: z
    .array(entryRevisionSchema)
    .meta({ description: `what people entered of it, each with its author; the first ${mostEntries}` }),
  tags: z.array(z.string()).meta({ description: 'whose samples, as told by /series, all of it comes from' }),
  imports: z.array(importBehindSchema).meta({
    description:
      'files of the past that it rests on, the oldest first; a gateway may have overtaken some of their samples',
  }),
});

/** OEE of a line on 16 Tir 1404, for the API's description. */
const exampleId = Buffer.from(
  JSON.stringify(['prod.oee', 'sahand/machining-plant/machining/line-1', 'day', Date.UTC(2025, 6, 7, 2, 30) * 1000]),
).toString('base64url');

export const lineageRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/kpi-values/:id/lineage',
      {
        config: { access: everyRole, example: { params: { id: exampleId } } },
        schema: {
          tags: ['kpi'],
          summary: 'What a KPI value was computed from',
          params: z.object({ id: z.string().max(1000) }),
          response: { 200: lineageSchema },
        },
      },
      async (request) => {
        const value = find(request.params.id, context);
        if (!value || !viewOf(request, context).sees(value.asset))
          throw notFound({ en: 'that KPI value', fa: 'آن مقدار شاخص' });
        const definition = context.kpis.definitions().find(({ id }) => id === value.kpi)!;
        const tags = [...context.kpis.tagsOf(value)];
        const site = plantOf(value.asset, context.kpis.plants())?.path ?? '';
        const entered = entriesBehind(context.entries, site, value.inputs, value.asOf);
        const figure = { site, tags, spans: union(value.inputs), asOf: value.asOf };
        const zone = plantOf(value.asset, context.kpis.plants())?.zone ?? civilDay.zone;
        return {
          value: { ...rolledValueJson(value, value.asOf), label: bucketLabels(zone, value.bucket, 'jalali') },
          definition: kpiDefinitionJson(definition, 'both'),
          plant_version: value.plantVersion,
          as_of: value.asOf === undefined ? null : formatTime(value.asOf),
          given: { ...value.given },
          given_by: value.givenBy
            ? {
                plant_version: value.givenBy.number,
                author: value.givenBy.author,
                applied_at: formatTime(value.givenBy.appliedAt),
              }
            : null,
          elements: Object.entries(value.elements).map(([name, amount]) => {
            const { unit = '', meaning = '' } = elementSpec(name) ?? {};
            return { name, value: amount, unit, meaning };
          }),
          inputs: value.inputs.map(inputJson),
          parts: context.kpis.partsOf(value).map((part) => ({
            ...inputJson(part),
            elements: Object.fromEntries(Object.entries(part.elements).filter(([name]) => name in value.elements)),
          })),
          entries: entered.slice(0, mostEntries).map(entryRevisionJson),
          tags,
          imports: (await importsBehind(context.imports, entered, figure)).map(importBehindJson),
        };
      },
    );
  };

function find(id: string, { kpis }: RouteContext): RolledValue | undefined {
  const key = decodeValueId(id);
  if (!key || !kpis.definitions().some((definition) => definition.id === key.kpi)) return undefined;
  const { kpi, asset, granularity, start, asOf } = key;
  const found = kpis.rolled({ kpis: [kpi], assets: [asset], granularity, from: start, to: start + 1, asOf });
  return found.find((value) => value.start === start);
}
