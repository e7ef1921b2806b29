/** `GET /tags`: every measuring point under its full path, with its newest value and who has commissioned it. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { tagRoles } from '../../../protocols/manifest.ts';
import { isUnder } from '../../access/scope.ts';
import { commissionedOf, isMeasured } from '../../commissioning/commissioned.ts';
import type { Commissioned } from '../../commissioning/sheets.ts';
import { isImportAgent } from '../../ledger/imported.ts';
import type { KnownTag } from '../../ledger/ledger.ts';
import type { LatestValue } from '../../live/latest.ts';
import { formatTime, parseTime } from '../../plant/time-text.ts';
import { severityOf } from '../../store/sample-words.ts';
import { type Column, sendDownload } from '../answers/download.ts';
import { linkNext } from '../answers/links.ts';
import { columnsOf, rowsParameters } from '../answers/rows.ts';
import { valueJson, valueSchema } from '../answers/sample-json.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { formatOf, tableContent } from '../asked/formats.ts';
import { everyRole } from '../door/guard.ts';

export const latestValueSchema = z.object({
  time: z.string(),
  value: valueSchema,
  quality: z.int().meta({ description: 'OPC UA StatusCode; 0 is Good' }),
  severity: z.enum(['good', 'uncertain', 'bad']),
  stored: z.boolean().meta({ description: 'false: said for screens while older samples are on their way' }),
});

const tagSchema = z.object({
  path: z.string(),
  agent: z.string(),
  type: z.enum(['float', 'int', 'bool', 'string']),
  unit: z.string(),
  role: z.enum(tagRoles),
  source: z.string(),
  scale: z
    .number()
    .meta({ description: 'units per count of a counter: values are the raw register, not yet multiplied' }),
  interval_ms: z.number(),
  retired: z.boolean(),
  commissioned: z
    .object({ at: z.string(), by: z.string(), sheet: z.string() })
    .nullable()
    .meta({ description: 'the newest commissioning sheet that vouches for the tag as it is read now' }),
  latest: latestValueSchema.nullable(),
});

type Row = z.infer<typeof tagSchema>;
const columns: readonly Column<Row>[] = [
  ...columnsOf<Row>({
    ...{ path: 'text', agent: 'text', type: 'text', unit: 'text', role: 'text', source: 'text' },
    ...{ scale: 'number', interval_ms: 'number' },
  }),
  { name: 'retired', type: 'text', of: ({ retired }) => retired },
  { name: 'commissioned_at', type: 'time', of: ({ commissioned }) => commissioned && parseTime(commissioned.at)! },
  { name: 'commissioned_by', type: 'text', of: ({ commissioned }) => commissioned?.by ?? null },
  { name: 'latest_time', type: 'time', of: ({ latest }) => latest && parseTime(latest.time)! },
  { name: 'latest_value', type: 'text', of: ({ latest }) => latest?.value ?? null },
  { name: 'latest_severity', type: 'text', of: ({ latest }) => latest?.severity ?? null },
];

export const latestJson = ({ time, value, quality, stored }: LatestValue): z.infer<typeof latestValueSchema> => ({
  time: formatTime(time),
  value: valueJson(value),
  quality,
  severity: severityOf(quality),
  stored,
});

export const tagRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/tags',
      {
        config: { access: everyRole },
        schema: {
          tags: ['data'],
          summary: 'Measuring points with their newest values',
          querystring: z.strictObject({
            under: z.string().max(400).optional().meta({ description: 'only tags below this path' }),
            commissioned: z.stringbool().optional().meta({
              description:
                'only tags that are commissioned (true), or that still must be (false): neither health tags nor retired ones',
            }),
            after: z.string().max(400).optional().meta({ description: '`next_after` of the page before' }),
            limit: z.coerce.number().int().min(1).max(10_000).default(1000).meta({ description: 'of a page of JSON' }),
            ...rowsParameters,
          }),
          response: {
            200: tableContent('Tags', z.object({ data: z.array(tagSchema), next_after: z.string().nullable() })),
          },
        },
      },
      async (request, reply) => {
        const { under, commissioned, after, limit } = request.query;
        const sheetOf = (tag: KnownTag) => commissionedOf(context.access.sheets, tag);
        const found = viewOf(request, context)
          .tags()
          // An import's tags are those of a gateway.
          .filter(({ agent }) => !isImportAgent(agent))
          .filter(({ path }) => (under === undefined || isUnder(path, under)) && (after === undefined || path > after))
          .filter(
            (tag) => commissioned === undefined || (isMeasured(tag) && (sheetOf(tag) !== undefined) === commissioned),
          )
          .sort((a, b) => (a.path < b.path ? -1 : 1));
        const told = (tag: KnownTag) => tagJson(tag, context.latest.of(tag), sheetOf(tag));
        const format = formatOf(request, request.query.format);
        if (format !== 'json') {
          const table = { format, bom: request.query.bom, object: 'tags', details: {}, fileName: 'tags', columns };
          return sendDownload(request, reply, context, { ...table, json: (row) => row, pages: [found.map(told)] });
        }
        const page = found.slice(0, limit);
        const next = found.length > limit ? page.at(-1)!.path : null;
        if (next !== null) linkNext(request, reply, { after: next });
        return { data: page.map(told), next_after: next };
      },
    );
  };

const tagJson = (
  { path, agent, current }: KnownTag,
  latest: LatestValue | undefined,
  sheet: Commissioned | undefined,
): z.infer<typeof tagSchema> => ({
  path,
  agent,
  type: current.type,
  unit: current.unit,
  role: current.role,
  source: current.source,
  scale: current.counter?.scale ?? 1,
  interval_ms: current.intervalMs,
  retired: current.retired === true,
  commissioned: sheet ? { ...sheet, at: formatTime(sheet.at) } : null,
  latest: latest ? latestJson(latest) : null,
});
