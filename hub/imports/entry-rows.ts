/**
 * A file of what people wrote down, row by row into entries of every kind. Each is checked as if it were entered by hand;
 * one that says what is in force already changes nothing.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { TimeUs } from '../../protocols/sample.ts';
import { type Entries, EntryRefused } from '../entries/entries.ts';
import type { EntryContent, EntryRevision } from '../entries/entry.ts';
import { contentOf, entryContentSchema } from '../entries/entry-content.ts';
import { asciiDigits } from '../plant/digits.ts';
import { formatTime, parseInstant } from '../plant/time-text.ts';
import { validationWords } from '../validation-words.ts';
import { joined } from '../words.ts';
import type { Outcome } from './import.ts';
import type { ImportFolder } from './import-folder.ts';
import { readCsv, type TextRow, UnreadableFile } from './read-csv.ts';
import { openRefusalsWriter } from './refusals-file.ts';
import { type RowRefusal, refusal } from './sample-row.ts';

export interface EntriesOptions {
  readonly entries: Pick<Entries, 'check' | 'add' | 'list'>;
  readonly site: string;
  readonly folder: Pick<ImportFolder, 'source' | 'refused'>;
  readonly zone: string;
  /** Told of every entry of this import, so that all can be undone. */
  readonly id: string;
  readonly who: string;
  /** Check only. */
  readonly dryRun: boolean;
  progress(rows: number): void;
}

/** What a file of entries is undone by. */
const prefix = 'import ';
const whyOf = (id: string): string => `${prefix}${id}`;

/** The id of the import that brought an entry as it is; one that was corrected since is somebody else's word. */
export const broughtBy = ({ revision, why }: Pick<EntryRevision, 'revision' | 'why'>): string | undefined =>
  revision === 1 && why.startsWith(prefix) ? why.slice(prefix.length) : undefined;

const columns = ['kind', 'asset'] as const;
const times = ['from', 'to', 'at'] as const;
const numbers = [
  ...(['quantity', 'planned_scrap', 'good', 'scrap', 'rework', 'inspected', 'people', 'worked_h', 'value'] as const),
  'amount_irr',
] as const;
const texts = ['reason', 'note', 'code', 'product', 'number'] as const;
const mostRows = 20_000;

/** @throws {UnreadableFile} */
export async function importEntries(options: EntriesOptions, signal: AbortSignal): Promise<Outcome> {
  const { entries, site, folder, id, who, dryRun, progress } = options;
  const refused = openRefusalsWriter(folder.refused);
  const outcome = { rows: 0, taken: 0, known: 0, from: null as TimeUs | null, to: null as TimeUs | null };
  for await (const row of readCsv(folder.source, columns, signal)) {
    if (++outcome.rows > mostRows) {
      throw new UnreadableFile({
        en: `it has more than ${mostRows} rows: import it in parts`,
        fa: `بیش از ${mostRows} سطر دارد: بخش‌بخش وارد کنید`,
      });
    }
    const content = contentOfRow(row, site, options.zone);
    if ('line' in content) refused.add(content);
    else if (isInForce(content)) outcome.known += 1;
    else {
      try {
        if (dryRun) entries.check(site, content);
        else entries.add(site, content, { author: who, why: whyOf(id) });
        outcome.taken += 1;
        outcome.from = Math.min(outcome.from ?? content.from, content.from);
        outcome.to = Math.max(outcome.to ?? content.to, content.to);
      } catch (error) {
        if (!(error instanceof EntryRefused)) throw error;
        refused.add({ line: row.line, kind: 'refused', reason: error.said });
      }
    }
    progress(outcome.rows);
    await breathe();
  }
  await refused.end();
  return { ...outcome, refused: { ...refused.counts }, numbers: 0, tags: 0 };

  function isInForce(content: EntryContent): boolean {
    const { kind, asset, from, to } = content;
    return entries
      .list({ site, kind, asset, from, to: to + 1 })
      .some((one) => one.content && isSame(one.content, content));
  }
}

/** Takes back every entry of an import that is in force as it brought it. @returns how many */
export async function undoEntries(
  entries: Pick<Entries, 'list' | 'withdraw'>,
  { site, id, who, why }: { readonly site: string; readonly id: string; readonly who: string; readonly why: string },
): Promise<number> {
  let undone = 0;
  for (const one of entries.list({ site })) {
    if (broughtBy(one) !== id) continue;
    entries.withdraw(one.entry, { author: who, why });
    undone += 1;
    await breathe();
  }
  return undone;
}

const isSame = (a: EntryContent, b: EntryContent): boolean => {
  const sorted = (content: EntryContent) =>
    JSON.stringify(Object.entries(content).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b);
};

function contentOfRow({ line, cells }: TextRow, site: string, zone: string): EntryContent | RowRefusal {
  const body: Record<string, unknown> = { kind: cells.kind };
  const asset = cells.asset ?? '';
  body.asset = asset.startsWith(`${site}/`) ? asset : `${site}/${asset}`;
  for (const name of times) {
    const text = cells[name];
    if (text === undefined) continue;
    const time = parseInstant(text, zone);
    if (time === undefined) {
      const fa = `«${text}» برای «${name}» زمان نیست: مانند 1404-04-16 06:00 بنویسید`;
      return refusal(line, 'time', `"${text}" is no time for "${name}": write 1404-04-16 06:00`, fa);
    }
    body[name] = formatTime(time);
  }
  for (const name of numbers) if (cells[name] !== undefined) body[name] = Number(asciiDigits(cells[name]));
  for (const name of texts) if (cells[name] !== undefined) body[name] = cells[name];
  const parsed = entryContentSchema.safeParse(body);
  if (parsed.success) return contentOf(parsed.data);
  const { path, code, message, ...params } = parsed.error.issues[0]!;
  const reason = joined([path.join('.') || 'kind', validationWords({ keyword: code, message, params })], ': ');
  return { line, kind: 'entry', reason };
}
