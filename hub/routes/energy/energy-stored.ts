/**
 * `GET /energy/tou` and `/energy/balance`: a meter's energy by tariff band, and against the meters below it, from the
 * stored elements of whole buckets.
 */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ElementGroup } from '../../kpi/element.ts';
import { type Granularity, granularities, snapped } from '../../plant/grid.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import { formatTime, type Moment } from '../../plant/time-text.ts';
import { metersBelow } from '../../rollup/cells/site-plan.ts';
import { type StoredRecord, storedRecords } from '../../rollup/values/stored-records.ts';
import { bucketLabels } from '../answers/bucket-label.ts';
import { noMeterTree, nothingStored } from '../answers/empty-words.ts';
import { answerRows, columnsOf, nameSchema, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { refuseRows } from '../answers/too-much.ts';
import { metersAskedFor } from '../asked/asked-units.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { listParameter } from '../asked/lists.ts';
import { lastDays, rangeParameters, type Window, windowJson, windowSchema } from '../asked/times.ts';
import type { View } from '../asked/view.ts';
import { everyRole } from '../door/guard.ts';

const mostRows = 50_000;

const rowShape = {
  meter: z.string(),
  meter_name: nameSchema,
  start: z.string(),
  end: z.string(),
  label: nameSchema,
};
const coverage = z.number().meta({ description: 'share of the time that is known' });
const provisional = z.boolean();

const touSchema = z.object({
  ...rowShape,
  kwh: z.number(),
  kwh_peak: z.number().nullable().meta({ description: 'null: no tariff with bands was in force' }),
  kwh_mid: z.number().nullable(),
  kwh_low: z.number().nullable(),
  share_peak: z.number().nullable(),
  share_mid: z.number().nullable(),
  share_low: z.number().nullable(),
  cost_irr: z
    .number()
    .nullable()
    .meta({ description: 'of the energy alone, an estimate; null where no price was in force' }),
  coverage,
  provisional,
});
type Tou = z.infer<typeof touSchema>;

const balanceSchema = z.object({
  ...rowShape,
  kwh: z.number().meta({ description: 'of the meter, in the time in which it and all below were known' }),
  kwh_below: z.number(),
  kwh_loss: z.number().meta({ description: 'declared losses between them' }),
  kwh_open: z.number().meta({ description: 'what neither a meter below nor a declared loss explains' }),
  open_share: z.number().nullable(),
  coverage,
  provisional,
});
type Balance = z.infer<typeof balanceSchema>;

const query = {
  meter: listParameter('full paths of electricity meters'),
  ...rangeParameters,
  granularity: z.enum(granularities).default('day'),
  ...rowsParameters,
};
const meta = { range: windowSchema, granularity: z.enum(granularities) };
const example = {
  query: { meter: 'sahand/machining-plant/energy/main', from: '1404-04-16', to: '1404-04-18', granularity: 'day' },
};

export const energyStoredRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const tags = ['energy'];
    app.get(
      '/energy/tou',
      {
        config: { access: everyRole, example },
        schema: {
          tags,
          summary: 'Energy of electricity meters by tariff band, with shares and cost',
          description:
            'The last two business days when nothing is said. The range is snapped outward to whole buckets.',
          querystring: z.strictObject(query),
          response: rowsResponse('Energy by band', touSchema, meta),
        },
      },
      async (request, reply) => {
        const { granularity } = request.query;
        const { found, range } = read('electricity', request.query, viewOf(request, context), context);
        return answerRows(request, reply, context, request.query, {
          name: 'energy_tou',
          meta: { range: windowJson(range), granularity },
          rows: found.map(touOf),
          columns: touColumns,
          empty: nothingStored,
        });
      },
    );

    app.get(
      '/energy/balance',
      {
        config: { access: everyRole, example: { query: { from: '1404-04-16', to: '1404-04-18', granularity: 'day' } } },
        schema: {
          tags,
          summary: 'Meters that have others below them: what those and declared losses do not explain',
          description:
            'The last two business days when nothing is said. `tree` has every edge of the meter tree, for a Sankey diagram.',
          querystring: z.strictObject(query),
          response: rowsResponse('Energy balance', balanceSchema, {
            ...meta,
            tree: z.array(z.object({ from: z.string(), to: z.string(), kwh: z.number().nullable() })),
          }),
        },
      },
      async (request, reply) => {
        const { granularity } = request.query;
        const view = viewOf(request, context);
        const { found, range, sites } = read('balance', request.query, view, context);
        const tree = sites.flatMap(({ plant, asked, window }) =>
          edgesOf(plant, asked, { ...window, granularity }, context),
        );
        return answerRows(request, reply, context, request.query, {
          name: 'energy_balance',
          meta: { range: windowJson(range), granularity, tree },
          rows: found.map(balanceOf),
          columns: balanceColumns,
          empty: noMeterTree,
        });
      },
    );
  };

interface Found extends StoredRecord {
  readonly plant: Plant;
  readonly meter: Meter;
}

interface Query {
  readonly meter?: readonly string[] | undefined;
  readonly from?: Moment | undefined;
  readonly to?: Moment | undefined;
  readonly granularity: Granularity;
}

function read(group: ElementGroup, query: Query, view: View, context: RouteContext) {
  const { granularity } = query;
  const now = context.clock.now();
  const asked = { ...query, carrier: 'electricity' };
  const { sites, whole } = metersAskedFor(asked, view, context, { usual: (day) => lastDays(day, now, 2) });
  const ranged = sites.map((site) => {
    const { start, end } = snapped(site.plant, granularity, { start: site.window.from, end: site.window.to });
    return { ...site, window: { from: start, to: end } };
  });
  const found: Found[] = [];
  for (const { plant, asked: meters, window } of ranged) {
    const paths = meters.map(({ path }) => path);
    for (const record of storedRecords(context.kpis.buckets, plant, group, paths, { granularity, ...window })) {
      found.push({ ...record, plant, meter: meters.find(({ path }) => path === record.asset)! });
    }
    refuseRows(found.length, mostRows);
  }
  found.sort((a, b) => a.bucket.start - b.bucket.start || (a.asset < b.asset ? -1 : 1));
  const range: Window =
    ranged.length === 0
      ? whole
      : {
          from: Math.min(...ranged.map((one) => one.window.from)),
          to: Math.max(...ranged.map((one) => one.window.to)),
        };
  return { found, range, sites: ranged };
}

const rowOf = ({ plant, meter, bucket, provisional }: Found) => ({
  meter: meter.path,
  meter_name: meter.name,
  start: formatTime(bucket.start),
  end: formatTime(bucket.end),
  label: bucketLabels(plant.zone, bucket, 'jalali'),
  provisional,
});

function touOf(found: Found): Tou {
  const { kWh = 0, kWh_peak, kWh_mid, kWh_low, cost_energy_IRR, ...e } = found.elements;
  const { window_s = 0, measured_s = 0, estimated_s = 0, band_none_s = 0, price_none_s = 0 } = e;
  const isBanded = kWh_peak !== undefined && band_none_s === 0;
  const band = (kwh: number | undefined) => (isBanded ? (kwh ?? 0) : null);
  const share = (kwh: number | undefined) => (isBanded && kWh > 0 ? (kwh ?? 0) / kWh : null);
  return {
    ...rowOf(found),
    kwh: kWh,
    ...{ kwh_peak: band(kWh_peak), kwh_mid: band(kWh_mid), kwh_low: band(kWh_low) },
    ...{ share_peak: share(kWh_peak), share_mid: share(kWh_mid), share_low: share(kWh_low) },
    cost_irr: cost_energy_IRR === undefined || price_none_s > 0 ? null : cost_energy_IRR,
    coverage: window_s > 0 ? (measured_s + estimated_s) / window_s : 0,
  };
}

function balanceOf(found: Found): Balance {
  const { balance_main_kWh = 0, balance_sub_kWh = 0, balance_loss_kWh = 0, ...e } = found.elements;
  const open = balance_main_kWh - balance_sub_kWh - balance_loss_kWh;
  const { balance_s = 0, balance_known_s = 0 } = e;
  return {
    ...rowOf(found),
    ...{ kwh: balance_main_kWh, kwh_below: balance_sub_kWh, kwh_loss: balance_loss_kWh, kwh_open: open },
    open_share: balance_main_kWh > 0 ? open / balance_main_kWh : null,
    coverage: balance_s > 0 ? balance_known_s / balance_s : 0,
  };
}

/** What went from each meter to those directly below it, over the whole range. */
function edgesOf(
  plant: Plant,
  meters: readonly Meter[],
  range: Window & { granularity: Granularity },
  context: RouteContext,
) {
  const edges = meters.flatMap((meter) =>
    metersBelow(plant, meter).map((below) => ({ from: meter.path, to: below.path })),
  );
  const paths = edges.map(({ to }) => to);
  const stored = Map.groupBy(
    storedRecords(context.kpis.buckets, plant, 'electricity', paths, range),
    ({ asset }) => asset,
  );
  return edges.map(({ from, to }) => ({
    from,
    to,
    kwh: stored.get(to)?.reduce((sum, { elements }) => sum + (elements.kWh ?? 0), 0) ?? null,
  }));
}

const touColumns = columnsOf<Tou>({
  ...{ meter: 'text', meter_name: 'name', start: 'time', end: 'time', label: 'name', kwh: 'number' },
  ...{ kwh_peak: 'number', kwh_mid: 'number', kwh_low: 'number' },
  ...{ share_peak: 'number', share_mid: 'number', share_low: 'number', cost_irr: 'number', coverage: 'number' },
  provisional: 'text',
});
const balanceColumns = columnsOf<Balance>({
  ...{ meter: 'text', meter_name: 'name', start: 'time', end: 'time', label: 'name', kwh: 'number' },
  ...{ kwh_below: 'number', kwh_loss: 'number', kwh_open: 'number', open_share: 'number', coverage: 'number' },
  provisional: 'text',
});
