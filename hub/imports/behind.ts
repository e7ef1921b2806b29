/** Which imports a figure rests on: files that tell of its tags, or entries of its assets, within its time. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { EntryRevision } from '../entries/entry.ts';
import type { Spans } from '../plant/spans.ts';
import { broughtBy } from './entry-rows.ts';
import type { Import } from './import.ts';
import type { Imports } from './imports.ts';

export interface Figure {
  readonly site: string;
  /** Full paths of the tags that it comes from, and the time of which it is. */
  readonly tags: readonly string[];
  readonly spans: Spans;
  /** It is what was known then; absent is now. */
  readonly asOf?: TimeUs | undefined;
}

export interface ImportBehind {
  readonly one: Import;
  /** Of the figure's, those that it tells of. */
  readonly tags: readonly string[];
  /** How many of the figure's entries it brought. */
  readonly entries: number;
}

/** The oldest first. */
export async function importsBehind(
  imports: Pick<Imports, 'list' | 'tagsOf'>,
  entries: readonly EntryRevision[],
  { site, tags, spans, asOf }: Figure,
): Promise<ImportBehind[]> {
  const asked = new Set(tags);
  const brought = entries.map(broughtBy);
  const found: ImportBehind[] = [];
  for (const one of imports.list(mostImports)) {
    if (one.request.site !== site || !isInForce(one, asOf)) continue;
    const told = isOf(one, spans) ? await imports.tagsOf(one.id) : [];
    found.push({
      one,
      tags: told.filter((path) => asked.has(path)),
      entries: brought.filter((id) => id === one.id).length,
    });
  }
  return found.filter(({ tags, entries }) => tags.length > 0 || entries > 0).reverse();
}

const mostImports = 10_000;

function isInForce({ state, createdAt, endedAt }: Import, asOf: TimeUs | undefined): boolean {
  if (asOf === undefined) return state === 'done' || state === 'writing';
  if (state === 'undone') return createdAt <= asOf && asOf < endedAt!;
  return state === 'done' && endedAt! <= asOf;
}

const isOf = ({ outcome }: Import, spans: Spans): boolean =>
  spans.some(({ start, end }) => (outcome?.from ?? Number.POSITIVE_INFINITY) <= end && start <= outcome!.to!);
