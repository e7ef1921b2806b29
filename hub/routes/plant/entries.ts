/** `/entries`: what people know and machines do not; added, corrected, undone, withdrawn, with the history of each. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type By, EntryRefused } from '../../entries/entries.ts';
import { type EntryRevision, entryKinds } from '../../entries/entry.ts';
import { contentOf, entryContentSchema, text } from '../../entries/entry-content.ts';
import type { Cell } from '../../exports/csv.ts';
import { timeOrDateParameter } from '../../plant/time-parameters.ts';
import { parseTime } from '../../plant/time-text.ts';
import type { Column } from '../answers/download.ts';
import { type EntryRevisionJson, entryRevisionJson, entryRevisionSchema } from '../answers/entry-json.ts';
import { answerRows, columnsOf, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { principalOf, type RouteContext, viewOf } from '../asked/context.ts';
import { createCursors } from '../asked/cursor.ts';
import { formatOf } from '../asked/formats.ts';
import type { View } from '../asked/view.ts';
import { everyRole } from '../door/guard.ts';
import { notFound, ProblemError } from '../door/problem.ts';

/** Those who know what happened; analysts read. */
const writers = ['technician', 'manager', 'admin'] as const;

const said = (type: 'text' | 'number', ...names: readonly string[]): Column<EntryRevisionJson>[] =>
  names.map((name) => ({ name, type, of: ({ content }) => (content?.[name] as Cell | undefined) ?? null }));
/** What an entry says is named as in a file that is imported: one hub's table is another's file. */
const columns: readonly Column<EntryRevisionJson>[] = [
  ...said('text', 'kind', 'asset', 'from', 'to', 'at', 'reason', 'code', 'product', 'number', 'note'),
  ...said('number', 'quantity', 'planned_scrap', 'good', 'scrap', 'rework', 'inspected', 'people', 'worked_h'),
  ...said('number', 'value', 'amount_irr'),
  ...columnsOf<EntryRevisionJson>({ id: 'integer', revision: 'integer', site: 'text', author: 'text', why: 'text' }),
  { name: 'entered_at', type: 'time', of: ({ at }) => parseTime(at)! },
];

/** For the API's description. */
const unit = 'sahand/machining-plant/machining/line-1/cnc-1';
const meter = 'sahand/machining-plant/energy/main';
const shift = { from: '1404-04-16T06:00', to: '1404-04-16T14:00' };
const exampleStop = {
  kind: 'downtime',
  asset: unit,
  from: '1404-04-16T11:00',
  to: '1404-04-16T11:20',
  reason: 'material',
};
const examples = {
  downtime: exampleStop,
  order: { kind: 'order', asset: unit, ...shift, code: 'A-17', product: 'shaft', quantity: 400 },
  inspection: { kind: 'inspection', asset: unit, ...shift, inspected: 380, good: 371 },
  attendance: { kind: 'attendance', asset: unit, ...shift, people: 2, worked_h: 14 },
  reading: { kind: 'reading', asset: meter, at: '1404-04-16T06:00', value: 184_220.5 },
  bill: {
    ...{ kind: 'bill', asset: meter, from: '1404-03-01', to: '1404-04-01' },
    ...{ quantity: 41_200, amount_irr: 1_650_000_000, number: '4-1182' },
  },
};

const idParameter = z.object({ id: z.coerce.number().int().min(1) });
const why = text(1000);

export const entryRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { entries, plants } = context;
    const cursors = createCursors();
    const tags = ['entries'];

    app.get(
      '/entries',
      {
        config: { access: everyRole },
        schema: {
          tags,
          summary: 'Entries in force: site by site, by their beginning',
          description:
            'Those that touch the range. A date is the beginning of that day of the calendar, as where an entry is written.',
          querystring: z.strictObject({
            site: text(300).optional(),
            kind: z.enum(entryKinds).optional(),
            asset: text(300).optional(),
            from: timeOrDateParameter.optional(),
            to: timeOrDateParameter.optional(),
            limit: z.coerce.number().int().min(1).max(10_000).default(500).meta({ description: 'of a page of JSON' }),
            cursor: z.string().max(1000).optional(),
            ...rowsParameters,
          }),
          response: rowsResponse('Entries', entryRevisionSchema, {}),
        },
      },
      async (request, reply) => {
        const { site, limit, cursor, format: _, bom: __, ...filter } = request.query;
        const view = viewOf(request, context);
        const isTable = formatOf(request, request.query.format) !== 'json';
        const [lastSite = '', from = 0, entry = 0] = cursor === undefined ? [] : cursors.open(cursor);
        const found: EntryRevision[] = [];
        for (const path of sitesIn(view, site)) {
          const left = isTable ? undefined : limit + 1 - found.length;
          if (path < String(lastSite) || left === 0) continue;
          const after = path === lastSite ? { from: Number(from), entry: Number(entry) } : undefined;
          found.push(...entries.list({ site: path, ...filter, after }, left));
        }
        const rows = isTable ? found : found.slice(0, limit);
        const last = rows.at(-1);
        const isMore = last !== undefined && rows.length < found.length;
        return answerRows(request, reply, context, request.query, {
          ...{ name: 'entries', meta: {}, rows: rows.map(entryRevisionJson), columns },
          next: isMore ? cursors.seal([last.site, last.content!.from, last.entry]) : null,
        });
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
          response: { 200: z.object({ data: z.array(entryRevisionSchema) }) },
        },
      },
      async (request) => ({ data: visible(request.params.id, viewOf(request, context)).map(entryRevisionJson) }),
    );

    app.post(
      '/entries',
      {
        config: { access: writers, example: { bodies: examples } },
        schema: { tags, summary: 'Enter something', body: entryContentSchema, response: { 201: entryRevisionSchema } },
      },
      async (request, reply) => {
        const content = contentOf(request.body);
        const site = siteOf(content.asset, viewOf(request, context));
        reply.code(201);
        return entryRevisionJson(refusing(() => entries.add(site, content, by(request, ''))));
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
          response: { 200: entryRevisionSchema },
        },
      },
      async (request) => {
        const view = viewOf(request, context);
        const [first] = visible(request.params.id, view);
        const content = contentOf(request.body.content);
        if (siteOf(content.asset, view) !== first!.site) {
          throw notFound({
            en: `asset "${content.asset}" at ${first!.site}`,
            fa: `دارایی «${content.asset}» در ${first!.site}`,
          });
        }
        return entryRevisionJson(refusing(() => entries.correct(first!.entry, content, by(request, request.body.why))));
      },
    );

    const takeBack = (how: 'undo' | 'withdraw', summary: string, example: string) =>
      app.post(
        `/entries/:id/${how}`,
        {
          config: { access: writers, example: { params: { id: '1' }, body: { why: example } } },
          schema: {
            tags,
            summary,
            params: idParameter,
            body: z.strictObject({ why }),
            response: { 200: entryRevisionSchema },
          },
        },
        async (request) => {
          const [first] = visible(request.params.id, viewOf(request, context));
          return entryRevisionJson(refusing(() => entries[how](first!.entry, by(request, request.body.why))));
        },
      );
    takeBack(
      'undo',
      'Take back the last change of an entry; once more brings it again',
      'entered for the wrong machine',
    );
    takeBack(
      'withdraw',
      'Take an entry away, however often it was corrected; undo brings it again',
      'the crew was at the other line',
    );

    const sitesIn = (view: View, site: string | undefined): string[] => {
      const seen = plants.plants().flatMap(({ path }) => (view.sees(path) ? [path] : []));
      if (site !== undefined && !seen.includes(site)) throw notFound({ en: `site ${site}`, fa: `کارخانهٔ ${site}` });
      return seen.filter((path) => (site ?? path) === path).sort();
    };

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

function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof EntryRefused)) throw error;
    throw new ProblemError('refused', error.said, { errors: error.mistakes });
  }
}
