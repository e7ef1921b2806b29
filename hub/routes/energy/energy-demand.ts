/** `GET /energy/demand`: the mean power of each demand interval of a meter, by blocks or by a window that slides. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import { formatTime } from '../../plant/time-text.ts';
import { minuteUs } from '../../plant/zone.ts';
import { limitOver } from '../../rollup/meters/cap-elements.ts';
import type { DemandInterval } from '../../rollup/meters/demand.ts';
import { createLostTime } from '../../rollup/samples/lost-time.ts';
import { siteTags } from '../../rollup/samples/site-tags.ts';
import { inForce } from '../../rollup/values/kpi-parameters.ts';
import { demandTags, readDemand } from '../../rollup/windows/read-demand.ts';
import { runningDemand } from '../../rollup/windows/running-demand.ts';
import { nothingStored } from '../answers/empty-words.ts';
import { answerRows, columnsOf, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { refuseRows, refuseSamples } from '../answers/too-much.ts';
import { metersAskedFor } from '../asked/asked-units.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { listParameter } from '../asked/lists.ts';
import { lastDays, type PlantDay, rangeParameters, windowJson, windowSchema } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';
import { invalid } from '../door/problem.ts';

const maxDays = 31;
const mostRows = 50_000;
const readTimeoutMs = 30_000;
const intervals = [5, 10, 15, 30, 60] as const;
const steps = [1, 5] as const;

const rowSchema = z.object({
  meter: z.string(),
  start: z.string(),
  end: z.string(),
  kw: z.number().nullable().meta({ description: 'null was not measured: less than 95 % of it is known' }),
  limit_kw: z.number().nullable().meta({ description: 'of the strictest notified limit that holds over all of it' }),
  contract_kw: z.number().nullable(),
});
type Row = z.infer<typeof rowSchema>;
const columns = columnsOf<Row>({
  ...{ meter: 'text', start: 'time', end: 'time', kw: 'number', limit_kw: 'number', contract_kw: 'number' },
});

/** A number that is one of a few. */
const oneOf = (numbers: readonly number[]) =>
  z.coerce.number().refine((number) => numbers.includes(number), {
    error: `must be one of ${numbers.join(', ')}`,
    params: { fa: `باید یکی از ${numbers.join('، ')} باشد` },
  });

export const energyDemandRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { reader, ledger, clock } = context;
    app.get(
      '/energy/demand',
      {
        config: {
          access: everyRole,
          example: {
            query: {
              meter: 'sahand/machining-plant/energy/main',
              from: '1404-04-16',
              to: '1404-04-17',
              method: 'block',
            },
          },
        },
        schema: {
          tags: ['energy'],
          summary: 'Demand of electricity meters, interval by interval',
          description: `The running business day when nothing is said; at most ${maxDays} days. Intervals lie on the clock of the plant.`,
          querystring: z.strictObject({
            meter: listParameter('full paths of electricity meters'),
            ...rangeParameters,
            method: z.enum(['block', 'sliding']).default('block'),
            interval: oneOf(intervals).optional().meta({ description: "minutes; the meter's own when left out" }),
            step: oneOf(steps).optional().meta({ description: "minutes that a sliding window steps; the meter's own" }),
            ...rowsParameters,
          }),
          response: rowsResponse('Demand', rowSchema, {
            range: windowSchema,
            method: z.enum(['block', 'sliding']),
            peaks: z
              .array(z.object({ meter: z.string(), kw: z.number(), start: z.string() }))
              .meta({ description: 'the highest measured interval of each meter' }),
            running: z
              .array(
                z.object({ meter: z.string(), start: z.string(), end: z.string(), forecast_kw: z.number().nullable() }),
              )
              .meta({ description: 'the running block of each meter, and what it comes to if power stays as it is' }),
          }),
        },
      },
      async (request, reply) => {
        const { method, interval, step } = request.query;
        if (step !== undefined && method === 'block') {
          throw invalid('step', { en: 'is for method=sliding', fa: 'برای method=sliding است' });
        }
        const now = clock.now();
        const bounds = { usual: (day: PlantDay) => lastDays(day, now, 1), maxDays };
        const asked = { ...request.query, carrier: 'electricity' };
        const { sites, whole } = metersAskedFor(asked, viewOf(request, context), context, bounds);
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(readTimeoutMs)]);
        const reads = sites.flatMap(({ plant, asked, window }) => {
          const tags = siteTags(plant.path, ledger.tags(), createLostTime(ledger));
          return asked.map((meter) => ({ plant, meter, window, tags }));
        });
        const stepOf = (meter: Meter, intervalUs: number) =>
          method === 'block' ? intervalUs : step ? step * minuteUs : meter.demandStepUs;
        let expected = 0;
        for (const { plant, meter, window, tags } of reads) {
          refuseSamples(demandTags(plant, meter, tags), window);
          const intervalUs = interval ? interval * minuteUs : meter.demandIntervalUs;
          expected += (window.to - window.from) / stepOf(meter, intervalUs);
        }
        refuseRows(expected, mostRows);
        const rows: Row[] = [];
        const peaks: { meter: string; kw: number; start: string }[] = [];
        const running: { meter: string; start: string; end: string; forecast_kw: number | null }[] = [];
        for (const { plant, meter, window, tags } of reads) {
          const intervalUs = interval ? interval * minuteUs : meter.demandIntervalUs;
          const span = { start: window.from, end: Math.max(window.from, Math.min(window.to, now)) };
          const ways = { intervalUs, stepUs: stepOf(meter, intervalUs) };
          const found = await readDemand(reader, plant, meter, tags, ways, span, signal);
          const told = found.map((one) => rowOf(plant, meter, one));
          rows.push(...told);
          const peak = told.reduce<Row | undefined>(
            (best, row) => ((row.kw ?? -1) > (best?.kw ?? -1) ? row : best),
            undefined,
          );
          if (method === 'block' && window.from <= now && now < window.to) {
            const block = await runningDemand(reader, plant, meter, tags, { intervalUs, now }, signal);
            const [start, end] = [formatTime(block.start), formatTime(block.end)];
            running.push({ meter: meter.path, start, end, forecast_kw: block.forecastKw });
          }
          if (peak?.kw != null) peaks.push({ meter: meter.path, kw: peak.kw, start: peak.start });
        }
        return answerRows(request, reply, context, request.query, {
          ...{ name: `demand_${method}`, meta: { range: windowJson(whole), method, peaks, running }, rows, columns },
          empty: nothingStored,
        });
      },
    );
  };

function rowOf(plant: Plant, meter: Meter, interval: DemandInterval): Row {
  const limits = plant.limits.filter((limit) => limit.meter === meter.path);
  const contract = inForce(
    plant.contracts.filter((one) => one.meter === meter.path),
    interval.end,
  );
  return {
    meter: meter.path,
    start: formatTime(interval.start),
    end: formatTime(interval.end),
    kw: interval.kw ?? null,
    limit_kw: limitOver(plant.zone, limits, interval)?.limitKw ?? null,
    contract_kw: contract?.demandKw ?? null,
  };
}
