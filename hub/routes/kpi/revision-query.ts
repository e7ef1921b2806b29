/** What both feeds of restatements are asked for, whom they tell what, and how their answers go on. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isUnder } from '../../access/scope.ts';
import type { Column } from '../answers/download.ts';
import { nothingRestated } from '../answers/empty-words.ts';
import { linkNext } from '../answers/links.ts';
import { answerRows, rowsParameters, rowsResponse } from '../answers/rows.ts';
import { assetsAskedFor } from '../asked/asked-assets.ts';
import { type RouteContext, viewOf } from '../asked/context.ts';
import { listParameter } from '../asked/lists.ts';
import { sinceParameter } from '../asked/times.ts';
import { checkKpis } from './kpi-query.ts';

export const feedParameters = {
  since: sinceParameter,
  kpi: listParameter('ids of definitions'),
  asset: listParameter('full paths; what lies below them is told too'),
  ...rowsParameters,
};
const querySchema = z.object(feedParameters);
type FeedQuery = z.infer<typeof querySchema>;

export const feedResponse = <Row extends z.ZodType>(description: string, row: Row) =>
  rowsResponse(description, row, {
    next_since: z.int(),
    more: z.boolean().meta({ description: 'there may be more at once' }),
  });

export interface Feed {
  /** The sequence after which it is told. */
  readonly after: number;
  /** Whether who asks may see the asset, and asks for it. */
  tells(asset: string): boolean;
}

/** @throws {ProblemError} a KPI or an asset that is not known. */
export function feedAskedFor(request: FastifyRequest, { since, kpi, asset }: FeedQuery, context: RouteContext): Feed {
  const view = viewOf(request, context);
  checkKpis(kpi, context);
  if (asset) assetsAskedFor({ asset }, view, context);
  return {
    after: 'time' in since ? context.kpis.buckets.newestBefore(since.time) : since.sequence,
    tells: (path) => view.sees(path) && (asset?.some((above) => isUnder(path, above)) ?? true),
  };
}

export interface FeedPage<Row extends object> {
  /** Of the file. */
  readonly name: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** The last sequence that was looked at. */
  readonly through: number;
  readonly more: boolean;
}

export function answerFeed<Row extends object>(
  request: FastifyRequest,
  reply: FastifyReply,
  context: RouteContext,
  asked: FeedQuery,
  { through, more, ...page }: FeedPage<Row>,
) {
  if (more) linkNext(request, reply, { since: through });
  const meta = { next_since: through, more };
  return answerRows(request, reply, context, asked, { ...page, meta, empty: nothingRestated });
}
