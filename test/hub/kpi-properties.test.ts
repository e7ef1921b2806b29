/** What holds for every KPI, whatever its elements are. */
import assert from 'node:assert/strict';
import t from 'tap';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { elementTable } from '../../hub/kpi/element-table.ts';
import { maxima, mergeElements } from '../../hub/kpi/elements.ts';
import type { KpiParameters } from '../../hub/kpi/parameters.ts';
import type { Elements } from '../../hub/kpi/result.ts';
import { fc } from '../support/drawn.ts';

const names = [...Object.keys(elementTable), 'latency_b0', 'latency_b41', 'latency_b180'];

const model = {
  id: 'm',
  version: 1,
  kind: 'table',
  energy: 'kWh',
  period: 'day',
  intercept: 5,
  terms: [{ variable: 'GQ', coefficient: 0.5, above: 10 }],
  range: { GQ: [0, 50] },
} as const;

/** Everything that parameters can say, sensible or not. */
const parameters = fc
  .record(
    {
      coverage: fc.constantFrom({ ok: 0.95, partial: 0.8 }, { ok: 0, partial: 0 }),
      mtbfDenominator: fc.constantFrom('FE', 'FE+1'),
      demand: fc.constant({ intervalS: 900, stepS: 60 }),
      contractDemandKw: fc.constantFrom(0, 1000),
      powerFactorLimit: fc.constantFrom(0, 0.9, 1, 2),
      billing: fc.constantFrom(
        { billedDemandKw: 'max(P_max_kW, contract_kW)', demandIrr: 'billed_demand_kW / (kWh - kWh)', constants: {} },
        { billedDemandKw: 'P_max_kW', demandIrr: 'billed_demand_kW', reactiveIrr: '0.9 / pf', constants: {} },
        { billedDemandKw: 'P_max_kW +', demandIrr: '', constants: {} },
      ),
      peakShareBefore: fc.constant({ share: 0.3, reference: 'r' }),
      baseline: fc.constantFrom(
        { model, periods: [{ GQ: 5 }, { GQ: 70 }] },
        { model, periods: [{}] },
        { model: { ...model, energy: 'energy_MJ' }, periods: [{ GQ: 5 }] },
      ),
      cbl: fc.constant({ method: 'high 5 of 10', days: 5 }),
      reference: fc.constant({ effectiveness: 0.9, quality: 0.9 }),
      closureLimit: fc.constant(0.05),
    },
    { requiredKeys: [] },
  )
  .map((value) => value as KpiParameters);

/** Elements without an order: that of merging does not matter. */
const unordered = <Result extends { readonly elements: Elements }>(result: Result) => ({
  ...result,
  elements: new Map(Object.entries(result.elements)),
});

const number = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 100 }) },
  { weight: 2, arbitrary: fc.constant(0) },
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const record = (value: fc.Arbitrary<number>, requiredKeys: string[] = []) =>
  fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys }) as fc.Arbitrary<Elements>;
const whole = record(number, names);

t.test('no KPI is ever NaN or infinite, and null goes with a status and a flag that say why', (t) => {
  const isNumber = (one: number | null) => one === null || Number.isFinite(one);
  fc.assert(
    fc.property(fc.oneof(record(number), whole), parameters, (elements, given) => {
      for (const { id, compute } of catalogue) {
        const result = compute(elements, given);
        const told = `${id}: ${JSON.stringify(result)}`;
        const { value, status, coverage, flags, bounds } = result;
        if (!isNumber(value)) throw new Error(told);
        if ((value === null) !== (status === 'no_data' || status === 'undefined')) throw new Error(told);
        if (status === 'undefined' && flags.length === 0) throw new Error(told);
        if (!(coverage >= 0 && coverage <= 1)) throw new Error(told);
        if (bounds && !bounds.every(isNumber)) throw new Error(told);
        if (
          ![...Object.values(result.elements), ...Object.values(result.parameters ?? {})].every(
            (one) => typeof one === 'string' || Number.isFinite(one),
          )
        )
          throw new Error(told);
      }
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('the KPI of merged cells is the KPI of the whole', (t) => {
  const count = fc.nat(1000);
  fc.assert(
    fc.property(fc.array(record(count), { minLength: 1, maxLength: 6 }), parameters, fc.nat(6), (cells, given, cut) => {
      const sums: Record<string, number> = {};
      for (const cell of cells) {
        for (const [name, value] of Object.entries(cell)) sums[name] = (sums[name] ?? 0) + value;
      }
      for (const [name, at] of maxima) {
        const [best] = cells
          .filter((cell) => cell[name] !== undefined)
          .sort((a, b) => b[name]! - a[name]! || (a[at] ?? Infinity) - (b[at] ?? Infinity));
        delete sums[at];
        if (best) sums[name] = best[name]!;
        if (best?.[at] !== undefined) sums[at] = best[at];
      }
      const merged = mergeElements(
        [mergeElements(cells.slice(0, cut), 'time'), mergeElements(cells.slice(cut), 'time')],
        'time',
      );
      for (const { compute } of catalogue)
        assert.deepEqual(unordered(compute(merged, given)), unordered(compute(sums, given)));
    }),
    { numRuns: 30 },
  );
  t.end();
});

t.test('what was not measured is never 0: without any of its needs a KPI has no value', (t) => {
  const some = Object.fromEntries(names.map((name) => [name, 10]));
  for (const { id, needs, compute } of catalogue) {
    for (const name of needs) {
      const { [name]: _, ...rest } = some;
      t.match(
        compute(rest),
        { value: null, status: 'no_data', coverage: 0, flags: ['NO_INPUT'] },
        `${id} without ${name}`,
      );
    }
  }
  t.end();
});

t.test('a value shows all that went into it: nothing else changes it', (t) => {
  fc.assert(
    fc.property(whole, whole, parameters, (elements, others, given) => {
      for (const { id, compute } of catalogue) {
        const result = compute(elements, given);
        const again = compute({ ...others, ...result.elements }, given);
        if (Object.keys(result.elements).some((name) => name.startsWith('latency'))) continue;
        assert.deepEqual(again, result, id);
      }
    }),
    { numRuns: 20 },
  );
  t.end();
});

t.test('ratios above one and below nought stay what they are', (t) => {
  const rows = [
    ['prod.scrap', 'SQ', 'PQ'],
    ['prod.attainment', 'GQ_planned', 'PLAN'],
    ['en.selfgen', 'kWh_own', 'kWh_grid'],
    ['dr.performance', 'event_cbl_kWh', 'event_request_kWh'],
    ['dq.complete', 'known_s', 'expected_s'],
    ['prod.worker_eff', 'APWT_s', 'APAT_s'],
  ] as const;
  for (const [id, numerator, denominator] of rows) {
    const { needs, compute } = catalogue.find((one) => one.id === id)!;
    const zero = Object.fromEntries(needs.map((name) => [name, 0]));
    for (const part of [-30, 70]) {
      const result = compute({ ...zero, event_s: 1, event_measured_s: 1, [numerator]: part, [denominator]: 20 });
      const whole = id === 'en.selfgen' ? 20 + part : 20;
      t.equal(result.value, part / whole, `${id} of ${part}`);
    }
  }
  t.end();
});
