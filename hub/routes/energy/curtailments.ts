/** `GET /curtailments` and what became of each: caps kept or not, reductions against a customer baseline. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { eventElements } from '../../kpi/demand-response.ts';
import type { KpiParameters } from '../../kpi/parameters.ts';
import type { Elements } from '../../kpi/result.ts';
import { toElements } from '../../kpi/sums.ts';
import { type Curtailment, curtailmentsOf, keyOf, spanOf } from '../../plant/curtailments.ts';
import { formatTime } from '../../plant/time-text.ts';
import { dayUs } from '../../plant/zone.ts';
import { capElements } from '../../rollup/meters/cap-elements.ts';
import { capIntervals } from '../../rollup/meters/cap-intervals.ts';
import { createLostTime } from '../../rollup/samples/lost-time.ts';
import { siteTags } from '../../rollup/samples/site-tags.ts';
import { eventBaseline } from '../../rollup/values/event-baseline.ts';
import { readDemand } from '../../rollup/windows/read-demand.ts';
import { undeclared } from '../answers/empty-words.ts';
import { answerRows, columnsOf, nameSchema, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { plantsIn, sitesOfGroup } from '../asked/asked-assets.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { civilDay, rangeParameters, type Window, windowAt, windowJson, windowSchema } from '../asked/times.ts';
import type { View } from '../asked/view.ts';
import { everyRole } from '../door/guard.ts';
import { notFound } from '../door/problem.ts';

/** Of one answer; what holds longer is told from its end on, or in the range asked for. */
const maxDays = 62;
const readTimeoutMs = 30_000;
const everUs = 400 * dayUs;

const curtailmentSchema = z.object({
  id: z.string().meta({ description: 'asks for what became of it: /curtailments/{id}/compliance' }),
  kind: z
    .enum(['cap', 'event'])
    .meta({ description: '`cap`: a limit on demand. `event`: a reduction that was asked for' }),
  code: z.string(),
  name: nameSchema,
  site: z.string(),
  sector: z.string().nullable().meta({ description: 'ISIC Rev. 4 of the site' }),
  meter: z.string(),
  from: z.string(),
  to: z.string(),
  daily_start: z.string().nullable().meta({ description: 'wall time at which a cap begins each day' }),
  daily_end: z.string().nullable(),
  weekdays: z.array(z.string()),
  limit_kw: z.number().nullable(),
  tolerance: z.number().nullable(),
  request_kw: z.number().nullable(),
  source: z.string().nullable(),
});
type Row = z.infer<typeof curtailmentSchema>;
const columns = columnsOf<Row>({
  ...{ id: 'text', kind: 'text', code: 'text', name: 'name', site: 'text', sector: 'text', meter: 'text' },
  ...{ from: 'time', to: 'time', daily_start: 'text', daily_end: 'text', weekdays: 'list', limit_kw: 'number' },
  ...{ tolerance: 'number', request_kw: 'number', source: 'text' },
});

const intervalSchema = z.object({
  start: z.string(),
  end: z.string(),
  kw: z.number().nullable().meta({ description: 'null was not measured' }),
  limit_kw: z.number().nullable(),
  kept: z.boolean().nullable().meta({ description: 'within the limit and its tolerance' }),
  excess_kwh: z.number().nullable(),
  baseline_kw: z.number().nullable().meta({ description: 'of an event: what would have been drawn' }),
});
type Interval = z.infer<typeof intervalSchema>;
const intervalColumns = columnsOf<Interval>({
  ...{ start: 'time', end: 'time', kw: 'number', limit_kw: 'number', kept: 'text', excess_kwh: 'number' },
  baseline_kw: 'number',
});

const resultSchema = z.object({
  kpi: z.string(),
  name: nameSchema,
  value: z.number().nullable(),
  unit: z.string(),
  status: z.string(),
  coverage: z.number(),
  flags: z.array(z.string()),
});

const idOf = (one: Curtailment): string => Buffer.from(keyOf(one)).toString('base64url');
const exampleKey = 'sahand/machining-plant cap summer-1404';

export const curtailmentRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { clock, kpis } = context;
    const config = { access: everyRole };
    const tags = ['energy'];

    app.get(
      '/curtailments',
      {
        config,
        schema: {
          tags,
          summary: 'Notified limits and demand-response events',
          description:
            'Those that hold at some time of the range; of the last and the next 400 days when nothing is said.',
          querystring: z.strictObject({
            sector: z.string().max(4).optional().meta({ description: 'beginning of the ISIC Rev. 4 code of the site' }),
            group: z.string().max(200).optional(),
            kind: z.enum(['cap', 'event']).optional(),
            ...rangeParameters,
            ...rowsParameters,
          }),
          response: rowsResponse('Curtailments', curtailmentSchema, { range: windowSchema }),
        },
      },
      async (request, reply) => {
        const { sector, group, kind } = request.query;
        const now = clock.now();
        const usual = { from: now - everUs, to: now + everUs };
        const window = windowAt(request.query, civilDay, usual, 4000);
        const view = viewOf(request, context);
        const sites = group === undefined ? undefined : sitesOfGroup(group, view, context);
        const rows = curtailmentsOf(plantsIn(view, context))
          .filter(({ plant }) => sites?.includes(plant.path) ?? true)
          .filter(({ plant }) => sector === undefined || plant.groups.isic?.startsWith(sector))
          .filter((one) => one.kind === (kind ?? one.kind))
          .filter((one) => spanOf(one).from < window.to && spanOf(one).to > window.from)
          .sort((a, b) => spanOf(a).from - spanOf(b).from)
          .map(rowOf);
        const meta = { range: windowJson(window) };
        return answerRows(request, reply, context, request.query, {
          ...{ name: 'curtailments', meta, rows, columns },
          empty: undeclared('limits', 'events'),
        });
      },
    );

    app.get(
      '/curtailments/:id/compliance',
      {
        config: {
          ...config,
          example: {
            params: { id: Buffer.from(exampleKey).toString('base64url') },
            query: { from: '1404-04-16', to: '1404-04-17' },
          },
        },
        schema: {
          tags,
          summary: 'Interval by interval, whether a cap was kept or a reduction delivered, and the KPIs of it',
          description: `As much of it as has passed and lies in the range; the last ${maxDays} days of it when nothing is said.`,
          params: z.object({ id: z.string().max(1000) }),
          querystring: z.strictObject({ ...rangeParameters, ...rowsParameters }),
          response: rowsResponse('Compliance', intervalSchema, {
            range: windowSchema,
            curtailment: curtailmentSchema,
            results: z.array(resultSchema),
            intervals: z.int(),
            measured: z.int(),
            kept: z.int().nullable(),
            baseline: z
              .object({
                method: z.string(),
                fallback: z.string().nullable(),
                days: z.array(z.string()),
                not_eligible: z.array(z.object({ day: z.string(), reason: z.string() })),
                adjustment_kw: z.number(),
              })
              .nullable(),
          }),
        },
      },
      async (request, reply) => {
        const one = find(request.params.id, viewOf(request, context));
        const now = clock.now();
        const { from, to } = spanOf(one);
        const end = Math.max(from + 1, Math.min(to, now));
        const usual = { from: Math.max(from, end - maxDays * dayUs), to: end };
        const asked = windowAt(request.query, one.plant, usual, maxDays);
        const window = { from: Math.max(asked.from, from), to: Math.min(asked.to, end) };
        const range = window.from < window.to ? window : { from: asked.from, to: asked.to };
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(readTimeoutMs)]);
        const told = one.kind === 'cap' ? await capOf(one, range, signal) : eventOf(one, now);
        return answerRows(request, reply, context, request.query, {
          name: `compliance_${spanOf(one).code}`,
          meta: {
            range: windowJson(range),
            curtailment: rowOf(one),
            results: resultsOf(told.elements, told.parameters, told.kpis),
            intervals: told.rows.length,
            measured: told.rows.filter(({ kw }) => kw !== null).length,
            kept: one.kind === 'cap' ? told.rows.filter(({ kept }) => kept === true).length : null,
            baseline: told.baseline,
          },
          rows: told.rows,
          columns: intervalColumns,
        });
      },
    );

    function find(id: string, view: View): Curtailment {
      const found = curtailmentsOf(plantsIn(view, context)).find((one) => idOf(one) === id);
      if (found) return found;
      throw notFound({ en: 'that curtailment (/curtailments lists all)', fa: 'آن محدودیت (فهرست در /curtailments)' });
    }

    async function capOf({ plant, limit }: Extract<Curtailment, { kind: 'cap' }>, window: Window, signal: AbortSignal) {
      const meter = plant.meters.find(({ path }) => path === limit.meter)!;
      const known = siteTags(plant.path, context.ledger.tags(), createLostTime(context.ledger));
      const method = { intervalUs: meter.demandIntervalUs, stepUs: meter.demandIntervalUs };
      const span = { start: window.from, end: window.to };
      const intervals = await readDemand(context.reader, plant, meter, known, method, span, signal);
      return {
        rows: capIntervals(plant.zone, limit, intervals).map(
          (interval): Interval => ({
            start: formatTime(interval.start),
            end: formatTime(interval.end),
            kw: interval.kw ?? null,
            limit_kw: interval.limitKw,
            kept: interval.kept ?? null,
            excess_kwh: interval.excessKwh ?? null,
            baseline_kw: null,
          }),
        ),
        elements: toElements(capElements(plant.zone, [limit], intervals)),
        parameters: { coverage: plant.coverage },
        kpis: ['dr.compliance', 'dr.excess', 'dr.excess_worst'],
        baseline: null,
      };
    }

    function eventOf({ plant, event }: Extract<Curtailment, { kind: 'event' }>, now: number) {
      const { baseline, intervals } = eventBaseline(kpis.buckets, plant, event, now);
      const { method, fallback, days, notEligible, adjustmentKw } = baseline;
      const parameters: KpiParameters = {
        coverage: plant.coverage,
        cbl: { method, days: days.length, ...(fallback && { fallback }) },
      };
      return {
        rows: intervals.map(
          ({ start, end, hours, kwh, cblKw }): Interval => ({
            ...{ start: formatTime(start), end: formatTime(end), kw: kwh === null ? null : kwh / hours },
            ...{ limit_kw: null, kept: null, excess_kwh: null, baseline_kw: cblKw },
          }),
        ),
        elements: eventElements(intervals, event.requestKw),
        parameters,
        kpis: ['dr.reduction', 'dr.reduction_kwh', 'dr.performance'],
        baseline: {
          ...{ method, fallback: fallback ?? null, days: [...days], adjustment_kw: adjustmentKw },
          not_eligible: notEligible.map(({ day, reason }) => ({ day, reason })),
        },
      };
    }

    const resultsOf = (elements: Elements, parameters: KpiParameters, ids: readonly string[]) =>
      kpis
        .definitions()
        .filter(({ id }) => ids.includes(id))
        .map((definition): z.infer<typeof resultSchema> => {
          const { value, status, coverage, flags } = definition.compute(elements, parameters);
          const { id, name, unit } = definition;
          return { kpi: id, name, value, unit, status, coverage, flags: [...flags] };
        });
  };

function rowOf(one: Curtailment): Row {
  const { code, meter, from, to } = spanOf(one);
  const { plant } = one;
  const common = {
    ...{ id: idOf(one), code, site: plant.path, sector: plant.groups.isic ?? null, meter },
    ...{ from: formatTime(from), to: formatTime(to) },
  };
  if (one.kind === 'event') {
    return {
      ...{ ...common, kind: 'event', name: one.event.name, daily_start: null, daily_end: null, weekdays: [] },
      ...{ limit_kw: null, tolerance: null, request_kw: one.event.requestKw ?? null, source: null },
    };
  }
  const { start, end, weekdays, limitKw, tolerance, source } = one.limit;
  return {
    ...{ ...common, kind: 'cap', name: { en: code, fa: code }, daily_start: start, daily_end: end },
    ...{ weekdays: [...weekdays], limit_kw: limitKw, tolerance, request_kw: null, source },
  };
}
