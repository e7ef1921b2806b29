/** `GET /assets`: the plant model's tree, with names in both languages. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type RouteContext, viewOf } from './context.ts';
import { everyRole } from './guard.ts';

const assetSchema = z.object({
  path: z.string(),
  level: z.enum(['site', 'area', 'line', 'unit', 'meter']),
  name: z.object({ fa: z.string(), en: z.string() }),
  parent: z.string().nullable(),
  site: z.string(),
});

export const assetRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/assets',
      {
        config: { access: everyRole },
        schema: {
          tags: ['plant'],
          summary: 'Sites, areas, lines, units and meters',
          querystring: z.strictObject({ level: assetSchema.shape.level.optional() }),
          response: { 200: z.object({ data: z.array(assetSchema) }) },
        },
      },
      async (request) => {
        const { level } = request.query;
        const assets = viewOf(request, context).assets();
        return { data: assets.filter((asset) => level === undefined || asset.level === level) };
      },
    );
  };
