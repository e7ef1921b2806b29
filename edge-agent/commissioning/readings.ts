/** Readings of a whole walk, as a technician noted them down in a spreadsheet: `path,displayed[,unit][,note]`. Pure. */
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
const decimalComma = 'Where the comma is the decimal sign, separate columns by ; or put the number into double quotes.';

/** @param rows with the header first. @throws {ConfigError} naming the row. */
export function readingsOf(
  rows: readonly { readonly cells: readonly string[]; readonly line: number }[],
  file: string,
): NotedReading[] {
  const fail = (message: string, at: string, hint: string) => new ConfigError(message, { path: at, hint });
  const [first, ...lines] = rows;
  const header = first?.cells.map((name) => name.trim().toLowerCase()) ?? [];
  const strange = header.find((name) => name !== '' && !known.includes(name));
  if (strange !== undefined || !header.includes('path') || !header.includes('displayed')) {
    const hint = `The first line must name the columns: ${known.join(',')}; unit and note may be left out.`;
    throw fail(strange === undefined ? 'a column is missing' : `unknown column "${strange}"`, `${file}:1`, hint);
  }
  const seen = new Set<string>();
  return lines.map(({ cells, line }) => {
    const at = `${file}:${line}`;
    const cell = (name: string) => cells[header.indexOf(name)]?.trim() ?? '';
    const stray = cells.find((text, i) => text.trim() !== '' && !header[i]);
    if (stray !== undefined) throw fail(`"${stray}" stands in a column without a name`, at, decimalComma);
    if (/^[\d۰-۹٠-٩]+$/.test(cell('unit'))) throw fail(`"${cell('unit')}" is no unit`, at, decimalComma);
    const path = cell('path');
    if (!tagPathSchema.safeParse(path).success) throw fail(`"${path}" is no tag path`, at, 'As in agent.yaml.');
    if (seen.has(path)) throw fail(`"${path}" is there twice`, at, 'Keep one of the two.');
    seen.add(path);
    return { path, displayed: cell('displayed'), unit: cell('unit'), note: cell('note') };
  });
}
