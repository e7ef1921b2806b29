/**
 * Golden cases of the KPIs: a folder of test/fixtures/kpi with what goes in and what comes out. `run` of the input says
 * through what it goes. Expected numbers may be written as fractions, `332.5/450`, and bear the rounded figure that the
 * specification prints; `absent` is what a result must not have.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { customerBaseline } from '../../hub/kpi/customer-baseline.ts';
import { forecastDemand } from '../../hub/kpi/demand-forecast.ts';
import { eventElements } from '../../hub/kpi/demand-response.ts';
import { mergeElements } from '../../hub/kpi/elements.ts';
import { fitBaseline } from '../../hub/kpi/fit-baseline.ts';
import type { ComparedDay, KpiParameters } from '../../hub/kpi/parameters.ts';
import type { Elements } from '../../hub/kpi/result.ts';
import { toElements } from '../../hub/kpi/sums.ts';
import { oeeWaterfall } from '../../hub/kpi/waterfall.ts';
import type { Factor } from '../../hub/plant/energy-model.ts';
import { dayToJalali } from '../../hub/plant/jalali.ts';
import type { Meter } from '../../hub/plant/meter.ts';
import type { Carrier } from '../../hub/plant/schema-energy.ts';
import { weekdays } from '../../hub/plant/schema-parts.ts';
import { dayUs, fromLocal, hourUs } from '../../hub/plant/zone.ts';
import { capElements } from '../../hub/rollup/meters/cap-elements.ts';
import { demandIntervals } from '../../hub/rollup/meters/demand.ts';
import { factorElements } from '../../hub/rollup/meters/factor-elements.ts';
import { createCurve } from '../../hub/rollup/meters/register.ts';
import { tariffElements } from '../../hub/rollup/meters/tariff-elements.ts';
import { counterSteps, judgeStep } from '../../hub/rollup/samples/counter.ts';
import { vectorPlant } from './vector-plant.ts';

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

const unnamed = { code: '', meter: '', source: '' };
const always = { from: 0, to: dayUs };
const aDay = { start: 0, end: dayUs };
const meterOf = (carrier: Carrier): Meter => vectorPlant().meters.find((one) => one.carrier === carrier)!;

const runners: Readonly<Record<string, (input: Input, expected: object) => unknown>> = {
  kpi: ({ records, over = 'time', parameters }, expected) => kpis(mergeElements(records, over), parameters, expected),

  /** Demand intervals of `hours` from time 0 under one limit, as cells tell them. */
  cap({ kw, hours, limit }, expected) {
    const intervals = kw.map((one: number | null, at: number) => ({
      start: at * hours * hourUs,
      end: (at + 1) * hours * hourUs,
      kw: one ?? undefined,
    }));
    const always = { from: 0, to: dayUs, start: '00:00', end: '00:00', weekdays };
    return kpis(capElements('UTC', [{ ...unnamed, ...always, ...limit }], intervals), undefined, expected);
  },

  event: ({ intervals, requestKw, parameters }, expected) =>
    kpis(eventElements(intervals, requestKw), parameters, expected),

  /** A day of a meter that drew `kwh` in the hours of each band. */
  tariff({ bands, prices, kwh, parameters }, expected) {
    const tariff = { ...unnamed, ...always, bands, prices, meters: undefined, name: { en: '', fa: '' } };
    const hours = bands.map(({ start }: { start: string }) => Number(start.slice(0, 2)) * hourUs);
    const steps = bands.map(({ band }: { band: keyof typeof kwh }, at: number) => ({
      from: hours[at],
      to: hours[at + 1] ?? dayUs,
      delta: kwh[band],
      flag: 'OK',
    }));
    const sums = tariffElements({ tariffs: [tariff], zone: 'UTC' }, meterOf('electricity'), createCurve(steps), aDay);
    const kWh = steps.reduce((sum: number, { delta }: { delta: number }) => sum + delta, 0);
    const day = { kWh, window_s: 86_400, measured_s: 86_400 };
    return kpis({ ...toElements(sums), ...day }, parameters, expected);
  },

  /** A day of several meters, each with its factors. */
  carriers({ carriers, records }, expected) {
    const meters = carriers.map((one: { carrier: Carrier; quantity: number; mj?: number; kgCo2e?: number }) => {
      const factor = (kind: Factor['kind'], value: number | undefined): Factor[] =>
        value === undefined ? [] : [{ ...unnamed, ...always, carrier: one.carrier, kind, value }];
      const factors = [...factor('conversion', one.mj), ...factor('emission', one.kgCo2e)];
      const curve = createCurve([{ from: 0, to: dayUs, delta: one.quantity, flag: 'OK' }]);
      const known = { knownUs: dayUs, estimatedUs: 0 };
      return toElements(factorElements(factors, meterOf(one.carrier), curve, aDay, known));
    });
    return kpis(mergeElements([mergeElements(meters, 'assets'), ...records], 'time'), undefined, expected);
  },

  /** Days as `{ elements, curtailed }`, or elements alone; `of` where some are not stored. */
  pilot({ before, after, of = {} }, expected) {
    const toDay = (day: ComparedDay | Elements): ComparedDay =>
      typeof day.elements === 'object' ? (day as ComparedDay) : { elements: day as Elements, curtailed: false };
    const daysOf = (days: (ComparedDay | Elements)[], whole = days.length) => ({ days: days.map(toDay), of: whole });
    const comparison = {
      before: Array.isArray(before) ? daysOf(before, of.before) : before,
      ...{ after: daysOf(after, of.after), parameters: {}, digest: '' },
    };
    return kpis({}, { comparison }, expected);
  },

  waterfall: ({ elements }) => oeeWaterfall(elements),
  /** Readings every `minutes`, windows of `length` of them. */
  demand({ kwh, minutes, length }) {
    const sub = minutes * 60_000_000;
    const steps = kwh.map((delta: number, at: number) => ({ from: at * sub, to: (at + 1) * sub, delta, flag: 'OK' }));
    const window = { start: 0, end: kwh.length * sub };
    const of = (stepUs: number) =>
      demandIntervals(createCurve(steps), [window], window, { intervalUs: length * sub, stepUs, offsetUs: 0 })
        .filter(({ start }) => start >= 0)
        .map(({ kw }) => kw);
    return { blocks: of(length * sub), slides: of(sub) };
  },
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
  return actual === expected || (expected === 'absent' && actual === undefined) ? [] : differs;
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
