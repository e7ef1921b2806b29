/**
 * Golden cases of the KPIs: a folder of test/fixtures/kpi with what goes in and what comes out. `run` of the input says
 * through what it goes. Expected numbers may be written as fractions, `332.5/450`, and bear the rounded figure that the
 * specification prints.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { capability, capabilityOneSided } from '../../hub/kpi/capability.ts';
import { type CarrierFactors, carrierElements } from '../../hub/kpi/carriers.ts';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { customerBaseline } from '../../hub/kpi/customer-baseline.ts';
import { capElements, eventElements } from '../../hub/kpi/demand-response.ts';
import { demandWindows, forecastDemand } from '../../hub/kpi/demand-series.ts';
import { mergeElements } from '../../hub/kpi/elements.ts';
import { fitBaseline } from '../../hub/kpi/fit-baseline.ts';
import type { KpiParameters } from '../../hub/kpi/parameters.ts';
import type { Elements } from '../../hub/kpi/result.ts';
import { type Band, tariffElements } from '../../hub/kpi/tariff.ts';
import { oeeWaterfall } from '../../hub/kpi/waterfall.ts';
import { dayToJalali } from '../../hub/plant/jalali.ts';
import { dayUs, fromLocal, hourUs } from '../../hub/plant/zone.ts';
import { counterSteps, judgeStep } from '../../hub/rollup/counter.ts';
import { createCurve } from '../../hub/rollup/register.ts';

const goldenFolder = join(import.meta.dirname, '../fixtures/kpi');

export interface GoldenCase {
  readonly name: string;
  readonly about: string;
  readonly expected: unknown;
  run(): unknown;
}

interface Input {
  readonly run: string;
  readonly about: string;
  readonly parameters?: KpiParameters;
  // biome-ignore lint/suspicious/noExplicitAny: each runner knows its own input
  readonly [name: string]: any;
}

export const goldenCases = (): GoldenCase[] =>
  readdirSync(goldenFolder)
    .sort()
    .map((name) => {
      const read = (file: string) => JSON.parse(readFileSync(join(goldenFolder, name, `${file}.json`), 'utf8'));
      const input: Input = read('input');
      const expected = read('expected');
      return { name, about: input.about, expected, run: () => runners[input.run]!(input, expected) };
    });

/** Every KPI that a case expects, by what merged records say of it. */
function kpis(elements: Elements, parameters: KpiParameters | undefined, expected: object): unknown {
  return Object.fromEntries(
    Object.keys(expected).map((id) => [id, catalogue.find((one) => one.id === id)?.compute(elements, parameters)]),
  );
}

const runners: Readonly<Record<string, (input: Input, expected: object) => unknown>> = {
  kpi: ({ records, over = 'time', parameters }, expected) => kpis(mergeElements(records, over), parameters, expected),

  cap({ kw, hours, limitKw, tolerance }, expected) {
    const cells = kw.map((one: number | null, at: number) => capElements(one, hours, { limitKw, tolerance }, at));
    return kpis(mergeElements(cells, 'time'), undefined, expected);
  },

  event: ({ intervals, requestKw, parameters }, expected) =>
    kpis(eventElements(intervals, requestKw), parameters, expected),

  tariff({ kwh, prices, windowS, parameters }, expected) {
    const bands = Object.keys(kwh) as Band[];
    const span = windowS / bands.length;
    const cells = bands.map((band) => ({
      kWh: kwh[band],
      window_s: span,
      measured_s: span,
      ...tariffElements(kwh[band], span, { band, priceIrr: prices[band] }),
    }));
    return kpis(mergeElements(cells, 'time'), parameters, expected);
  },

  carriers({ carriers, windowS, records }, expected) {
    const times = { windowS, knownS: windowS, estimatedS: 0 };
    const cells = carriers.map((one: CarrierFactors & { quantity: number }) =>
      carrierElements(one.quantity, times, one),
    );
    return kpis(mergeElements([mergeElements(cells, 'assets'), ...records], 'time'), undefined, expected);
  },

  pilot({ kpi, before, after, seed }, expected) {
    const { compute } = catalogue.find(({ id }) => id === kpi)!;
    return kpis({}, { comparison: { kpi, compute, before, after, seed } }, expected);
  },

  waterfall: ({ elements }) => oeeWaterfall(elements),
  capability: ({ tolerance, spread, mean }) => ({
    capability: { value: capability(tolerance, spread) },
    oneSided: { value: capabilityOneSided(tolerance, mean, spread) },
  }),
  demand: ({ kwh, subHours, length }) => ({
    blocks: demandWindows(kwh, subHours, length, length).map(({ kw }) => kw),
    slides: demandWindows(kwh, subHours, length, 1).map(({ kw }) => kw),
  }),
  forecast: ({ running }) => ({ kw: forecastDemand(running) }),
  fit({ request, periods }) {
    const model = fitBaseline(request, periods);
    if ('refused' in model) return model;
    return { ...model, fit: { ...model.fit, r2: { value: model.fit!.r2 }, cvRmse: { value: model.fit!.cvRmse } } };
  },
  cbl: ({ days, intervals, rules, actualKw }) => customerBaseline(days, intervals, rules, { actualKw }),

  counter: ({ steps, jitter }) =>
    steps.map(([before, after, modulus, seconds, maxRatePerS]: number[]) =>
      judgeStep(before!, after!, seconds!, { modulus, maxRatePerS, jitter }),
    ),
  register({ readings, hours }) {
    const track = {
      times: readings.map(([time]: [string, number]) => Date.parse(time) * 1000),
      values: readings.map(([, value]: [string, number]) => value),
      qualities: readings.map(() => 0),
    };
    const curve = createCurve(counterSteps(track, { jitter: 1 }));
    return hours.map((hour: string) => {
      const start = Date.parse(hour) * 1000;
      return { value: curve.between(start, start + hourUs) };
    });
  },
  days: ({ dates }) =>
    dates.map((date: string) => {
      const midnight = Date.parse(date) * 1000;
      const [start, end] = [midnight, midnight + dayUs].map((local) => fromLocal('Asia/Tehran', local));
      return { start: new Date(start! / 1000).toISOString(), hours: (end! - start!) / hourUs };
    }),
  jalali: ({ dates }) =>
    dates.map((date: string) => {
      const { year, month, day } = dayToJalali(Date.parse(date) / 86_400_000);
      return [year, month, day];
    }),
};

/** Where a result differs from what is expected: every member that is expected, to 1e-9; empty is nowhere. */
export function differences(actual: unknown, expected: unknown, path = ''): string[] {
  const differs = [`${path || 'it'}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`];
  if (typeof actual === 'number' && (typeof expected === 'number' || typeof expected === 'string')) {
    const exact = typeof expected === 'number' ? expected : fraction(expected);
    return Math.abs(actual - exact) <= 1e-9 * Math.max(Math.abs(actual), Math.abs(exact)) ? [] : differs;
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs;
    return expected.flatMap((one, at) => differences(actual[at], one, `${path}[${at}]`));
  }
  if (typeof expected === 'object' && expected !== null) {
    if (typeof actual !== 'object' || actual === null) return differs;
    return Object.entries(expected).flatMap(([name, one]) => {
      if (name === 'printed') return printedDifference((actual as { value: number }).value, one, path);
      return differences((actual as Record<string, unknown>)[name], one, path ? `${path}.${name}` : name);
    });
  }
  return actual === expected ? [] : differs;
}

function printedDifference(value: number, printed: string, path: string): string[] {
  const decimals = printed.split('.')[1]?.length ?? 0;
  return value.toFixed(decimals) === printed ? [] : [`${path}: ${value} is not printed as ${printed}`];
}

/** `a*b/c/d`. */
const fraction = (text: string): number =>
  text
    .split('/')
    .map((part) => part.split('*').reduce((product, one) => product * Number(one), 1))
    .reduce((quotient, part) => quotient / part);
