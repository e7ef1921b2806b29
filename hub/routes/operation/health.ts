/** `/healthz` (the process lives), `/readyz` (it can do its work) and `/metrics`, for those who run the hub. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { RouteContext } from '../asked/context.ts';
import { ProblemError } from '../door/problem.ts';

const lives = z.object({
  ok: z.literal(true),
  warnings: z.array(z.string()).meta({ description: 'a clock that leapt, agents in quarantine, damaged files' }),
});

const config = { access: 'public', unlimited: true } as const;

export const healthRoutes =
  ({ ready, warnings, metrics }: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/healthz',
      {
        config,
        schema: {
          tags: ['health'],
          summary: 'The process lives, and what wants a person',
          response: { 200: lives },
        },
      },
      async () => ({ ok: true as const, warnings: [...warnings()] }),
    );

    app.get(
      '/readyz',
      {
        config,
        schema: {
          tags: ['health'],
          summary: 'Samples can be taken in, stored and read',
          response: { 200: lives },
        },
      },
      async () => {
        const { ok, reasons } = ready();
        if (!ok) throw new ProblemError('not-ready', reasons.join('; '), { reasons });
        return { ok: true as const, warnings: [...warnings()] };
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
