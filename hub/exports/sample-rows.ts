/** Samples of a site's tags as rows, exactly as they are stored: tag after tag, each ascending in time. */
import { isUnder } from '../access/scope.ts';
import type { KnownTag } from '../ledger/ledger.ts';
import { formatLocal } from '../plant/local-time.ts';
import type { ParquetColumn, ParquetRow } from '../store/duckdb/parquet.ts';
import { flagNames, severityOf } from '../store/sample-words.ts';
import { pagesOfRows } from '../store/series-pages.ts';
import { ExportRefused, rangeOf } from './request.ts';
import type { ExportSource, ExportTask } from './source.ts';

export const sampleColumns: readonly ParquetColumn[] = [
  { name: 'tag', type: 'text' },
  { name: 'time', type: 'time' },
  { name: 'time_local', type: 'text' },
  /** Booleans are 0 and 1; an integer beyond 2^53 is here to the nearest double, and exactly in value_text. */
  { name: 'value', type: 'number' },
  { name: 'value_text', type: 'text' },
  { name: 'unit', type: 'text' },
  { name: 'scale', type: 'number' },
  { name: 'quality', type: 'integer' },
  { name: 'severity', type: 'text' },
  { name: 'flags', type: 'text' },
  { name: 'stream', type: 'integer' },
  { name: 'number', type: 'integer' },
];

const maxRows = 50_000_000;

export async function* samplePages(source: ExportSource, task: ExportTask): AsyncGenerator<ParquetRow[]> {
  const { plant, request, signal, progress } = task;
  const range = rangeOf(plant, request);
  const byPath = new Map<string, KnownTag[]>();
  for (const tag of source.tags()) {
    if (!isUnder(tag.path, plant.path) || !(request.paths?.includes(tag.path) ?? true)) continue;
    byPath.set(tag.path, [...(byPath.get(tag.path) ?? []), tag]);
  }
  let rows = 0;
  let done = 0;
  for (const [path, tags] of [...byPath].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const keys = tags.flatMap((tag) => tag.keys);
    const { unit, counter, intervalMs } = tags.at(-1)!.current;
    for await (const page of pagesOfRows(source.reader, { keys, ...range }, intervalMs, signal)) {
      rows += page.length;
      if (rows > maxRows) {
        throw new ExportRefused({
          en: `more than ${maxRows} samples: ask for fewer tags or days`,
          fa: `بیش از ${maxRows} نمونه: تگ‌ها یا روزهای کمتری بخواهید`,
        });
      }
      yield page.map(({ time, value, quality, flags, stream, number }) => [
        path,
        time,
        formatLocal(plant.zone, time),
        typeof value === 'string' || value === null ? null : Number(value),
        typeof value === 'string' || typeof value === 'bigint' ? String(value) : null,
        unit,
        counter?.scale ?? 1,
        quality,
        severityOf(quality),
        flagNames(flags).join(' '),
        stream,
        number,
      ]);
    }
    progress(++done / byPath.size, path);
  }
}
