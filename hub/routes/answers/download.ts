/**
 * Rows as NDJSON or CSV, sent as they are read, or as a workbook or Parquet file. The audit log knows of the export
 * before the first byte leaves, and afterwards how many rows went out and their hash. What fails on the way breaks the
 * transfer: a file that ends properly is complete.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Json } from '../../../protocols/canonical-json.ts';
import { byteOrderMark, type Cell, csvLine } from '../../exports/csv.ts';
import { ExportRefused } from '../../exports/request.ts';
import { formatTime } from '../../plant/time-text.ts';
import type { ParquetColumn, ParquetRow } from '../../store/duckdb/parquet.ts';
import { principalOf, type RouteContext } from '../asked/context.ts';
import { type Format, mediaTypes } from '../asked/formats.ts';
import { invalid } from '../door/problem.ts';
import { tooMuch } from './too-much.ts';

/** `time` cells are µs UTC; truth values are `true` and `false` wherever a column is text. */
export interface Column<Row> extends ParquetColumn {
  of(row: Row): Cell;
}

export interface Download<Row> {
  readonly format: Exclude<Format, 'json'>;
  readonly bom: boolean;
  /** What is exported, for the audit log. */
  readonly object: string;
  readonly details: { readonly [key: string]: Json };
  /** Without its extension. */
  readonly fileName: string;
  readonly columns: readonly Column<Row>[];
  json(row: Row): object;
  readonly pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>;
}

type Ended = (details: { rows: number; sha256: string; complete: boolean }) => void;

export async function sendDownload<Row>(
  request: FastifyRequest,
  reply: FastifyReply,
  { access: { audit }, exports }: Pick<RouteContext, 'access' | 'exports'>,
  download: Download<Row>,
): Promise<FastifyReply> {
  const who = principalOf(request).name;
  const { object, format, columns, pages } = download;
  const begin = audit.append({ who, what: 'export.begin', object, details: { format, ...download.details } });
  const ended: Ended = (details) => {
    audit.append({ who, what: 'export.end', object, details: { begin: begin.number, ...details } });
  };
  const name = download.fileName.replaceAll(/[^\w.-]+/g, '_');
  const disposition = `attachment; filename="${name}.${format}"`;
  if (format === 'csv' || format === 'ndjson') {
    return reply
      .type(`${mediaTypes[format]}; charset=utf-8`)
      .header('content-disposition', disposition)
      .send(Readable.from(encode({ ...download, format }, ended)));
  }
  let rows = 0;
  const cells = async function* (): AsyncGenerator<ParquetRow[]> {
    for await (const page of pages) {
      rows += page.length;
      yield page.map((row) => columns.map((column) => fileCell(column.of(row), column.type)));
    }
  };
  try {
    const bytes = await exports.writeTable(format, { name, columns, pages: cells() }, request.signal);
    ended({ rows, sha256: createHash('sha256').update(bytes).digest('hex'), complete: true });
    return reply.type(mediaTypes[format]).header('content-disposition', disposition).send(bytes);
  } catch (error) {
    ended({ rows, sha256: '', complete: false });
    if (error instanceof ExportRefused) throw invalid('format', tooMuch(error.said.en, error.said.fa));
    throw error;
  }
}

function fileCell(cell: Cell, type: ParquetColumn['type']): ParquetRow[number] {
  if (cell === null) return null;
  return type === 'text' ? String(cell) : Number(cell);
}

async function* encode<Row>(
  download: Omit<Download<Row>, 'format'> & { readonly format: 'csv' | 'ndjson' },
  ended: Ended,
): AsyncGenerator<string> {
  const { columns, format, bom, pages, json } = download;
  const hash = createHash('sha256');
  let rows = 0;
  let complete = false;
  const out = (text: string): string => {
    hash.update(text);
    return text;
  };
  const csvCells = (row: Row): Cell[] =>
    columns.map((column) => {
      const cell = column.of(row);
      return column.type === 'time' && cell !== null ? formatTime(Number(cell)) : cell;
    });
  try {
    if (format === 'csv') yield out((bom ? byteOrderMark : '') + csvLine(columns.map(({ name }) => name)));
    for await (const page of pages) {
      const lines = page.map((row) => (format === 'csv' ? csvLine(csvCells(row)) : `${JSON.stringify(json(row))}\n`));
      rows += page.length;
      if (lines.length > 0) yield out(lines.join(''));
    }
    complete = true;
  } finally {
    ended({ rows, sha256: hash.digest('hex'), complete });
  }
}
