/** What a pilot is judged by: its KPIs against those of the baseline period, and the readiness that people assessed. */
import { bootstrapInterval } from './bootstrap.ts';
import { exceeds } from './compare.ts';
import { define, type Ratio, type Undefined } from './definition.ts';
import { mergeElements } from './elements.ts';
import type { Comparison, KpiParameters } from './parameters.ts';
import type { Elements } from './result.ts';

/** Both periods must be known to this share. */
const leastCoverage = 0.9;

const pilotKpi = {
  scope: ['site', 'area', 'line', 'unit', 'meter'],
  granularities: ['month'],
  groups: [],
  trend: 'none',
  source: 'own',
  needs: [],
} as const;

const deltaKpi = {
  ...pilotKpi,
  rules: ['R2', 'R4'],
  parameters: ['comparison'],
  note: 'Bounds are a 90 % interval by bootstrap over days. Shown with and without curtailed days: two comparisons.',
} as const;

/** @param of the difference that is told, of the value before and the value after. */
function compare(
  { comparison }: KpiParameters,
  of: (before: number, after: number) => number | null,
): Ratio | Undefined {
  if (!comparison) return { undefined: 'NO_COMPARISON' };
  const { kpi, before, after, seed } = comparison;
  const [was, is] = [resultOf(comparison, before), resultOf(comparison, after)];
  const coverage = Math.min(was.coverage, is.coverage);
  const parameters = {
    kpi,
    days_before: before.length,
    days_after: after.length,
    method: 'bootstrap over days, 90 %',
    seed,
    coverage_before: was.coverage,
    coverage_after: is.coverage,
    ...(was.value !== null && { before: was.value }),
    ...(is.value !== null && { after: is.value }),
  };
  if (exceeds(leastCoverage, coverage)) return { numerator: 0, denominator: 1, coverage, leastCoverage, parameters };
  const difference = was.value === null || is.value === null ? null : of(was.value, is.value);
  if (difference === null) return { undefined: 'DEN_ZERO', coverage, parameters };
  // A thousand times: with what the KPI reads, and no more.
  const names = new Set([...Object.keys(was.elements), ...Object.keys(is.elements)]);
  const [readBefore, readAfter] = [before, after].map((days) => days.map((day) => only(day, names)));
  const interval = bootstrapInterval(readBefore!, readAfter!, seed, (a, b) => {
    const [drawnBefore, drawnAfter] = [resultOf(comparison, a).value, resultOf(comparison, b).value];
    return drawnBefore === null || drawnAfter === null ? null : of(drawnBefore, drawnAfter);
  });
  return {
    numerator: difference,
    denominator: 1,
    coverage,
    leastCoverage,
    bounds: interval,
    suspect: was.status === 'suspect' || is.status === 'suspect',
    flags: [!interval && 'NO_INTERVAL'],
    parameters,
  };
}

const only = (day: Elements, names: ReadonlySet<string>): Elements =>
  Object.fromEntries(Object.entries(day).filter(([name]) => names.has(name)));

const resultOf = ({ compute }: Comparison, days: readonly Elements[]) => compute(mergeElements(days, 'time'));

export const pilotChange = define({
  ...deltaKpi,
  id: 'pl.delta',
  name: { en: 'Baseline vs pilot change', fa: 'تغییر نسبت به دوره مبنا' },
  unit: 'own',
  formula: 'value after − value before; of ratios in points',
  assess: (_, parameters) => compare(parameters, (before, after) => after - before),
});

export const pilotChangeShare = define({
  ...deltaKpi,
  id: 'pl.delta_pct',
  name: { en: 'Baseline vs pilot change, share', fa: 'تغییر نسبت به دوره مبنا (درصد)' },
  unit: '1',
  formula: '(value after − value before) / |value before|',
  assess: (_, parameters) =>
    compare(parameters, (before, after) => (before === 0 ? null : (after - before) / Math.abs(before))),
});

const scales = { siri: [0, 5], acatech: [1, 6] } as const;

export const maturity = define({
  ...pilotKpi,
  id: 'pl.maturity',
  name: { en: 'Readiness score', fa: 'امتیاز آمادگی (SIRI / acatech)' },
  unit: '0–5 (SIRI), 1–6 (acatech)',
  formula: 'the score that the assessor gave; never computed from signals',
  note: 'The newest assessment before the end of the month.',
  scope: ['site'],
  granularities: ['month'],
  trend: 'higher',
  source: 'SIRI, acatech',
  parameters: ['assessment'],
  assess(_, { assessment }) {
    if (!assessment) return { undefined: 'NOT_ASSESSED' };
    const { model, modelVersion, score, assessor, date, dimensions } = assessment;
    const [least, greatest] = scales[model];
    const isOnScale = (one: number) => one >= least && one <= greatest;
    return {
      numerator: score,
      denominator: 1,
      suspect: ![score, ...Object.values(dimensions)].every(isOnScale),
      flags: [![score, ...Object.values(dimensions)].every(isOnScale) && 'OFF_SCALE'],
      parameters: { model, model_version: modelVersion, assessor, date, ...dimensions },
    };
  },
});
