/** `GET /baselines`: the energy baselines of the plant models (ISO 50006). */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { isAccepted } from '../../kpi/baseline-model.ts';
import type { Plant } from '../../plant/plant.ts';
import { undeclared } from '../answers/empty-words.ts';
import { answerRows, columnsOf, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { atParameter, holdsAt, plantsOf, siteParameter, validityJson, validitySchema } from '../asked/asked-plants.ts';
import type { RouteContext } from '../asked/context.ts';
import { windowJson, windowSchema } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';

const baselineSchema = z.object({
  ...{ site: z.string(), meter: z.string(), code: z.string(), version: z.int(), kind: z.string(), energy: z.string() },
  per: z.string(),
  intercept: z.number(),
  terms: z.array(
    z.object({
      variable: z.string(),
      coefficient: z.number(),
      above: z.number().nullable(),
      below: z.number().nullable(),
    }),
  ),
  reference: windowSchema,
  ...validitySchema,
  n: z.int().nullable(),
  r2: z.number().nullable(),
  cv_rmse: z.number().nullable(),
  nmbe: z.number().nullable(),
  accepted: z.boolean().nullable().meta({ description: 'within the limits of fit; null: nobody told the fit' }),
  author: z.string(),
  approver: z.string().nullable(),
});

export const baselineRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/baselines',
      {
        config: { access: everyRole },
        schema: {
          tags: ['energy'],
          summary: 'Energy baselines (ISO 50006): their models, how well they fit, and who answers for them',
          querystring: z.strictObject({
            ...siteParameter,
            ...atParameter,
            ...rowsParameters,
            meter: z.string().max(400).optional(),
          }),
          response: rowsResponse('Baselines', baselineSchema, {}),
        },
      },
      async (request, reply) => {
        const { at, meter } = request.query;
        const rows = plantsOf(request, context).flatMap(({ path, baselines }) =>
          baselines
            .filter(holdsAt(at))
            .filter((one) => meter === undefined || one.meter === meter)
            .map((one) => baselineRow(path, one)),
        );
        return answerRows(request, reply, context, request.query, {
          ...{ name: 'baselines', meta: {}, rows },
          empty: undeclared('baselines'),
          columns: columnsOf<(typeof rows)[number]>({
            ...{
              site: 'text',
              meter: 'text',
              code: 'text',
              version: 'integer',
              kind: 'text',
              energy: 'text',
              per: 'text',
            },
            ...{ intercept: 'number', from: 'time', to: 'time', n: 'integer', r2: 'number', cv_rmse: 'number' },
            ...{ nmbe: 'number', author: 'text', approver: 'text' },
          }),
        });
      },
    );
  };

function baselineRow(site: string, one: Plant['baselines'][number]): z.infer<typeof baselineSchema> {
  const { meter, model, reference, author, approver = null } = one;
  const { id, version, kind, energy, period, intercept, terms, fit } = model;
  return {
    ...{ site, meter, code: id, version, kind, energy, per: period, intercept, author, approver, ...validityJson(one) },
    terms: terms.map(({ variable, coefficient, above = null, below = null }) => ({
      variable,
      coefficient,
      above,
      below,
    })),
    reference: windowJson(reference),
    ...{ n: fit?.n ?? null, r2: fit?.r2 ?? null, cv_rmse: fit?.cvRmse ?? null, nmbe: fit?.nmbe ?? null },
    accepted: isAccepted(model) ?? null,
  };
}
