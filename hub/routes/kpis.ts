/** `GET /kpi-definitions` and `/kpi-values`: what is computed and how, and its values with everything they were made of. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Asset } from '../plant/assets.ts';
import { type RouteContext, viewOf } from './context.ts';
import type { Cell } from './csv.ts';
import { bomParameter, formatParameter, sendDownload } from './download.ts';
import { everyRole } from './guard.ts';
import { type KpiValueJson, kpiDefinitionJson, kpiDefinitionSchema, kpiValueJson, kpiValueSchema } from './kpi-json.ts';
import { invalid, notFound } from './problem.ts';
import { formatTime, runningHour, timeParameter, windowOf } from './times.ts';
import type { View } from './view.ts';

const evaluationTimeoutMs = 30_000;

const listParameter = (what: string) =>
  z
    .string()
    .max(8000)
    .transform((text) => text.split(',').map((item) => item.trim()))
    .pipe(z.array(z.string().min(1)).max(200))
    .optional()
    .meta({ description: `${what}, separated by commas; all when left out` });

const valuesSchema = z.object({
  meta: z.object({
    range: z.object({ from: z.string(), to: z.string() }),
    granularity: z.literal('window'),
    generated_at: z.string(),
  }),
  data: z.array(kpiValueSchema),
  next_cursor: z.null().meta({ description: 'a window is answered in one page' }),
});

const csvHeader = [
  'kpi_id',
  'kpi_name_en',
  'kpi_name_fa',
  'asset_path',
  'asset_name_en',
  'asset_name_fa',
  'granularity',
  'start',
  'end',
  'value',
  'unit',
  'status',
  'coverage',
  'provisional',
  'flags',
  'revision',
  'definition_version',
  'input_hash',
];

export const kpiRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { kpis, clock, access } = context;

    app.get(
      '/kpi-definitions',
      {
        config: { access: everyRole },
        schema: {
          tags: ['kpi'],
          summary: 'The catalogue: names, units, formulas, sources',
          querystring: z.strictObject({ lang: z.enum(['en', 'fa', 'both']).default('both') }),
          response: { 200: z.object({ data: z.array(kpiDefinitionSchema) }) },
        },
      },
      async (request) => ({
        data: kpis.definitions().map((definition) => kpiDefinitionJson(definition, request.query.lang)),
      }),
    );

    app.get(
      '/kpi-values',
      {
        config: { access: everyRole },
        schema: {
          tags: ['kpi'],
          summary: 'KPIs of units, lines, meters and tags over one window',
          querystring: z.strictObject({
            kpi: listParameter('ids of definitions'),
            asset: listParameter('full paths'),
            from: timeParameter.optional(),
            to: timeParameter.optional(),
            granularity: z.literal('window').default('window'),
            format: formatParameter,
            bom: bomParameter,
          }),
          response: {
            200: {
              description: 'KPI values',
              content: {
                'application/json': { schema: valuesSchema },
                'application/x-ndjson': { schema: z.string() },
                'text/csv': { schema: z.string() },
              },
            },
          },
        },
      },
      async (request, reply) => {
        const { kpi, asset, format, bom } = request.query;
        const view = viewOf(request, context);
        const { from, to } = windowOf(request.query, runningHour(clock.now()));
        checkKpis(kpi, context);
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(evaluationTimeoutMs)]);
        const assets = assetsAskedFor(asset, view);
        const values = await kpis.evaluate({ ...(kpi && { kpis: kpi }), assets, from, to }, signal);
        const data = values.filter((value) => view.sees(value.asset)).map(kpiValueJson);
        const range = { from: formatTime(from), to: formatTime(to) };
        if (format !== 'json') {
          return sendDownload(request, reply, access.audit, {
            format,
            bom,
            object: `kpi ${kpi?.join(',') ?? '*'}`,
            details: { ...range, assets: asset ?? '*' },
            fileName: `kpi_${range.from}`,
            header: csvHeader,
            cells: cellsOf(context, view.assets()),
            json: (row) => row,
            pages: [data],
          });
        }
        const generated = formatTime(clock.now());
        return { meta: { range, granularity: 'window' as const, generated_at: generated }, data, next_cursor: null };
      },
    );
  };

function checkKpis(asked: readonly string[] | undefined, { kpis }: RouteContext): void {
  const known = new Set(kpis.definitions().map(({ id }) => id));
  const unknown = asked?.filter((id) => !known.has(id)) ?? [];
  if (unknown.length > 0) throw invalid('kpi', `there is no ${unknown.join(', ')}; /kpi-definitions lists all`);
}

/** What lies in the scope and is asked for. What lies outside is as unknown as what does not exist. */
function assetsAskedFor(asked: readonly string[] | undefined, view: View): readonly string[] {
  const assets = view.assets().map(({ path }) => path);
  if (!asked) return assets;
  const known = new Set([...assets, ...view.tags().map(({ path }) => path)]);
  const unknown = asked.filter((path) => !known.has(path));
  if (unknown.length > 0) throw notFound(`asset ${unknown.join(', ')}`);
  return asked;
}

function cellsOf({ kpis }: RouteContext, assets: readonly Asset[]): (value: KpiValueJson) => Cell[] {
  const definitions = new Map(kpis.definitions().map((definition) => [definition.id, definition]));
  const names = new Map(assets.map((asset) => [asset.path, asset.name]));
  return (value) => [
    value.kpi,
    definitions.get(value.kpi)?.name.en ?? '',
    definitions.get(value.kpi)?.name.fa ?? '',
    value.asset,
    names.get(value.asset)?.en ?? '',
    names.get(value.asset)?.fa ?? '',
    value.granularity,
    value.start,
    value.end,
    value.value,
    value.unit,
    value.status,
    value.coverage,
    value.provisional,
    value.flags.join(' '),
    value.revision,
    value.definition_version,
    value.input_hash,
  ];
}
