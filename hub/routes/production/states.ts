/** `GET /states`: what units did, one row for each stretch of a canonical state. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TimeUs } from '../../../protocols/sample.ts';
import { plannedBusy, shiftInstances } from '../../plant/calendar.ts';
import { canonicalStates } from '../../plant/canonical-state.ts';
import type { Plant, Unit } from '../../plant/plant.ts';
import { overlapUs } from '../../plant/spans.ts';
import { formatTime } from '../../plant/time-text.ts';
import { hourUs } from '../../plant/zone.ts';
import { createLostTime } from '../../rollup/samples/lost-time.ts';
import { siteTags } from '../../rollup/samples/site-tags.ts';
import type { StateSpan } from '../../rollup/units/state-timeline.ts';
import { readStates, stateTags } from '../../rollup/windows/read-states.ts';
import { nothingStored } from '../answers/empty-words.ts';
import { answerRows, columnsOf, nameSchema, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { refuseRows, refuseSamples } from '../answers/too-much.ts';
import { assetParameters } from '../asked/asked-assets.ts';
import { unitsAskedFor } from '../asked/asked-units.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { createCursors } from '../asked/cursor.ts';
import { formatOf } from '../asked/formats.ts';
import { wordsParameter } from '../asked/lists.ts';
import { compareKeys, type Sort } from '../asked/sorting.ts';
import { rangeParameters, windowJson, windowSchema } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';
import { stateNames } from './state-words.ts';

const usualUs = 8 * hourUs;
const maxDays = 31;
const mostRows = 200_000;
const readTimeoutMs = 30_000;

const rowSchema = z.object({
  asset: z.string(),
  asset_name: nameSchema,
  state: z.enum(canonicalStates),
  state_name: nameSchema,
  start: z.string(),
  end: z.string(),
  duration_s: z.number(),
  planned_s: z.number().meta({ description: 'part of it in planned busy time' }),
  shift: z.string().nullable().meta({ description: 'the one in which it began' }),
  reason: z.string().nullable().meta({ description: 'that somebody has entered; the longest of several' }),
  reason_name: nameSchema.nullable(),
});
type Row = z.infer<typeof rowSchema>;

const columns = columnsOf<Row>({
  ...{ asset: 'text', asset_name: 'name', state: 'text', state_name: 'name', start: 'time', end: 'time' },
  ...{ duration_s: 'number', planned_s: 'number', shift: 'text', reason: 'text', reason_name: 'name' },
});
const order: Sort = ['start', 'asset'].map((name) => ({ name, descending: false }));

export const stateRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { reader, ledger, clock } = context;
    const cursors = createCursors();
    app.get(
      '/states',
      {
        config: {
          access: everyRole,
          example: {
            query: { asset: 'sahand/machining-plant/machining/line-1', from: '1404-04-16', to: '1404-04-17' },
          },
        },
        schema: {
          tags: ['production'],
          summary: 'What units did: their canonical states without a gap, UNKNOWN where nobody knows',
          description: `The last 8 hours when nothing is said; at most ${maxDays} days.`,
          querystring: z.strictObject({
            ...assetParameters,
            ...rangeParameters,
            state: wordsParameter(canonicalStates).optional(),
            min_s: z.coerce.number().min(0).default(0).meta({ description: 'only stretches of at least this length' }),
            limit: z.coerce.number().int().min(1).max(10_000).default(1000),
            cursor: z.string().max(1000).optional(),
            ...rowsParameters,
          }),
          response: rowsResponse('States', rowSchema, { range: windowSchema, units: z.int() }),
        },
      },
      async (request, reply) => {
        const { state, min_s, limit, cursor } = request.query;
        const now = clock.now();
        const bounds = { usual: () => ({ from: now - usualUs, to: now }), maxDays };
        const { sites, whole } = unitsAskedFor(request.query, viewOf(request, context), context, bounds);
        const after = cursor === undefined ? undefined : cursors.open(cursor);
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(readTimeoutMs)]);
        const found: Found[] = [];
        const read = sites.map((site) => {
          const tags = siteTags(site.plant.path, ledger.tags(), createLostTime(ledger));
          refuseSamples(stateTags(site.asked, tags), site.window);
          return { ...site, tags };
        });
        for (const { plant, asked, window, tags } of read) {
          const span = { start: window.from, end: Math.max(window.from, Math.min(window.to, now)) };
          for (const [unit, timeline] of await readStates(reader, plant, asked, tags, span, signal)) {
            for (const one of timeline) {
              const isWanted = (state?.includes(one.state) ?? true) && one.end - one.start >= min_s * 1e6;
              if (isWanted) found.push({ ...one, plant, unit });
            }
            refuseRows(found.length, mostRows);
          }
        }
        const keyOf = ({ start, unit }: Found) => [start, unit.path];
        const rest = found
          .sort((a, b) => compareKeys(keyOf(a), keyOf(b), order))
          .filter((one) => after === undefined || compareKeys(keyOf(one), after, order) > 0);
        const shown = formatOf(request, request.query.format) === 'json' ? rest.slice(0, limit) : rest;
        return answerRows(request, reply, context, request.query, {
          name: 'states',
          meta: { range: windowJson(whole), units: sites.reduce((sum, { asked }) => sum + asked.length, 0) },
          rows: shown.map(rowOf),
          columns,
          empty: nothingStored,
          next: shown.length < rest.length ? cursors.seal(keyOf(shown.at(-1)!)) : null,
        });
      },
    );
  };

interface Found extends StateSpan {
  readonly plant: Plant;
  readonly unit: Unit;
}

function rowOf({ plant, unit, state, start, end }: Found): Row {
  const shifts = shiftInstances(plant, start, end);
  const reason = reasonOf(unit, start, end);
  return {
    asset: unit.path,
    asset_name: unit.name,
    state,
    state_name: stateNames[state],
    start: formatTime(start),
    end: formatTime(end),
    duration_s: (end - start) / 1e6,
    planned_s: overlapUs(plannedBusy(shifts, start, end), start, end) / 1e6,
    shift: shifts.find((shift) => shift.start <= start && start < shift.end)?.code ?? null,
    reason: reason ?? null,
    reason_name: plant.reasons.find(({ code }) => code === reason)?.name ?? null,
  };
}

/** Running needs no reason. */
function reasonOf(unit: Unit, start: TimeUs, end: TimeUs): string | undefined {
  let best: { reason: string; us: number } | undefined;
  for (const stop of unit.stops) {
    const us = Math.min(stop.end, end) - Math.max(stop.start, start);
    if (us > (best?.us ?? 0)) best = { reason: stop.reason, us };
  }
  return best?.reason;
}
