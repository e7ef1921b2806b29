/** `GET /products`, `/targets`: what the sites make, how long a piece may take, and what they have set themselves. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { undeclared } from '../answers/empty-words.ts';
import { answerRows, columnsOf, nameSchema, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { atParameter, holdsAt, plantsOf, siteParameter, validityJson, validitySchema } from '../asked/asked-plants.ts';
import type { RouteContext } from '../asked/context.ts';
import { everyRole } from '../door/guard.ts';

const productSchema = z.object({
  ...{ site: z.string(), code: z.string(), name: nameSchema },
  standard_coefficient: z.number(),
  mass_kg: z.number().nullable(),
  rates: z
    .array(z.object({ unit: z.string(), planned_run_time_s: z.number(), ...validitySchema }))
    .meta({ description: 'planned run time of a piece (PRI) on each unit' }),
});
const targetSchema = z.object({
  ...{ site: z.string(), kpi: z.string(), asset: z.string(), value: z.number() },
  ...validitySchema,
});

export const productRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const tags = ['plant'];
    const config = { access: everyRole };

    app.get(
      '/products',
      {
        config,
        schema: {
          ...{
            tags,
            summary: 'Products with their planned run times',
            querystring: z.strictObject({ ...siteParameter, ...rowsParameters }),
          },
          response: rowsResponse('Products', productSchema, {}),
        },
      },
      async (request, reply) => {
        const rows = plantsOf(request, context).flatMap((plant) =>
          plant.products.map(({ code, name, standardCoefficient, massKg = null }) => ({
            ...{ site: plant.path, code, name, standard_coefficient: standardCoefficient, mass_kg: massKg },
            rates: plant.units.flatMap(({ path, rates }) =>
              rates
                .filter(({ product }) => product === code)
                .map((rate) => ({ unit: path, planned_run_time_s: rate.plannedRunTimeS, ...validityJson(rate) })),
            ),
          })),
        );
        return answerRows(request, reply, context, request.query, {
          ...{ name: 'products', meta: {}, rows },
          empty: undeclared('products'),
          columns: columnsOf<(typeof rows)[number]>({
            ...{ site: 'text', code: 'text', name: 'name', standard_coefficient: 'number', mass_kg: 'number' },
          }),
        });
      },
    );

    app.get(
      '/targets',
      {
        config,
        schema: {
          ...{
            tags,
            summary: 'What sites have set themselves',
            querystring: z.strictObject({ ...siteParameter, ...atParameter, ...rowsParameters }),
          },
          response: rowsResponse('Targets', targetSchema, {}),
        },
      },
      async (request, reply) => {
        const rows = plantsOf(request, context).flatMap(({ path, targets }) =>
          targets.filter(holdsAt(request.query.at)).map((target) => ({
            site: path,
            kpi: target.kpi,
            asset: target.asset,
            value: target.value,
            ...validityJson(target),
          })),
        );
        return answerRows(request, reply, context, request.query, {
          ...{ name: 'targets', meta: {}, rows },
          empty: undeclared('targets'),
          columns: columnsOf<(typeof rows)[number]>({
            ...{ site: 'text', kpi: 'text', asset: 'text', value: 'number', from: 'time', to: 'time' },
          }),
        });
      },
    );
  };
