/** `/imports`: samples of the past and what people wrote down, as files. Announced, sent in pieces, checked, put in, undone. */
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type Import, importFormats, importKinds } from '../../imports/import.ts';
import { ImportRefused } from '../../imports/imports.ts';
import { refusals } from '../../imports/words.ts';
import { formatTime } from '../../plant/time-text.ts';
import { isZone } from '../../plant/zone.ts';
import { languageOf } from '../../words.ts';
import { linkNext } from '../answers/links.ts';
import { valueJson } from '../answers/sample-json.ts';
import { principalOf, type RouteContext, viewOf } from '../asked/context.ts';
import type { View } from '../asked/view.ts';
import { overseers } from '../door/guard.ts';
import { notFound, ProblemError } from '../door/problem.ts';
import { importJson, importSchema, overtakenSchema, reasonJson, refusalSchema } from './import-json.ts';

const config = { access: overseers };
const maxPieceBytes = 8 * 1024 * 1024;
const usualHoldS = 3600;
const readTimeoutMs = 30_000;

const idParameter = z.object({ id: z.string().max(100) });
const zone = z
  .string()
  .max(64)
  .refine(isZone, {
    error: 'must be an IANA time zone such as Asia/Tehran',
    params: { fa: 'باید منطقهٔ زمانی IANA مانند Asia/Tehran باشد' },
  });

export const importRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { imports, plants } = context;
    const tags = ['imports'];
    app.addContentTypeParser(
      'application/octet-stream',
      { parseAs: 'buffer', bodyLimit: maxPieceBytes },
      (_, body, done) => done(null, body),
    );
    const visible = (id: string, view: View): Import => {
      const found = imports.get(id);
      if (!found || !view.sees(found.request.site)) throw notFound(refusals.one(id));
      return found;
    };
    const told = (one: Import, { headers }: FastifyRequest) =>
      importJson(one, imports.progress(one.id), languageOf(headers['accept-language']));

    app.post(
      '/imports',
      {
        config: {
          ...config,
          example: {
            body: {
              kind: 'samples',
              site: 'sahand/machining-plant',
              name: 'tir-1404.csv',
              bytes: 1048576,
              sha256: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
              dry_run: true,
            },
          },
        },
        schema: {
          tags,
          summary: 'Announce a file; one that was imported already is told, and nothing changes',
          body: z.strictObject({
            kind: z.enum(importKinds),
            format: z.enum(importFormats).default('csv'),
            site: z.string().max(300).optional().meta({ description: 'may be left out where the token sees one' }),
            name: z.string().min(1).max(300),
            bytes: z.int().min(0),
            sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits'),
            zone: zone.optional().meta({ description: "of wall times; the site's, if absent" }),
            hold_s: z
              .number()
              .min(0)
              .max(31 * 86_400)
              .default(usualHoldS)
              .meta({ description: 'how long a sample is the truth where the next row comes later' }),
            rows: z.int().min(0).default(0).meta({ description: 'as far as known, for progress' }),
            dry_run: z.boolean().default(false),
          }),
          response: { 200: importSchema },
        },
      },
      async (request) => {
        const { site, dry_run, hold_s, rows, ...rest } = request.body;
        const view = viewOf(request, context);
        const asked = { ...rest, site: siteOf(site, view), holdUs: Math.round(hold_s * 1e6), rowsGuessed: rows };
        if (asked.kind === 'entries' && asked.format !== 'csv') {
          throw new ProblemError('refused', refusals.entriesAreCsv);
        }
        return told(
          refusing(() => imports.begin(asked, dry_run, principalOf(request).name)),
          request,
        );
      },
    );

    app.put(
      '/imports/:id/content',
      {
        config: {
          ...config,
          example: { params: { id: '00000000000000000000000000000000' }, query: { offset: '0' }, file: 'tir-1404.csv' },
        },
        bodyLimit: maxPieceBytes,
        schema: {
          tags,
          summary: 'A piece of the file, application/octet-stream, at most 8 MiB; with the last one the work begins',
          params: idParameter,
          querystring: z.strictObject({ offset: z.coerce.number().int().min(0) }),
          response: { 200: importSchema },
        },
      },
      async (request) => {
        const { id } = visible(request.params.id, viewOf(request, context));
        if (!Buffer.isBuffer(request.body)) throw new ProblemError('unsupported-type', refusals.octets);
        try {
          return told(await imports.receive(id, request.query.offset, request.body), request);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
            throw new ProblemError('not-ready', refusals.diskFull);
          }
          throw asProblem(error);
        }
      },
    );

    app.get(
      '/imports',
      {
        config,
        schema: {
          tags,
          summary: 'Imports, newest first',
          querystring: z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
          response: { 200: z.object({ data: z.array(importSchema) }) },
        },
      },
      async (request) => {
        const view = viewOf(request, context);
        const seen = imports.list(10_000).filter(({ request: { site } }) => view.sees(site));
        return { data: seen.slice(0, request.query.limit).map((one) => told(one, request)) };
      },
    );

    app.get(
      '/imports/:id',
      {
        config: { ...config, example: { params: { id: '00000000000000000000000000000000' } } },
        schema: { tags, summary: 'How far it is', params: idParameter, response: { 200: importSchema } },
      },
      async (request) => told(visible(request.params.id, viewOf(request, context)), request),
    );

    app.get(
      '/imports/:id/refused',
      {
        config: { ...config, example: { params: { id: '00000000000000000000000000000000' } } },
        schema: {
          tags,
          summary: 'Rows that are not taken, with line and reason; the first 100,000 are listed',
          params: idParameter,
          querystring: z.strictObject({
            after: z.coerce.number().int().min(0).default(0),
            limit: z.coerce.number().int().min(1).max(1000).default(100),
          }),
          response: {
            200: z.object({
              data: z.array(refusalSchema),
              next_after: z.int().nullable(),
            }),
          },
        },
      },
      async (request, reply) => {
        const { id } = visible(request.params.id, viewOf(request, context));
        const { after, limit } = request.query;
        const found = await imports.refused(id, after, limit);
        const next = found.length === limit ? after + limit : null;
        if (next !== null) linkNext(request, reply, { after: next });
        const language = languageOf(request.headers['accept-language']);
        const data = found.map(({ line, kind, reason }) => ({
          ...{ line, kind, ...reasonJson(reason, language) },
        }));
        return { data, next_after: next };
      },
    );

    app.get(
      '/imports/:id/overtaken',
      {
        config: { ...config, example: { params: { id: '00000000000000000000000000000000' } } },
        schema: {
          tags,
          summary: 'Samples that it brought and that count no more, since a gateway has told of their time after it',
          description:
            'Found out when it is asked: some 33,000 numbers are looked at for one answer, which may have no row. Go on with `next_after`, or the Link, until it is null.',
          params: idParameter,
          querystring: z.strictObject({ after: z.coerce.number().int().min(0).default(0) }),
          response: { 200: z.object({ data: z.array(overtakenSchema), next_after: z.int().nullable() }) },
        },
      },
      async (request, reply) => {
        const { id } = visible(request.params.id, viewOf(request, context));
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(readTimeoutMs)]);
        const { rows, next } = await imports.overtaken(id, request.query.after, signal);
        if (next !== null) linkNext(request, reply, { after: next });
        const language = languageOf(request.headers['accept-language']);
        const data = rows.map(({ number, tag, time, value, measured, kind, reason }) => ({
          ...{ number, tag, time: formatTime(time), value: valueJson(value), kind, ...reasonJson(reason, language) },
          measured: { ...measured, time: formatTime(measured.time), value: valueJson(measured.value) },
        }));
        return { data, next_after: next };
      },
    );

    app.post(
      '/imports/:id/undo',
      {
        config: {
          ...config,
          example: {
            params: { id: '00000000000000000000000000000000' },
            body: { why: 'the file was of another site' },
          },
        },
        schema: {
          tags,
          summary: 'What it brought counts no more; its samples stay, and stay proved',
          params: idParameter,
          body: z.strictObject({ why: z.string().trim().min(1).max(1000) }),
          response: { 200: importSchema },
        },
      },
      async (request) => {
        const { id } = visible(request.params.id, viewOf(request, context));
        try {
          return told(await imports.undo(id, request.body.why, principalOf(request).name), request);
        } catch (error) {
          throw asProblem(error);
        }
      },
    );

    function siteOf(asked: string | undefined, view: View): string {
      const seen = plants.plants().flatMap(({ path }) => (view.sees(path) ? [path] : []));
      if (asked !== undefined) {
        if (!seen.includes(asked)) throw notFound(refusals.site(asked));
        return asked;
      }
      const [only, ...more] = seen;
      if (only === undefined) throw notFound(refusals.noSite);
      if (more.length > 0) throw new ProblemError('refused', refusals.whichSite(seen));
      return only;
    }
  };

const asProblem = (error: unknown): unknown =>
  error instanceof ImportRefused ? new ProblemError('refused', error.said) : error;

function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asProblem(error);
  }
}
