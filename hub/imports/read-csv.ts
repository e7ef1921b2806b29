/** The rows of a CSV file with its header's names, as they are read: UTF-8, quoted as of RFC 4180, `,` `;` or tab between. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse';
import type { Words } from '../words.ts';

export interface TextRow {
  /** From 1, the header included; of Parquet the row from 1. */
  readonly line: number;
  /** By column, the empty ones left out. */
  readonly cells: Readonly<Record<string, string>>;
}

/** A file that cannot be imported as a whole; the message says what to do. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
  readonly said: Words;
  constructor(said: Words) {
    super(said.en);
    this.said = said;
  }
}

const longestRecord = 64 * 1024;

/** @throws {UnreadableFile} no CSV with these columns */
export async function* readCsv(
  file: string,
  required: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<TextRow> {
  const parser = createReadStream(file, { signal }).pipe(
    parse({
      bom: true,
      columns: (names: string[]) => columnsOf(names, required),
      delimiter: await delimiterOf(file),
      info: true,
      max_record_size: longestRecord,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }),
  );
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: Record<string, string>;
      info: { lines: number };
    }>) {
      for (const name of Object.keys(record)) if (record[name] === '') delete record[name];
      yield { line: info.lines, cells: record };
    }
  } catch (error) {
    if (error instanceof CsvError) {
      const line = error.lines ?? '?';
      throw new UnreadableFile({
        en: `line ${line} is no CSV: ${error.message}; mend its quotes and import again`,
        fa: `سطر ${line} CSV نیست (${error.message})؛ نقل‌قول‌ها را درست کنید و دوباره وارد کنید`,
      });
    }
    throw error;
  }
}

function columnsOf(names: readonly string[], required: readonly string[]): string[] {
  const columns = names.map((name) => name.trim().toLowerCase());
  const missing = required.filter((name) => !columns.includes(name));
  if (missing.length > 0) {
    throw new UnreadableFile({
      en: `the first line names no column ${missing.join(', ')}; it must name ${required.join(', ')}, not ${names.join(', ')}`,
      fa: `سطر نخست ستون ${missing.join('، ')} را ندارد؛ باید ${required.join('، ')} را نام ببرد، نه ${names.join('، ')}`,
    });
  }
  return columns;
}

/** The one that the header has most of. */
async function delimiterOf(path: string): Promise<string> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
  const [header = ''] = buffer.toString('utf8', 0, bytesRead).split(/\r?\n/, 1);
  const count = (delimiter: string) => header.split(delimiter).length;
  return [';', '\t'].find((delimiter) => count(delimiter) > count(',')) ?? ',';
}
