/**
 * How a definition is made: it declares what it reads, and cannot read anything else, so that a value shows all its
 * inputs. What an assessment says becomes a result by R1 to R5: never 0 for "not known", never clamped, never rounded.
 */
import { exceeds } from './compare.ts';
import type { ElementName } from './element-table.ts';
import type { Flag } from './flags.ts';
import type { KpiDefinition } from './kpi.ts';
import { latencyBuckets } from './latency.ts';
import { type CoverageLimits, type KpiParameters, usualCoverage } from './parameters.ts';
import type { Elements, KpiBounds, KpiResult, KpiStatus } from './result.ts';

/** An element by name; one that is not there counts as 0. */
export type Read<Name extends ElementName = ElementName> = (name: Name) => number;

export interface Ratio {
  readonly numerator: number;
  /** 0 is `undefined` (R2). A sum is over 1. */
  readonly denominator: number;
  /** 1 when left out. */
  readonly coverage?: number;
  readonly flags?: readonly (Flag | false)[];
  /** Given only where a part is unknown. */
  readonly bounds?: KpiBounds | undefined;
  /** Below it there is no value, whatever the plant's own limit. */
  readonly leastCoverage?: number;
  /** A person must look at an input. */
  readonly suspect?: boolean;
  /** What of the parameters was used. */
  readonly parameters?: KpiResult['parameters'] | undefined;
  /** What was read beside what the definition declares: of a KPI that is compared. */
  readonly elements?: Elements;
}

/** Something that gives the KPI its meaning is not declared: a planned run time, a contract, a tariff. */
export interface Undefined {
  readonly undefined: Flag;
  readonly coverage?: number;
  readonly bounds?: KpiBounds;
  readonly parameters?: KpiResult['parameters'];
  readonly elements?: Elements;
}

type Declared = Omit<KpiDefinition, 'version' | 'rules' | 'uses' | 'parameters' | 'compute'>;

export interface Assessed<Need extends ElementName, Use extends ElementName> extends Declared {
  readonly version?: number;
  readonly rules?: KpiDefinition['rules'];
  readonly needs: readonly Need[];
  readonly uses?: readonly Use[];
  readonly parameters?: readonly (keyof KpiParameters)[];
  /** @param inputs the same as `e` reads: for families, whose members have no names of their own. */
  assess(e: Read<Need | Use>, parameters: KpiParameters, inputs: Elements): Ratio | Undefined;
}

export function define<const Need extends ElementName, const Use extends ElementName = never>(
  definition: Assessed<Need, Use>,
): KpiDefinition {
  const { assess, version = 1, rules = [], uses = [], parameters: read = [], ...declared } = definition;
  const { needs } = definition;
  return {
    ...declared,
    version,
    rules,
    uses,
    parameters: read,
    compute(elements, parameters = {}) {
      const inputs = pick(elements, [...needs, ...uses]);
      if (needs.some((name) => elements[name] === undefined)) {
        return { value: null, status: 'no_data', coverage: 0, flags: ['NO_INPUT' satisfies Flag], elements: inputs };
      }
      return toResult(
        assess((name) => elements[name] ?? 0, parameters, inputs),
        inputs,
        parameters.coverage ?? usualCoverage,
      );
    },
  };
}

/** The members of a family come along with its name. */
function pick(elements: Elements, names: readonly ElementName[]): Elements {
  const picked: Record<string, number> = {};
  for (const name of names) if (elements[name] !== undefined) picked[name] = elements[name];
  if (names.includes('latency_b')) for (const [name, count] of latencyBuckets(elements)) picked[name] = count;
  return picked;
}

function toResult(assessed: Ratio | Undefined, inputs: Elements, limits: CoverageLimits): KpiResult {
  const elements = assessed.elements ?? inputs;
  const coverage = toCoverage(assessed.coverage ?? 1);
  const [bounds, parameters] = [finiteBounds(assessed.bounds), finiteOnly(assessed.parameters)];
  const rest = { coverage, elements, ...(bounds && { bounds }), ...(parameters && { parameters }) };
  if ('undefined' in assessed) return { value: null, status: 'undefined', flags: [assessed.undefined], ...rest };

  const { numerator, denominator, suspect = false } = assessed;
  const flags = (assessed.flags ?? []).filter((flag) => flag !== false);
  const status = statusOf(limits, coverage, suspect, assessed.leastCoverage);
  if (status === 'no_data') return { value: null, status, flags, ...rest };
  if (denominator === 0) return { value: null, status: 'undefined', flags: ['DEN_ZERO', ...flags], ...rest };
  const value = numerator / denominator;
  if (!Number.isFinite(value)) return { value: null, status: 'undefined', flags: ['NOT_FINITE', ...flags], ...rest };
  return { value, status, flags, ...rest };
}

/** A share of a sum of fractions may be off 1 in its last digit; what overflowed is not known. */
const toCoverage = (share: number): number => (Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0);

const finiteBounds = (bounds: KpiBounds | undefined): KpiBounds | undefined =>
  bounds && [finiteOrOpen(bounds[0]), finiteOrOpen(bounds[1])];

const finiteOrOpen = (bound: number | null): number | null => (Number.isFinite(bound) ? bound : null);

const finiteOnly = (parameters: KpiResult['parameters']): KpiResult['parameters'] =>
  parameters &&
  Object.fromEntries(
    Object.entries(parameters).filter(([, value]) => typeof value === 'string' || Number.isFinite(value)),
  );

function statusOf({ ok, partial }: CoverageLimits, coverage: number, suspect: boolean, least = partial): KpiStatus {
  if (exceeds(least, coverage)) return 'no_data';
  if (suspect) return 'suspect';
  return exceeds(ok, coverage) ? 'partial' : 'ok';
}

/** Known share of a whole; of nothing, all is known. */
export const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 1);
