/** `/reports`: official monthly reports, all their versions; issued when a month's time has come, restated by an approver. */
import { createReadStream } from 'node:fs';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { formatTime } from '../../plant/time-text.ts';
import { type IssuedReport, ReportRefused } from '../../reports/report.ts';
import { principalOf, type RouteContext, viewOf } from '../asked/context.ts';
import type { View } from '../asked/view.ts';
import { everyRole } from '../door/guard.ts';
import { notFound, ProblemError } from '../door/problem.ts';

const reportSchema = z.object({
  id: z.int(),
  site: z.string(),
  period: z.string().meta({ description: 'Jalali month' }),
  from: z.string(),
  to: z.string(),
  version: z.int(),
  newest: z.boolean().meta({ description: 'no later version restates it' }),
  issued_at: z.string(),
  as_of: z.string().meta({ description: 'its figures are what was known then' }),
  who: z.string(),
  why: z.string().meta({ description: 'of a restatement' }),
  figures_hash: z.string(),
  plant_version: z.string(),
  files: z.array(
    z.object({
      name: z.string(),
      language: z.enum(['en', 'fa']),
      bytes: z.int(),
      sha256: z.string(),
      url: z.string(),
    }),
  ),
});

const restatedSchema = z.object({
  kpi: z.string(),
  asset: z.string(),
  granularity: z.enum(['day', 'month']),
  start: z.string(),
  unit: z.string(),
  before: z.number().nullable(),
  after: z.number().nullable(),
  version: z.int(),
  who: z.string(),
  why: z.string(),
});

const idParameter = z.object({ id: z.coerce.number().int().min(1) });
const period = z.string().refine((text) => /^\d{4}-(0[1-9]|1[0-2])$/.test(text), {
  error: 'must be a Jalali month like 1404-04',
  params: { fa: 'باید ماهی شمسی مانند 1404-04 باشد' },
});
const note = z.string().max(2000).optional().meta({ description: 'for the notes of its workbook' });
const issuers = ['manager', 'approver', 'admin'] as const;

export const reportRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { reports, exports } = context;
    const tags = ['reports'];
    const visible = (id: number, view: View): IssuedReport => {
      const report = reports.get(id);
      if (!report || !view.sees(report.site)) throw notFound({ en: `report ${id}`, fa: `گزارش ${id}` });
      return report;
    };
    const told = (report: IssuedReport): z.infer<typeof reportSchema> => {
      const [newest] = reports.list({ site: report.site, month: report.month });
      const { id, site, month, version, who, why, figuresHash, plantVersion } = report;
      return {
        ...{ id, site, period: month, from: formatTime(report.start), to: formatTime(report.end), version },
        ...{ newest: newest?.id === id, issued_at: formatTime(report.issuedAt), as_of: formatTime(report.asOf) },
        ...{ who, why, figures_hash: figuresHash, plant_version: plantVersion },
        files: report.files.map((file) => ({ ...file, url: `/api/v1/reports/${id}/file?language=${file.language}` })),
      };
    };

    app.get(
      '/reports',
      {
        config: { access: everyRole },
        schema: {
          tags,
          summary: 'Issued reports, all versions, the newest first',
          querystring: z.strictObject({
            period: period.optional(),
            site: z.string().max(300).optional(),
            version: z.coerce.number().int().min(1).optional(),
          }),
          response: { 200: z.object({ data: z.array(reportSchema) }) },
        },
      },
      async (request) => {
        const { site, period: month, version } = request.query;
        const view = viewOf(request, context);
        const found = reports.list({ site, month }).filter((one) => view.sees(one.site));
        return { data: found.filter((one) => (version ?? one.version) === one.version).map(told) };
      },
    );

    app.get(
      '/reports/:id',
      {
        config: { access: everyRole, example: { params: { id: '1' } } },
        schema: {
          tags,
          summary: 'A report, and what restatements up to it have changed',
          params: idParameter,
          response: { 200: reportSchema.extend({ restated: z.array(restatedSchema) }) },
        },
      },
      async (request) => {
        const report = visible(request.params.id, viewOf(request, context));
        const restated = reports.restated(report).map(({ label, at: _, ...one }) => ({
          ...{ ...one, granularity: label.granularity, start: formatTime(label.start) },
        }));
        return { ...told(report), restated };
      },
    );

    app.get(
      '/reports/:id/file',
      {
        config: { access: everyRole, example: { params: { id: '1' } } },
        schema: {
          tags,
          summary: 'Its workbook, byte for byte as it was issued',
          params: idParameter,
          querystring: z.strictObject({ language: z.enum(['en', 'fa']).default('fa') }),
          response: {
            200: {
              description: 'The file',
              content: {
                'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': { schema: z.any() },
              },
            },
          },
        },
      },
      async (request, reply) => {
        const report = visible(request.params.id, viewOf(request, context));
        const file = report.files.find(({ language }) => language === request.query.language);
        if (!file) {
          throw notFound({
            en: `a workbook of report ${report.id} in that language`,
            fa: `کارپوشهٔ گزارش ${report.id} به آن زبان`,
          });
        }
        return reply
          .type('application/vnd.openxmlformats-officedocument.spreadsheetml.sheet')
          .header('content-length', file.bytes)
          .header('content-disposition', `attachment; filename="${file.name}"`)
          .send(createReadStream(reports.pathOf(report, file)));
      },
    );

    app.post(
      '/reports',
      {
        config: { access: issuers, example: { body: { site: 'sahand/machining-plant', period: '1404-03' } } },
        schema: {
          tags,
          summary: "Issue a month's official report, from the 5th of the next month 12:00 on; its figures are frozen",
          body: z.strictObject({ site: z.string().max(300), period, note }),
          response: { 201: reportSchema },
        },
      },
      async (request, reply) => {
        const { site, period: month, note } = request.body;
        const view = viewOf(request, context);
        if (!view.sees(site) || !exports.plants().some(({ path }) => path === site)) {
          throw notFound({ en: `site "${site}"`, fa: `کارخانهٔ «${site}»` });
        }
        const report = await refusing(() => reports.issue(site, month, { who: principalOf(request).name, note }));
        return reply.code(201).send(told(report));
      },
    );

    app.post(
      '/reports/:id/restatement',
      {
        config: { access: ['approver'], example: { params: { id: '1' }, body: { why: 'a meter was read wrongly' } } },
        schema: {
          tags,
          summary: 'The next version of a report, of what is known now; every earlier one stays as it is',
          params: idParameter,
          body: z.strictObject({ why: z.string().trim().min(1).max(1000), note }),
          response: { 201: reportSchema },
        },
      },
      async (request, reply) => {
        const { site, month } = visible(request.params.id, viewOf(request, context));
        const by = { ...request.body, who: principalOf(request).name };
        const report = await refusing(() => reports.restate(site, month, by));
        return reply.code(201).send(told(report));
      },
    );
  };

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ReportRefused ? new ProblemError('refused', error.said) : error;
  }
}
