/** A figure taken apart, for a person: the lineage as the API tells it, from the formula down to tags, entries and files. */
import { printTable } from '../table.ts';

export interface Value {
  readonly id: string;
  readonly kpi: string;
  readonly asset: string;
  readonly granularity: string;
  readonly start: string;
  readonly end: string;
  readonly value: number | null;
  readonly unit: string;
  readonly status: string;
  readonly coverage: number;
  readonly flags: readonly string[];
  readonly bounds?: readonly (number | null)[];
  readonly provisional: boolean;
  readonly revision: number;
  readonly input_hash: string;
  readonly parameters?: Readonly<Record<string, number | string>>;
}

interface Input {
  readonly asset: string;
  readonly tier: string;
  readonly start: string;
  readonly end: string;
  readonly revision: number;
}

export interface Lineage {
  readonly value: Value;
  readonly definition: {
    readonly name: { readonly en: string; readonly fa: string };
    readonly version: number;
    readonly formula: string;
    readonly source: string;
  };
  readonly plant_version: string;
  readonly given_by: { readonly plant_version: number; readonly author: string; readonly applied_at: string } | null;
  readonly elements: readonly { name: string; value: number; unit: string; meaning: string }[];
  readonly inputs: readonly Input[];
  readonly parts: readonly (Input & { readonly elements: Readonly<Record<string, number>> })[];
  readonly entries: readonly Entry[];
  readonly tags: readonly string[];
  readonly imports: readonly ImportJson[];
}

interface ImportJson {
  readonly name: string;
  readonly sha256: string;
  readonly who: string;
  readonly created_at: string;
  readonly tags: readonly string[];
  readonly entries: number;
}

interface Entry {
  readonly id: number;
  readonly revision: number;
  readonly author: string;
  readonly at: string;
  readonly content: Readonly<Record<string, unknown>>;
}

export function printLineage(lineage: Lineage): void {
  const { value, definition, plant_version, given_by, elements, inputs, parts, entries, tags, imports } = lineage;
  const { kpi, asset, start, end, status, coverage, flags, bounds, revision } = value;
  console.log(`${definition.name.en} (${definition.name.fa}), ${kpi} version ${definition.version}`);
  console.log(`${asset}, ${value.granularity} from ${start} to ${end}`);
  console.log(`\n  ${plain(value.value) ?? 'not known'} ${value.unit === '1' ? '' : value.unit}`);
  console.log(`  ${status}, ${(coverage * 100).toFixed(1)} % known${value.provisional ? ', provisional' : ''}`);
  if (bounds) {
    const why = value.parameters?.method ?? 'if the unknown part were all bad or all good';
    console.log(`  between ${plain(bounds[0]) ?? 'any'} and ${plain(bounds[1]) ?? 'any'}, ${why}`);
  }
  if (flags.length > 0) console.log(`  ${flags.join(', ')}`);
  console.log(`\n${definition.formula}   (${definition.source})\n`);
  printTable(
    ['ELEMENT', 'VALUE', 'UNIT', 'MEANING'],
    elements.map(({ name, value, unit, meaning }) => [name, plain(value), unit, meaning]),
  );
  for (const [name, parameter] of Object.entries(value.parameters ?? {})) console.log(`${name} = ${parameter}`);
  if (given_by) {
    const { plant_version: number, author, applied_at } = given_by;
    console.log(`given by version ${number} of the plant model, which ${author} applied at ${applied_at}`);
  }
  console.log(
    `\nmerged from ${inputs.length} stored ${inputs.length === 1 ? 'bucket' : 'buckets'}, revision ${revision}, plant ${plant_version}, hash ${value.input_hash.slice(0, 16)}:`,
  );
  const names = elements.map(({ name }) => name).filter((name) => parts.some((part) => part.elements[name]));
  printTable(
    ['ASSET', 'OF', 'START', 'REVISION', ...names],
    parts.map((part) => [
      part.asset,
      part.tier,
      part.start,
      part.revision,
      ...names.map((name) => plain(part.elements[name])),
    ]),
  );
  if (entries.length > 0) {
    console.log('\nwhat people entered (`payesh-hub entry history ID` has all lines):');
    printTable(
      ['ID', 'REVISION', 'BY', 'ENTERED', 'KIND', 'ASSET', 'FROM', 'TO'],
      entries.map(({ id, revision, author, at, content: { kind, asset, from, to } }) => [
        ...[id, revision, author, at],
        ...[kind, asset, from, to].map(String),
      ]),
    );
  }
  if (tags.length > 0) console.log('\nfrom the samples of (`/api/v1/series?tag=…` has them):');
  for (const tag of tags) console.log(`  ${tag}`);
  if (imports.length > 0) console.log('\nfrom files that were imported:');
  for (const { name, sha256, who, created_at, tags, entries } of imports) {
    const what = [...tags, ...(entries > 0 ? [`${entries} entries`] : [])].join(', ');
    console.log(`  ${name}, by ${who} at ${created_at}: ${what}\n    SHA-256 ${sha256}`);
  }
}

/** Twelve digits: what is beyond them is the rounding of the computer, not the figure. */
const plain = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Number(value.toPrecision(12));
