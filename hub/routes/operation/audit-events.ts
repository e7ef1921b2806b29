/** `GET /audit-events`: who changed or exported what. Noting down `head` now and then makes later tampering provable. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { formatTime } from '../../plant/time-text.ts';
import type { RouteContext } from '../asked/context.ts';
import { overseers } from '../door/guard.ts';

const eventSchema = z.object({
  number: z.int(),
  at: z.string(),
  who: z.string(),
  what: z.string(),
  object: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string(),
});

export const auditRoutes =
  ({ access: { audit } }: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/audit-events',
      {
        config: { access: overseers, everySite: true },
        schema: {
          tags: ['audit'],
          summary: 'The audit log, oldest first',
          querystring: z.strictObject({
            after: z.coerce.number().int().min(0).default(0),
            limit: z.coerce.number().int().min(1).max(1000).default(500),
          }),
          response: {
            200: z.object({
              meta: z.object({ head: z.object({ number: z.int(), hash: z.string() }) }),
              data: z.array(eventSchema),
              next_after: z.int().nullable(),
            }),
          },
        },
      },
      async (request) => {
        const { after, limit } = request.query;
        const events = audit.list(after, limit);
        return {
          meta: { head: audit.head() },
          data: events.map((event) => ({ ...event, at: formatTime(event.at) })),
          next_after: events.length === limit ? events.at(-1)!.number : null,
        };
      },
    );
  };
