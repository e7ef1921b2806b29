/** `GET /tariffs`, `/calendars`, `/products`, `/targets`, `/baselines`: what the plant models say beside the tree, as lists. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TimeUs } from '../../../protocols/sample.ts';
import { isAccepted } from '../../kpi/baseline-model.ts';
import { businessDay, shiftInstances } from '../../plant/calendar.ts';
import { buckets } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import { lengthUs } from '../../plant/spans.ts';
import { formatTime } from '../../plant/time-text.ts';
import { dayUs } from '../../plant/zone.ts';
import { undeclared } from '../answers/empty-words.ts';
import { answerRows, columnsOf, nameSchema, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { plantsIn } from '../asked/asked-assets.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { rangeParameters, timeOrDateParameter, windowAt, windowJson, windowSchema } from '../asked/times.ts';
import type { View } from '../asked/view.ts';
import { everyRole } from '../door/guard.ts';
import { notFound } from '../door/problem.ts';

const site = z.string();
const time = z.string().nullable().meta({ description: 'null is open' });
const validity = { from: time, to: time };
const query = { site: z.string().max(300).optional(), ...rowsParameters };
const datedQuery = {
  ...query,
  at: timeOrDateParameter.optional().meta({ description: 'only what is in force then' }),
};

const bandSchema = z.object({
  band: z.enum(['peak', 'mid', 'low']),
  start: z.string(),
  end: z.string(),
  weekdays: z.array(z.string()),
  months: z.array(z.int()).nullable().meta({ description: 'first and last Jalali month; null is all year' }),
});
const tariffSchema = z.object({
  ...{ site, code: z.string(), name: nameSchema, ...validity },
  meters: z.array(z.string()).nullable().meta({ description: 'null is every electricity meter' }),
  bands: z.array(bandSchema),
  prices: z
    .object({ peak: z.number(), mid: z.number(), low: z.number() })
    .nullable()
    .meta({ description: 'IRR per kWh' }),
  source: z.string(),
});
const shiftSchema = z.object({
  ...{ site, shift: z.string(), name: nameSchema, start: z.string(), end: z.string() },
  jalali_date: z.string().meta({ description: 'of the business day on which it begins' }),
  planned_down_s: z.number().meta({ description: 'breaks and planned stops' }),
  crew: z.string().nullable(),
});
const productSchema = z.object({
  ...{ site, code: z.string(), name: nameSchema },
  standard_coefficient: z.number(),
  mass_kg: z.number().nullable(),
  rates: z
    .array(z.object({ unit: z.string(), planned_run_time_s: z.number(), ...validity }))
    .meta({ description: 'planned run time of a piece (PRI) on each unit' }),
});
const targetSchema = z.object({ ...{ site, kpi: z.string(), asset: z.string(), value: z.number() }, ...validity });
const baselineSchema = z.object({
  ...{ site, meter: z.string(), code: z.string(), version: z.int(), kind: z.string(), energy: z.string() },
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
  ...validity,
  n: z.int().nullable(),
  r2: z.number().nullable(),
  cv_rmse: z.number().nullable(),
  nmbe: z.number().nullable(),
  accepted: z.boolean().nullable().meta({ description: 'within the limits of fit; null: nobody told the fit' }),
  author: z.string(),
  approver: z.string().nullable(),
});

const openTime = (at: TimeUs): string | null => (Number.isFinite(at) ? formatTime(at) : null);
const dated = ({ from, to }: { from: TimeUs; to: TimeUs }) => ({ from: openTime(from), to: openTime(to) });
const holdsAt = (at: TimeUs | undefined) => (one: { from: TimeUs; to: TimeUs }) =>
  at === undefined || (one.from <= at && at < one.to);

export const plantListRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const tags = ['plant'];
    const config = { access: everyRole };

    app.get(
      '/tariffs',
      {
        config,
        schema: {
          ...{ tags, summary: 'Tariffs with their bands and prices', querystring: z.strictObject(datedQuery) },
          response: rowsResponse('Tariffs', tariffSchema, {}),
        },
      },
      async (request, reply) => {
        const rows = plantsOf(request.query.site, viewOf(request, context), context).flatMap(({ path, tariffs }) =>
          tariffs.filter(holdsAt(request.query.at)).map((tariff) => ({
            ...{ site: path, code: tariff.code, name: tariff.name, ...dated(tariff), source: tariff.source },
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

    app.get(
      '/calendars',
      {
        config: { ...config, example: { query: { from: '1404-04-16', to: '1404-04-18' } } },
        schema: {
          tags,
          summary: 'Every shift of a range, with its planned stops and crew; holidays have none',
          description: 'The running business day when nothing is said.',
          querystring: z.strictObject({ ...query, ...rangeParameters }),
          response: rowsResponse('Shifts', shiftSchema, {
            range: windowSchema,
            exceptions: z
              .array(
                z.object({ site, first: z.string(), last: z.string(), name: nameSchema, shifts: z.array(z.string()) }),
              )
              .meta({ description: 'holidays and other days whose shifts their weekday does not decide' }),
          }),
        },
      },
      async (request, reply) => {
        const now = context.clock.now();
        const plants = plantsOf(request.query.site, viewOf(request, context), context);
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

    app.get(
      '/products',
      {
        config,
        schema: {
          ...{ tags, summary: 'Products with their planned run times', querystring: z.strictObject(query) },
          response: rowsResponse('Products', productSchema, {}),
        },
      },
      async (request, reply) => {
        const rows = plantsOf(request.query.site, viewOf(request, context), context).flatMap((plant) =>
          plant.products.map(({ code, name, standardCoefficient, massKg = null }) => ({
            ...{ site: plant.path, code, name, standard_coefficient: standardCoefficient, mass_kg: massKg },
            rates: plant.units.flatMap(({ path, rates }) =>
              rates
                .filter(({ product }) => product === code)
                .map((rate) => ({ unit: path, planned_run_time_s: rate.plannedRunTimeS, ...dated(rate) })),
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
          ...{ tags, summary: 'What sites have set themselves', querystring: z.strictObject(datedQuery) },
          response: rowsResponse('Targets', targetSchema, {}),
        },
      },
      async (request, reply) => {
        const rows = plantsOf(request.query.site, viewOf(request, context), context).flatMap(({ path, targets }) =>
          targets.filter(holdsAt(request.query.at)).map((target) => ({
            site: path,
            kpi: target.kpi,
            asset: target.asset,
            value: target.value,
            ...dated(target),
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

    app.get(
      '/baselines',
      {
        config,
        schema: {
          tags: ['energy'],
          summary: 'Energy baselines (ISO 50006): their models, how well they fit, and who answers for them',
          querystring: z.strictObject({ ...datedQuery, meter: z.string().max(400).optional() }),
          response: rowsResponse('Baselines', baselineSchema, {}),
        },
      },
      async (request, reply) => {
        const { at, meter } = request.query;
        const rows = plantsOf(request.query.site, viewOf(request, context), context).flatMap(({ path, baselines }) =>
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

function plantsOf(site: string | undefined, view: View, context: RouteContext): readonly Plant[] {
  const plants = plantsIn(view, context);
  if (site === undefined) return plants;
  const found = plants.filter(({ path }) => path === site);
  if (found.length === 0) throw notFound({ en: `site ${site}`, fa: `کارخانه ${site}` });
  return found;
}

const shiftRows = (plant: Plant, { from, to }: { from: TimeUs; to: TimeUs }): z.infer<typeof shiftSchema>[] =>
  shiftInstances(plant, from, to).map(({ code, name, start, end, plannedDown, crew = null }) => ({
    ...{ site: plant.path, shift: code, name, start: formatTime(start), end: formatTime(end) },
    jalali_date: buckets(plant, 'day', start, start + 1)[0]!.jalaliDate,
    planned_down_s: lengthUs(plannedDown) / 1e6,
    crew,
  }));

function baselineRow(site: string, one: Plant['baselines'][number]): z.infer<typeof baselineSchema> {
  const { meter, model, reference, author, approver = null } = one;
  const { id, version, kind, energy, period, intercept, terms, fit } = model;
  return {
    ...{ site, meter, code: id, version, kind, energy, per: period, intercept, author, approver, ...dated(one) },
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
