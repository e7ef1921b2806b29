/** `GET /kpi-values`: the figures, each with its status, its coverage and what it was made of. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TimeUs } from '../../protocols/sample.ts';
import { formatLocal } from '../exports/local-time.ts';
import type { KpiDefinition, KpiValue } from '../kpi/kpi.ts';
import { formatTime, parseTime } from '../plant/time-text.ts';
import { isZone } from '../plant/zone.ts';
import { comparing, comparisons } from '../rollup/compare-values.ts';
import { type BucketKind, granularities } from '../rollup/grid.ts';
import type { RolledValue } from '../rollup/rolled-values.ts';
import { assetParameters, assetsAskedFor, plantOf, plantsIn } from './asked-assets.ts';
import { bucketLabels, calendars } from './bucket-label.ts';
import { type RouteContext, viewOf } from './context.ts';
import { createCursors } from './cursor.ts';
import { sendDownload } from './download.ts';
import { bomParameter, formatOf, formatParameter, tableContent } from './formats.ts';
import { everyRole } from './guard.ts';
import {
  comparisonJson,
  included,
  inputJson,
  type KpiValueJson,
  kpiValueJson,
  kpiValueSchema,
  rolledValueJson,
} from './kpi-json.ts';
import { type Part, partsOf, refuseTooMany, type ValueRequest, valuePages, wholeOf } from './kpi-reading.ts';
import { kpiColumns } from './kpi-table.ts';
import { nextLink } from './links.ts';
import { listParameter, wordsParameter } from './lists.ts';
import { invalid } from './problem.ts';
import { compareKeys, keyOf, type Sort, sortParameter, textOf } from './sorting.ts';
import {
  civilDay,
  momentParameter,
  rangeParameters,
  runningHour,
  windowAt,
  windowJson,
  windowSchema,
} from './times.ts';

const evaluationTimeoutMs = 30_000;
/** Values that one sorted answer is looked for among: they are computed and held while their reader waits. */
const mostHeld = 250_000;
/** Values that are computed for one answer, a part of them at a time. */
const mostStreamed = 1_000_000;
const defaultLimit = 500;
const maxLimit = 10_000;

const statuses = ['ok', 'partial', 'no_data', 'undefined', 'suspect'] as const;
const sortable = ['start', 'asset', 'kpi', 'value', 'coverage', 'status', 'revision'] as const;
const inTime: Sort = ['start', 'asset', 'kpi', 'revision'].map((name) => ({ name, descending: false }));

const querySchema = z.strictObject({
  kpi: listParameter('ids of definitions'),
  ...assetParameters,
  ...rangeParameters,
  granularity: z
    .enum(['window', ...granularities, 'event'])
    .default('window')
    .meta({
      description:
        '`month` is of the calendar asked for; `event` each event and notified limit; `window` just the range, computed from samples now',
    }),
  calendar: z.enum(calendars).default('jalali').meta({ description: 'of months and labels; dates may be of either' }),
  tz: z
    .string()
    .max(60)
    .refine(isZone, { error: 'is no IANA time zone', params: { fa: 'منطقهٔ زمانی IANA نیست' } })
    .optional()
    .meta({ description: 'tells start_local and end_local in this zone; start and end are always UTC' }),
  as_of: momentParameter.optional().meta({ description: 'what the hub knew then; whole buckets only' }),
  revision: z.enum(['latest', 'all', 'official']).default('latest').meta({
    description:
      '`all`: every figure that was ever final for a bucket; `official`: of months whose report is issued, as it tells them',
  }),
  status: wordsParameter(statuses).optional(),
  min_coverage: z.coerce.number().min(0).max(1).optional(),
  include: wordsParameter(included)
    .default(['elements', 'flags'])
    .meta({ description: 'elements, flags, lineage, separated by commas; `elements,flags` when left out' }),
  compare: z.enum(comparisons).optional().meta({
    description:
      '`target` of the plant model; `previous` bucket (of a shift, the last one of its name); `baseline`: a reference period, what adds up in proportion to time',
  }),
  baseline_from: momentParameter.optional().meta({ description: 'the reference period, instead of the plant model’s' }),
  baseline_to: momentParameter.optional(),
  sort: sortParameter(sortable).optional(),
  limit: z.coerce.number().int().min(1).max(maxLimit).default(defaultLimit),
  cursor: z.string().max(1000).optional(),
  format: formatParameter,
  bom: bomParameter,
});
type Query = z.infer<typeof querySchema>;

const valuesSchema = z.object({
  meta: z.object({
    range: windowSchema.meta({ description: 'snapped outward to whole buckets' }),
    granularity: z.enum(['window', ...granularities, 'event']),
    calendar: z.enum(calendars),
    tz: z.string(),
    revision: z.enum(['latest', 'all', 'official']),
    as_of: z.string(),
    generated_at: z.string(),
  }),
  data: z.array(kpiValueSchema),
  next_cursor: z.string().nullable().meta({ description: 'for the next page; null on the last one' }),
});

export const kpiValueRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { kpis, clock } = context;
    const cursors = createCursors();

    app.get(
      '/kpi-values',
      {
        config: {
          access: everyRole,
          example: {
            query: {
              kpi: 'prod.oee,en.kwh',
              granularity: 'day',
              from: '1404-04-16',
              to: '1404-04-18',
              compare: 'target',
              limit: '100',
            },
          },
        },
        schema: {
          tags: ['kpi'],
          summary: 'KPIs of sites, areas, lines, units and meters',
          description:
            'Rows are in the order of start, asset and KPI unless `sort` says otherwise, in pages of `limit`; NDJSON, CSV, workbook and Parquet hold the whole range. A null value is "not known", and `status` and `flags` say why.',
          querystring: querySchema,
          response: { 200: tableContent('KPI values', valuesSchema) },
        },
      },
      async (request, reply) => {
        const query = request.query;
        const { limit, cursor, revision, calendar, kpi } = query;
        const view = viewOf(request, context);
        const plants = plantsIn(view, context);
        const granularity =
          query.granularity === 'month' && calendar === 'gregorian' ? 'gregorian_month' : query.granularity;
        checkKpis(kpi, granularity, context);
        const assets = assetsAskedFor(query, view, context);
        const now = clock.now();
        const usual = runningHour(now);
        const parts = partsOf(assets, plants, query, usual, granularity);
        const range = wholeOf(parts, windowAt(query, civilDay, usual));
        const askedAsOf = query.as_of && windowAt({ to: query.as_of }, plants[0] ?? civilDay, usual).to;
        // Later pages tell what the first one knew.
        const [pinned, sorted, ...after] = cursor === undefined ? [] : cursors.open(cursor);
        const asOf = typeof pinned === 'number' ? pinned : askedAsOf;
        const isWanted = wanted(query, (asset) => view.sees(asset));
        const told = tellingRows(query, askedAsOf, plants, context);
        const format = formatOf(request, query.format);
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(evaluationTimeoutMs)]);

        let rows: readonly KpiValueJson[] = [];
        let pages: AsyncIterable<readonly KpiValueJson[]> | undefined;
        let next: string | null = null;
        if (granularity === 'window') {
          if (askedAsOf !== undefined || revision !== 'latest' || query.compare) {
            const field = askedAsOf !== undefined ? 'as_of' : revision !== 'latest' ? 'revision' : 'compare';
            throw invalid(field, {
              en: 'is for whole buckets; ask for a granularity',
              fa: 'برای بازه‌های کامل است؛ granularity را بگویید',
            });
          }
          const values = await evaluated(parts, kpi, context, signal);
          rows = values.filter(isWanted).map((value) => select(kpiValueJson(value), query));
        } else {
          const sort = query.sort ? [...query.sort, ...inTime] : inTime;
          const source = revision === 'official' ? officialSource(granularity, context) : kpis;
          const readings = revision === 'all' ? 'all' : 'latest';
          const asked: ValueRequest = { ...(kpi && { kpis: kpi }), granularity, asOf, parts, revision: readings };
          refuseTooMany(parts, granularity, kpi?.length, format === 'json' && query.sort ? mostHeld : mostStreamed);
          if (format !== 'json') pages = chosen(valuePages(source, asked, request.signal), isWanted, told);
          else {
            if (cursor !== undefined && sorted !== textOf(sort)) {
              throw invalid('cursor', {
                en: 'is of a query with another order; begin with the first page',
                fa: 'از پرسشی با ترتیب دیگر است؛ از صفحهٔ نخست آغاز کنید',
              });
            }
            const isAfter = (value: RolledValue): boolean =>
              cursor === undefined || compareKeys(keyOf(value, sort, fieldOf), after, sort) > 0;
            const isEnough = (found: readonly RolledValue[]) => !query.sort && found.length > limit;
            const from = query.sort || cursor === undefined ? undefined : Number(after[0]);
            const found: RolledValue[] = [];
            for await (const page of valuePages(source, { ...asked, from }, signal)) {
              for (const value of page) if (isWanted(value) && isAfter(value)) found.push(value);
              if (isEnough(found)) break;
            }
            if (query.sort) {
              found.sort((a, b) => compareKeys(keyOf(a, sort, fieldOf), keyOf(b, sort, fieldOf), sort));
            }
            const shown = found.slice(0, limit);
            rows = told(shown);
            if (found.length > limit)
              next = cursors.seal([asOf ?? now, textOf(sort), ...keyOf(shown.at(-1)!, sort, fieldOf)]);
          }
        }
        if (format !== 'json') {
          return sendDownload(request, reply, context, {
            format,
            bom: query.bom,
            object: `kpi ${kpi?.join(',') ?? '*'}`,
            details: {
              ...windowJson(range),
              granularity,
              assets: [...(query.asset ?? [])],
              group: query.group ?? null,
            },
            fileName: `kpi_${granularity}_${formatTime(range.from)}`,
            columns: kpiColumns(kpis.definitions(), view.assets(), query.compare !== undefined),
            json: (row) => row,
            pages: pages ?? [rows],
          });
        }
        const generated = formatTime(now);
        if (next !== null) reply.header('link', nextLink(request, next));
        return {
          meta: {
            range: windowJson(range),
            granularity,
            calendar,
            tz: query.tz ?? plants[0]?.zone ?? civilDay.zone,
            revision,
            as_of: asOf === undefined ? generated : formatTime(asOf),
            generated_at: generated,
          },
          data: [...rows],
          next_cursor: next,
        };
      },
    );
  };

/** Values as reports tell them: of their months and days, and of the hours and shifts that those were made of. */
function officialSource(granularity: BucketKind, { kpis, reports }: RouteContext): RouteContext['kpis'] {
  if (granularity === 'week' || granularity === 'gregorian_month' || granularity === 'event') {
    throw invalid('revision', {
      en: 'official figures are of hours, shifts, days and Jalali months',
      fa: 'ارقام رسمی برای ساعت، شیفت، روز و ماه شمسی‌اند',
    });
  }
  return { ...kpis, rolled: reports.official };
}

const fieldOf = (value: RolledValue, field: string): string | number | null =>
  value[field as (typeof sortable)[number]] ?? null;

function wanted({ status, min_coverage = 0 }: Query, sees: (asset: string) => boolean): (value: KpiValue) => boolean {
  return (value) =>
    sees(value.asset) &&
    (status === undefined || status.some((one) => one === value.status)) &&
    value.coverage >= min_coverage;
}

async function evaluated(
  parts: readonly Part[],
  kpi: readonly string[] | undefined,
  { kpis }: RouteContext,
  signal: AbortSignal,
): Promise<KpiValue[]> {
  const found: KpiValue[] = [];
  for (const { assets, window } of parts) {
    found.push(...(await kpis.evaluate({ ...(kpi && { kpis: kpi }), assets, ...window }, signal)));
  }
  return found;
}

async function* chosen(
  pages: AsyncIterable<readonly RolledValue[]>,
  isWanted: (value: RolledValue) => boolean,
  told: (values: readonly RolledValue[]) => KpiValueJson[],
): AsyncGenerator<KpiValueJson[]> {
  for await (const page of pages) yield told(page.filter(isWanted));
}

type Plants = ReturnType<typeof plantsIn>;

/** What is told of values, with what they are compared with. */
function tellingRows(
  query: Query,
  asOf: TimeUs | undefined,
  plants: Plants,
  { kpis }: RouteContext,
): (values: readonly RolledValue[]) => KpiValueJson[] {
  const { calendar, compare, baseline_from, baseline_to } = query;
  if ((baseline_from === undefined) !== (baseline_to === undefined)) {
    throw invalid(baseline_from ? 'baseline_to' : 'baseline_from', {
      en: 'say both ends of the reference period',
      fa: 'هر دو سر دورهٔ مبنا را بگویید',
    });
  }
  const reference =
    baseline_from && windowAt({ from: baseline_from, to: baseline_to }, plants[0] ?? civilDay, { from: 0, to: 0 });
  return (values) => {
    const comparison =
      compare &&
      comparing(compare, values, { values: kpis.rolled, plants, definitions: kpis.definitions(), reference });
    return values.map((value) => {
      const zone = plantOf(value.asset, plants)?.zone ?? civilDay.zone;
      const row = select(
        {
          ...rolledValueJson(value, asOf),
          label: bucketLabels(zone, value.bucket, calendar),
          ...(comparison && { comparison: comparisonJson(value, comparison(value)) }),
        },
        query,
      );
      if (query.include.includes('lineage')) {
        row.plant_version = value.plantVersion;
        row.inputs = value.inputs.map(inputJson);
      }
      return row;
    });
  };
}

function select(row: KpiValueJson, { include, tz }: Query): KpiValueJson {
  const { elements, flags, ...rest } = row;
  const local = tz && {
    start_local: formatLocal(tz, parseTime(row.start)!),
    end_local: formatLocal(tz, parseTime(row.end)!),
  };
  return {
    ...rest,
    ...local,
    ...(include.includes('elements') && { elements }),
    ...(include.includes('flags') && { flags }),
  };
}

function checkKpis(asked: readonly string[] | undefined, granularity: string, { kpis }: RouteContext): void {
  const unknownTo = (definitions: readonly KpiDefinition[]) =>
    asked?.filter((id) => !definitions.some((definition) => definition.id === id)) ?? [];
  const unknown = unknownTo(kpis.definitions());
  if (unknown.length > 0) {
    throw invalid('kpi', {
      en: `there is no ${unknown.join(', ')}; /kpi-definitions lists all`,
      fa: `شاخص ${unknown.join('، ')} وجود ندارد؛ فهرست در /kpi-definitions است`,
    });
  }
  const bucketed = granularity === 'window' ? unknownTo(kpis.windowed()) : [];
  if (bucketed.length > 0) {
    throw invalid('granularity', {
      en: `${bucketed.join(', ')} is told of whole buckets only; ask for hour, shift, day or longer`,
      fa: `${bucketed.join('، ')} فقط برای بازه‌های کامل گفته می‌شود؛ hour، shift، day یا بلندتر بخواهید`,
    });
  }
}
