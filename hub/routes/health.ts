/** `/healthz` (the process lives), `/readyz` (it can do its work) and `/metrics`, for those who run the hub. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { RouteContext } from './context.ts';
import { ProblemError } from './problem.ts';

const config = { access: 'public', unlimited: true } as const;

export const healthRoutes =
  ({ ready, metrics }: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/healthz',
      {
        config,
        schema: {
          tags: ['health'],
          summary: 'The process lives',
          response: { 200: z.object({ ok: z.literal(true) }) },
        },
      },
      async () => ({ ok: true as const }),
    );

    app.get(
      '/readyz',
      {
        config,
        schema: {
          tags: ['health'],
          summary: 'Samples can be taken in, stored and read',
          response: { 200: z.object({ ok: z.literal(true) }) },
        },
      },
      async () => {
        const { ok, reasons } = ready();
        if (!ok) throw new ProblemError('not-ready', reasons.join('; '), { reasons });
        return { ok: true as const };
      },
    );

    app.get(
      '/metrics',
      {
        config,
        schema: {
          tags: ['health'],
          summary: 'Counters in the Prometheus text format',
          response: { 200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } } },
        },
      },
      async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()),
    );
  };
