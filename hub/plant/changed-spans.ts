/** In which time two plant models of a site differ, so that only that is computed anew. */
import { canonicalJson, type Json } from '../../protocols/canonical-json.ts';
import { type Validity, validityOf } from './dates.ts';
import type { PlantConfig } from './schema.ts';
import { type Spans, subtract, union } from './spans.ts';

interface Dated {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Parts that no stored element follows from: names, and what is asked for together with a figure. */
const withoutElements = [
  'name',
  'groups',
  'coverage',
  'mtbfDenominator',
  'targets',
  'contracts',
  'baselines',
  'events',
  'peakReferences',
  'assessments',
  'pilot',
] as const;
/** Lists whose entries say themselves when they hold. */
const dated = ['tariffs', 'limits', 'factors', 'outputReferences', 'plannedWorks'] as const;

/** Time that must be computed anew; may reach for ever. `everything` where the difference has no date. */
export function changedSpans(before: PlantConfig, after: PlantConfig): Spans | 'everything' {
  if (json(undatedOf(before)) !== json(undatedOf(after))) return 'everything';
  return union(
    ...dated.map((list) => differing(before.zone, before[list], after[list])),
    differing(before.zone, ratesOf(before), ratesOf(after)),
  );
}

function undatedOf(config: PlantConfig): object {
  const { products, limits, ...rest } = config;
  const parts = Object.entries(rest).filter(([key]) => ![...withoutElements, ...dated].some((name) => name === key));
  return {
    ...Object.fromEntries(parts),
    products: products.map(({ rates: _, ...product }) => product),
    // A meter with any limit has elements that others have not, at all times.
    limited: [...new Set(limits.map(({ meter }) => meter))].sort(),
  };
}

const ratesOf = ({ products }: PlantConfig) =>
  products.flatMap(({ code, rates }) => rates.map((rate) => ({ product: code, ...rate })));

/** When one of the lists says something that the other does not. */
function differing(zone: string, before: readonly Dated[], after: readonly Dated[]): Spans {
  const [old, fresh] = [before, after].map((entries) => spansByContent(zone, entries));
  const contents = [...new Set([...old!.keys(), ...fresh!.keys()])];
  return union(
    ...contents.map((content) => {
      const [was, is] = [old!.get(content) ?? [], fresh!.get(content) ?? []];
      return union(subtract(was, is), subtract(is, was));
    }),
  );
}

function spansByContent(zone: string, entries: readonly Dated[]): Map<string, Spans> {
  const spans = new Map<string, Spans>();
  for (const { from, to, ...content } of entries) {
    const { from: start, to: end }: Validity = validityOf(zone, { from, to });
    const key = json(content);
    spans.set(key, union(spans.get(key) ?? [], [{ start, end }]));
  }
  return spans;
}

const json = (value: object): string => canonicalJson(JSON.parse(JSON.stringify(value)) as Json);
