/** What KPIs are made with: formulas of tariffs, baselines and the fits behind them. */

import t from 'tap';
import { cusum, expectedEnergy, isAccepted } from '../../hub/kpi/baseline-model.ts';
import { checkBilling } from '../../hub/kpi/billing.ts';
import { bootstrapInterval, randomNumbers } from '../../hub/kpi/bootstrap.ts';
import { customerBaseline } from '../../hub/kpi/customer-baseline.ts';
import { tagCoverage } from '../../hub/kpi/data-quality.ts';
import { parseExpression } from '../../hub/kpi/expression.ts';
import { fitBaseline } from '../../hub/kpi/fit-baseline.ts';
import type { KpiStatus } from '../../hub/kpi/result.ts';
import { againstTarget } from '../../hub/kpi/target.ts';
import { fc } from '../support/drawn.ts';
import { differences } from '../support/kpi-golden.ts';

t.test('a formula of a tariff says what it says, and nothing but numbers', (t) => {
  const values: Record<string, number> = { P: 820, contract: 1000, pf: 0.8, big: 1e308 };
  const evaluate = (text: string) => {
    const parsed = parseExpression(text);
    return 'error' in parsed ? parsed.error : parsed.evaluate((name) => values[name]);
  };
  t.equal(evaluate('max(P, 0.9 * contract)'), 900);
  t.equal(evaluate('1 - 2 - 3 * 4 / 2'), -7, 'left to right, products first');
  t.equal(evaluate('-(2 + 3) * -1e1'), 50);
  t.equal(evaluate('max(0, 0.9 / pf - 1)'), 0.9 / 0.8 - 1);
  t.equal(evaluate('sqrt(abs(-16)) + min(3, 2, 1)'), 5);
  t.equal(evaluate('P + unknown'), undefined, 'a number that is missing');
  t.equal(evaluate('P / 0'), undefined);
  t.equal(evaluate('big * 10'), undefined);
  t.equal(evaluate('sqrt(-1)'), undefined);
  t.equal(evaluate('max(P, '), 'a number or a name expected at the end');
  t.equal(evaluate('P P'), 'an operator or the end expected at 3, not "P"');
  t.equal(evaluate('(P'), '")" expected at the end');
  t.equal(evaluate('P ^ 2'), '"^" at 3 means nothing here');
  t.equal(evaluate('sqrt(1, 2)'), 'one number for sqrt expected at 10, not ")"');
  t.equal(evaluate(''), 'a number or a name expected at the end');
  t.match(evaluate('constructor(1)'), /min, max, abs or sqrt instead of constructor/);
  t.match(evaluate('process.exit(1)'), /"\."/);
  t.equal(evaluate('toString'), undefined, 'nothing of JavaScript has a value');
  t.match(evaluate('('.repeat(501)), /longer than 500/);
  t.equal(evaluate(`${'('.repeat(240)}1${')'.repeat(240)}`), 1);
  t.end();
});

t.test('formulas are checked when they are declared, not when the month ends', (t) => {
  const constants = { demand_price: 2, factor: 0.9 };
  const good = { billedDemandKw: 'max(P_max_kW, factor * contract_kW)', demandIrr: 'billed_demand_kW * demand_price' };
  const told = (billing: Parameters<typeof checkBilling>[0]) =>
    checkBilling(billing).map(({ formula, message }) => `${formula}: ${message.en}`);
  t.same(told({ ...good, constants }), []);
  t.match(told({ ...good, demandIrr: 'billed_demand_kW * price', reactiveIrr: '0.9 / ', constants }), [
    /^demandIrr: there is no price; known: .*billed_demand_kW/,
    /^reactiveIrr: a number or a name expected at the end; write/,
  ]);
  t.match(
    told({ ...good, billedDemandKw: 'billed_demand_kW', constants }),
    [/^billedDemandKw: there is no billed_demand_kW/],
    'no formula of itself',
  );
  t.end();
});

const request = { id: 'b', version: 1, energy: 'kWh', period: 'month' } as const;

t.test('a baseline of two variables finds what the data were made of', (t) => {
  const x = [
    [100, 300],
    [220, 250],
    [310, 90],
    [400, 20],
    [180, 200],
    [260, 140],
  ];
  const periods = x.map(([GQ_t, HDD_Kd]) => ({ GQ_t: GQ_t!, HDD_Kd: HDD_Kd!, kWh: 5e6 + 394 * GQ_t! + 25 * HDD_Kd! }));
  const model = fitBaseline({ ...request, method: 'linear', variables: ['GQ_t', 'HDD_Kd'] }, periods);
  if ('refused' in model) return t.fail(model.refused);
  t.same(
    differences(model, {
      intercept: 5e6,
      terms: [{ coefficient: 394 }, { coefficient: 25 }],
      range: { GQ_t: [100, 400], HDD_Kd: [20, 300] },
      fit: { n: 6, fitted: 3, r2: 1 },
    }),
    [],
  );
  t.ok(model.fit!.rmse < 1e-6);
  t.equal(isAccepted(model), true);
  t.end();
});

t.test('a change point is found between the observations', (t) => {
  const days = (shape: (x: number) => number) =>
    Array.from({ length: 24 }, (_, index) => (index * 7) % 24).map((x) => ({ CDD_Kd: x, kWh: shape(x) }));
  for (const [method, shape, point, terms] of [
    ['above', (x: number) => 500 + 12 * Math.max(0, x - 8.25), 8.25, [12]],
    ['below', (x: number) => 500 + 7 * Math.max(0, 14.5 - x), 14.5, [7]],
    ['bend', (x: number) => 500 + 3 * Math.max(0, 10.4 - x) + 9 * Math.max(0, x - 10.4), 10.4, [3, 9]],
  ] as const) {
    const model = fitBaseline({ ...request, period: 'day', method, variables: ['CDD_Kd'] }, days(shape));
    if ('refused' in model) return t.fail(model.refused);
    t.equal(model.kind, 'change_point');
    t.equal(model.fit!.fitted, 2 + terms.length, 'the change point is fitted too');
    const [first] = model.terms;
    t.ok(Math.abs((first!.above ?? first!.below)! - point) < 1e-5, `${method}: ${JSON.stringify(model.terms)}`);
    for (const [index, { coefficient }] of model.terms.entries()) t.ok(Math.abs(coefficient - terms[index]!) < 1e-4);
    t.ok(Math.abs(expectedEnergy(model, { CDD_Kd: 20 }).energy! - shape(20)) < 1e-3);
  }
  t.end();
});

t.test('what cannot be fitted is refused with the reason, never fitted anyhow', (t) => {
  const fit = (method: 'ratio' | 'linear' | 'above', variables: ('GQ' | 'GQ_t')[], rows: Record<string, number>[]) =>
    fitBaseline({ ...request, method, variables }, rows);
  const rows = [1, 2, 3, 4].map((x) => ({ GQ: x, GQ_t: 2 * x, kWh: 10 + x }));
  t.same(fit('linear', ['GQ', 'GQ_t'], rows), { refused: 'DEPENDENT' }, 'one variable is the other');
  t.same(
    fit(
      'linear',
      ['GQ'],
      rows.map((row) => ({ ...row, GQ: 7 })),
    ),
    { refused: 'DEPENDENT' },
    'it does not vary',
  );
  t.same(fit('linear', ['GQ'], rows.slice(0, 2)), { refused: 'TOO_FEW' });
  t.same(fit('above', ['GQ'], rows.slice(0, 3)), { refused: 'TOO_FEW' });
  t.same(fit('linear', ['GQ'], [...rows, { kWh: 4 }]), { refused: 'NO_VARIABLE' });
  t.same(fit('ratio', ['GQ', 'GQ_t'], rows), { refused: 'WRONG_VARIABLES' });
  t.same(
    fit(
      'ratio',
      ['GQ'],
      rows.map((row) => ({ ...row, GQ: 0 })),
    ),
    { refused: 'DEPENDENT' },
  );
  t.match(fit('ratio', ['GQ'], rows), { intercept: 0, terms: [{ coefficient: 5 }], kind: 'ratio' });
  t.match(
    fit(
      'linear',
      ['GQ'],
      rows.map((row) => ({ ...row, kWh: 0 })),
    ),
    { fit: { r2: null, cvRmse: null, nmbe: null } },
  );
  t.end();
});

t.test('least squares leave residuals that no variable explains', (t) => {
  const row = fc.tuple(
    fc.integer({ min: 0, max: 500 }),
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 1, max: 9999 }),
  );
  fc.assert(
    fc.property(fc.array(row, { minLength: 6, maxLength: 40 }), (rows) => {
      const periods = rows.map(([GQ, HDD_Kd, kWh]) => ({ GQ, HDD_Kd, kWh }));
      const model = fitBaseline({ ...request, method: 'linear', variables: ['GQ', 'HDD_Kd'] }, periods);
      if ('refused' in model) return;
      const residuals = periods.map((period) => period.kWh - expectedEnergy(model, period).energy!);
      for (const weight of [() => 1, (at: number) => periods[at]!.GQ, (at: number) => periods[at]!.HDD_Kd]) {
        const sum = residuals.reduce((total, one, at) => total + one * weight(at), 0);
        if (Math.abs(sum) > 1e-5 * 9999 * 500) throw new Error(`${sum}`);
      }
      if (!(model.fit!.r2 === null || (model.fit!.r2 <= 1 && model.fit!.r2 > -1e-9)))
        throw new Error(`${model.fit!.r2}`);
    }),
  );
  t.end();
});

t.test('CUSUM runs on over a period that is not known', (t) => {
  t.same(
    cusum([
      { actual: 10, expected: 12 },
      { actual: null, expected: 12 },
      { actual: 15, expected: 12 },
    ]),
    [-2, null, 1],
  );
  t.end();
});

t.test('days of a customer baseline are sifted, and the reasons are kept', (t) => {
  const day = (name: string, age: number, kw: (number | null)[], excluded?: string) => ({
    day: name,
    age,
    kw,
    excluded,
  });
  const rules = { x: 1, y: 2, pick: 'high', lookbackDays: 45, adjust: 'additive', adjustCap: 0.2 } as const;
  const candidates = [
    day('old', 46, [9, 9]),
    day('gap', 2, [null, 9]),
    day('event', 3, [9, 9], 'event'),
    day('short', 4, [9]),
    day('b', 6, [5, 5]),
    day('a', 5, [3, 5]),
    day('c', 7, [9, 9]),
  ];
  const found = customerBaseline(candidates, 2, rules);
  t.same(found.days, ['b'], 'the higher one of the two newest that are left');
  t.same(found.kw, [5, 5]);
  t.same(found.notEligible, [
    { day: 'gap', reason: 'not_measured' },
    { day: 'event', reason: 'event' },
    { day: 'short', reason: 'not_measured' },
    { day: 'old', reason: 'too_old' },
  ]);
  t.equal(found.fallback, undefined);

  const low = customerBaseline([...candidates, day('holiday-like', 1, [1, 1])], 2, { ...rules, leastShare: 0.25 });
  t.match(low.notEligible.at(-1), { day: 'holiday-like', reason: 'low' });
  t.same(low.days, ['b']);

  const edge = customerBaseline([day('last', 45, [9, 9]), day('low', 1, [2, 2]), day('usual', 2, [8, 8])], 2, {
    ...{ ...rules, x: 3, y: 3, leastShare: 2 / 9 },
  });
  t.same(edge.days, ['last', 'usual', 'low'], 'the oldest age and the least share are still eligible');
  const equal = [day('older', 9, [5, 5]), day('newer', 8, [5, 5]), day('other', 7, [1, 1])];
  t.same(customerBaseline(equal, 2, { ...rules, y: 3 }).days, ['newer'], 'of equal days the newer one');

  const few = candidates.slice(0, 5);
  t.match(customerBaseline(few, 2, rules), { kw: null, fallback: 'none', days: [] });
  t.match(customerBaseline(few, 2, rules, { reference: { kw: 7 } }), { kw: [7, 7], fallback: 'reference_demand' });
  t.match(
    customerBaseline(few, 2, rules, { reference: { kw: 7, days: [day('r1', 90, [1, 2]), day('r2', 91, [3, 4])] } }),
    {
      kw: [2, 3],
      fallback: 'reference_weeks',
      days: ['r1', 'r2'],
    },
  );
  t.end();
});

t.test('an adjustment is added to every interval, or multiplies it', (t) => {
  const day = { day: 'a', age: 1, kw: [100, 300], adjustmentKw: 100 };
  const rules = { x: 1, y: 1, pick: 'high', lookbackDays: 9, adjustCap: 0.2 } as const;
  const adjusted = (adjust: 'none' | 'additive' | 'multiplicative', actualKw: number) =>
    customerBaseline([day], 2, { ...rules, adjust }, { actualKw }).kw;
  t.same(adjusted('additive', 110), [110, 310]);
  t.same(adjusted('additive', 40), [60, 260], 'no more than a fifth of the mean is taken off');
  t.same(differences(adjusted('multiplicative', 110), [110, 330]), []);
  t.same(adjusted('none', 110), [100, 300]);
  t.end();
});

t.test('an adjustment that cannot be known is none', (t) => {
  const day = { day: 'a', age: 1, kw: [0], adjustmentKw: 0 };
  const rules = { x: 1, y: 1, pick: 'high', lookbackDays: 9, adjust: 'multiplicative', adjustCap: 0.2 } as const;
  t.match(customerBaseline([day], 1, rules, { actualKw: 5 }), { kw: [0], adjustmentKw: 0 }, 'nothing to multiply');
  t.match(customerBaseline([{ ...day, kw: [8] }], 1, rules, { actualKw: 5 }), { kw: [8], adjustmentKw: 0 });
  t.match(customerBaseline([{ day: 'a', age: 1, kw: [8] }], 1, rules, { actualKw: 5 }), { kw: [8], adjustmentKw: 0 });
  t.match(customerBaseline([{ ...day, kw: [8], adjustmentKw: 10 }], 1, rules, { actualKw: 5 }), {
    kw: [6.4],
    isCapped: true,
  });
  t.end();
});

t.test(
  'the interval of a difference is the same for the same seed, and holds the truth about nine times in ten',
  (t) => {
    const mean = (days: readonly number[]) => days.reduce((sum, one) => sum + one, 0) / days.length;
    const difference = (before: readonly number[], after: readonly number[]) => mean(after) - mean(before);
    const random = randomNumbers(7);
    let held = 0;
    for (let trial = 0; trial < 100; trial++) {
      const sample = (shift: number) => Array.from({ length: 28 }, () => shift + random() + random());
      const [before, after] = [sample(0), sample(0.5)];
      const interval = bootstrapInterval(before, after, trial, difference)!;
      t.same(bootstrapInterval(before, after, trial, difference), interval);
      if (interval[0] <= 0.5 && 0.5 <= interval[1]) held++;
    }
    t.ok(held >= 80 && held <= 98, `${held} of 100`);
    t.equal(bootstrapInterval([1], [1, 2], 1, difference), undefined, 'one day is no sample');
    t.equal(
      bootstrapInterval([1, 2], [1, 2], 1, () => null),
      undefined,
    );
    t.end();
  },
);

t.test('a target is met, nearly met or missed; what is not known is none of them', (t) => {
  const light = (value: number | null, target: number, trend: 'higher' | 'lower' | 'none', status: KpiStatus = 'ok') =>
    againstTarget({ value, status }, target, trend);
  t.equal(light(0.8, 0.8, 'higher'), 'met');
  t.equal(light(0.77, 0.8, 'higher'), 'near');
  t.equal(light(0.7, 0.8, 'higher'), 'missed');
  t.equal(light(2.2, 2.3, 'lower'), 'met');
  t.equal(light(2.4, 2.3, 'lower'), 'near');
  t.equal(light(3, 2.3, 'lower'), 'missed');
  t.equal(light(null, 0.8, 'higher', 'no_data'), 'unknown');
  t.equal(light(0.9, 0.8, 'higher', 'suspect'), 'unknown');
  t.equal(light(0.9, 0.8, 'none'), 'unknown');
  t.end();
});

t.test('a contracted tag counts as covered when it is bound and nearly always known', (t) => {
  t.same(
    tagCoverage([
      { expected_s: 100, known_s: 95 },
      { expected_s: 100, known_s: 94 },
      { expected_s: 0, known_s: 0 },
      undefined,
    ]),
    { tags_contracted: 4, tags_mapped: 3, tags_complete: 1 },
  );
  t.end();
});
