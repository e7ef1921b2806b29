/** `GET /kpi-definitions`: the catalogue of what is computed and how, and what the flags of values say. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { flags } from '../../kpi/flags.ts';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import { sendDownload } from '../answers/download.ts';
import { columnsOf, rowsParameters } from '../answers/rows.ts';
import type { RouteContext } from '../asked/context.ts';
import { formatOf, tableContent } from '../asked/formats.ts';
import { everyRole } from '../door/guard.ts';
import { notFound } from '../door/problem.ts';
import { flagsSchema, kpiDefinitionJson, kpiDefinitionSchema } from './kpi-json.ts';

/** What the part of an id before its dot stands for. */
const domains = {
  prod: { en: 'Production', fa: 'تولید' },
  mnt: { en: 'Maintenance', fa: 'نگهداری و تعمیرات' },
  en: { en: 'Energy', fa: 'انرژی' },
  dr: { en: 'Demand response', fa: 'مدیریت بار' },
  dq: { en: 'Data quality', fa: 'کیفیت داده' },
  pl: { en: 'Pilot', fa: 'پایلوت' },
} as const;
type Domain = keyof typeof domains;
const domainNames = Object.keys(domains) as [Domain, ...Domain[]];

const lang = z.enum(['en', 'fa', 'both']).default('both');
const bilingual = z.object({ en: z.string(), fa: z.string() });
const columns = columnsOf<KpiDefinition>({
  ...{ id: 'text', version: 'integer', name: 'name', unit: 'text', scope: 'list', formula: 'text', trend: 'text' },
  ...{ source: 'text', granularities: 'list', needs: 'list', uses: 'list', parameters: 'list', rules: 'list' },
  note: 'name',
});
const idParameter = z.object({ id: z.string().max(100) });

export const kpiDefinitionRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { kpis } = context;
    const find = (id: string): KpiDefinition => {
      const found = kpis.definitions().find((definition) => definition.id === id);
      if (found) return found;
      throw notFound({ en: `KPI ${id} (/kpi-definitions lists all)`, fa: `شاخص ${id} (فهرست در /kpi-definitions)` });
    };
    const config = { access: everyRole };

    app.get(
      '/kpi-definitions',
      {
        config: { ...config, example: { query: { domain: 'en', lang: 'both' } } },
        schema: {
          tags: ['kpi'],
          summary: 'The catalogue: names, units, formulas, sources, inputs, and what the flags of values say',
          querystring: z.strictObject({
            domain: z.enum(domainNames).optional(),
            status: z.enum(['active']).optional().meta({ description: 'no definition has been retired yet' }),
            lang: lang.meta({ description: 'of JSON; tables have both' }),
            ...rowsParameters,
          }),
          response: {
            200: tableContent(
              'Definitions',
              z.object({
                data: z.array(kpiDefinitionSchema),
                flags: flagsSchema,
                domains: z.record(z.string(), bilingual),
              }),
            ),
          },
        },
      },
      async (request, reply) => {
        const { domain, lang, bom } = request.query;
        const found = kpis.definitions().filter(({ id }) => domain === undefined || id.startsWith(`${domain}.`));
        const format = formatOf(request, request.query.format);
        if (format === 'json') return { data: found.map((one) => kpiDefinitionJson(one, lang)), flags, domains };
        const table = { format, bom, object: 'kpi-definitions', details: {}, fileName: 'kpi-definitions', columns };
        const json = (one: KpiDefinition) => kpiDefinitionJson(one, 'both');
        return sendDownload(request, reply, context, { ...table, json, pages: [found] });
      },
    );

    app.get(
      '/kpi-definitions/:id',
      {
        config: { ...config, example: { params: { id: 'prod.oee' } } },
        schema: {
          tags: ['kpi'],
          summary: 'One definition',
          params: idParameter,
          querystring: z.strictObject({ lang }),
          response: { 200: kpiDefinitionSchema },
        },
      },
      async ({ params, query }) => kpiDefinitionJson(find(params.id), query.lang),
    );

    app.get(
      '/kpi-definitions/:id/versions',
      {
        config: { ...config, example: { params: { id: 'prod.oee' } } },
        schema: {
          tags: ['kpi'],
          summary: 'Every version of a definition, the newest first; a value names the one that it was computed by',
          params: idParameter,
          querystring: z.strictObject({ lang }),
          response: { 200: z.object({ data: z.array(kpiDefinitionSchema) }) },
        },
      },
      async ({ params, query }) => ({ data: [kpiDefinitionJson(find(params.id), query.lang)] }),
    );
  };
