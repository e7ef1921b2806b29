/**
 * A value beside another: what the site has set itself, the bucket before, or a reference period. A reference period has
 * another length than the bucket: what adds up over time is told for as much time as the bucket has.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import { addsUp } from '../../kpi/adds-up.ts';
import { mergeElements } from '../../kpi/elements.ts';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import { againstTarget, type Light } from '../../kpi/target.ts';
import type { Plant } from '../../plant/plant.ts';
import { dayUs } from '../../plant/zone.ts';
import { kpiAssets } from '../cells/site-plan.ts';
import { inForce } from './kpi-parameters.ts';
import { metersOf } from './rolled-records.ts';
import type { RolledRequest, RolledValue } from './rolled-values.ts';

export const comparisons = ['target', 'previous', 'baseline'] as const;
export type ComparedWith = (typeof comparisons)[number];

export interface Comparison {
  readonly with: ComparedWith;
  /** null: there is none, or it is not known. */
  readonly value: number | null;
  /** Of the bucket or period that it was. */
  readonly from?: TimeUs;
  readonly to?: TimeUs;
  /** Against a target only. */
  readonly light?: Light;
}

interface Range {
  readonly from: TimeUs;
  readonly to: TimeUs;
}

export interface ComparisonContext {
  values(request: RolledRequest): readonly RolledValue[];
  readonly plants: readonly Plant[];
  readonly definitions: readonly KpiDefinition[];
  /** That somebody names; else that of the energy baseline in force for the asset's meter. */
  readonly reference?: Range | undefined;
}

type Compare = (value: RolledValue) => Comparison;

/** Reads what all of the values need at once. */
export function comparing(kind: ComparedWith, values: readonly RolledValue[], context: ComparisonContext): Compare {
  if (values.length === 0) return () => ({ with: kind, value: null });
  switch (kind) {
    case 'target':
      return withTarget(context);
    case 'previous':
      return withPrevious(values, context);
    case 'baseline':
      return withReference(values, context);
  }
}

const plantOf = (plants: readonly Plant[], asset: string): Plant | undefined =>
  plants.find(({ path }) => asset === path || asset.startsWith(`${path}/`));

function withTarget({ plants, definitions }: ComparisonContext): Compare {
  return (value) => {
    const found = inForce(
      (plantOf(plants, value.asset)?.targets ?? []).filter(
        ({ kpi, asset }) => kpi === value.kpi && asset === value.asset,
      ),
      value.end,
    );
    if (!found) return { with: 'target', value: null, light: 'unknown' };
    const { trend } = definitions.find(({ id }) => id === value.kpi)!;
    return { with: 'target', value: found.value, light: againstTarget(value, found.value, trend) };
  };
}

const keyOf = ({ kpi, asset }: Pick<RolledValue, 'kpi' | 'asset'>): string => `${kpi} ${asset}`;

function namesOf(values: readonly RolledValue[]): { kpis: string[]; assets: string[] } {
  return {
    kpis: [...new Set(values.map(({ kpi }) => kpi))],
    assets: [...new Set(values.map(({ asset }) => asset))],
  };
}

/** Shifts of the same name may be a holiday apart. */
const longestPauseUs = 8 * dayUs;

/** The bucket that ends where this one begins; of a shift, the last one of the same name. */
function withPrevious(values: readonly RolledValue[], { values: read }: ComparisonContext): Compare {
  const { granularity } = values[0]!.bucket;
  const isShift = granularity === 'shift';
  const first = Math.min(...values.map(({ start }) => start));
  const last = Math.max(...values.map(({ start }) => start));
  const from = isShift ? first - longestPauseUs : first - 1;
  const found = Map.groupBy(read({ ...namesOf(values), granularity, from, to: Math.max(last, from + 1) }), keyOf);
  return (value) => {
    const previous = found
      .get(keyOf(value))
      ?.findLast(({ end, bucket }) =>
        isShift ? end <= value.start && bucket.shift?.code === value.bucket.shift?.code : end === value.start,
      );
    if (!previous) return { with: 'previous', value: null };
    return { with: 'previous', value: previous.value, from: previous.start, to: previous.end };
  };
}

function withReference(values: readonly RolledValue[], context: ComparisonContext): Compare {
  const read = referenceReader(values, context);
  return (value) => {
    const range = context.reference ?? referenceOf(context.plants, value);
    if (!range) return { with: 'baseline', value: null };
    return { with: 'baseline', value: read(value, range), ...range };
  };
}

/** Of the energy baseline that was in force at the end of the value's bucket. */
function referenceOf(plants: readonly Plant[], { asset, end }: RolledValue): Range | undefined {
  const plant = plantOf(plants, asset);
  if (!plant || plant.baselines.length === 0) return undefined;
  const known = kpiAssets(plant, new Map()).find(({ path, scope }) => path === asset && scope !== 'tag');
  const meters = known ? metersOf(plant, known).map(({ path }) => path) : [];
  return inForce(
    plant.baselines.filter(({ meter }) => meters.includes(meter)),
    end,
  )?.reference;
}

function referenceReader(
  values: readonly RolledValue[],
  { values: read, plants, definitions }: ComparisonContext,
): (value: RolledValue, range: Range) => number | null {
  const { kpis, assets } = namesOf(values);
  const periods = new Map<string, ReadonlyMap<string, readonly RolledValue[]>>();
  const partsOf = (value: RolledValue, granularity: 'day' | 'month', range: Range): readonly RolledValue[] => {
    const key = `${granularity} ${range.from} ${range.to}`;
    const found = periods.get(key) ?? Map.groupBy(read({ kpis, assets, granularity, ...range }), keyOf);
    periods.set(key, found);
    return (found.get(keyOf(value)) ?? []).filter(({ start, end }) => start >= range.from && end <= range.to);
  };
  return (value, range) => {
    const definition = definitions.find(({ id }) => id === value.kpi)!;
    const parts = partsOf(value, definition.granularities.includes('day') ? 'day' : 'month', range);
    if (parts.length === 0) return null;
    const elements = mergeElements(
      parts.map((part) => part.elements),
      'time',
    );
    const coverage = plantOf(plants, value.asset)?.coverage;
    const told = definition.compute(elements, coverage && { coverage }).value;
    if (told === null || !addsUp(definition, elements)) return told;
    const lengthUs = parts.reduce((sum, { start, end }) => sum + end - start, 0);
    return (told * (value.end - value.start)) / lengthUs;
  };
}
