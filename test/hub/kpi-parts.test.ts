import t from 'tap';
import { checkBilling } from '../../hub/kpi/billing.ts';
import { carrierElements } from '../../hub/kpi/carriers.ts';
import { parseExpression } from '../../hub/kpi/expression.ts';
import { tariffElements } from '../../hub/kpi/tariff.ts';

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
  t.same(checkBilling({ ...good, constants }), []);
  t.same(checkBilling({ ...good, demandIrr: 'billed_demand_kW * price', reactiveIrr: '0.9 / ', constants }), [
    'demandIrr: there is no price',
    'reactiveIrr: a number or a name expected at the end',
  ]);
  t.same(
    checkBilling({ ...good, billedDemandKw: 'billed_demand_kW', constants }),
    ['billedDemandKw: there is no billed_demand_kW'],
    'no formula of itself',
  );
  t.end();
});

t.test('a cell says what its tariff and its factors make of it, and where there are none', (t) => {
  t.same(tariffElements(50, 900, { band: 'peak', priceIrr: 3 }), {
    kWh_peak: 50,
    kWh_mid: 0,
    kWh_low: 0,
    band_none_s: 0,
    cost_energy_IRR: 150,
    price_none_s: 0,
  });
  t.match(tariffElements(50, 900, { band: 'low' }), { kWh_low: 50, band_none_s: 0, price_none_s: 900 });
  t.match(tariffElements(50, 900, undefined), { kWh_peak: 0, band_none_s: 900, price_none_s: 900 });

  const times = { windowS: 900, knownS: 800, estimatedS: 100 };
  const known = { energy_s: 900, energy_known_s: 800, energy_estimated_s: 100 };
  t.same(carrierElements(10, times, { mjPerUnit: 3.6, kgCo2ePerUnit: 0.5 }), {
    energy_MJ: 36,
    energy_no_factor_s: 0,
    CO2e_kg: 5,
    CO2e_no_factor_s: 0,
    ...known,
  });
  t.match(carrierElements(10, times, { kgCo2ePerMj: 1 }), { energy_no_factor_s: 900, CO2e_no_factor_s: 900 });
  t.match(carrierElements(10, times, { mjPerUnit: 36, kgCo2ePerMj: 0.05 }), { CO2e_kg: 18, CO2e_no_factor_s: 0 });
  t.match(carrierElements(10, times, undefined), { energy_MJ: 0, energy_no_factor_s: 900, CO2e_no_factor_s: 900 });
  t.end();
});
