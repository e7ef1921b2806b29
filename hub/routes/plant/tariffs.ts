/** `GET /tariffs`: bands and prices of electricity, as the plant models have them. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { undeclared } from '../answers/empty-words.ts';
import { answerRows, columnsOf, nameSchema, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { atParameter, holdsAt, plantsOf, siteParameter, validityJson, validitySchema } from '../asked/asked-plants.ts';
import type { RouteContext } from '../asked/context.ts';
import { everyRole } from '../door/guard.ts';

const bandSchema = z.object({
  band: z.enum(['peak', 'mid', 'low']),
  start: z.string(),
  end: z.string(),
  weekdays: z.array(z.string()),
  months: z.array(z.int()).nullable().meta({ description: 'first and last Jalali month; null is all year' }),
});
const tariffSchema = z.object({
  ...{ site: z.string(), code: z.string(), name: nameSchema, ...validitySchema },
  meters: z.array(z.string()).nullable().meta({ description: 'null is every electricity meter' }),
  bands: z.array(bandSchema),
  prices: z
    .object({ peak: z.number(), mid: z.number(), low: z.number() })
    .nullable()
    .meta({ description: 'IRR per kWh' }),
  source: z.string(),
});

export const tariffRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/tariffs',
      {
        config: { access: everyRole },
        schema: {
          ...{
            tags: ['plant'],
            summary: 'Tariffs with their bands and prices',
            querystring: z.strictObject({ ...siteParameter, ...atParameter, ...rowsParameters }),
          },
          response: rowsResponse('Tariffs', tariffSchema, {}),
        },
      },
      async (request, reply) => {
        const rows = plantsOf(request, context).flatMap(({ path, tariffs }) =>
          tariffs.filter(holdsAt(request.query.at)).map((tariff) => ({
            ...{ site: path, code: tariff.code, name: tariff.name, ...validityJson(tariff), source: tariff.source },
            meters: tariff.meters ? [...tariff.meters] : null,
            bands: tariff.bands.map(({ band, start, end, weekdays, months }) => ({
              ...{ band, start, end, weekdays: [...weekdays], months: months ? [...months] : null },
            })),
            prices: tariff.prices ?? null,
          })),
        );
        return answerRows(request, reply, context, request.query, {
          ...{ name: 'tariffs', meta: {}, rows },
          empty: undeclared('tariffs'),
          columns: columnsOf<(typeof rows)[number]>({
            ...{ site: 'text', code: 'text', name: 'name', from: 'time', to: 'time', meters: 'list', source: 'text' },
          }),
        });
      },
    );
  };
