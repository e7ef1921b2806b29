/** What a manager may do about delivery: acknowledge a gap, end a quarantine, let an agent send again, replay dead letters. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Stream } from '../../ledger/ledger.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { overseers } from '../door/guard.ts';
import { notFound, ProblemError } from '../door/problem.ts';
import { agentStates } from './agent-state.ts';
import { gapJson, gapSchema, streamName, streamParameter } from './agents.ts';

const config = { access: overseers };
const tags = ['delivery'];
const why = z.string().min(1).max(1000).meta({ description: 'goes into the audit log' });
const timeoutMs = 600_000;

export const deliveryRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { actions } = context;

    /** Seen by the token, and of this hub's own ledger. */
    const ownStream = (request: Parameters<typeof viewOf>[0], number: number): Stream => {
      if (!viewOf(request, context).stream(number)) throw notFound(streamName(number));
      const stream = actions.ownStream(number);
      if (!stream) {
        throw new ProblemError('conflict', {
          en: `stream ${number} is another hub's: ask the one that takes it`,
          fa: `جریان ${number} از آن هاب دیگری است؛ از همان هاب بپرسید`,
        });
      }
      return stream;
    };

    app.put(
      '/streams/:number/gaps/:first/acknowledgement',
      {
        config: {
          ...config,
          example: {
            params: { number: '1', first: '1' },
            body: { note: 'the buffer was full during the outage of 16 Tir' },
          },
        },
        schema: {
          tags,
          summary: 'Says that a person has seen a gap, and what they know of it',
          params: streamParameter.extend({ first: z.coerce.number().int().min(1) }),
          body: z.strictObject({ note: z.string().min(1).max(1000) }),
          response: { 200: gapSchema },
        },
      },
      async (request) => {
        const { number, first } = request.params;
        const stream = ownStream(request, number);
        if (!actions.acknowledgeGap(stream, first, request.body.note, request.principal!.name)) {
          throw notFound({ en: `a gap of stream ${number} from ${first}`, fa: `شکاف جریان ${number} از ${first}` });
        }
        return gapJson(context.ledger.gaps(number).find((gap) => gap.first === first)!);
      },
    );

    app.delete(
      '/agents/:agent/quarantine',
      {
        config: { ...config, example: { params: { agent: 'machining' } } },
        schema: {
          tags,
          summary: 'Takes the samples of an agent again, once only one gateway bears its identity',
          params: z.strictObject({ agent: z.string() }),
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        const { agent } = request.params;
        const known = agentStates(viewOf(request, context), context).some((state) => state.agent === agent);
        if (!known || !actions.endQuarantine(agent, request.principal!.name)) {
          throw notFound({ en: `a quarantine of agent ${agent}`, fa: `قرنطینهٔ عامل ${agent}` });
        }
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/streams/:number/rewind',
      {
        config: {
          ...config,
          example: { params: { number: '1' }, body: { why: 'the store was restored from a backup' } },
        },
        schema: {
          tags,
          summary: 'Lets an agent send again what was settled beyond a number',
          description:
            'Ends at the last frame at or below `to`. What the agent keeps no more is taken from the store, or becomes a gap.',
          params: streamParameter,
          body: z.strictObject({
            to: z.int().min(0).optional().meta({ description: 'absent: to the oldest number that the agent keeps' }),
            why,
          }),
          response: { 200: z.object({ from: z.int(), to: z.int() }) },
        },
      },
      async (request) => {
        const stream = ownStream(request, request.params.number);
        return actions.rewind(stream, request.body.to, request.body.why, request.principal!.name);
      },
    );

    app.post(
      '/streams/:number/dead-letters/replay',
      {
        config: { ...config, example: { params: { number: '1' }, body: { why: 'the tag is declared now' } } },
        schema: {
          tags,
          summary: 'Judges dead letters again, stores those that pass, and lists them no more',
          params: streamParameter,
          body: z.strictObject({
            numbers: z.array(z.int().min(1)).max(10_000).optional().meta({ description: 'absent: all of the stream' }),
            why,
          }),
          response: { 200: z.object({ stored: z.int(), remaining: z.record(z.string(), z.int()) }) },
        },
      },
      async (request) => {
        const stream = ownStream(request, request.params.number);
        const { numbers, why } = request.body;
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]);
        const chosen = numbers && new Set(numbers);
        return context.alone(() => actions.replay(stream, chosen, why, request.principal!.name, signal));
      },
    );
  };
