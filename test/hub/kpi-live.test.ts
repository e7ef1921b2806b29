/** What figures of a rolled-up site say about themselves: how much of them is known, and what they were made with. */
import t, { type Test } from 'tap';
import type { RolledValue } from '../../hub/rollup/rolled-values.ts';
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import { createRolledSite, type RolledSite, type SampleEvent } from '../support/rolled-site.ts';
import { local, site, vectorPlant } from '../support/vector-plant.ts';

const minute = 60e6;
const hour = 60 * minute;
const day = 24 * hour;
const never = new AbortController().signal;
const unit = `${site}/area/line/m1`;
const name = (en: string) => ({ en, fa: en });

interface Live extends RolledSite {
  say(path: string, time: TimeUs, value: SampleValue): void;
  /** m1 runs and makes a piece a minute, the meters count, from one time to another. */
  work(from: TimeUs, to: TimeUs, meters?: Readonly<Record<string, number>>): void;
  /** Everything said so far is in the store and settled. */
  arriveAt(now: TimeUs): void;
}

function liveSite(): Live {
  const rolled = createRolledSite(site, 1);
  const [agent] = rolled.agents;
  for (const tag of ['state', 'mode'])
    agent!.tag(`area/line/m1/${tag}`, { role: tag === 'state' ? 'state' : 'process' });
  for (const name of ['total', 'good'] as const) {
    agent!.tag(`area/line/m1/count-${name}`, { role: `count_${name}`, counter: { scale: 1 } });
  }
  for (const meter of ['main', 'export', 'solar']) {
    agent!.tag(`energy/${meter}/kwh`, { role: 'kwh_import', type: 'float' });
  }
  let events: SampleEvent[] = [];
  const counts = new Map<string, number>();
  const say = (path: string, time: TimeUs, value: SampleValue) => events.push({ agent: 0, path, time, value });
  const count = (path: string, time: TimeUs, step: number) => {
    const next = (counts.get(path) ?? -step) + step;
    counts.set(path, next);
    say(path, time, next);
  };
  return {
    ...rolled,
    say,
    work(from, to, meters = { main: 1 }) {
      say('health/plc/session', from, true);
      say('area/line/m1/state', from, 6);
      say('area/line/m1/mode', from, 1);
      for (let time = from; time <= to; time += minute) {
        say('health/plc/through', time, time);
        for (const name of ['total', 'good']) count(`area/line/m1/count-${name}`, time, 1);
        for (const [meter, step] of Object.entries(meters)) count(`energy/${meter}/kwh`, time, step);
      }
    },
    arriveAt(now) {
      rolled.arrive(events, now);
      events = [];
    },
  };
}

const pick = (values: readonly RolledValue[], kpi: string, asset: string) =>
  values.filter((value) => value.kpi === kpi && value.asset === asset);

function near(t: Test, actual: number | null | undefined, expected: number, what = ''): void {
  t.ok(Math.abs((actual ?? Number.NaN) - expected) <= 1e-9 * Math.max(1, Math.abs(expected)), `${what} ${actual}`);
}

t.test('the day and the month in which a site began say how little of them is known', async (t) => {
  const live = liveSite();
  live.work(local('12:00'), local('23:59'));
  const clock = { now: local('00:00', '2025-07-08') + hour };
  live.arriveAt(clock.now);
  const rollUp = live.rollUp(vectorPlant(), clock);
  await rollUp.once(never);
  const [from, to] = [local('00:00'), local('00:00') + day];
  const days = rollUp.values({ granularity: 'day', from, to });
  const [kwh] = pick(days, 'en.kwh', `${site}/energy/main`);
  t.match(kwh, { value: null, status: 'no_data' });
  near(t, kwh?.coverage, (12 * 60 - 1) / (24 * 60));
  const [oee] = pick(days, 'prod.oee', unit);
  t.match(oee, { value: null, status: 'no_data' });
  near(t, oee?.coverage, 120 / 450, 'of the planned busy time from 06:00 to 14:00 the last two hours');
  const [complete] = pick(days, 'dq.complete', `${site}/energy/main`);
  t.ok(complete!.value! < 0.26, `two meters' tags, one of which nobody announced: ${complete!.value}`);

  const [month] = pick(rollUp.values({ granularity: 'month', from, to }), 'prod.oee', unit);
  t.match(month, { value: null, status: 'no_data', state: 'open', flags: ['INCOMPLETE'] });
  // 1 to 15 Tir have no part of it, and nobody planned a Friday off.
  near(t, month?.coverage, 120 / (450 * 16));

  const hours = rollUp.values({ granularity: 'hour', from: local('13:00'), to: local('14:00') });
  t.match(pick(hours, 'en.kwh', `${site}/energy/main`), [{ value: 60, status: 'ok', coverage: 1, flags: [] }]);
});

t.test('a unit of which nothing is known made not nothing: outside planned time as inside', async (t) => {
  const live = liveSite();
  live.work(local('12:00'), local('16:00'));
  live.say('health/plc/session', local('16:00'), false);
  const clock = { now: local('20:00') };
  live.arriveAt(clock.now);
  const rollUp = live.rollUp(vectorPlant(), clock);
  await rollUp.once(never);
  const hours = rollUp.values({ granularity: 'hour', from: local('14:00'), to: local('20:00') });
  const [busy, ...unknown] = [local('15:00'), local('17:00'), local('18:00')].map((start) =>
    pick(hours, 'prod.volume', unit).find((value) => value.start === start),
  );
  t.match(busy, { value: 60, status: 'ok', coverage: 1 }, 'it is known to have made some, planned or not');
  for (const value of unknown) t.match(value, { value: null, status: 'no_data', coverage: 0 });
});

t.test('what a site gives away is not consumed there', async (t) => {
  const meter = (code: string, role: string) => ({
    ...{ path: `energy/${code}`, name: name(code), carrier: 'electricity', role },
  });
  const plant = vectorPlant({
    meters: [meter('main', 'main'), meter('solar', 'generation'), meter('export', 'export')],
    factors: [{ carrier: 'electricity', kind: 'conversion', value: 3.6, source: 's' }],
  });
  const live = liveSite();
  live.work(local('00:00'), local('23:59'), { main: 5, solar: 3, export: 2 });
  const clock = { now: local('00:00', '2025-07-08') + hour };
  live.arriveAt(clock.now);
  const rollUp = live.rollUp(plant, clock);
  await rollUp.once(never);
  const range = { from: local('06:00'), to: local('14:00') };
  const shift = rollUp.values({ granularity: 'shift', ...range });
  const [sec] = pick(shift, 'en.sec', site);
  near(t, sec?.elements.kWh, (5 + 3 - 2) * 480, 'drawn and made, less what went out');
  const [gj] = pick(rollUp.values({ granularity: 'day', ...range }), 'en.carrier_gj', site);
  near(t, gj?.value, (6 * (24 * 60 - 1) * 3.6) / 1000);
});

const baseline = (intercept: number) => ({
  ...{ code: 'b', meter: 'energy/main', kind: 'linear', per: 'day', intercept, author: 'a' },
  ...{ terms: [{ variable: 'GQ', coefficient: 2 }], reference: { from: '1404-01-01', to: '1404-04-01' } },
  fit: { n: 90, fitted: 2, r2: 0.9, rmse: 1, cvRmse: 0.01, nmbe: 0 },
});
const withBaseline = (intercept: number, change: Record<string, unknown> = {}) =>
  vectorPlant({
    meters: [{ path: 'energy/main', name: name('m'), carrier: 'electricity', measures: ['area/line/m1'] }],
    baselines: [baseline(intercept)],
    ...change,
  });

t.test('a baseline takes unknown production for unknown, and the energy of whole periods', async (t) => {
  const live = liveSite();
  live.work(local('00:00', '2025-07-07'), local('00:00', '2025-07-08'));
  live.say('health/plc/session', local('00:00', '2025-07-08'), false);
  live.work(local('12:00', '2025-07-08'), local('00:00', '2025-07-09'));
  const clock = { now: local('12:00', '2025-07-09') };
  live.arriveAt(clock.now);
  const rollUp = live.rollUp(withBaseline(100), clock);
  await rollUp.once(never);
  const values = rollUp.values({
    ...{ granularity: 'day', kpis: ['en.eei'], assets: [`${site}/energy/main`] },
    ...{ from: local('00:00', '2025-07-06'), to: clock.now },
  });
  t.match(
    values.map(({ status, flags }) => [status, flags]),
    [
      ['ok', []],
      ['undefined', ['NO_VARIABLE']],
      ['undefined', ['NO_BASELINE']],
    ],
    'of the running day nothing is expected yet',
  );
  near(t, values[0]?.value, 1440 / (100 + 2 * 1440));
  const [month] = rollUp.values({
    ...{ granularity: 'month', kpis: ['en.saving'], assets: [`${site}/energy/main`] },
    ...{ from: local('00:00'), to: clock.now },
  });
  t.match(month, { value: null, status: 'no_data', flags: ['INCOMPLETE'], parameters: { periods: 1 } });
  near(t, month?.coverage, 1 / 17, 'of one day of seventeen it is known what was made');
});

t.test('the product of the order that is at a unit decides its planned run time and its coefficient', async (t) => {
  const rate = (plannedRunTimeS: number) => ({ rates: [{ unit: 'area/line/m1', plannedRunTimeS }] });
  const plant = vectorPlant({
    products: [
      { code: 'small', name: name('small'), ...rate(20) },
      { code: 'large', name: name('large'), standardCoefficient: 3, ...rate(50) },
    ],
    orders: [
      { unit: 'area/line/m1', product: 'small', from: '2025-07-07T06:00', to: '2025-07-07T08:00' },
      { unit: 'area/line/m1', product: 'large', from: '2025-07-07T08:00', to: '2025-07-07T09:00' },
    ],
  });
  const live = liveSite();
  live.work(local('06:00'), local('14:00'));
  const clock = { now: local('15:00') };
  live.arriveAt(clock.now);
  const rollUp = live.rollUp(plant, clock);
  await rollUp.once(never);
  const hours = rollUp.values({ granularity: 'hour', from: local('06:00'), to: local('10:00') });
  const told = (kpi: string) => pick(hours, kpi, unit).map(({ value, flags }) => value ?? flags[0]);
  const [six, seven, eight, nine] = told('prod.oee');
  near(t, six as number, (60 * 20) / 3600);
  near(t, seven as number, (60 * 20) / 3600);
  // What is seen at the instant at which an order ends was made for it.
  near(t, eight as number, (60 * 50) / 3600);
  t.equal(nine, 'NO_PRI', 'without an order nobody knows which of the two it makes');
});

t.test('as of a time, a running day is what was final of it then', async (t) => {
  const live = liveSite();
  live.work(local('00:00'), local('10:20'));
  const clock = { now: local('10:20') };
  live.arriveAt(clock.now);
  const rollUp = live.rollUp(vectorPlant(), clock);
  await rollUp.once(never);
  const asked = { kpis: ['en.kwh'], assets: [`${site}/energy/main`], from: local('00:00'), to: local('12:00') };
  const ask = (granularity: 'day' | 'month', asOf?: TimeUs) => rollUp.values({ ...asked, granularity, asOf });
  const [then] = ask('day');
  near(t, then?.value, 620);
  live.work(local('10:21'), local('23:59'));
  clock.now = local('06:00', '2025-07-08');
  live.arriveAt(clock.now);
  await rollUp.once(never);
  near(t, ask('day')[0]?.elements.kWh, 24 * 60 - 1);
  const [known] = ask('day', local('10:20'));
  t.match(known, { provisional: true, state: 'open', asOf: local('10:20') });
  near(t, known?.value, 615, 'without the quarter-hour that was running');
  t.equal(known!.inputs.length, 41);
  t.same(
    rollUp.partsOf(known!).reduce((sum, { elements }) => sum + elements.kWh!, 0),
    615,
  );
  const [month] = ask('month', local('10:20'));
  near(t, month?.elements.kWh, 615);
  t.ok(month!.coverage < 0.07 && month!.value === null, 'and of the month the first fifteen days are not known');
});

t.test(
  'a contract or a baseline that changes afterwards is a revision of the figure, told with its version',
  async (t) => {
    const live = liveSite();
    live.work(local('00:00'), local('00:00', '2025-07-08'));
    const clock = { now: local('12:00', '2025-07-08') };
    live.arriveAt(clock.now);
    const contract = (demandKw: number) => ({ contracts: [{ meter: 'energy/main', demandKw, source: 's' }] });
    const versions = [
      { plant: withBaseline(100, contract(100)), number: 1, author: 'maryam', appliedAt: local('00:00', '2025-07-01') },
      { plant: withBaseline(100, contract(120)), number: 2, author: 'reza', appliedAt: local('09:00', '2025-07-08') },
      { plant: withBaseline(200, contract(120)), number: 3, author: 'sara', appliedAt: local('10:00', '2025-07-08') },
    ];
    const rollUp = live.rollUp(versions[2]!.plant, clock, undefined, undefined, () => versions);
    await rollUp.once(never);
    const ask = (kpi: string, asOf?: TimeUs) =>
      rollUp.values({
        ...{ kpis: [kpi], assets: [`${site}/energy/main`], granularity: 'day', asOf },
        ...{ from: local('00:00'), to: local('01:00') },
      })[0]!;
    t.match(ask('en.contract_util'), { revision: 2, given: { contractDemandKw: 120 }, givenBy: { author: 'sara' } });
    near(t, ask('en.contract_util').value, 60 / 120);
    t.match(ask('en.eei'), { revision: 2, given: { baseline: { intercept: 200 } } });
    t.match(ask('en.kwh'), { revision: 1 }, 'what is given nothing of it stays as it is');
    clock.now = local('09:30', '2025-07-08');
    const early = live.rollUp(versions[1]!.plant, clock, undefined, undefined, () => versions);
    await early.once(never);
    clock.now = local('12:00', '2025-07-08');
    const then = early.values({
      ...{ kpis: ['en.eei', 'en.contract_util'], assets: [`${site}/energy/main`], granularity: 'day' },
      ...{ from: local('00:00'), to: local('01:00'), asOf: local('09:30', '2025-07-08') },
    });
    t.match(then, [
      { kpi: 'en.contract_util', revision: 2, givenBy: { number: 2 } },
      { kpi: 'en.eei', revision: 1, given: { baseline: { intercept: 100 } } },
    ]);
    t.not(then[1]!.inputHash, ask('en.eei').inputHash);
  },
);
