/** `GET /revisions`: a feed of what was told otherwise than before: final buckets, with the elements that became others. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import { toElements } from '../../kpi/sums.ts';
import { granularities } from '../../plant/grid.ts';
import { formatTime } from '../../plant/time-text.ts';
import type { Restatement, StoredBucket } from '../../rollup/buckets/buckets.ts';
import type { Column } from '../answers/download.ts';
import { columnsOf } from '../answers/rows.ts';
import type { RouteContext } from '../asked/context.ts';
import { wordsParameter } from '../asked/lists.ts';
import { everyRole } from '../door/guard.ts';
import { answerFeed, feedAskedFor, feedParameters, feedResponse } from './revision-query.ts';

/** Read at once; a feed of which little is asked for goes through many. */
const turn = 2000;
/** Looked through for one answer. */
const mostTurns = 50;

const rowSchema = z.object({
  sequence: z.int(),
  asset: z.string().meta({ description: 'the unit or meter; everything above it changes with it' }),
  group: z.string().meta({ description: 'of elements' }),
  granularity: z.enum(granularities),
  start: z.string(),
  end: z.string(),
  revision: z.int().meta({ description: 'that is in force since' }),
  replaced: z.int().meta({ description: 'the revision before; as_of just before `at` still tells it' }),
  at: z.string(),
  kpis: z.array(z.string()).meta({ description: 'that are computed from it; /revisions/values tells their figures' }),
  elements: z
    .record(z.string(), z.object({ before: z.number().nullable(), after: z.number().nullable() }))
    .meta({ description: 'those that became others; null is not told. The rest stayed as it was' }),
});
type Row = z.infer<typeof rowSchema>;
const columns: readonly Column<Row>[] = [
  ...columnsOf<Row>({
    ...{ sequence: 'integer', asset: 'text', group: 'text', granularity: 'text', start: 'time', end: 'time' },
    ...{ revision: 'integer', replaced: 'integer', at: 'time', kpis: 'list' },
  }),
  { name: 'elements', type: 'text', of: ({ elements }) => JSON.stringify(elements) },
];

export const revisionRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { kpis } = context;
    app.get(
      '/revisions',
      {
        config: { access: everyRole, example: { query: { since: '0', granularity: 'day,month', limit: '100' } } },
        schema: {
          tags: ['kpi'],
          summary: 'What was restated, oldest first, since a place in the feed',
          description:
            'Keep `next_since` and ask again with it: there is always one, and nothing is told twice. Figures that come while a bucket is provisional are no restatements.',
          querystring: z.strictObject({
            ...feedParameters,
            granularity: wordsParameter(granularities).optional(),
            limit: z.coerce.number().int().min(1).max(10_000).default(500),
          }),
          response: feedResponse('Restatements', rowSchema),
        },
      },
      async (request, reply) => {
        const { kpi, granularity, limit } = request.query;
        const { after, tells } = feedAskedFor(request, request.query, context);
        const definitions = kpis.definitions().filter(({ id }) => kpi?.includes(id) ?? true);
        const rows: Row[] = [];
        let through = after;
        let more = true;
        for (let turns = 0; more && rows.length < limit && turns < mostTurns; turns++) {
          const found = kpis.buckets.restatements(through, turn);
          more = found.length === turn;
          for (const one of found) {
            if (rows.length === limit) {
              more = true;
              break;
            }
            through = one.sequence;
            const row = rowOf(one, definitions);
            const isWanted =
              tells(one.asset) &&
              (granularity?.includes(row.granularity) ?? true) &&
              (kpi === undefined || row.kpis.length > 0);
            if (isWanted) rows.push({ ...row, elements: changedElements(one, kpis.buckets.revisions(one)) });
          }
        }
        return answerFeed(request, reply, context, request.query, {
          ...{ name: 'revisions', rows, columns, through, more },
        });
      },
    );
  };

function rowOf(one: Restatement, definitions: readonly KpiDefinition[]): Omit<Row, 'elements'> {
  const granularity = one.tier === 'cell' ? '15min' : one.tier;
  const usual = granularity === 'gregorian_month' ? 'month' : granularity;
  return {
    ...{ sequence: one.sequence, asset: one.asset, group: one.group, granularity },
    ...{ start: formatTime(one.start), end: formatTime(one.end), revision: one.revision + 1, replaced: one.revision },
    at: formatTime(one.replacedAt),
    kpis: definitions.flatMap(({ id, groups, granularities: told }) =>
      groups.includes(one.group) && told.includes(usual) ? [id] : [],
    ),
  };
}

/** In the order of their names. A bucket that the calendar has no more was replaced by none. */
function changedElements({ revision }: Restatement, revisions: readonly StoredBucket[]): Row['elements'] {
  const told = (number: number) => toElements(revisions.find((one) => one.revision === number)?.sums ?? {});
  const [before, after] = [told(revision), told(revision + 1)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return Object.fromEntries(
    names.flatMap((name) => {
      const [was, is] = [before[name] ?? null, after[name] ?? null];
      return was === is ? [] : [[name, { before: was, after: is }]];
    }),
  );
}
