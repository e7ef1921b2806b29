/**
 * Rows as CSV or NDJSON, sent as they are read. The audit log knows of the export before the first byte leaves, and
 * afterwards how many rows went out and their hash. What fails on the way breaks the transfer: a file that ends properly
 * is complete.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Json } from '../../protocols/canonical-json.ts';
import type { AuditLog } from '../access/audit.ts';
import { byteOrderMark, type Cell, csvLine } from '../exports/csv.ts';
import { principalOf } from './context.ts';

export const formatParameter = z.enum(['json', 'ndjson', 'csv']).default('json');
export const bomParameter = z
  .stringbool()
  .default(false)
  .meta({ description: 'CSV only: begin with a byte order mark, for spreadsheets' });

export type DownloadFormat = 'ndjson' | 'csv';

export interface Download<Row> {
  readonly format: DownloadFormat;
  readonly bom: boolean;
  /** What is exported, for the audit log. */
  readonly object: string;
  readonly details: { readonly [key: string]: Json };
  /** Without its extension. */
  readonly fileName: string;
  readonly header: readonly string[];
  cells(row: Row): readonly Cell[];
  json(row: Row): object;
  readonly pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>;
}

export function sendDownload<Row>(
  request: FastifyRequest,
  reply: FastifyReply,
  audit: AuditLog,
  download: Download<Row>,
): FastifyReply {
  const who = principalOf(request).name;
  const { object, format } = download;
  const begin = audit.append({ who, what: 'export.begin', object, details: { format, ...download.details } });
  const text = encode(download, (details) => {
    audit.append({ who, what: 'export.end', object, details: { begin: begin.number, ...details } });
  });
  const name = `${download.fileName.replaceAll(/[^\w.-]+/g, '_')}.${format}`;
  return reply
    .type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8')
    .header('content-disposition', `attachment; filename="${name}"`)
    .send(Readable.from(text));
}

async function* encode<Row>(
  download: Download<Row>,
  ended: (details: { rows: number; sha256: string; complete: boolean }) => void,
): AsyncGenerator<string> {
  const hash = createHash('sha256');
  let rows = 0;
  let complete = false;
  const out = (text: string): string => {
    hash.update(text);
    return text;
  };
  try {
    if (download.format === 'csv') yield out((download.bom ? byteOrderMark : '') + csvLine(download.header));
    for await (const page of download.pages) {
      const lines = page.map((row) =>
        download.format === 'csv' ? csvLine(download.cells(row)) : `${JSON.stringify(download.json(row))}\n`,
      );
      rows += page.length;
      if (lines.length > 0) yield out(lines.join(''));
    }
    complete = true;
  } finally {
    ended({ rows, sha256: hash.digest('hex'), complete });
  }
}
