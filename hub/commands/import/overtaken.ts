/** `payesh-hub import overtaken`: what of an import counts no more, beside what a gateway says of the same time. */
import { askHub, type HubAddress } from '../ask-hub.ts';
import { type Cell, printJson, printTable } from '../table.ts';
import type { ImportWords } from './words.ts';

interface OvertakenJson {
  readonly number: number;
  readonly tag: string;
  readonly time: string;
  readonly value: unknown;
  readonly kind: 'known' | 'contradicts' | 'measured';
  readonly measured: { readonly time: string; readonly value: unknown };
}

/** More is for a file. */
const mostShown = 1000;

export async function showOvertaken(
  hub: HubAddress,
  id: string,
  { overtaken: words }: ImportWords,
  json: boolean | undefined,
): Promise<void> {
  const found: OvertakenJson[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const path = `/imports/${encodeURIComponent(id)}/overtaken?after=${after}`;
    const page: { data: OvertakenJson[]; next_after: number | null } = await askHub(hub, path);
    found.push(...page.data);
    after = page.next_after;
  }
  if (json) return printJson(found);
  if (found.length === 0) return console.log(words.none(id));
  const rows = found
    .slice(0, mostShown)
    .map(({ tag, time, value, kind, measured }): Cell[] => [
      ...[tag, time, cellOf(value), cellOf(measured.value)],
      ...[measured.time === time ? null : measured.time, words.kinds[kind]],
    ]);
  printTable(words.columns, rows);
  console.log(words.count(rows.length, found.length));
}

const cellOf = (value: unknown): Cell => (value === null || typeof value === 'number' ? value : String(value));
