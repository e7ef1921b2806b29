/** `GET /data-quality`: how far the data of each asset can be trusted, the KPIs of data quality side by side. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { formatTime } from '../../plant/time-text.ts';
import { dayUs } from '../../plant/zone.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';
import { bucketLabels } from '../answers/bucket-label.ts';
import { nothingStored } from '../answers/empty-words.ts';
import { answerRows, columnsOf, nameSchema, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { assetParameters, assetsAskedFor, plantOf, plantsIn } from '../asked/asked-assets.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { civilDay, rangeParameters, windowAt, windowJson, windowSchema } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';
import { partsOf, refuseTooMany, valuePages, wholeOf } from './kpi-reading.ts';

const mostValues = 100_000;

/** Column by KPI. */
const measures = {
  'dq.complete': 'complete',
  'dq.valid': 'valid',
  'dq.ontime': 'on_time',
  'dq.latency': 'latency_p95_s',
  'dq.latency_p50': 'latency_p50_s',
  'dq.backfill': 'recovered',
  'dq.tag_cov': 'tag_coverage',
  'dq.meter_cov': 'meter_coverage',
  'dq.uptime': 'uptime',
  'dq.clock': 'clock_offset_s',
} as const;
type Measure = (typeof measures)[keyof typeof measures];

const measure = (description: string) =>
  z
    .number()
    .nullable()
    .meta({ description: `${description}; null is not known` });
const rowSchema = z.object({
  asset: z.string(),
  asset_name: nameSchema,
  start: z.string(),
  end: z.string(),
  label: nameSchema,
  complete: measure('share of the time in which a Good value was known, over all tags'),
  valid: measure('of the time in which the source was there, the share that was Good'),
  on_time: measure('share of quarter-hours that were complete 5 minutes after their end'),
  latency_p95_s: measure('from the measurement to the hub, 95th percentile'),
  latency_p50_s: measure('the same, median'),
  recovered: measure('share of what was late or missing that came after all'),
  tag_coverage: measure('share of the contracted tags that are complete'),
  meter_coverage: measure('share of the energy that meters below tell'),
  uptime: measure('share of the time in which agents were connected'),
  clock_offset_s: measure('greatest difference of a clock from true time'),
  provisional: z.boolean(),
});
type Row = z.infer<typeof rowSchema>;
const columns = columnsOf<Row>({
  ...{ asset: 'text', asset_name: 'name', start: 'time', end: 'time', label: 'name', complete: 'number' },
  ...{ valid: 'number', on_time: 'number', latency_p95_s: 'number', latency_p50_s: 'number', recovered: 'number' },
  ...{ tag_coverage: 'number', meter_coverage: 'number', uptime: 'number', clock_offset_s: 'number' },
  provisional: 'text',
});
const unknown = Object.fromEntries(Object.values(measures).map((name) => [name, null])) as Record<Measure, null>;

export const dataQualityRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { kpis, clock } = context;
    const config = {
      access: everyRole,
      example: { query: { depth: '0', from: '1404-04-16', to: '1404-04-18', granularity: 'day' } },
    };
    app.get(
      '/data-quality',
      {
        config,
        schema: {
          tags: ['data'],
          summary: 'Completeness, validity, timeliness and coverage of each asset and bucket',
          description:
            'The last seven days by day when nothing is said. The same figures as /kpi-values tells, side by side.',
          querystring: z.strictObject({
            ...assetParameters,
            ...rangeParameters,
            granularity: z.enum(['hour', 'day', 'month']).default('day'),
            ...rowsParameters,
          }),
          response: rowsResponse('Data quality', rowSchema, { range: windowSchema }),
        },
      },
      async (request, reply) => {
        const { granularity } = request.query;
        const view = viewOf(request, context);
        const plants = plantsIn(view, context);
        const now = clock.now();
        const usual = { from: now - 7 * dayUs, to: now };
        const parts = partsOf(assetsAskedFor(request.query, view, context), plants, request.query, usual, granularity);
        const ids = Object.keys(measures).filter((id) => kpis.definitions().some((definition) => definition.id === id));
        refuseTooMany(parts, granularity, ids.length, mostValues);
        const names = new Map(view.assets().map(({ path, name }) => [path, name]));
        const rows = new Map<string, Row>();
        const asked = { kpis: ids, granularity, parts, revision: 'latest' } as const;
        for await (const page of valuePages(kpis, asked, request.signal)) {
          for (const value of page) put(rows, value, (asset) => names.get(asset) ?? { en: asset, fa: asset });
        }
        return answerRows(request, reply, context, request.query, {
          name: 'data_quality',
          meta: { range: windowJson(wholeOf(parts, windowAt(request.query, civilDay, usual))) },
          rows: [...rows.values()],
          columns,
          empty: nothingStored,
        });

        function put(found: Map<string, Row>, value: RolledValue, nameOf: (asset: string) => Row['asset_name']): void {
          const key = `${value.start} ${value.asset}`;
          const zone = plantOf(value.asset, plants)?.zone ?? civilDay.zone;
          const row = found.get(key) ?? {
            ...{ asset: value.asset, asset_name: nameOf(value.asset), start: formatTime(value.start) },
            ...{ end: formatTime(value.end), label: bucketLabels(zone, value.bucket, 'jalali'), ...unknown },
            provisional: false,
          };
          row[measures[value.kpi as keyof typeof measures]] = value.value;
          row.provisional ||= value.provisional;
          found.set(key, row);
        }
      },
    );
  };
