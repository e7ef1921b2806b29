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
    const files = (folder: string) => ({ root: join(import.meta.dirname, '../../..', folder), wildcard: false });
    await page.register(fastifyStatic, files('hub/dashboard'));
    // By the path at which the page's modules find it on the disk: a browser takes `../../` for the root.
    await page.register(fastifyStatic, {
      ...files('protocols/page'),
      prefix: '/protocols/page/',
      decorateReply: false,
    });
  });
}
