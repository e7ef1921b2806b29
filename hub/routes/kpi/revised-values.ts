/** `GET /revisions/values`: the same feed as figures, with what each was before and is now, up to the site. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { granularities } from '../../plant/grid.ts';
import { formatTime } from '../../plant/time-text.ts';
import type { ValueChange } from '../../rollup/values/value-changes.ts';
import type { Column } from '../answers/download.ts';
import { columnsOf } from '../answers/rows.ts';
import type { RouteContext } from '../asked/context.ts';
import { everyRole } from '../door/guard.ts';
import { answerFeed, feedAskedFor, feedParameters, feedResponse } from './revision-query.ts';
import { encodeValueId } from './value-id.ts';

const readTimeoutMs = 30_000;
/** Each restatement is two readings of its bucket. */
const mostBuckets = 1000;

const lineage = 'asks for its lineage: /kpi-values/{id}/lineage; null where nothing was known';
const rowSchema = z.object({
  sequence: z.int(),
  at: z.string(),
  kpi: z.string(),
  asset: z.string(),
  granularity: z.enum([...granularities, 'event']),
  start: z.string(),
  end: z.string(),
  jalali_date: z.string(),
  unit: z.string(),
  before: z.number().nullable().meta({ description: 'null: not known then' }),
  after: z.number().nullable().meta({ description: 'null: not known any more' }),
  delta: z.number().nullable(),
  status_before: z.string().nullable(),
  status_after: z.string().nullable(),
  late: z.boolean().meta({ description: 'the bucket had ended 72 hours ago or more' }),
  large: z.boolean().meta({ description: 'by more than half a percentage point, or by more than one percent' }),
  id_before: z.string().nullable().meta({ description: lineage }),
  id_after: z.string().nullable().meta({ description: lineage }),
});
type Row = z.infer<typeof rowSchema>;
const columns: readonly Column<Row>[] = [
  ...columnsOf<Row>({
    ...{ sequence: 'integer', at: 'time', kpi: 'text', asset: 'text', granularity: 'text', start: 'time', end: 'time' },
    ...{ jalali_date: 'text', unit: 'text', before: 'number', after: 'number', delta: 'number' },
    ...{ status_before: 'text', status_after: 'text' },
  }),
  { name: 'late', type: 'text', of: ({ late }) => late },
  { name: 'large', type: 'text', of: ({ large }) => large },
  ...columnsOf<Row>({ id_before: 'text', id_after: 'text' }),
];

export const revisedValueRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { kpis } = context;
    app.get(
      '/revisions/values',
      {
        config: { access: everyRole, example: { query: { since: '0', kpi: 'prod.oee', limit: '100' } } },
        schema: {
          tags: ['kpi'],
          summary: 'Figures that became others, with what each was before and is now, oldest first',
          description:
            'Of units, meters and all that lies above them, by hours and longer: an hour tells of its quarters. `limit` counts restated buckets, so a page may have more rows or none; `next_since` goes on. Where a page ends within one restatement its figures may be told again, the same.',
          querystring: z.strictObject({
            ...feedParameters,
            late: z.stringbool().default(false).meta({ description: 'only what changed after its bucket was closed' }),
            large: z.stringbool().default(false).meta({ description: 'only what changed by more than a little' }),
            limit: z.coerce.number().int().min(1).max(mostBuckets).default(200),
          }),
          response: feedResponse('Figures', rowSchema),
        },
      },
      async (request, reply) => {
        const { kpi, late, large, limit } = request.query;
        const { after, tells } = feedAskedFor(request, request.query, context);
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(readTimeoutMs)]);
        const { changes, through, more } = await kpis.changes.page(after, limit, { kpis: kpi, late }, signal);
        const rows = changes.map(rowOf).filter((row) => tells(row.asset) && (row.large || !large));
        return answerFeed(request, reply, context, request.query, {
          ...{ name: 'revised-values', rows, columns, through, more },
        });
      },
    );
  };

function rowOf({ sequence, at, before, after, late, large }: ValueChange): Row {
  const { kpi, asset, bucket, start, end, unit } = (after ?? before)!;
  const [was, is] = [before?.value ?? null, after?.value ?? null];
  return {
    ...{ sequence, at: formatTime(at), kpi, asset, granularity: bucket.granularity },
    ...{ start: formatTime(start), end: formatTime(end), jalali_date: bucket.jalaliDate, unit },
    ...{ before: was, after: is, delta: was === null || is === null ? null : is - was },
    ...{ status_before: before?.status ?? null, status_after: after?.status ?? null, late, large },
    id_before: before ? encodeValueId(before, at - 1) : null,
    id_after: after ? encodeValueId(after, at) : null,
  };
}
