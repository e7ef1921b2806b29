/** Answers that are a list of flat rows: JSON with what was understood of the request, or a table in another format. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { formatTime, parseTime } from '../../plant/time-text.ts';
import type { Words } from '../../words.ts';
import type { RouteContext } from '../asked/context.ts';
import { bomParameter, type Format, formatOf, formatParameter, tableContent } from '../asked/formats.ts';
import { type Column, sendDownload } from './download.ts';
import { linkNext } from './links.ts';

export const rowsParameters = { format: formatParameter, bom: bomParameter };

export const nameSchema = z.object({ en: z.string(), fa: z.string() });

/** What such an answer is described by. */
export const rowsResponse = <Row extends z.ZodType, Meta extends z.ZodRawShape>(
  description: string,
  row: Row,
  meta: Meta,
) => ({
  200: tableContent(
    description,
    z.object({
      meta: z.object({ ...meta, note: nameSchema.optional(), generated_at: z.string() }),
      data: z.array(row),
      next_cursor: z.string().nullable().optional().meta({ description: 'for the next page; null on the last one' }),
    }),
  ),
});

/** `time` fields are ISO texts; a `name` becomes two columns, a `list` one with blanks between. */
type Kind = 'text' | 'number' | 'integer' | 'time' | 'name' | 'list';

/** The columns of a table from the fields of its rows, in this order. */
export const columnsOf = <Row extends object>(kinds: { readonly [Field in keyof Row]?: Kind }): Column<Row>[] =>
  (Object.entries(kinds) as [keyof Row & string, Kind][]).flatMap(([name, kind]): Column<Row>[] => {
    const field = (row: Row) => row[name] as never;
    switch (kind) {
      case 'name':
        return (['en', 'fa'] as const).map((language) => ({
          name: `${name}_${language}`,
          type: 'text',
          of: (row) => (field(row) as { en: string; fa: string } | null)?.[language] ?? null,
        }));
      case 'list':
        return [{ name, type: 'text', of: (row) => ((field(row) as readonly string[] | undefined) ?? []).join(' ') }];
      case 'time':
        return [{ name, type: 'time', of: (row) => (field(row) ? parseTime(field(row))! : null) }];
      default:
        return [{ name, type: kind, of: (row) => field(row) ?? null }];
    }
  });

export interface Rows<Row extends object, Meta extends object> {
  /** Of the file, without its extension; for the audit log too. */
  readonly name: string;
  readonly meta: Meta;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** Only where there are pages. */
  readonly next?: string | null;
  /** Why there may be no row, and what to do about it; told only then. */
  readonly empty?: Words;
}

export async function answerRows<Row extends object, Meta extends object>(
  request: FastifyRequest,
  reply: FastifyReply,
  context: RouteContext,
  asked: { readonly format?: Format | undefined; readonly bom: boolean },
  { name, meta, rows, columns, next, empty }: Rows<Row, Meta>,
) {
  const format = formatOf(request, asked.format);
  if (format !== 'json') {
    const details = { url: request.url.slice(0, 2000) };
    const table = { format, bom: asked.bom, object: name, details, fileName: name, columns };
    return sendDownload(request, reply, context, { ...table, json: (row: Row) => row, pages: [rows] });
  }
  if (next) linkNext(request, reply, { cursor: next });
  return {
    meta: {
      ...meta,
      ...(rows.length === 0 && empty && { note: empty }),
      generated_at: formatTime(context.clock.now()),
    },
    data: [...rows],
    ...(next !== undefined && { next_cursor: next }),
  };
}
