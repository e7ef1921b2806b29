/**
 * `GET /series`: one tag. As it is stored, for screens (JSON) and whole (NDJSON, CSV, workbook, Parquet), or by buckets of
 * time: first, last, least, greatest, mean weighted by time, and what a counter counted.
 */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { KnownTag } from '../../ledger/ledger.ts';
import { formatTime } from '../../plant/time-text.ts';
import { aggregations } from '../../rollup/windows/aggregate-series.ts';
import { flagNames, severityOf } from '../../store/sample-words.ts';
import { newestRows, pagesOfRows, type SeriesRow } from '../../store/series-pages.ts';
import { type Column, sendDownload } from '../answers/download.ts';
import { valueJson, valueSchema } from '../answers/sample-json.ts';
import { tooMuch } from '../answers/too-much.ts';
import { plantOf, plantsIn } from '../asked/asked-assets.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { bomParameter, type Format, formatOf, formatParameter, tableContent } from '../asked/formats.ts';
import { civilDay, rangeParameters, type Window, windowAt, windowJson, windowSchema } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';
import { invalid, notFound, ProblemError } from '../door/problem.ts';
import { answerAggregated, lengths } from './series-aggregated.ts';

const usualWindowUs = 15 * 60_000_000;
const maxPoints = 100_000;
/** A download past this breaks off; by then it has been asked for in parts that are too large to be useful. */
const maxRows = 5_000_000;
const readTimeoutMs = 30_000;

const pointSchema = z.object({
  time: z.string(),
  value: valueSchema,
  quality: z.int(),
  flags: z.array(z.string()),
  stream: z.int(),
  number: z.int().meta({ description: "the sample's number in its stream" }),
});

const bucketSchema = z.object({
  start: z.string(),
  end: z.string(),
  value: valueSchema,
  samples: z.int(),
  coverage: z.number().meta({ description: 'share of the bucket in which the value was known' }),
});

const seriesSchema = z.object({
  meta: z.object({
    tag: z.string(),
    type: z.string(),
    unit: z.string(),
    scale: z
      .number()
      .meta({ description: 'units per count of a counter: raw values are the register, others are scaled' }),
    agg: z.enum(['raw', ...aggregations]),
    granularity: z.enum(lengths).optional(),
    fill: z.enum(['none', 'null']).optional(),
    range: windowSchema,
    truncated: z.boolean().meta({ description: 'the window holds more: these are its newest points' }),
  }),
  data: z.union([z.array(pointSchema), z.array(bucketSchema)]),
});

export const seriesRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/series',
      {
        config: {
          access: everyRole,
          example: {
            query: {
              tag: 'sahand/machining-plant/energy/main/kwh',
              agg: 'delta',
              granularity: 'hour',
              from: '1404-04-16',
              to: '1404-04-17',
            },
          },
        },
        schema: {
          tags: ['data'],
          summary: 'Samples of one tag, or what they come to by buckets of time',
          description:
            'The last quarter of an hour when nothing is said. `agg=raw`: JSON holds at most `limit` points, the newest of the window; the other formats hold the whole window, oldest first, and a transfer that breaks off is not complete.',
          querystring: z.strictObject({
            tag: z.string().max(400).meta({ description: 'full path, as listed by /tags' }),
            ...rangeParameters,
            agg: z
              .enum(['raw', ...aggregations])
              .default('raw')
              .meta({ description: '`twa` is the mean weighted by time; `delta` is what a counter counted' }),
            granularity: z.enum(lengths).optional().meta({ description: 'with an `agg` only; `hour` when left out' }),
            fill: z
              .enum(['none', 'null'])
              .default('none')
              .meta({ description: 'buckets of which nothing is known are left out, or told with null' }),
            limit: z.coerce
              .number()
              .int()
              .min(1)
              .max(maxPoints)
              .default(10_000)
              .meta({ description: 'of raw JSON: the newest so many; `meta.truncated` says that there are more' }),
            format: formatParameter,
            bom: bomParameter,
          }),
          response: { 200: tableContent('Samples or buckets', seriesSchema) },
        },
      },
      async (request, reply) => {
        const { tag: path, agg, granularity, bom, limit } = request.query;
        if (agg === 'raw' && granularity !== undefined) {
          throw invalid('granularity', {
            en: 'samples as they are have none: say an agg too, as in agg=twa or agg=delta',
            fa: 'نمونه‌های خام بازه ندارند؛ agg را هم بگویید، مانند agg=twa یا agg=delta',
          });
        }
        const view = viewOf(request, context);
        // A gateway that was replaced leaves its tags under another agent with the same path.
        const tags = view.tags().filter((tag) => tag.path === path);
        const tag = tags.at(-1);
        if (!tag) throw notFound({ en: `tag ${path} (/tags lists all)`, fa: `تگ ${path} (فهرست در /tags)` });
        const plant = plantOf(path, plantsIn(view, context));
        const now = context.clock.now();
        const window = windowAt(request.query, plant ?? civilDay, { from: now - usualWindowUs, to: now });
        const { type, unit } = tag.current;
        const format = formatOf(request, request.query.format);
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(readTimeoutMs)]);
        if (agg !== 'raw') {
          return answerAggregated(
            request,
            reply,
            context,
            { ...request.query, granularity: granularity ?? 'hour', agg, tag, plant, window, format },
            signal,
          );
        }
        const read = { keys: tags.flatMap(({ keys }) => keys), ...window };
        if (format !== 'json') {
          return sendDownload(request, reply, context, {
            ...{ format, bom, object: path, details: windowJson(window), json: pointOf },
            fileName: `series_${path}_${formatTime(window.from)}`,
            columns: columnsFor(tag, format),
            pages: bounded(pagesOfRows(context.reader, read, tag.current.intervalMs, request.signal)),
          });
        }
        const { rows, truncated } = await newestRows(context.reader, read, limit, signal);
        const meta = {
          tag: path,
          type,
          unit,
          scale: scaleOf(tag),
          agg,
          range: windowJson(window as Window),
          truncated,
        };
        // As text: the schema's serialiser would copy every one of many points.
        return reply.type('application/json').send(JSON.stringify({ meta, data: rows.map(pointOf) }));
      },
    );
  };

async function* bounded(pages: AsyncIterable<SeriesRow[]>): AsyncGenerator<SeriesRow[]> {
  let rows = 0;
  for await (const page of pages) {
    rows += page.length;
    if (rows > maxRows) throw new ProblemError('invalid', tooMuch(`the window holds more than ${maxRows} samples`));
    yield page;
  }
}

const scaleOf = ({ current }: KnownTag): number => current.counter?.scale ?? 1;

const pointOf = (row: SeriesRow): z.infer<typeof pointSchema> => ({
  time: formatTime(row.time),
  value: valueJson(row.value),
  quality: row.quality,
  flags: [...flagNames(row.flags)],
  stream: row.stream,
  number: row.number,
});

/** In CSV a value stands as it is; typed files have numbers and text apart. */
function columnsFor(tag: KnownTag, format: Format): Column<SeriesRow>[] {
  const isNumber = ({ value }: SeriesRow) => typeof value === 'number' || typeof value === 'boolean';
  const values: Column<SeriesRow>[] =
    format === 'csv'
      ? [{ name: 'value', type: 'text', of: ({ value }) => value }]
      : [
          { name: 'value', type: 'number', of: (row) => (isNumber(row) ? Number(row.value) : null) },
          {
            name: 'value_text',
            type: 'text',
            of: (row) => (row.value === null || isNumber(row) ? null : String(row.value)),
          },
        ];
  return [
    { name: 'tag', type: 'text', of: () => tag.path },
    { name: 'time', type: 'time', of: ({ time }) => time },
    ...values,
    { name: 'unit', type: 'text', of: () => tag.current.unit },
    { name: 'scale', type: 'number', of: () => scaleOf(tag) },
    { name: 'quality', type: 'integer', of: ({ quality }) => quality },
    { name: 'severity', type: 'text', of: ({ quality }) => severityOf(quality) },
    { name: 'flags', type: 'text', of: ({ flags }) => flagNames(flags).join(' ') },
    { name: 'stream', type: 'integer', of: ({ stream }) => stream },
    { name: 'number', type: 'integer', of: ({ number }) => number },
  ];
}
