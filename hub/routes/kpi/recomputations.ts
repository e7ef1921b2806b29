/** `/recomputations`: compute a span anew, and see what has changed by it. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { timeOrDateParameter } from '../../plant/time-parameters.ts';
import { formatTime } from '../../plant/time-text.ts';
import { principalOf, type RouteContext, viewOf } from '../asked/context.ts';
import { overseers } from '../door/guard.ts';
import { invalid, notFound } from '../door/problem.ts';

const maxRestated = 10_000;

export const recomputationRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { plants, recomputing } = context;
    const tags = ['kpi'];

    app.post(
      '/recomputations',
      {
        config: {
          access: overseers,
          example: {
            body: {
              site: 'sahand/machining-plant',
              from: '1404-04-16',
              to: '1404-04-17',
              why: 'the planned run time was wrong',
            },
          },
        },
        schema: {
          tags,
          summary: 'Compute a span anew; a figure that comes out the same gets no revision',
          body: z.strictObject({
            site: z.string().max(300).optional().meta({ description: 'every site that the token sees, if absent' }),
            from: timeOrDateParameter,
            to: timeOrDateParameter,
            why: z.string().trim().min(1).max(1000),
          }),
          response: { 202: z.object({ id: z.string(), sites: z.array(z.string()) }) },
        },
      },
      async (request, reply) => {
        const { site, from, to, why } = request.body;
        if (from >= to) throw invalid('from', { en: 'must be before "to"', fa: 'باید پیش از "to" باشد' });
        const view = viewOf(request, context);
        const seen = plants.plants().flatMap(({ path }) => (view.sees(path) && (site ?? path) === path ? [path] : []));
        if (seen.length === 0) throw notFound({ en: `site "${site ?? ''}"`, fa: `کارخانهٔ «${site ?? ''}»` });
        const by = { who: principalOf(request).name, why };
        const { dirt, after } = recomputing.begin(seen, { start: from, end: to }, by);
        reply.code(202);
        return { id: `${dirt}-${after}`, sites: seen };
      },
    );

    app.get(
      '/recomputations/:id',
      {
        config: { access: overseers, example: { params: { id: '0-0' } } },
        schema: {
          tags,
          summary: 'Whether it is done, and which final buckets have got other elements since it began',
          params: z.object({ id: z.string().max(40) }),
          response: {
            200: z.object({
              done: z.boolean(),
              restated: z.array(
                z.object({
                  granularity: z.string(),
                  group: z.string(),
                  asset: z.string(),
                  start: z.string(),
                  end: z.string(),
                  revision: z.int().meta({ description: 'that was replaced' }),
                }),
              ),
              more: z.boolean(),
            }),
          },
        },
      },
      async (request) => {
        const [, dirt, after] = /^(\d{1,15})-(\d{1,15})$/.exec(request.params.id)?.map(Number) ?? [];
        if (dirt === undefined || after === undefined) {
          throw notFound({ en: `recomputation ${request.params.id}`, fa: `محاسبهٔ مجدد ${request.params.id}` });
        }
        const view = viewOf(request, context);
        const { done, restated } = recomputing.look({ dirt, after }, maxRestated);
        const seen = restated.filter(({ asset }) => view.sees(asset));
        return {
          done,
          restated: seen.map(({ tier, group, asset, start, end, revision }) => ({
            ...{ granularity: tier, group, asset, start: formatTime(start), end: formatTime(end), revision },
          })),
          more: restated.length === maxRestated,
        };
      },
    );
  };
