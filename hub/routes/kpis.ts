/** `GET /kpi-definitions` and `/kpi-values`: what is computed and how, and its values with everything they were made of. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Cell } from '../exports/csv.ts';
import { flags } from '../kpi/flags.ts';
import type { KpiDefinition, KpiValue } from '../kpi/kpi.ts';
import type { Asset } from '../plant/assets.ts';
import { formatTime } from '../plant/instant.ts';
import { type Granularity, granularities } from '../rollup/grid.ts';
import { type RouteContext, viewOf } from './context.ts';
import { createCursors, isAfter, type RowKey } from './cursor.ts';
import { bomParameter, formatParameter, sendDownload } from './download.ts';
import { everyRole } from './guard.ts';
import {
  flagsSchema,
  type KpiValueJson,
  kpiDefinitionJson,
  kpiDefinitionSchema,
  kpiValueJson,
  kpiValueSchema,
  rolledValueJson,
} from './kpi-json.ts';
import { invalid, notFound } from './problem.ts';
import { runningHour, timeOrDateParameter, windowOf } from './times.ts';
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
    range: z.object({ from: z.string(), to: z.string() }).meta({ description: 'snapped outward to whole buckets' }),
    granularity: z.enum(['window', ...granularities]),
    as_of: z.string(),
    generated_at: z.string(),
  }),
  data: z.array(kpiValueSchema),
  next_cursor: z.string().nullable().meta({ description: 'for the next page; null on the last one' }),
});

/** Values that one answer is looked for among: they are computed while everybody waits. */
const maxValues = 250_000;
/** Of all definitions, those that apply to one asset. */
const usualKpis = 20;
const hourUs = 3_600_000_000;
const leastUs: Readonly<Record<Granularity, number>> = {
  '15min': hourUs / 4,
  hour: hourUs,
  shift: 8 * hourUs,
  day: 24 * hourUs,
  week: 168 * hourUs,
  month: 29 * 24 * hourUs,
  gregorian_month: 28 * 24 * hourUs,
};

const defaultLimit = 500;
const maxLimit = 10_000;

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
  'jalali_date',
  'state',
];

export const kpiRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { kpis, clock, access } = context;
    const cursors = createCursors();

    app.get(
      '/kpi-definitions',
      {
        config: { access: everyRole },
        schema: {
          tags: ['kpi'],
          summary: 'The catalogue: names, units, formulas, sources, inputs, and what the flags of values say',
          querystring: z.strictObject({ lang: z.enum(['en', 'fa', 'both']).default('both') }),
          response: { 200: z.object({ data: z.array(kpiDefinitionSchema), flags: flagsSchema }) },
        },
      },
      async (request) => ({
        data: kpis.definitions().map((definition) => kpiDefinitionJson(definition, request.query.lang)),
        flags,
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
            from: timeOrDateParameter.optional(),
            to: timeOrDateParameter.optional(),
            granularity: z
              .enum(['window', ...granularities])
              .default('window')
              .meta({ description: '`month` is Jalali; `window` is just the range, computed from samples now' }),
            as_of: timeOrDateParameter.optional().meta({ description: 'what the hub knew then; whole buckets only' }),
            status: listParameter('ok, partial, no_data, undefined, suspect'),
            min_coverage: z.coerce.number().min(0).max(1).optional(),
            limit: z.coerce.number().int().min(1).max(maxLimit).default(defaultLimit),
            cursor: z.string().max(500).optional(),
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
        const { kpi, asset, granularity, format, bom, limit, cursor, status, min_coverage } = request.query;
        const view = viewOf(request, context);
        const window = windowOf(request.query, runningHour(clock.now()));
        checkKpis(kpi, granularity, context);
        const assets = assetsAskedFor(asset, view);
        const asOf = request.query.as_of;
        const asked = { ...(kpi && { kpis: kpi }), assets };
        const isWanted = (value: KpiValue): boolean =>
          view.sees(value.asset) && (status?.includes(value.status) ?? true) && value.coverage >= (min_coverage ?? 0);
        let range = window;
        let data: KpiValueJson[];
        if (granularity === 'window') {
          if (asOf !== undefined) throw invalid('as_of', 'is for whole buckets; ask for a granularity');
          const signal = AbortSignal.any([request.signal, AbortSignal.timeout(evaluationTimeoutMs)]);
          const values = await kpis.evaluate({ ...asked, ...window }, signal);
          data = values.filter(isWanted).map(kpiValueJson);
        } else {
          range = kpis.snap(granularity, window) ?? window;
          refuseTooMany(((range.to - range.from) / leastUs[granularity]) * assets.length * (kpi?.length ?? usualKpis));
          const values = kpis.rolled({ ...asked, granularity, ...range, asOf });
          data = values.filter(isWanted).map(rolledValueJson);
        }
        const meta = { range: { from: formatTime(range.from), to: formatTime(range.to) }, granularity };
        if (format !== 'json') {
          return sendDownload(request, reply, access.audit, {
            format,
            bom,
            object: `kpi ${kpi?.join(',') ?? '*'}`,
            details: { ...meta.range, granularity, assets: asset ?? '*' },
            fileName: `kpi_${granularity}_${meta.range.from}`,
            header: csvHeader,
            cells: cellsOf(context, view.assets()),
            json: (row) => row,
            pages: [data],
          });
        }
        const last = cursor === undefined ? undefined : cursors.open(cursor);
        const rest = last ? data.filter((row) => isAfter(keyOf(row), last)) : data;
        // A window is answered in one page, in the order of the assets.
        const shown = granularity === 'window' ? rest : rest.slice(0, limit);
        const next = shown.length < rest.length ? cursors.seal(keyOf(shown.at(-1)!)) : null;
        const generated = formatTime(clock.now());
        return {
          meta: { ...meta, as_of: asOf === undefined ? generated : formatTime(asOf), generated_at: generated },
          data: shown,
          next_cursor: next,
        };
      },
    );
  };

function refuseTooMany(values: number): void {
  if (values <= maxValues) return;
  throw invalid(
    'from',
    `that is some ${Math.round(values / 1000)},000 values; ask for a shorter range, fewer assets or KPIs, or make it an export: POST /api/v1/exports`,
  );
}

/** Rows are told in this order. */
const keyOf = ({ start, asset, kpi }: KpiValueJson): RowKey => [start, asset, kpi];

function checkKpis(asked: readonly string[] | undefined, granularity: string, { kpis }: RouteContext): void {
  const unknownTo = (definitions: readonly KpiDefinition[]) =>
    asked?.filter((id) => !definitions.some((definition) => definition.id === id)) ?? [];
  const unknown = unknownTo(kpis.definitions());
  if (unknown.length > 0) throw invalid('kpi', `there is no ${unknown.join(', ')}; /kpi-definitions lists all`);
  const bucketed = granularity === 'window' ? unknownTo(kpis.windowed()) : [];
  if (bucketed.length > 0) {
    throw invalid(
      'granularity',
      `${bucketed.join(', ')} is told of whole buckets only; ask for hour, shift, day or longer`,
    );
  }
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
    value.jalali_date ?? null,
    value.state ?? null,
  ];
}
