/** `GET /calendars`: the shifts of a range, as the plant models plan them, and the days that are unlike their weekday. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TimeUs } from '../../../protocols/sample.ts';
import { businessDay, shiftInstances } from '../../plant/calendar.ts';
import { buckets } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import { lengthUs } from '../../plant/spans.ts';
import { formatTime } from '../../plant/time-text.ts';
import { dayUs } from '../../plant/zone.ts';
import { answerRows, columnsOf, nameSchema, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { plantsOf, siteParameter } from '../asked/asked-plants.ts';
import type { RouteContext } from '../asked/context.ts';
import { rangeParameters, windowAt, windowJson, windowSchema } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';

const shiftSchema = z.object({
  ...{ site: z.string(), shift: z.string(), name: nameSchema, start: z.string(), end: z.string() },
  jalali_date: z.string().meta({ description: 'of the business day on which it begins' }),
  planned_down_s: z.number().meta({ description: 'breaks and planned stops' }),
  crew: z.string().nullable(),
});

export const calendarRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/calendars',
      {
        config: { access: everyRole, example: { query: { from: '1404-04-16', to: '1404-04-18' } } },
        schema: {
          tags: ['plant'],
          summary: 'Every shift of a range, with its planned stops and crew; holidays have none',
          description: 'The running business day when nothing is said.',
          querystring: z.strictObject({ ...siteParameter, ...rowsParameters, ...rangeParameters }),
          response: rowsResponse('Shifts', shiftSchema, {
            range: windowSchema,
            exceptions: z
              .array(
                z.object({
                  site: z.string(),
                  first: z.string(),
                  last: z.string(),
                  name: nameSchema,
                  shifts: z.array(z.string()),
                }),
              )
              .meta({ description: 'holidays and other days whose shifts their weekday does not decide' }),
          }),
        },
      },
      async (request, reply) => {
        const now = context.clock.now();
        const plants = plantsOf(request, context);
        const sites = plants.map((plant) => {
          const today = businessDay(plant, now);
          return { plant, window: windowAt(request.query, plant, { from: today.start, to: today.end }) };
        });
        const rows = sites.flatMap(({ plant, window }) => shiftRows(plant, window));
        const ends = sites.map(({ window }) => window);
        const range =
          ends.length === 0
            ? { from: now, to: now + dayUs }
            : { from: Math.min(...ends.map(({ from }) => from)), to: Math.max(...ends.map(({ to }) => to)) };
        const day = (local: TimeUs) => new Date(local / 1000).toISOString().slice(0, 10);
        const exceptions = plants.flatMap((plant) =>
          plant.exceptions.map(({ firstDay, lastDay, name, shifts }) => ({
            ...{ site: plant.path, first: day(firstDay), last: day(lastDay), name, shifts: [...shifts] },
          })),
        );
        return answerRows(request, reply, context, request.query, {
          ...{ name: 'shifts', meta: { range: windowJson(range), exceptions }, rows },
          columns: columnsOf<(typeof rows)[number]>({
            ...{ site: 'text', shift: 'text', name: 'name', start: 'time', end: 'time', jalali_date: 'text' },
            ...{ planned_down_s: 'number', crew: 'text' },
          }),
        });
      },
    );
  };

const shiftRows = (plant: Plant, { from, to }: { from: TimeUs; to: TimeUs }): z.infer<typeof shiftSchema>[] =>
  shiftInstances(plant, from, to).map(({ code, name, start, end, plannedDown, crew = null }) => ({
    ...{ site: plant.path, shift: code, name, start: formatTime(start), end: formatTime(end) },
    jalali_date: buckets(plant, 'day', start, start + 1)[0]!.jalaliDate,
    planned_down_s: lengthUs(plannedDown) / 1e6,
    crew,
  }));
