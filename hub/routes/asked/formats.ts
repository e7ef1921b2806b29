/** In which format an answer is asked for: by `format=`, else by the Accept header. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

export const formats = ['json', 'ndjson', 'csv', 'xlsx', 'parquet'] as const;
export type Format = (typeof formats)[number];

export const mediaTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  parquet: 'application/vnd.apache.parquet',
};

export const formatParameter = z
  .enum(formats)
  .optional()
  .meta({ description: 'instead of an Accept header; JSON when neither says anything' });

export const bomParameter = z
  .stringbool()
  .default(false)
  .meta({ description: 'CSV only: begin with a byte order mark, for spreadsheets' });

/** The first of the Accept header's types that is one of ours; what it likes better (q) it names first. */
export function formatOf({ headers }: FastifyRequest, asked: Format | undefined): Format {
  if (asked) return asked;
  for (const part of (headers.accept ?? '').split(',')) {
    const type = part.split(';', 1)[0]!.trim().toLowerCase();
    const found = formats.find((format) => mediaTypes[format] === type);
    if (found) return found;
  }
  return 'json';
}

/** What a route that answers with a table may send, for its description. */
export const tableContent = <T extends z.ZodType>(description: string, schema: T) => ({
  description,
  content: {
    [mediaTypes.json]: { schema },
    [mediaTypes.ndjson]: { schema: z.string() },
    [mediaTypes.csv]: { schema: z.string() },
    [mediaTypes.xlsx]: { schema: z.unknown() },
    [mediaTypes.parquet]: { schema: z.unknown() },
  },
});
