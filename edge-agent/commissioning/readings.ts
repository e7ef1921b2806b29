/** Readings of a whole walk as a CSV: `path,displayed[,unit][,note]`, as a technician noted them down in a spreadsheet. */
import { parse } from 'csv-parse/sync';
import { ConfigError } from '../../protocols/errors.ts';
import { tagPathSchema } from '../../protocols/manifest.ts';

export interface NotedReading {
  readonly path: string;
  /** Empty: nobody looked. */
  readonly displayed: string;
  readonly unit: string;
  readonly note: string;
}

const known = ['path', 'displayed', 'unit', 'note'];
const maxBytes = 4 * 1_048_576;

/** @throws {ConfigError} naming the row. */
export function parseReadings(text: string, file: string): NotedReading[] {
  const fail = (message: string, at: string, hint: string) => new ConfigError(message, { path: at, hint });
  if (text.length > maxBytes) throw fail('the file is too large', file, 'Give at most 4 MB of readings.');
  let rows: string[][];
  try {
    rows = parse(text, { bom: true, skip_empty_lines: true, trim: true, relax_column_count_less: true });
  } catch (cause) {
    throw fail(`not a CSV: ${(cause as Error).message}`, file, 'Save it from the spreadsheet as CSV (UTF-8).');
  }
  const [header = [], ...lines] = rows;
  const strange = header.find((name) => !known.includes(name));
  if (strange !== undefined || !header.includes('path') || !header.includes('displayed')) {
    const hint = `The first line must name the columns: ${known.join(',')}; unit and note may be left out.`;
    throw fail(strange === undefined ? 'a column is missing' : `unknown column "${strange}"`, `${file}:1`, hint);
  }
  const seen = new Set<string>();
  return lines.map((line, i) => {
    const at = `${file}: row ${i + 2}`;
    const cell = (name: string) => line[header.indexOf(name)] ?? '';
    const path = cell('path');
    if (!tagPathSchema.safeParse(path).success) throw fail(`"${path}" is no tag path`, at, 'As in agent.yaml.');
    if (seen.has(path)) throw fail(`"${path}" is there twice`, at, 'Keep one of the two.');
    seen.add(path);
    return { path, displayed: cell('displayed'), unit: cell('unit'), note: cell('note') };
  });
}
