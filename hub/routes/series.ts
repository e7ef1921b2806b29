/** `GET /series`: the stored samples of one tag, exactly as they are. JSON for screens, NDJSON and CSV for everything of a window. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Cell } from '../exports/csv.ts';
import type { KnownTag } from '../ledger/ledger.ts';
import { formatTime } from '../plant/instant.ts';
import { flagNames, severityOf } from '../store/sample-words.ts';
import { newestRows, pagesOfRows, type SeriesRow } from '../store/series-pages.ts';
import { type RouteContext, viewOf } from './context.ts';
import { bomParameter, formatParameter, sendDownload } from './download.ts';
import { everyRole } from './guard.ts';
import { notFound, ProblemError } from './problem.ts';
import { valueJson, valueSchema } from './sample-json.ts';
import { timeParameter, windowOf } from './times.ts';

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

const seriesSchema = z.object({
  meta: z.object({
    tag: z.string(),
    type: z.string(),
    unit: z.string(),
    scale: z.number().meta({ description: 'units per count of a counter, whose values are the raw register' }),
    agg: z.literal('raw'),
    range: z.object({ from: z.string(), to: z.string() }),
    truncated: z.boolean().meta({ description: 'the window holds more: these are its newest points' }),
  }),
  data: z.array(pointSchema),
});

export const seriesRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { reader, clock, access } = context;

    app.get(
      '/series',
      {
        config: { access: everyRole },
        schema: {
          tags: ['data'],
          summary: 'Samples of one tag',
          description:
            'JSON holds at most `limit` points, the newest of the window. NDJSON and CSV stream the whole window, oldest first; a transfer that breaks off is not complete.',
          querystring: z.strictObject({
            tag: z.string().max(400).meta({ description: 'full path, as listed by /tags' }),
            from: timeParameter.optional(),
            to: timeParameter.optional(),
            agg: z.literal('raw').default('raw'),
            limit: z.coerce.number().int().min(1).max(maxPoints).default(10_000),
            format: formatParameter,
            bom: bomParameter,
          }),
          response: {
            200: {
              description: 'Samples',
              content: {
                'application/json': { schema: seriesSchema },
                'application/x-ndjson': { schema: z.string() },
                'text/csv': { schema: z.string() },
              },
            },
          },
        },
      },
      async (request, reply) => {
        const { tag: path, agg, format, bom, limit } = request.query;
        // A gateway that was replaced leaves its tags under another agent with the same path.
        const tags = viewOf(request, context)
          .tags()
          .filter((tag) => tag.path === path);
        const tag = tags.at(-1);
        if (!tag) throw notFound(`tag ${path}`);
        const now = clock.now();
        const { from, to } = windowOf(request.query, { from: now - usualWindowUs, to: now });
        const window = { keys: tags.flatMap(({ keys }) => keys), from, to };
        const range = { from: formatTime(from), to: formatTime(to) };
        if (format !== 'json') {
          return sendDownload(request, reply, access.audit, {
            format,
            bom,
            object: path,
            details: range,
            fileName: `series_${path}_${range.from}`,
            header: ['tag', 'time', 'value', 'unit', 'scale', 'quality', 'severity', 'flags', 'stream', 'number'],
            cells: (row) => cellsOf(row, tag),
            json: pointOf,
            pages: bounded(pagesOfRows(reader, window, tag.current.intervalMs, request.signal)),
          });
        }
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(readTimeoutMs)]);
        const { rows, truncated } = await newestRows(reader, window, limit, signal);
        const { type, unit } = tag.current;
        const meta = { tag: path, type, unit, scale: scaleOf(tag), agg, range, truncated };
        // As text: the schema's serialiser would copy every one of many points.
        return reply.type('application/json').send(JSON.stringify({ meta, data: rows.map(pointOf) }));
      },
    );
  };

async function* bounded(pages: AsyncIterable<SeriesRow[]>): AsyncGenerator<SeriesRow[]> {
  let rows = 0;
  for await (const page of pages) {
    rows += page.length;
    if (rows > maxRows)
      throw new ProblemError('invalid', `the window holds more than ${maxRows} samples: ask in parts`);
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

const cellsOf = (row: SeriesRow, tag: KnownTag): Cell[] => [
  tag.path,
  formatTime(row.time),
  row.value,
  tag.current.unit,
  scaleOf(tag),
  row.quality,
  severityOf(row.quality),
  flagNames(row.flags).join(' '),
  row.stream,
  row.number,
];
