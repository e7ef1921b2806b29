/** `GET /baselines/fit`: an energy baseline fitted to what is stored, as an entry for the plant model to answer for. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { isAccepted } from '../../kpi/baseline-model.ts';
import { formatLocal } from '../../plant/local-time.ts';
import { momentParameter } from '../../plant/time-parameters.ts';
import { formatTime } from '../../plant/time-text.ts';
import { fitStored } from '../../rollup/values/fit-stored.ts';
import { plantsIn } from '../asked/asked-assets.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { listParameter } from '../asked/lists.ts';
import { windowAt, windowJson, windowSchema } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';
import { invalid, notFound } from '../door/problem.ts';

/** Three years of days. */
const maxDays = 1100;
const variables = ['PQ', 'GQ', 'GQ_std', 'GQ_t', 'HDD_Kd', 'CDD_Kd'] as const;

const refusals = {
  TOO_FEW: { en: 'has too few periods with energy and all variables', fa: 'دوره‌های کامل کافی ندارد' },
  NO_VARIABLE: { en: 'lacks a variable', fa: 'یکی از متغیرها را ندارد' },
  DEPENDENT: { en: 'tells nothing: a variable does not vary, or follows from the other', fa: 'متغیرها مستقل نیستند' },
  WRONG_VARIABLES: {
    en: 'takes one variable, and two where the method is linear',
    fa: 'یک متغیر می‌خواهد و در روش linear حداکثر دو متغیر',
  },
} as const;

const periodSchema = z.object({
  start: z.string(),
  end: z.string(),
  energy: z.number().nullable(),
  expected: z.number().nullable(),
  cusum: z.number().nullable().meta({ description: 'running sum of energy − expected' }),
  left_out: z.enum(['not_measured', 'estimated', 'outage', 'no_variable']).nullable(),
});

export const baselineFitRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { kpis, clock } = context;
    app.get(
      '/baselines/fit',
      {
        config: {
          access: everyRole,
          example: {
            query: {
              ...{ meter: 'sahand/machining-plant/energy/main', method: 'ratio', variables: 'GQ' },
              ...{ from: '1404-04-16', to: '1404-04-18' },
            },
          },
        },
        schema: {
          tags: ['energy'],
          summary: 'An energy baseline fitted to stored days or months, with its fit and the periods held against it',
          description:
            'Nothing is kept: `entry` is a line for `baselines` of the plant model, where somebody answers for it.',
          querystring: z.strictObject({
            meter: z.string().max(400),
            from: momentParameter,
            to: momentParameter,
            per: z.enum(['day', 'month']).default('day'),
            energy: z.enum(['kWh', 'energy_MJ']).default('kWh'),
            method: z.enum(['ratio', 'linear', 'above', 'below', 'bend']).default('linear'),
            variables: listParameter(`one or two of ${variables.join(', ')}`),
          }),
          response: {
            200: z.object({
              range: windowSchema,
              entry: z.record(z.string(), z.unknown()).meta({ description: 'for `baselines` of the plant file' }),
              accepted: z.boolean().nullable().meta({ description: 'by ASHRAE Guideline 14' }),
              periods: z.array(periodSchema),
            }),
          },
        },
      },
      async (request) => {
        const { meter: path, per, energy, method, variables: names = ['GQ'], ...range } = request.query;
        const plant = plantsIn(viewOf(request, context), context).find(({ meters }) =>
          meters.some((meter) => meter.path === path),
        );
        const meter = plant?.meters.find((one) => one.path === path);
        if (!plant || !meter) throw notFound({ en: `meter ${path}`, fa: `کنتور ${path}` });
        const known = names.flatMap((name) => variables.filter((one) => one === name));
        if (known.length < names.length) {
          const all = variables.join(', ');
          throw invalid('variables', { en: `are some of ${all}`, fa: `از این‌ها باشد: ${all}` });
        }
        const now = clock.now();
        const window = windowAt(range, plant, { from: 0, to: 0 }, maxDays);
        const identity = { id: 'fitted', version: 1, energy, period: per, method, variables: known };
        const { fitted, periods } = fitStored(kpis.buckets, plant, meter, identity, { ...window, now });
        if ('refused' in fitted) throw invalid('from', refusals[fitted.refused]);
        const { kind, intercept, terms, range: seen, fit } = fitted;
        return {
          range: windowJson(window),
          entry: {
            ...{ code: 'fitted', meter: path.slice(plant.path.length + 1), version: 1, kind, energy, per },
            ...{ intercept, terms, range: seen, fit },
            reference: {
              from: formatLocal(plant.zone, window.from).slice(0, 16),
              to: formatLocal(plant.zone, window.to).slice(0, 16),
            },
            author: '',
          },
          accepted: isAccepted(fitted) ?? null,
          periods: periods.map(({ bucket, leftOut = null, ...held }) => ({
            ...{ start: formatTime(bucket.start), end: formatTime(bucket.end) },
            ...held,
            left_out: leftOut,
          })),
        };
      },
    );
  };
