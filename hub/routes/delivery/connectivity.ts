/** `GET /connectivity`: when each source of each agent was known, and its outages, from the health that came with the samples. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { formatTime } from '../../plant/time-text.ts';
import { dayUs } from '../../plant/zone.ts';
import { createLostTime } from '../../rollup/samples/lost-time.ts';
import { siteTags } from '../../rollup/samples/site-tags.ts';
import { readConnectivity } from '../../rollup/windows/read-connectivity.ts';
import { answerRows, columnsOf, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { plantsIn } from '../asked/asked-assets.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { civilDay, rangeParameters, windowAt, windowJson, windowSchema } from '../asked/times.ts';
import { everyRole } from '../door/guard.ts';
import { notFound } from '../door/problem.ts';
import { agentStates } from './agent-state.ts';

const maxDays = 31;
const readTimeoutMs = 30_000;
const mostOutages = 500;

const rowSchema = z.object({
  site: z.string(),
  agent: z.string(),
  source: z.string(),
  online: z.boolean().meta({ description: 'the agent, now' }),
  seen_at: z.string().nullable(),
  told_until: z
    .string()
    .nullable()
    .meta({ description: 'what the agent has told of the source reaches to here; null: nothing of the range' }),
  uptime: z.number().nullable().meta({ description: 'share of the time up to `told_until` in which it was known' }),
  down_s: z.number(),
  outages: z.int(),
  longest_s: z.number(),
  down: z
    .array(z.object({ start: z.string(), end: z.string() }))
    .meta({ description: `the outages up to \`told_until\`, the newest ${mostOutages} of them` }),
});
type Row = z.infer<typeof rowSchema>;
const columns = columnsOf<Row>({
  ...{
    site: 'text',
    agent: 'text',
    source: 'text',
    online: 'text',
    seen_at: 'time',
    told_until: 'time',
    uptime: 'number',
  },
  ...{ down_s: 'number', outages: 'integer', longest_s: 'number' },
});

export const connectivityRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { clock, ledger, reader } = context;
    app.get(
      '/connectivity',
      {
        config: { access: everyRole, example: { query: { from: '1404-04-16', to: '1404-04-17' } } },
        schema: {
          tags: ['data'],
          summary: 'Sources of agents: how long they were known, and each outage',
          description: `The last day when nothing is said; at most ${maxDays} days. What has not arrived yet is no outage: it may come.`,
          querystring: z.strictObject({ site: z.string().max(300).optional(), ...rangeParameters, ...rowsParameters }),
          response: rowsResponse('Connectivity', rowSchema, { range: windowSchema }),
        },
      },
      async (request, reply) => {
        const { site } = request.query;
        const view = viewOf(request, context);
        const now = clock.now();
        const usual = { from: now - dayUs, to: now };
        const plants = plantsIn(view, context).filter(({ path }) => path === (site ?? path));
        if (site !== undefined && plants.length === 0) throw notFound({ en: `site ${site}`, fa: `کارخانه ${site}` });
        const agents = new Map(agentStates(view, context).map((state) => [state.agent, state]));
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(readTimeoutMs)]);
        const rows: Row[] = [];
        let range = windowAt(request.query, civilDay, usual, maxDays);
        for (const plant of plants) {
          range = windowAt(request.query, plant, usual, maxDays);
          const span = { start: range.from, end: Math.max(range.from, Math.min(range.to, now)) };
          const tags = siteTags(plant.path, ledger.tags(), createLostTime(ledger));
          const sources = [
            ...new Set([...tags.values()].flatMap((tag) => tag.sources.filter(({ historical }) => !historical))),
          ];
          for (const { source, toldUntil, knownUs, outages } of await readConnectivity(reader, sources, span, signal)) {
            const [agent, name] = source.id.split('/', 2);
            const lengthUs = toldUntil === undefined ? 0 : toldUntil - span.start;
            rows.push({
              ...{ site: plant.path, agent: agent!, source: name! },
              online: agents.get(agent!)?.online ?? false,
              seen_at: agents.get(agent!)?.seen_at ?? null,
              told_until: toldUntil === undefined ? null : formatTime(toldUntil),
              uptime: lengthUs > 0 ? knownUs / lengthUs : null,
              down_s: (lengthUs - knownUs) / 1e6,
              outages: outages.length,
              longest_s: Math.max(0, ...outages.map(({ start, end }) => end - start)) / 1e6,
              down: outages
                .slice(-mostOutages)
                .map(({ start, end }) => ({ start: formatTime(start), end: formatTime(end) })),
            });
          }
        }
        const meta = { range: windowJson(range) };
        return answerRows(request, reply, context, request.query, { name: 'connectivity', meta, rows, columns });
      },
    );
  };
