/** `/exports`: what is too large or too much work for one answer is asked for, made, and fetched as a file. */
import { createReadStream } from 'node:fs';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type ExportJob, TooManyExports } from '../../exports/jobs.ts';
import {
  ExportRefused,
  type ExportRequest,
  formats,
  formatsOf,
  monthOf,
  rangeOf,
  templates,
} from '../../exports/request.ts';
import { asciiDigits } from '../../plant/digits.ts';
import { granularities } from '../../plant/grid.ts';
import { timeOrDateParameter } from '../../plant/time-parameters.ts';
import { formatTime, formatTimeOrNull } from '../../plant/time-text.ts';
import { inLanguage, joined, type Language, languageOf } from '../../words.ts';
import { principalOf, type RouteContext, viewOf } from '../asked/context.ts';
import type { View } from '../asked/view.ts';
import { everyRole, overseers } from '../door/guard.ts';
import { invalid, notFound, ProblemError } from '../door/problem.ts';

const requestSchema = z.strictObject({
  template: z.enum(templates).meta({
    description:
      '`kpi`: tidy table of KPI values; `samples`: as stored; `workbook`: the monthly report; `package`: all, signed',
  }),
  format: z.enum(formats).optional().meta({ description: 'kpi, samples: csv or parquet; the others have one' }),
  site: z.string().min(1).max(400),
  period: z
    .string()
    .max(20)
    .optional()
    .meta({ description: 'a Jalali month', examples: ['1404-04'] }),
  from: timeOrDateParameter.optional(),
  to: timeOrDateParameter.optional(),
  language: z.enum(['fa', 'en']).default('fa'),
  granularity: z.enum(granularities).default('day'),
  kpis: z.array(z.string().max(100)).min(1).max(200).optional(),
  paths: z
    .array(z.string().max(400))
    .min(1)
    .max(1000)
    .optional()
    .meta({ description: 'full paths of assets, or of tags for samples; all of the site when left out' }),
  bom: z.boolean().default(false).meta({ description: 'CSV begins with a byte order mark, for spreadsheets' }),
  official: z
    .boolean()
    .default(false)
    .meta({ description: 'the report as it was issued, and official values beside it' }),
  note: z.string().max(2000).optional().meta({ description: 'for the notes of the workbook' }),
});

const jobSchema = z.object({
  id: z.string(),
  template: z.enum(templates),
  format: z.enum(formats),
  site: z.string(),
  period: z.string().nullable(),
  who: z.string(),
  created_at: z.string(),
  state: z.enum(['queued', 'running', 'done', 'failed', 'aborted']),
  progress: z.number().meta({ description: '0 to 1' }),
  step: z.string(),
  ended_at: z.string().nullable(),
  error: z.string().nullable().meta({ description: 'why there is no file, in the language of Accept-Language' }),
  messages: z.object({ en: z.string(), fa: z.string() }).nullable().meta({ description: 'the same in both languages' }),
  files: z.array(
    z.object({ name: z.string(), bytes: z.int(), sha256: z.string(), rows: z.int().nullable(), url: z.string() }),
  ),
});

const idParameter = z.object({ id: z.string().max(64) });

export const exportRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { jobs, key } = context.exports;
    const find = (id: string, view: View): ExportJob => {
      const job = jobs.get(id);
      if (!job || !view.sees(job.request.site)) throw notFound({ en: `export ${id}`, fa: `خروجی ${id}` });
      return job;
    };

    app.post(
      '/exports',
      {
        config: {
          access: everyRole,
          example: { body: { template: 'kpi', site: 'sahand/machining-plant', period: '1404-04' } },
        },
        schema: {
          tags: ['exports'],
          summary: 'Ask for an export',
          body: requestSchema,
          response: { 202: jobSchema },
        },
      },
      async (request, reply) => {
        const { name } = principalOf(request);
        const asked = toRequest(request.body, viewOf(request, context), context);
        try {
          const job = jobs.create(asked, name);
          return reply
            .code(202)
            .header('location', `/api/v1/exports/${job.id}`)
            .send(jobJson(job, languageOf(request.headers['accept-language'])));
        } catch (error) {
          if (error instanceof TooManyExports) throw new ProblemError('busy', error.said);
          throw error;
        }
      },
    );

    app.get(
      '/exports',
      {
        config: { access: everyRole },
        schema: {
          tags: ['exports'],
          summary: 'Exports that are waiting, running or kept',
          response: { 200: z.object({ data: z.array(jobSchema) }) },
        },
      },
      async (request) => {
        const view = viewOf(request, context);
        return {
          data: jobs
            .list()
            .filter((job) => view.sees(job.request.site))
            .map((job) => jobJson(job, languageOf(request.headers['accept-language']))),
        };
      },
    );

    app.get(
      '/export-key',
      {
        config: { access: everyRole },
        schema: {
          tags: ['exports'],
          summary: 'The public key that packages are signed with',
          response: { 200: z.object({ algorithm: z.literal('Ed25519'), fingerprint: z.string(), pem: z.string() }) },
        },
      },
      async () => ({ algorithm: 'Ed25519' as const, fingerprint: key.fingerprint, pem: key.publicKey }),
    );

    app.get(
      '/exports/:id',
      {
        config: { access: everyRole, example: { params: { id: '0123456789abcdef' } } },
        schema: { tags: ['exports'], summary: 'How far it is', params: idParameter, response: { 200: jobSchema } },
      },
      async (request) =>
        jobJson(find(request.params.id, viewOf(request, context)), languageOf(request.headers['accept-language'])),
    );

    app.delete(
      '/exports/:id',
      {
        config: { access: everyRole, example: { params: { id: '0123456789abcdef' } } },
        schema: {
          tags: ['exports'],
          summary: 'End it, or take its files away; one of somebody else only as manager or admin',
          params: idParameter,
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        const { role, name } = principalOf(request);
        const job = find(request.params.id, viewOf(request, context));
        if (job.who !== name && !overseers.some((one) => one === role)) {
          throw new ProblemError('forbidden', {
            en: 'somebody else asked for this export',
            fa: 'این خروجی را کس دیگری خواسته است',
          });
        }
        jobs.remove(job.id, name);
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/exports/:id/file',
      {
        config: { access: everyRole, example: { params: { id: '0123456789abcdef' } } },
        schema: {
          tags: ['exports'],
          summary: 'Its file; by name where there are several',
          params: idParameter,
          querystring: z.strictObject({ name: z.string().max(300).optional() }),
          response: {
            200: { description: 'The file', content: { 'application/octet-stream': { schema: z.unknown() } } },
          },
        },
      },
      async (request, reply) => {
        const job = find(request.params.id, viewOf(request, context));
        if (job.state !== 'done')
          throw new ProblemError('conflict', {
            en: `the export is ${job.state}: there is no file`,
            fa: `خروجی در حالت ${job.state} است و پرونده‌ای ندارد`,
          });
        const { name = job.files[0]?.name } = request.query;
        const file = job.files.find((one) => one.name === name);
        if (!file) throw notFound({ en: `file ${name}`, fa: `پروندهٔ ${name}` });
        const { name: who } = principalOf(request);
        const details = { job: job.id, sha256: file.sha256 };
        context.access.audit.append({ who, what: 'export.fetch', object: job.request.site, details });
        return reply
          .type(typeOf(file.name))
          .header('content-length', file.bytes)
          .header('etag', `"${file.sha256}"`)
          .header('content-disposition', `attachment; filename="${file.name}"`)
          .send(createReadStream(jobs.pathOf(job, file)));
      },
    );
  };

const types: Readonly<Record<string, string>> = {
  csv: 'text/csv; charset=utf-8',
  json: 'application/json; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  zip: 'application/zip',
};
const typeOf = (name: string): string => types[name.split('.').at(-1)!] ?? 'application/octet-stream';

function jobJson({ request, error, ...job }: ExportJob, language: Language): z.infer<typeof jobSchema> {
  const url = (name: string) => `/api/v1/exports/${job.id}/file?name=${encodeURIComponent(name)}`;
  const { template, format, site, month = null } = request;
  return {
    ...{ id: job.id, template, format, site, period: month, who: job.who, created_at: formatTime(job.createdAt) },
    ...{ state: job.state, progress: job.progress, step: job.step, ended_at: formatTimeOrNull(job.endedAt) },
    error: error === null ? null : inLanguage(error, language),
    messages: error === null ? null : joined([error], ''),
    files: job.files.map((file) => ({ ...file, url: url(file.name) })),
  };
}

/** What lies outside the scope is as unknown as what does not exist. @throws {ProblemError} */
function toRequest(body: z.infer<typeof requestSchema>, view: View, { kpis, exports }: RouteContext): ExportRequest {
  const { template, site, paths, kpis: asked } = body;
  const month = body.period && asciiDigits(body.period);
  const { format = formatsOf[template][0]!, ...rest } = body;
  if (!formatsOf[template].includes(format)) {
    throw invalid('format', {
      en: `${template} comes as ${formatsOf[template].join(' or ')}`,
      fa: `${template} به صورت ${formatsOf[template].join(' یا ')} است`,
    });
  }
  const plant = view.sees(site) ? exports.plants().find(({ path }) => path === site) : undefined;
  if (!plant) throw notFound({ en: `site ${site}`, fa: `کارخانهٔ ${site}` });
  const unknown = asked?.filter((id) => !kpis.definitions().some((definition) => definition.id === id)) ?? [];
  if (unknown.length > 0) {
    throw invalid('kpis', {
      en: `there is no ${unknown.join(', ')}; /kpi-definitions lists all`,
      fa: `شاخص ${unknown.join('، ')} وجود ندارد؛ فهرست در /kpi-definitions است`,
    });
  }
  const known = new Set([...view.assets(), ...view.tags()].map(({ path }) => path));
  const strange = paths?.filter((path) => !known.has(path) || !(path === site || path.startsWith(`${site}/`))) ?? [];
  if (strange.length > 0) {
    throw notFound({ en: `asset or tag ${strange.join(', ')}`, fa: `دارایی یا تگ ${strange.join('، ')}` });
  }
  const request: ExportRequest = { ...rest, format, month };
  try {
    if (month !== undefined && (rest.from !== undefined || rest.to !== undefined)) {
      throw new ExportRefused({
        en: 'say a month, or "from" and "to", not both',
        fa: 'یک ماه یا "from" و "to" را بگویید، نه هر دو',
      });
    }
    if (template === 'workbook' || template === 'package') monthOf(plant, month ?? '');
    rangeOf(plant, request);
  } catch (error) {
    if (error instanceof ExportRefused) throw invalid('period', error.said);
    throw error;
  }
  return request;
}
