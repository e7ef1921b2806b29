/** A table that is small enough to be one answer, as the bytes of a workbook or a Parquet file. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatTime } from '../plant/time-text.ts';
import type { ParquetColumn, ParquetRow } from '../store/duckdb/parquet.ts';
import { ExportRefused } from './request.ts';
import type { ExportSource } from './source.ts';
import type { Kind } from './workbook/sheet.ts';
import { writeWorkbook } from './workbook/write-xlsx.ts';

export type TableFormat = 'xlsx' | 'parquet';

export interface TableToWrite {
  readonly name: string;
  readonly columns: readonly ParquetColumn[];
  readonly pages: AsyncIterable<readonly ParquetRow[]>;
}

export type WriteTable = (format: TableFormat, table: TableToWrite, signal: AbortSignal) => Promise<Uint8Array>;

/** A workbook is made in memory, cell by cell. */
const mostRows: Readonly<Record<TableFormat, number>> = { xlsx: 20_000, parquet: 1_000_000 };
const kinds: Readonly<Record<ParquetColumn['type'], Kind>> = {
  text: 'text',
  time: 'text',
  number: 'number',
  integer: 'integer',
};
const sheetNameLength = 31;

/** Rejects with `ExportRefused` where there are too many rows for the format. */
export const createTableWriter =
  (dir: string, { writeParquet }: Pick<ExportSource, 'writeParquet'>): WriteTable =>
  async (format, { name, columns, pages }, signal) => {
    const bounded = atMost(mostRows[format], format, pages);
    if (format === 'parquet') {
      const folder = await mkdtemp(join(dir, scratchPrefix));
      try {
        const file = join(folder, 'table.parquet');
        await writeParquet(file, columns, bounded, signal);
        return await readFile(file);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
    const rows: ParquetRow[] = [];
    for await (const page of bounded) {
      signal.throwIfAborted();
      for (const row of page) rows.push(row.map((cell, index) => sheetCell(cell, columns[index]!.type)));
    }
    const sheet = {
      name: name.replaceAll(/[^\w.-]+/g, '-').slice(0, sheetNameLength),
      columns: columns.map((column) => ({ header: column.name, kind: kinds[column.type], width: 18 })),
      rows,
    };
    return writeWorkbook([sheet], { rightToLeft: false, nothing: '' }, signal);
  };

/** Folders of tables that were being made when a process ended. */
export const scratchPrefix = 'table-';

const sheetCell = (cell: ParquetRow[number], type: ParquetColumn['type']): ParquetRow[number] =>
  type === 'time' && cell !== null ? formatTime(Number(cell)) : cell;

async function* atMost(
  most: number,
  format: TableFormat,
  pages: AsyncIterable<readonly ParquetRow[]>,
): AsyncGenerator<readonly ParquetRow[]> {
  let rows = 0;
  for await (const page of pages) {
    rows += page.length;
    if (rows > most) {
      throw new ExportRefused({
        en: `${format} holds at most ${most} rows here`,
        fa: `${format} اینجا حداکثر ${most} سطر می‌گیرد`,
      });
    }
    yield page;
  }
}
