/** `/commissioning-sheets`: technicians bring the signed sheets of their agents; everybody of the site may read and print them. */
import { createHash } from 'node:crypto';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type SignedSheet, signedSheetSchema, verdicts } from '../../../protocols/commissioning.ts';
import { sheetPage, sheetStyle } from '../../../protocols/commissioning-page.ts';
import { RejectedError } from '../../../protocols/errors.ts';
import { isUnder } from '../../access/scope.ts';
import type { SheetSummary } from '../../commissioning/sheets.ts';
import { formatTime } from '../../plant/time-text.ts';
import { principalOf, type RouteContext, viewOf } from '../asked/context.ts';
import { everyRole } from '../door/guard.ts';
import { notFound, ProblemError } from '../door/problem.ts';

/** Of 2,000 rows with long notes. */
const maxSheetBytes = 8 * 1_048_576;

const summarySchema = z.object({
  hash: z.string(),
  agent: z.string(),
  site: z.string(),
  technician: z.string(),
  started_at: z.string(),
  finished_at: z.string(),
  received_at: z.string(),
  received_by: z.string().meta({ description: 'name of the token that brought it' }),
  rows: z.object(Object.fromEntries(verdicts.map((verdict) => [verdict, z.int()]))),
});

const hashParameter = z.object({
  hash: z.string().regex(/^[0-9a-f]{64}$/, 'must be the 64 hex digits of a SHA-256'),
});

/** The page's own style and nothing else. */
const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(sheetStyle).digest('base64')}'`,
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

export const commissioningRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { sheets } = context.access;

    app.post(
      '/commissioning-sheets',
      {
        config: { access: ['technician', 'manager', 'admin'], example: { file: 'sheet.json' } },
        bodyLimit: maxSheetBytes,
        schema: {
          tags: ['commissioning'],
          summary: 'Keep a signed sheet; the same one again changes nothing',
          body: signedSheetSchema,
          response: { 200: summarySchema, 201: summarySchema },
        },
      },
      async (request, reply) => {
        const signed = request.body;
        const { agent, site } = signed.sheet;
        const view = viewOf(request, context);
        if (!view.sees(site)) throw notFound({ en: `site "${site}"`, fa: `کارخانهٔ «${site}»` });
        if (!view.tags().some((tag) => tag.agent === agent && isUnder(tag.path, site))) {
          throw new ProblemError(
            'refused',
            `the hub knows no agent "${agent}" of site "${site}": let it connect to the hub first`,
          );
        }
        const isNew = accept(signed, principalOf(request).name);
        reply.code(isNew ? 201 : 200);
        return summaryJson(sheets.find(signed.hash)!.summary);
      },
    );

    app.get(
      '/commissioning-sheets',
      {
        config: { access: everyRole },
        schema: {
          tags: ['commissioning'],
          summary: 'Commissioning sheets, the newest first',
          querystring: z.strictObject({
            agent: z.string().max(64).optional(),
            before: hashParameter.shape.hash.optional().meta({ description: '`next_before` of the page before' }),
            limit: z.coerce.number().int().min(1).max(1000).default(100),
          }),
          response: { 200: z.object({ data: z.array(summarySchema), next_before: z.string().nullable() }) },
        },
      },
      async (request) => {
        const { agent, before, limit } = request.query;
        const view = viewOf(request, context);
        const found = sheets.list({ sees: view.sees, agent, before }, limit);
        return {
          data: found.map(summaryJson),
          next_before: found.length === limit ? found.at(-1)!.hash : null,
        };
      },
    );

    app.get(
      '/commissioning-sheets/:hash',
      {
        config: {
          access: everyRole,
          example: { params: { hash: '0000000000000000000000000000000000000000000000000000000000000000' } },
        },
        schema: {
          tags: ['commissioning'],
          summary: 'A sheet as it was signed',
          params: hashParameter,
          response: { 200: signedSheetSchema },
        },
      },
      async (request) => visible(request.params.hash, viewOf(request, context)).signed,
    );

    app.get(
      '/commissioning-sheets/:hash/page',
      {
        config: {
          access: everyRole,
          example: { params: { hash: '0000000000000000000000000000000000000000000000000000000000000000' } },
        },
        schema: {
          tags: ['commissioning'],
          summary: 'A sheet to print, in Persian or English',
          params: hashParameter,
          querystring: z.strictObject({ lang: z.enum(['fa', 'en']).default('fa') }),
          response: { 200: { description: 'The page', content: { 'text/html': { schema: z.string() } } } },
        },
      },
      async (request, reply) => {
        const { summary, signed } = visible(request.params.hash, viewOf(request, context));
        const kept = { at: summary.receivedAt, by: summary.receivedBy };
        return reply
          .type('text/html; charset=utf-8')
          .header('content-security-policy', pagePolicy)
          .send(sheetPage(signed, { lang: request.query.lang, kept }));
      },
    );

    function accept(signed: SignedSheet, by: string): boolean {
      try {
        return sheets.accept(signed, by);
      } catch (error) {
        if (!(error instanceof RejectedError)) throw error;
        const { message: en } = error;
        if (error.reason === 'key') throw new ProblemError('conflict', { en, fa: otherKey(signed.sheet.agent) });
        throw new ProblemError('refused', { en, fa: altered });
      }
    }

    function visible(hash: string, view: { sees(path: string): boolean }) {
      const found = sheets.find(hash);
      if (!found || !view.sees(found.summary.site))
        throw notFound({ en: `sheet ${hash.slice(0, 12)}`, fa: `برگهٔ ${hash.slice(0, 12)}` });
      return found;
    }
  };

const otherKey = (agent: string): string =>
  `عامل «${agent}» پیش‌تر با کلید دیگری امضا کرده است؛ اگر دروازهٔ آن عوض شده، مدیر سامانه ` +
  `«payesh-hub agent release-key ${agent}» را اجرا کند`;
const altered = 'امضا با محتوای برگه نمی‌خواند: برگه پس از امضا تغییر کرده است یا امضای آن از کلید خودش نیست';

const summaryJson = (summary: SheetSummary): z.infer<typeof summarySchema> => ({
  hash: summary.hash,
  agent: summary.agent,
  site: summary.site,
  technician: summary.technician,
  started_at: formatTime(summary.startedAt),
  finished_at: formatTime(summary.finishedAt),
  received_at: formatTime(summary.receivedAt),
  received_by: summary.receivedBy,
  rows: summary.counts,
});
