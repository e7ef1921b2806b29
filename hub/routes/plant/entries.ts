/** `/entries`: what people know and machines do not; added, corrected, undone, with the history of each. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type By, EntryRefused } from '../../entries/entries.ts';
import { type EntryContent, type EntryRevision, entryKinds } from '../../entries/entry.ts';
import { formatTime } from '../../plant/time-text.ts';
import { principalOf, type RouteContext, viewOf } from '../asked/context.ts';
import { timeOrDateParameter } from '../asked/times.ts';
import type { View } from '../asked/view.ts';
import { everyRole } from '../door/guard.ts';
import { notFound, ProblemError } from '../door/problem.ts';
import { contentOf, entryContentSchema, text } from './entry-content.ts';

/** Those who know what happened; analysts read. */
const writers = ['technician', 'manager', 'admin'] as const;

const revisionSchema = z.object({
  id: z.int().meta({ description: 'what the entry is known by' }),
  revision: z.int(),
  site: z.string(),
  author: z.string(),
  at: z.string(),
  why: z.string(),
  content: z.record(z.string(), z.unknown()).nullable().meta({ description: 'null: there is no such entry any more' }),
});

/** For the API's description. */
const exampleStop = {
  kind: 'downtime',
  asset: 'sahand/machining-plant/machining/line-1/cnc-1',
  from: '1404-04-16T11:00',
  to: '1404-04-16T11:20',
  reason: 'material',
};

const idParameter = z.object({ id: z.coerce.number().int().min(1) });
const why = text(1000);

export const entryRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { entries, plants } = context;
    const tags = ['entries'];

    app.get(
      '/entries',
      {
        config: { access: everyRole },
        schema: {
          tags,
          summary: 'Entries in force, by their beginning',
          querystring: z.strictObject({
            site: text(300).optional(),
            kind: z.enum(entryKinds).optional(),
            asset: text(300).optional(),
            from: timeOrDateParameter.optional(),
            to: timeOrDateParameter.optional(),
            limit: z.coerce.number().int().min(1).max(10_000).default(500),
          }),
          response: { 200: z.object({ data: z.array(revisionSchema), more: z.boolean() }) },
        },
      },
      async (request) => {
        const { site, limit, ...filter } = request.query;
        const view = viewOf(request, context);
        const seen = plants.plants().filter(({ path }) => view.sees(path) && (site ?? path) === path);
        const found = seen.flatMap(({ path }) => entries.list({ site: path, ...filter }, limit + 1));
        return { data: found.slice(0, limit).map(revisionJson), more: found.length > limit };
      },
    );

    app.get(
      '/entries/:id/history',
      {
        config: { access: everyRole, example: { params: { id: '1' } } },
        schema: {
          tags,
          summary: 'Every line of an entry, oldest first',
          params: idParameter,
          response: { 200: z.object({ data: z.array(revisionSchema) }) },
        },
      },
      async (request) => ({ data: visible(request.params.id, viewOf(request, context)).map(revisionJson) }),
    );

    app.post(
      '/entries',
      {
        config: { access: writers, example: { body: exampleStop } },
        schema: { tags, summary: 'Enter something', body: entryContentSchema, response: { 201: revisionSchema } },
      },
      async (request, reply) => {
        const content = contentOf(request.body);
        const site = siteOf(content.asset, viewOf(request, context));
        reply.code(201);
        return revisionJson(refusing(() => entries.add(site, content, by(request, ''))));
      },
    );

    app.put(
      '/entries/:id',
      {
        config: {
          access: writers,
          example: { params: { id: '1' }, body: { content: exampleStop, why: 'it was the material after all' } },
        },
        schema: {
          tags,
          summary: 'Correct an entry; what it said before stays in its history',
          params: idParameter,
          body: z.strictObject({ content: entryContentSchema, why }),
          response: { 200: revisionSchema },
        },
      },
      async (request) => {
        const view = viewOf(request, context);
        const [first] = visible(request.params.id, view);
        const content = contentOf(request.body.content);
        if (siteOf(content.asset, view) !== first!.site) throw notFound(`asset "${content.asset}" at ${first!.site}`);
        return revisionJson(refusing(() => entries.correct(first!.entry, content, by(request, request.body.why))));
      },
    );

    app.post(
      '/entries/:id/undo',
      {
        config: { access: writers, example: { params: { id: '1' }, body: { why: 'entered for the wrong machine' } } },
        schema: {
          tags,
          summary: 'Take back the last change of an entry; once more brings it again',
          params: idParameter,
          body: z.strictObject({ why }),
          response: { 200: revisionSchema },
        },
      },
      async (request) => {
        const [first] = visible(request.params.id, viewOf(request, context));
        return revisionJson(refusing(() => entries.undo(first!.entry, by(request, request.body.why))));
      },
    );

    const by = (request: Parameters<typeof principalOf>[0], why: string): By => ({
      author: principalOf(request).name,
      why,
    });

    function visible(id: number, view: View): EntryRevision[] {
      const history = entries.history(id);
      if (!history[0] || !view.sees(history[0].site)) throw notFound({ en: `entry ${id}`, fa: `ثبت ${id}` });
      return history;
    }

    function siteOf(asset: string, view: View): string {
      const plant = plants.plants().find(({ path }) => asset.startsWith(`${path}/`));
      if (!plant || !view.sees(plant.path)) throw notFound({ en: `asset "${asset}"`, fa: `دارایی «${asset}»` });
      return plant.path;
    }
  };

function contentJson(content: EntryContent): Record<string, unknown> {
  const { from, to, ...rest } = content;
  const span = content.kind === 'reading' ? { at: formatTime(from) } : { from: formatTime(from), to: formatTime(to) };
  if (rest.kind === 'bill') {
    const { amountIrr, ...bill } = rest;
    return { ...bill, ...span, amount_irr: amountIrr };
  }
  if (rest.kind !== 'order') return { ...rest, ...span };
  const { planned, plannedScrap, ...order } = rest;
  return {
    ...order,
    ...span,
    ...(plannedScrap !== undefined && { planned_scrap: plannedScrap }),
    ...(planned && { planned: { from: formatTime(planned.start), to: formatTime(planned.end) } }),
  };
}

const revisionJson = (line: EntryRevision): z.infer<typeof revisionSchema> => ({
  id: line.entry,
  revision: line.revision,
  site: line.site,
  author: line.author,
  at: formatTime(line.at),
  why: line.why,
  content: line.content && contentJson(line.content),
});

function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof EntryRefused)) throw error;
    throw new ProblemError('refused', error.message, { errors: error.mistakes });
  }
}
