/**
 * What has changed since the time before the pilot (kpi.md §3): a KPI of the pilot's days of a month against the same
 * KPI of the baseline period, with a 90 % interval by bootstrap over days, and once more without curtailed days.
 */
import { addsUp } from './adds-up.ts';
import { bootstrapInterval } from './bootstrap.ts';
import { exceeds } from './compare.ts';
import { define, type Ratio, share, type Undefined } from './definition.ts';
import { columnsOf } from './drawn-days.ts';
import { mergeElements } from './elements.ts';
import type { Flag } from './flags.ts';
import type { KpiDefinition } from './kpi.ts';
import type { ComparedDay, ComparedDays, Comparison, DeclaredFigure } from './parameters.ts';
import type { Elements, KpiResult } from './result.ts';

/** Both periods must be known to this share. */
const leastCoverage = 0.9;
/** Four whole weeks. */
const fewDays = 28;
/** The same days give the same interval, today and in ten years. */
const seed = 1;

/** `undefined` of two figures that have no difference. */
type Change = (before: number, after: number) => number | null;

/** The two figures of a KPI's change: in its own unit, of ratios in points, and as a share of what it was. */
export function pilotChanges(compared: KpiDefinition): readonly [KpiDefinition, KpiDefinition] {
  const [, short] = compared.id.split('.') as [string, string];
  const { scope, groups, trend } = compared;
  const common = {
    ...{ scope, groups, trend, compares: compared, uses: [...compared.needs, ...compared.uses] },
    ...({ granularities: ['month'], needs: [], source: 'own', rules: ['R2', 'R4'] } as const),
    parameters: ['comparison'],
  } as const;
  return [
    define({
      ...common,
      id: `pl.delta_${short}`,
      name: { en: `Change: ${compared.name.en}`, fa: `تغییر ${compared.name.fa} نسبت به دورهٔ مبنا` },
      unit: compared.unit,
      formula: `${compared.id} of the pilot's days − ${compared.id} of the baseline period`,
      note: {
        en: 'Bounds are a 90 % interval by bootstrap over days. A ratio changes in points; what adds up is told for as many days as the pilot has.',
        fa: 'کران‌ها بازهٔ اطمینان ۹۰٪ با بازنمونه‌گیری از روزها هستند. تغییر نسبت‌ها به واحد درصد است؛ آنچه جمع‌پذیر است برای همان تعداد روز پایلوت گفته می‌شود.',
      },
      assess: (_, { comparison }) => change(compared, comparison, (before, after) => after - before),
    }),
    define({
      ...common,
      id: `pl.delta_pct_${short}`,
      name: { en: `Change, share: ${compared.name.en}`, fa: `درصد تغییر ${compared.name.fa} نسبت به دورهٔ مبنا` },
      unit: '1',
      formula: `(${compared.id} of the pilot's days − ${compared.id} of the baseline period) / |the latter|`,
      note: {
        en: 'Bounds are a 90 % interval by bootstrap over days.',
        fa: 'کران‌ها بازهٔ اطمینان ۹۰٪ با بازنمونه‌گیری از روزها هستند.',
      },
      assess: (_, { comparison }) =>
        change(compared, comparison, (before, after) => (before === 0 ? null : (after - before) / Math.abs(before))),
    }),
  ];
}

function change(compared: KpiDefinition, comparison: Comparison | undefined, of: Change): Ratio | Undefined {
  if (!comparison) return { undefined: 'NO_COMPARISON' };
  const { before, after, digest } = comparison;
  const figures = figuresOf(compared, comparison);
  const { was, is } = figures;
  const curtailed = { before: curtailedOf(before), after: curtailedOf(after) };
  const hasCurtailed = curtailed.before + curtailed.after > 0;
  const without = hasCurtailed ? figuresOf(compared, withoutCurtailed(comparison)) : undefined;
  const [difference, differenceWithout] = [figures, without].map((one) => one && differenceOf(one, of));
  const intervalWithout = without && differenceWithout != null ? intervalOf(without, of) : undefined;
  const coverage = Math.min(was.coverage, is.coverage);
  const rest = {
    coverage,
    elements: is.elements,
    parameters: {
      kpi: compared.id,
      ...(isDeclared(before) ? { declared_by: before.source } : { coverage_before: was.coverage }),
      days_before: isDeclared(before) ? before.days : before.days.length,
      days_after: after.days.length,
      ...(was.value !== null && { before: was.value * figures.scale }),
      ...(is.value !== null && { after: is.value }),
      coverage_after: is.coverage,
      method: 'bootstrap over days, 90 %',
      seed,
      ...(hasCurtailed && {
        curtailed_days_before: curtailed.before,
        curtailed_days_after: curtailed.after,
        ...(differenceWithout != null && { change_without_curtailed: differenceWithout }),
        ...(intervalWithout && {
          low_without_curtailed: intervalWithout[0],
          high_without_curtailed: intervalWithout[1],
        }),
      }),
      ...Object.fromEntries(Object.entries(was.elements).map(([name, amount]) => [`before_${name}`, amount])),
      days_digest: digest,
    },
  };
  const hasNothing = !isDeclared(before) && before.days.length === 0;
  if (exceeds(leastCoverage, coverage)) {
    return { ...rest, numerator: 0, denominator: 1, leastCoverage, flags: [hasNothing && 'NO_BEFORE'] };
  }
  if (difference == null) return { ...rest, undefined: whyUndefined(was, is) };
  const interval = intervalOf(figures, of);
  return {
    ...rest,
    numerator: difference,
    denominator: 1,
    leastCoverage,
    bounds: interval,
    suspect: was.status === 'suspect' || is.status === 'suspect',
    flags: [
      !interval && 'NO_INTERVAL',
      isDeclared(before) && 'DECLARED_BEFORE',
      rest.parameters.days_before < fewDays && 'SHORT_BASELINE',
      hasCurtailed && (differenceWithout == null ? 'ONLY_CURTAILED_DAYS' : 'CURTAILED_DAYS'),
    ],
  };
}

const isDeclared = (period: ComparedDays | DeclaredFigure): period is DeclaredFigure => 'value' in period;

const curtailedOf = (period: ComparedDays | DeclaredFigure): number =>
  isDeclared(period) ? 0 : period.days.filter(({ curtailed }) => curtailed).length;

const withoutCurtailed = ({ before, after, ...rest }: Comparison): Comparison => {
  const rid = ({ days }: ComparedDays): ComparedDays => {
    const kept = days.filter(({ curtailed }) => !curtailed);
    return { days: kept, of: kept.length };
  };
  return { ...rest, before: isDeclared(before) ? before : rid(before), after: rid(after) };
};

type Told = Pick<KpiResult, 'value' | 'status' | 'coverage' | 'flags' | 'elements'>;

/** The KPI of both periods, and of any draw of their days. */
interface Figures {
  readonly was: Told;
  readonly is: Told;
  /** The figure before is told for as many days as the time after has. */
  readonly scale: number;
  readonly before: readonly number[] | undefined;
  readonly after: readonly number[];
  drawnBefore(days: readonly number[]): number | null;
  drawnAfter(days: readonly number[]): number | null;
}

function figuresOf(compared: KpiDefinition, { before, after, parameters }: Comparison): Figures {
  const told = ({ days, of }: ComparedDays): Told => {
    const result = compared.compute(mergeElements(days.map(elementsOf), 'time'), parameters);
    return { ...result, coverage: result.coverage * share(days.length, of) };
  };
  const is = told(after);
  const grows = addsUp(compared, is.elements, parameters);
  const scaleOf = (days: number) => (grows && days > 0 ? after.days.length / days : 1);
  const drawn = (days: readonly ComparedDay[], { elements }: Told) => {
    const merge = columnsOf(days.map(elementsOf), Object.keys(elements));
    return (indices: readonly number[]) => compared.compute(merge(indices), parameters).value;
  };
  const common = { is, after: indicesOf(after.days), drawnAfter: drawn(after.days, is) };
  if (isDeclared(before)) {
    const was: Told = { value: before.value, status: 'ok', coverage: 1, flags: [], elements: {} };
    return { ...common, was, scale: scaleOf(before.days), before: undefined, drawnBefore: () => before.value };
  }
  const was = told(before);
  const [scale, indices] = [scaleOf(before.days.length), indicesOf(before.days)];
  return { ...common, was, scale, before: indices, drawnBefore: drawn(before.days, was) };
}

const elementsOf = ({ elements }: ComparedDay): Elements => elements;
const indicesOf = (days: readonly unknown[]): number[] => days.map((_, index) => index);

const between = (before: number | null, after: number | null, scale: number, of: Change): number | null =>
  before === null || after === null ? null : of(before * scale, after);

const differenceOf = ({ was, is, scale }: Figures, of: Change): number | null =>
  between(was.value, is.value, scale, of);

function intervalOf(figures: Figures, of: Change): readonly [number, number] | undefined {
  const { before, after, scale } = figures;
  return bootstrapInterval(before, after, seed, (drawnBefore, drawnAfter) =>
    between(figures.drawnBefore(drawnBefore), figures.drawnAfter(drawnAfter), scale, of),
  );
}

/** What one of the two lacks; else the figure before is 0. */
const whyUndefined = (was: Told, is: Told): Flag =>
  ([was, is].find(({ value }) => value === null)?.flags[0] as Flag | undefined) ?? 'DEN_ZERO';
