/** `GET /kpi-values`: the figures, each with its status, its coverage and what it was made of. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { KpiValue } from '../../kpi/kpi.ts';
import type { BucketKind } from '../../plant/grid.ts';
import { formatTime } from '../../plant/time-text.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';
import { sendDownload } from '../answers/download.ts';
import { nothingOfficial, nothingStored } from '../answers/empty-words.ts';
import { linkNext } from '../answers/links.ts';
import { refuseWindow } from '../answers/too-much.ts';
import { assetsAskedFor, plantOf, plantsIn } from '../asked/asked-assets.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { createCursors } from '../asked/cursor.ts';
import { formatOf, tableContent } from '../asked/formats.ts';
import { compareKeys, keyOf, type Sort, textOf } from '../asked/sorting.ts';
import { civilDay, runningHour, windowAt, windowJson } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';
import { invalid } from '../door/problem.ts';
import { type KpiValueJson, kpiValueJson } from './kpi-json.ts';
import { checkGranularity, checkKpis, querySchema, type sortable, valuesSchema, wanted } from './kpi-query.ts';
import { type Part, partsOf, refuseTooMany, type ValueRequest, valuePages, wholeOf } from './kpi-reading.ts';
import { kpiColumns } from './kpi-table.ts';
import { select, tellingRows } from './kpi-telling.ts';

const evaluationTimeoutMs = 30_000;
/** Values that one sorted answer is looked for among: they are computed and held while their reader waits. */
const mostHeld = 250_000;
/** Values that are computed for one answer, a part of them at a time. */
const mostStreamed = 1_000_000;

const inTime: Sort = ['start', 'asset', 'kpi', 'revision'].map((name) => ({ name, descending: false }));

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
            'The last four quarter-hours when nothing is said, snapped outward to whole buckets. Rows are in the order of start, asset and KPI unless `sort` says otherwise, in pages of `limit`; NDJSON, CSV, workbook and Parquet hold the whole range. A null value is "not known", and `status` and `flags` say why.',
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
        checkKpis(kpi, context);
        checkGranularity(kpi, granularity, context);
        const assets = assetsAskedFor(query, view, context);
        const now = clock.now();
        const [pinned, sorted, ...after] = cursor === undefined ? [] : cursors.open(cursor);
        // Later pages tell what the first one knew, of the range that it meant.
        const pinnedAt = query.as_of === undefined && typeof pinned === 'number' ? pinned : undefined;
        const usual = runningHour(pinnedAt ?? now);
        const parts = partsOf(assets, plants, query, usual, granularity);
        const range = wholeOf(parts, windowAt(query, civilDay, usual));
        const asOf = query.as_of && windowAt({ to: query.as_of }, plants[0] ?? civilDay, usual).to;
        const isWanted = wanted(query, (asset) => view.sees(asset));
        const told = tellingRows(query, asOf, plants, context);
        const format = formatOf(request, query.format);
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(evaluationTimeoutMs)]);

        let rows: readonly KpiValueJson[] = [];
        let pages: AsyncIterable<readonly KpiValueJson[]> | undefined;
        let next: string | null = null;
        if (granularity === 'window') {
          if (asOf !== undefined || revision !== 'latest' || query.compare) {
            const field = asOf !== undefined ? 'as_of' : revision !== 'latest' ? 'revision' : 'compare';
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
          const asked: ValueRequest = {
            ...(kpi && { kpis: kpi }),
            granularity,
            asOf,
            pinnedAt,
            parts,
            revision: readings,
          };
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
            // One more tells whether there is a next page.
            const some = { ...asked, from, ...(!query.sort && { wanted: limit + 1 }) };
            for await (const page of valuePages(source, some, signal)) {
              for (const value of page) if (isWanted(value) && isAfter(value)) found.push(value);
              if (isEnough(found)) break;
            }
            if (query.sort) {
              found.sort((a, b) => compareKeys(keyOf(a, sort, fieldOf), keyOf(b, sort, fieldOf), sort));
            }
            const shown = found.slice(0, limit);
            rows = told(shown);
            if (found.length > limit)
              next = cursors.seal([asOf ?? pinnedAt ?? now, textOf(sort), ...keyOf(shown.at(-1)!, sort, fieldOf)]);
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
            columns: kpiColumns({
              ...{ definitions: kpis.definitions(), assets: view.assets(), isCompared: query.compare !== undefined },
              zoneOf: (asset) => plantOf(asset, plants)?.zone ?? civilDay.zone,
            }),
            json: (row) => row,
            pages: pages ?? [rows],
          });
        }
        const generated = formatTime(now);
        if (next !== null) linkNext(request, reply, { cursor: next });
        const answer: z.infer<typeof valuesSchema> = {
          meta: {
            range: windowJson(range),
            granularity,
            calendar,
            tz: query.tz ?? plants[0]?.zone ?? civilDay.zone,
            revision,
            as_of: formatTime(asOf ?? pinnedAt ?? now),
            ...(rows.length === 0 && { note: revision === 'official' ? nothingOfficial : nothingStored }),
            generated_at: generated,
          },
          data: [...rows],
          next_cursor: next,
        };
        // As text: the schema's serialiser would copy every one of many values.
        return reply.type('application/json').send(JSON.stringify(answer));
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

async function evaluated(
  parts: readonly Part[],
  kpi: readonly string[] | undefined,
  { kpis }: RouteContext,
  signal: AbortSignal,
): Promise<KpiValue[]> {
  const found: KpiValue[] = [];
  for (const { assets, window } of parts) {
    const request = { ...(kpi && { kpis: kpi }), assets, ...window };
    refuseWindow(kpis.tagsRead(request), window);
    found.push(...(await kpis.evaluate(request, signal)));
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
