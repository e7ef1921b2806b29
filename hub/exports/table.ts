/** A tidy table as CSV or Parquet, with a side file that says what was asked, when, how many rows came, and their hash. */
import { join } from 'node:path';
import { formatTime } from '../plant/time-text.ts';
import type { ParquetColumn, ParquetRow } from '../store/duckdb/parquet.ts';
import { byteOrderMark, type Cell, csvLine } from './csv.ts';
import { fileSafe } from './file-names.ts';
import { kpiColumns, kpiPages } from './kpi-rows.ts';
import { rangeOf } from './request.ts';
import { sampleColumns, samplePages } from './sample-rows.ts';
import type { ExportedFile, ExportSource, ExportTask } from './source.ts';
import { describeFile, writeFile } from './write-file.ts';

/** The table first, then its side file. */
export async function exportTable(source: ExportSource, task: ExportTask): Promise<ExportedFile[]> {
  const { request, plant, dir, signal } = task;
  const asOf = source.clock.now();
  const isKpi = request.template !== 'samples';
  const columns = isKpi ? kpiColumns : sampleColumns;
  const format = request.format === 'parquet' ? 'parquet' : 'csv';
  const name = `${tableName(task)}.${format}`;
  const pages = isKpi ? kpiPages(source, task) : samplePages(source, task);
  let rows = 0;
  const counted = async function* () {
    for await (const page of pages) {
      rows += page.length;
      yield page;
    }
  };
  let table: Omit<ExportedFile, 'rows'>;
  if (format === 'parquet') {
    const path = join(dir, name);
    await source.writeParquet(path, columns, counted(), signal);
    table = await describeFile(path);
  } else {
    table = await writeFile(dir, name, csvText(columns, counted(), request.bom));
  }
  const { from, to } = rangeOf(plant, request);
  const meta = {
    query: { ...request, range: { from: formatTime(from), to: formatTime(to) } },
    as_of: formatTime(asOf),
    plant_version: plant.version,
    columns,
    row_count: rows,
    file: table.name,
    bytes: table.bytes,
    sha256: table.sha256,
  };
  const side = await writeFile(dir, `${name}.meta.json`, [`${JSON.stringify(meta, null, 2)}\n`]);
  return [
    { ...table, rows },
    { ...side, rows: null },
  ];
}

async function* csvText(
  columns: readonly ParquetColumn[],
  pages: AsyncIterable<readonly ParquetRow[]>,
  bom: boolean,
): AsyncGenerator<string> {
  yield (bom ? byteOrderMark : '') + csvLine(columns.map(({ name }) => name));
  const times = columns.map(({ type }) => type === 'time');
  const cell = (value: Cell, index: number): Cell =>
    times[index] && value !== null ? formatTime(Number(value)) : value;
  for await (const page of pages) {
    if (page.length > 0) yield page.map((row) => csvLine(row.map(cell))).join('');
  }
}

function tableName({ request, plant }: ExportTask): string {
  const { from, to } = rangeOf(plant, request);
  const day = (time: number) => formatTime(time).slice(0, 10);
  const period = request.month ?? `${day(from)}_${day(to)}`;
  const what = request.template === 'samples' ? 'samples' : 'kpi';
  const size = request.template === 'samples' ? '' : `_${request.granularity}`;
  return `${what}_${fileSafe(plant.path)}_${period}${size}`;
}
