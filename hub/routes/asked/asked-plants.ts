/** Which plants a request means, and what holds there at a time. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Plant } from '../../plant/plant.ts';
import { timeOrDateParameter } from '../../plant/time-parameters.ts';
import { formatTime } from '../../plant/time-text.ts';
import { notFound } from '../door/problem.ts';
import { plantsIn } from './asked-assets.ts';
import { type RouteContext, viewOf } from './context.ts';

export const siteParameter = { site: z.string().max(300).optional() };
export const atParameter = {
  at: timeOrDateParameter.optional().meta({ description: 'only what is in force then' }),
};

/** All that the asker may see, or the one that is named. @throws {ProblemError} there is none of that name */
export function plantsOf(
  request: FastifyRequest<{ Querystring: { site?: string | undefined } }>,
  context: RouteContext,
): readonly Plant[] {
  const plants = plantsIn(viewOf(request, context), context);
  const { site } = request.query;
  if (site === undefined) return plants;
  const found = plants.filter(({ path }) => path === site);
  if (found.length === 0) throw notFound({ en: `site ${site}`, fa: `کارخانه ${site}` });
  return found;
}

interface Validity {
  readonly from: TimeUs;
  readonly to: TimeUs;
}

const time = z.string().nullable().meta({ description: 'null is open' });
export const validitySchema = { from: time, to: time };

const openTime = (at: TimeUs): string | null => (Number.isFinite(at) ? formatTime(at) : null);
export const validityJson = ({ from, to }: Validity) => ({ from: openTime(from), to: openTime(to) });

/** undefined is at any time. */
export const holdsAt = (at: TimeUs | undefined) => (one: Validity) =>
  at === undefined || (one.from <= at && at < one.to);
