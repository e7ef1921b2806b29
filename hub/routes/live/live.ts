/**
 * `GET /live`: server-sent events for screens. A browser reads them with a streaming fetch, so that the token travels in
 * the Authorization header and never in a URL.
 */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { principalOf, type RouteContext } from '../asked/context.ts';
import { everyRole } from '../door/guard.ts';
import { ProblemError } from '../door/problem.ts';
import { createLiveFeed, type Listener } from './live-feed.ts';

const maxListeners = 100;
/** What may wait for a slow client before it is cut off; it comes back and gets a new snapshot. */
const maxWaitingBytes = 16 * 1024 * 1024;
/** Keeps proxies from closing a quiet connection; and the token is looked at again. */
const heartbeatMs = 15_000;

export const liveRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const feed = createLiveFeed({ ...context, log: app.log });
    const open = new Set<() => void>();

    // Before the server waits for its connections to end: these never end by themselves.
    app.addHook('preClose', async () => {
      feed.close();
      for (const end of open) end();
    });

    app.get(
      '/live',
      {
        config: { access: everyRole },
        schema: {
          tags: ['data'],
          summary: 'Newest values, agents and KPIs as server-sent events',
          description:
            'Events `snapshot` (once), `values` (what changed), `agents` and `kpis`; each is one line of JSON.',
          response: { 200: { description: 'Events', content: { 'text/event-stream': { schema: z.string() } } } },
        },
      },
      async (request, reply) => {
        if (open.size >= maxListeners)
          throw new ProblemError('busy', {
            en: `${maxListeners} screens are connected already`,
            fa: `${maxListeners} نمایشگر هم‌اکنون متصل‌اند`,
          });
        const principal = principalOf(request);
        reply.hijack();
        const { raw } = reply;
        raw.writeHead(200, {
          ...(reply.getHeaders() as Record<string, string>),
          'content-type': 'text/event-stream; charset=utf-8',
          // Nothing can follow on this connection: when the hub stops, it must not wait for it to idle out.
          connection: 'close',
          'x-accel-buffering': 'no',
        });

        const send = (text: string) => {
          if (raw.writableLength > maxWaitingBytes) raw.destroy();
          else raw.write(text);
        };
        const listener: Listener = {
          sites: principal.sites,
          tell: (event, data) => send(`event: ${event}\ndata: ${data}\n\n`),
        };
        const heartbeat = setInterval(() => {
          if (context.access.tokens.isValid(principal.id)) send(': alive\n\n');
          else raw.end();
        }, heartbeatMs);
        const end = () => raw.end();
        const leave = feed.join(listener);
        open.add(end);
        raw.once('close', () => {
          clearInterval(heartbeat);
          open.delete(end);
          leave();
        });
      },
    );
  };
