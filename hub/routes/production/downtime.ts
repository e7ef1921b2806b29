/** `GET /downtime`: where planned busy time was lost, the greatest first: by reason, class, asset or shift. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { snapped } from '../../plant/grid.ts';
import { lengthUs, type Span, union } from '../../plant/spans.ts';
import { hourUs } from '../../plant/zone.ts';
import { createLostTime } from '../../rollup/samples/lost-time.ts';
import { siteTags } from '../../rollup/samples/site-tags.ts';
import {
  type Downtime,
  type DowntimeClass,
  downtimeBy,
  downtimeByClass,
  downtimeByReason,
  downtimeOf,
  explainedIn,
} from '../../rollup/values/downtime.ts';
import { type StoredRecord, storedRecords } from '../../rollup/values/stored-records.ts';
import type { Words } from '../../words.ts';
import { nothingStored } from '../answers/empty-words.ts';
import { answerRows, columnsOf, nameSchema, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { tooMuch } from '../answers/too-much.ts';
import { assetParameters } from '../asked/asked-assets.ts';
import { unitsAskedFor } from '../asked/asked-units.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { lastDays, type PlantDay, rangeParameters, windowJson, windowSchema } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';
import { invalid } from '../door/problem.ts';
import { downtimeClassNames, unexplained } from './state-words.ts';

const groupings = ['reason', 'class', 'asset', 'shift'] as const;
const readTimeoutMs = 30_000;
/** Of entries whose states are read to tell how much of each was downtime. */
const mostExplainedUs = 3000 * hourUs;

const rowSchema = z.object({
  key: z.string().meta({ description: 'code of the reason or shift, class, or path of the asset' }),
  name: nameSchema,
  downtime_s: z.number(),
  share: z.number().meta({ description: 'of all downtime' }),
  cumulative: z.number().meta({ description: 'share of it and all greater ones: the line of a Pareto chart' }),
  failures: z.int().nullable().meta({ description: 'that began; null where the grouping cannot tell' }),
  entries: z.int().nullable().meta({ description: 'that people have made; by reason only' }),
});
type Row = z.infer<typeof rowSchema>;
const columns = columnsOf<Row>({
  ...{ key: 'text', name: 'name', downtime_s: 'number', share: 'number', cumulative: 'number' },
  ...{ failures: 'integer', entries: 'integer' },
});

export const downtimeRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { kpis, reader, ledger, clock } = context;
    app.get(
      '/downtime',
      {
        config: {
          access: everyRole,
          example: {
            query: { group_by: 'class', asset: 'sahand/machining-plant', from: '1404-04-16', to: '1404-04-18' },
          },
        },
        schema: {
          tags: ['production'],
          summary: 'Downtime by reason, class, asset or shift, the greatest first',
          description:
            'Planned busy time that was neither running nor setup (ADET + ADOT), minor stops included, time of unknown state apart. The range is snapped outward to business days, by shift to shifts; the running business day when nothing is said.',
          querystring: z.strictObject({
            group_by: z.enum(groupings).default('class'),
            ...assetParameters,
            ...rangeParameters,
            ...rowsParameters,
          }),
          response: rowsResponse('Downtime', rowSchema, {
            range: windowSchema,
            group_by: z.enum(groupings),
            units: z.int(),
            downtime_s: z.number(),
            planned_busy_s: z.number(),
            unknown_s: z.number().meta({ description: 'planned busy time in which the state was not known' }),
            provisional: z.boolean(),
          }),
        },
      },
      async (request, reply) => {
        const { group_by } = request.query;
        const now = clock.now();
        const view = viewOf(request, context);
        const usual = (day: PlantDay) => lastDays(day, now, 1);
        const bounds = { usual };
        const { sites, whole: asked } = unitsAskedFor(request.query, view, context, bounds);
        const granularity = group_by === 'shift' ? 'shift' : 'day';
        const records: StoredRecord[] = [];
        const parts: Map<string, Downtime>[] = [];
        const ranges: Span[] = [];
        const names = new Map<string, Words>();
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(readTimeoutMs)]);
        for (const { plant, asked: units, window } of sites) {
          const span = snapped(plant, granularity, { start: window.from, end: window.to });
          const range = { granularity, from: span.start, to: span.end } as const;
          const paths = units.map(({ path }) => path);
          const stored = storedRecords(kpis.buckets, plant, 'production', paths, range);
          records.push(...stored);
          ranges.push(span);
          if (group_by === 'class') parts.push(downtimeByClass(stored));
          if (group_by === 'asset') {
            for (const { path, name } of units) names.set(path, name);
            parts.push(downtimeBy(stored, ({ asset }) => asset));
          }
          if (group_by === 'shift') {
            for (const { code, name } of plant.shifts) names.set(code, name);
            parts.push(downtimeBy(stored, ({ bucket }) => bucket.shift?.code));
          }
          if (group_by === 'reason') {
            for (const { code, name } of plant.reasons) names.set(code, name);
            const explained = units.reduce((sum, unit) => sum + lengthUs(union(explainedIn(unit, span))), 0);
            if (explained > mostExplainedUs) {
              throw invalid('from', tooMuch('too much time has a reason', 'زمان دارای علت بیش از حد است'));
            }
            const tags = siteTags(plant.path, ledger.tags(), createLostTime(ledger));
            parts.push(await downtimeByReason(reader, plant, units, tags, { ...span, now }, signal));
          }
        }
        const total = records.reduce((sum, { elements }) => sum + downtimeOf(elements), 0);
        const merged = merge(parts);
        if (group_by === 'reason') {
          const known = [...merged.values()].reduce((sum, { seconds }) => sum + seconds, 0);
          merged.set('', { seconds: Math.max(0, total - known), failures: null, entries: null });
          names.set('', unexplained);
        }
        const named = (key: string): Words =>
          names.get(key) ?? downtimeClassNames[key as DowntimeClass] ?? { en: key, fa: key };
        const whole = {
          from: Math.min(...ranges.map(({ start }) => start)),
          to: Math.max(...ranges.map(({ end }) => end)),
        };
        return answerRows(request, reply, context, request.query, {
          name: `downtime_${group_by}`,
          meta: {
            range: windowJson(ranges.length > 0 ? whole : asked),
            group_by,
            units: sites.reduce((sum, { asked }) => sum + asked.length, 0),
            downtime_s: total,
            planned_busy_s: sumOf(records, 'PBT_s'),
            unknown_s: sumOf(records, 'UNK_s'),
            provisional: records.some(({ provisional }) => provisional),
          },
          rows: pareto(merged, total, named),
          columns,
          empty: nothingStored,
        });
      },
    );
  };

const sumOf = (records: readonly StoredRecord[], name: string): number =>
  records.reduce((sum, { elements }) => sum + (elements[name] ?? 0), 0);

function merge(parts: readonly Map<string, Downtime>[]): Map<string, Downtime> {
  const merged = new Map<string, Downtime>();
  const add = (a: number | null | undefined, b: number | null) => (b === null ? null : (a ?? 0) + b);
  for (const part of parts) {
    for (const [key, { seconds, failures, entries }] of part) {
      const known = merged.get(key);
      merged.set(key, {
        seconds: (known?.seconds ?? 0) + seconds,
        failures: add(known?.failures, failures),
        entries: add(known?.entries, entries),
      });
    }
  }
  return merged;
}

function pareto(downtime: ReadonlyMap<string, Downtime>, total: number, named: (key: string) => Words): Row[] {
  let running = 0;
  const share = (seconds: number) => (total > 0 ? seconds / total : 0);
  return [...downtime]
    .filter(([, { seconds }]) => seconds > 0)
    .sort(([a, one], [b, other]) => other.seconds - one.seconds || (a < b ? -1 : 1))
    .map(([key, { seconds, failures, entries }]) => {
      running += seconds;
      const { en, fa } = named(key);
      return {
        key,
        name: { en, fa },
        downtime_s: seconds,
        share: share(seconds),
        cumulative: share(running),
        failures,
        entries,
      };
    });
}
