/** `GET /verification`: the proof, made while one waits. One at a time: it reads what it judges from the store itself. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { formatTime } from '../../plant/time-text.ts';
import type { Verification } from '../../proof/verify.ts';
import type { RouteContext } from '../asked/context.ts';
import { overseers } from '../door/guard.ts';

const timeoutMs = 600_000;

const invariantSchema = z.object({ id: z.string(), name: z.string(), ok: z.boolean(), detail: z.string() });

const verificationSchema = z.object({
  ok: z.boolean(),
  sentence: z.string(),
  streams: z.array(
    z.object({
      stream: z.int(),
      agent: z.string(),
      epoch: z.string(),
      through: z.int(),
      expired: z.int().meta({ description: 'deleted by retention since, up to this number' }),
      inherited: z.int().meta({ description: 'accounted for by the ledger of another hub, up to this number' }),
      stored: z.int(),
      dead_letters: z.int(),
      gap_numbers: z.int(),
      frames: z.int(),
      frames_compared: z.int(),
      beyond: z.int().meta({ description: 'stored beyond that in a closed stream, and never acknowledged' }),
      invariants: z.array(invariantSchema),
    }),
  ),
  doubles: z
    .object({
      count: z.int(),
      listed: z.array(
        z.object({
          agent: z.string(),
          tag: z.string(),
          time: z.string(),
          places: z.array(z.object({ stream: z.int(), number: z.int() })),
        }),
      ),
    })
    .meta({ description: 'samples that came twice, under numbers of two streams of their agent; the first thousand' }),
});

export const verificationRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/verification',
      {
        config: { access: overseers, everySite: true },
        schema: {
          tags: ['delivery'],
          summary: 'Proves that every acknowledged sample is stored exactly once or listed with its reason',
          querystring: z.strictObject({
            deep: z.stringbool().default(false).meta({ description: 'compare every frame, not a selection' }),
          }),
          response: { 200: verificationSchema },
        },
      },
      async (request) => {
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]);
        return context.alone(async () => verificationJson(await context.verify(signal, request.query.deep)));
      },
    );
  };

const verificationJson = ({ ok, sentence, streams, doubles }: Verification): z.infer<typeof verificationSchema> => ({
  ok,
  sentence,
  streams: streams.map((proof) => ({
    stream: proof.stream,
    agent: proof.agent,
    epoch: proof.epoch,
    through: proof.through,
    expired: proof.expired,
    inherited: proof.inherited,
    stored: proof.stored,
    dead_letters: proof.deadLetters,
    gap_numbers: proof.gapNumbers,
    frames: proof.frames,
    frames_compared: proof.framesCompared,
    beyond: proof.beyond,
    invariants: proof.invariants.map((invariant) => ({ ...invariant })),
  })),
  doubles: {
    count: doubles.count,
    listed: doubles.listed.map(({ agent, tag, time, places }) => ({
      agent,
      tag,
      time: formatTime(time),
      places: places.map((place) => ({ ...place })),
    })),
  },
});
