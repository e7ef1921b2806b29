/** `payesh-hub explain`: a KPI figure taken apart, from its formula over its elements and buckets down to its tags. */
import { Command } from 'commander';
import { askHub, type HubAddress, tokenOption, urlOption } from './ask-hub.ts';
import { printJson, printTable } from './table.ts';

interface Value {
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

interface Lineage {
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
  readonly tags: readonly string[];
}

export const explainCommand = (): Command =>
  new Command('explain')
    .description('take a KPI figure apart: formula, elements, buckets, tags')
    .argument('<kpi>', 'its id, as in prod.oee, or the id of a value as the API tells it')
    .argument('[asset]', 'full path')
    .option('--granularity <name>', '15min, hour, shift, day, week, month, gregorian_month', 'day')
    .option('--at <time>', 'a time or date in the bucket; a Jalali date will do')
    .addOption(urlOption())
    .addOption(tokenOption())
    .option('--json', 'print JSON')
    .action(async (kpi, asset, { granularity, at, json, ...hub }) => {
      const id = asset === undefined ? kpi : await findId(hub, { kpi, asset, granularity, at });
      const lineage = await askHub<Lineage>(hub, `/kpi-values/${encodeURIComponent(id)}/lineage`);
      if (json) printJson(lineage);
      else print(lineage);
    });

/** The value of the bucket that `at` lies in; without it, the newest. */
async function findId(
  hub: HubAddress,
  { kpi, asset, granularity, at }: { kpi: string; asset: string; granularity: string; at?: string },
): Promise<string> {
  const query = new URLSearchParams({ kpi, asset, granularity, limit: '10000' });
  const day = 86_400_000;
  if (at !== undefined) query.set('from', at);
  query.set('from', at ?? new Date(Date.now() - 62 * day).toISOString());
  if (at === undefined) query.set('to', new Date().toISOString());
  const { data } = await askHub<{ data: Value[] }>(hub, `/kpi-values?${query}`);
  const found = at === undefined ? data.at(-1) : data[0];
  if (!found) throw new Error(`the hub has no ${granularity} of ${kpi} for ${asset} there; it rolls up every minute`);
  return found.id;
}

function print({ value, definition, plant_version, given_by, elements, inputs, parts, tags }: Lineage): void {
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
  if (tags.length === 0) return;
  console.log('\nfrom the samples of (`/api/v1/series?tag=…` has them):');
  for (const tag of tags) console.log(`  ${tag}`);
}

/** Twelve digits: what is beyond them is the rounding of the computer, not the figure. */
const plain = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Number(value.toPrecision(12));
