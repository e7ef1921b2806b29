/** Serves the page at `/`. Public: it is empty until its reader gives it a token. */
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

export async function servePage(app: FastifyInstance): Promise<void> {
  await app.register(async (page) => {
    page.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'public' };
      route.schema = { ...route.schema, hide: true };
    });
    await page.register(fastifyStatic, { root: join(import.meta.dirname, '../../dashboard'), wildcard: false });
  });
}
