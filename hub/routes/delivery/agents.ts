/** `GET /agents`, `/streams` and what became of the numbers that are not stored: dead letters and gaps. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Gap } from '../../ledger/ledger.ts';
import { formatTime } from '../../plant/time-text.ts';
import type { Words } from '../../words.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { everyRole } from '../door/guard.ts';
import { notFound } from '../door/problem.ts';
import { agentSchema, agentStates, streamSchema, streamState } from './agent-state.ts';

const deadLetterSchema = z.object({
  number: z.int(),
  reason: z.string(),
  tag_id: z.int(),
  path: z.string().nullable().meta({ description: 'null when the stream never declared the tag' }),
  time: z.string(),
  value: z.string().meta({ description: 'with its type: `string:on`' }),
  quality: z.int(),
  flags: z.int(),
  settled_at: z.string(),
});

export const gapSchema = z.object({
  first: z.int(),
  last: z.int().nullable().meta({ description: 'null: up to an unknown end' }),
  reason: z.string(),
  at: z.string(),
  acknowledged: z
    .object({ who: z.string(), at: z.string(), note: z.string() })
    .nullable()
    .meta({ description: 'a person has seen it; the numbers stay missing' }),
});

/** What a stream is called in problems. */
export const streamName = (number: number): Words => ({ en: `stream ${number}`, fa: `جریان ${number}` });

export const streamParameter = z.strictObject({ number: z.coerce.number().int().min(1) });
const config = { access: everyRole };

export const agentRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { ledger } = context;

    app.get(
      '/agents',
      {
        config,
        schema: { tags: ['delivery'], summary: 'Agents and how they stand', response: { 200: list(agentSchema) } },
      },
      async (request) => ({ data: agentStates(viewOf(request, context), context) }),
    );

    app.get(
      '/streams',
      {
        config,
        schema: {
          tags: ['delivery'],
          summary: 'Numbered streams, one per epoch of an agent',
          response: { 200: list(streamSchema) },
        },
      },
      async (request) => ({
        data: viewOf(request, context)
          .streams()
          .map((stream) => streamState(stream, context)),
      }),
    );

    app.get(
      '/streams/:number/dead-letters',
      {
        config: { ...config, example: { params: { number: '1' } } },
        schema: {
          tags: ['delivery'],
          summary: 'Samples that could not be stored, each with its reason',
          params: streamParameter,
          querystring: z.strictObject({
            after: z.coerce.number().int().min(0).default(0),
            limit: z.coerce.number().int().min(1).max(1000).default(500),
          }),
          response: { 200: list(deadLetterSchema).extend({ next_after: z.int().nullable() }) },
        },
      },
      async (request) => {
        const stream = viewOf(request, context).stream(request.params.number);
        if (!stream) throw notFound(streamName(request.params.number));
        const { after, limit } = request.query;
        const letters = ledger.deadLetters(stream.number, after, limit);
        const declared = ledger.tagsOf(stream.number);
        const data = letters.map((letter) => ({
          number: letter.number,
          reason: letter.reason,
          tag_id: letter.tag,
          path: declared.get(letter.tag)?.path ?? null,
          time: formatTime(letter.time),
          value: letter.value,
          quality: letter.quality,
          flags: letter.flags,
          settled_at: formatTime(letter.settledAt),
        }));
        return { data, next_after: letters.length === limit ? letters.at(-1)!.number : null };
      },
    );

    app.get(
      '/streams/:number/gaps',
      {
        config: { ...config, example: { params: { number: '1' } } },
        schema: {
          tags: ['delivery'],
          summary: 'Numbers that will never come, with the reason given',
          params: streamParameter,
          response: { 200: list(gapSchema) },
        },
      },
      async (request) => {
        const stream = viewOf(request, context).stream(request.params.number);
        if (!stream) throw notFound(streamName(request.params.number));
        return { data: ledger.gaps(stream.number).map(gapJson) };
      },
    );
  };

export const gapJson = ({ first, last, reason, at, acknowledged }: Gap): z.infer<typeof gapSchema> => ({
  first,
  last,
  reason,
  at: formatTime(at),
  acknowledged: acknowledged && { ...acknowledged, at: formatTime(acknowledged.at) },
});

const list = <T extends z.ZodType>(item: T) => z.object({ data: z.array(item) });
