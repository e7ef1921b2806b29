/** `GET /energy-feed`: quarter-hours of every subscription in the scope, for who balances the grid. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { energyFeed, feedQualities } from '../../exports/energy-feed.ts';
import { timeOrDateParameter } from '../../plant/time-parameters.ts';
import { formatTime } from '../../plant/time-text.ts';
import type { Column } from '../answers/download.ts';
import { undeclared } from '../answers/empty-words.ts';
import { answerRows, columnsOf, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { windowJson, windowOf, windowSchema } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';
import { notFound } from '../door/problem.ts';

const dayUs = 86_400_000_000;
const quarterUs = 900_000_000;
const maxDays = 7;

const rowSchema = z.object({
  subscription: z.string(),
  site: z.string(),
  start: z.string(),
  end: z.string(),
  kwh: z.number().nullable().meta({ description: 'drawn; null is not known' }),
  kw: z.number().nullable().meta({ description: 'mean power drawn' }),
  exported_kwh: z.number().nullable().meta({ description: 'given to the grid; null where no meter tells' }),
  quality: z.enum(feedQualities),
  coverage: z.number(),
  provisional: z.boolean(),
  revision: z.int().meta({ description: 'rises when a quarter-hour that was final is told anew' }),
});
type Row = z.infer<typeof rowSchema>;
const columns: readonly Column<Row>[] = [
  ...columnsOf<Row>({
    ...{ subscription: 'text', site: 'text', start: 'time', end: 'time', kwh: 'number', kw: 'number' },
    ...{ exported_kwh: 'number', quality: 'text', coverage: 'number' },
  }),
  { name: 'provisional', type: 'text', of: ({ provisional }) => provisional },
  ...columnsOf<Row>({ revision: 'integer' }),
];

export const energyFeedRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { kpis, clock, exports } = context;
    app.get(
      '/energy-feed',
      {
        config: { access: everyRole },
        schema: {
          tags: ['exports'],
          summary: 'Energy and mean power of each quarter-hour and electricity subscription',
          description: `The last day when nothing is said; at most ${maxDays} days. The range is snapped outward to quarter-hours. A date is a day of the calendar, from midnight, as the grid counts.`,
          querystring: z.strictObject({
            subscription: z.string().max(40).optional(),
            from: timeOrDateParameter.optional(),
            to: timeOrDateParameter.optional(),
            ...rowsParameters,
          }),
          response: rowsResponse('Quarter-hours', rowSchema, { range: windowSchema, interval_min: z.literal(15) }),
        },
      },
      async (request, reply) => {
        const view = viewOf(request, context);
        const now = clock.now();
        const window = windowOf(request.query, { from: now - dayUs, to: now }, maxDays);
        const range = {
          from: Math.floor(window.from / quarterUs) * quarterUs,
          to: Math.ceil(window.to / quarterUs) * quarterUs,
        };
        const plants = exports.plants().filter(({ path }) => view.sees(path));
        const { subscription } = request.query;
        const known = plants.flatMap(({ meters }) => meters.flatMap((meter) => meter.subscription ?? []));
        if (subscription !== undefined && !known.includes(subscription)) {
          throw notFound({ en: `subscription ${subscription}`, fa: `شمارهٔ اشتراک ${subscription}` });
        }
        const rows = energyFeed(kpis, plants, range).flatMap(({ exportedKwh, start, end, ...row }): Row[] =>
          (subscription ?? row.subscription) === row.subscription
            ? [{ ...row, start: formatTime(start), end: formatTime(end), exported_kwh: exportedKwh }]
            : [],
        );
        return answerRows(request, reply, context, request.query, {
          ...{ name: 'energy-feed', rows, columns, empty: undeclared('subscription') },
          meta: { range: windowJson(range), interval_min: 15 as const },
        });
      },
    );
  };
