/** What figures of a rolled-up site say about themselves: how much of them is known, and what they were made with. */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { withEntries } from '../../hub/entries/with-entries.ts';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { buildPlant } from '../../hub/plant/plant.ts';
import { plantSchema } from '../../hub/plant/plant-file.ts';
import { kpiAssets } from '../../hub/rollup/cells/site-plan.ts';
import { fitStored } from '../../hub/rollup/values/fit-stored.ts';
import type { RolledValue } from '../../hub/rollup/values/rolled-values.ts';
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import { createRolledSite, type RolledSite, type SampleEvent } from '../support/rolled-site.ts';
import { local, site, vectorPlant, vectorPlantFile } from '../support/vector-plant.ts';

// biome-ignore lint/suspicious/noExplicitAny: a plant file before it is read.
type Json = any;

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
  /** The session goes on, and the meters count; the machine stands. */
  idle(from: TimeUs, to: TimeUs, meters: Readonly<Record<string, number>>): void;
  /** Everything said so far is in the store, accepted when it was measured and settled then. */
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
    idle(from, to, meters) {
      say('area/line/m1/state', from, 4);
      for (let time = from; time <= to; time += minute) {
        say('health/plc/through', time, time);
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
const oneMachine = [
  {
    ...{ code: 'area', name: name('area') },
    lines: [{ code: 'line', name: name('line'), units: [{ code: 'm1', name: name('m1'), stateMap: 'machine' }] }],
  },
];
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

/** The demo's machining plant, with everything that a plant model can name. */
function wholePlant() {
  const file = parse(readFileSync('config/demo/plants/machining.yaml', 'utf8'));
  const line = 'machining/line-1';
  const [machine, ...others] = file.areas[0].lines[0].units;
  const meter = (path: string, change: object) => ({ path, name: name(path), carrier: 'electricity', ...change });
  const source = 'a test';
  const whole = {
    ...file,
    // A month of two days is told here.
    coverage: { ok: 0.02, partial: 0 },
    areas: [{ ...file.areas[0], lines: [{ ...file.areas[0].lines[0], units: [machine] }] }],
    products: [file.products[0]],
    contractedTags: file.contractedTags.filter((tag: string) => !/cnc-[23]/.test(tag)),
    orders: [
      {
        unit: `${line}/cnc-1`,
        product: 'shaft',
        quantity: 900,
        plannedScrap: 20,
        from: '1404-04-16',
        to: '1404-04-18',
      },
    ],
    meters: [
      meter('energy/main', {
        tags: { reactive: 'energy/main/kvarh' },
        supply: { tag: 'energy/main/voltage', below: 200 },
      }),
      meter('energy/line', { parent: 'energy/main', measures: [line, 'machining'], tags: {} }),
      meter('energy/cnc-1', { parent: 'energy/line', measures: [`${line}/cnc-1`] }),
      meter('energy/solar', { role: 'generation', measures: ['machining'] }),
      { path: 'energy/gas', name: name('gas'), carrier: 'gas' },
    ],
    factors: [
      ...file.factors,
      { carrier: 'gas', kind: 'conversion', value: 36, source },
      { carrier: 'gas', kind: 'emission', value: 2, source },
    ],
    limits: [
      {
        ...{ code: 'cap', meter: 'energy/main', from: '1404-04-16', to: '1404-04-17', source },
        ...{ start: '12:00', end: '16:00', referenceKw: 100, percent: 50 },
      },
    ],
    events: [
      {
        ...{ code: 'peak', name: name('peak'), meter: 'energy/main', requestKw: 20 },
        ...{ from: '1404-04-17T12:00', to: '1404-04-17T13:00', baseline: { x: 1, y: 1, referenceKw: 90 } },
      },
    ],
    baselines: ['main', 'line', 'cnc-1', 'gas'].map((code) => ({
      ...{ code, meter: `energy/${code}`, kind: 'linear', per: 'day', intercept: 100, author: source },
      ...{ terms: [{ variable: 'GQ', coefficient: 1 }], energy: code === 'gas' ? 'energy_MJ' : 'kWh' },
      reference: { from: '1404-01-01', to: '1404-04-01' },
    })),
    outputReferences: [{ unit: `${line}/cnc-1`, effectiveness: 0.9, quality: 0.9, source }],
    weather: { temperature: 'outdoor/temperature' },
    pilot: { from: '1404-04-17', baseline: { from: '1404-04-16', to: '1404-04-17' } },
  };
  machine.tags = { countRework: `${line}/cnc-1/count-rework` };
  t.equal(others.length, 2);
  const built = buildPlant(plantSchema.parse(whole));
  const [asset, area] = [`${built.path}/${line}/cnc-1`, `${built.path}/machining`];
  const span = { from: local('06:00'), to: local('06:00', '2025-07-09') };
  return withEntries(built, [
    { kind: 'inspection', asset, ...span, inspected: 600, good: 570 },
    ...[asset, area].map((place) => ({ kind: 'attendance', asset: place, ...span, people: 3, workedH: 120 }) as const),
    { kind: 'attendance', asset: `${built.path}/${line}`, ...span, people: 1, workedH: 24 },
  ]);
}

/** Everything is measured for two business days; the machine fails, is set up, repaired, maintained and curtailed. */
async function measureWholeSite() {
  const plant = wholePlant();
  const rolled = createRolledSite(plant.path, 1);
  const agent = rolled.agents[0]!;
  const machine = 'machining/line-1/cnc-1';
  const events: SampleEvent[] = [];
  const say = (path: string, time: TimeUs, value: SampleValue) => events.push({ agent: 0, path, time, value });
  for (const tag of ['state', 'mode']) agent.tag(`${machine}/${tag}`, { role: tag === 'state' ? 'state' : 'process' });
  const counters = ['total', 'good', 'scrap', 'rework'] as const;
  for (const one of counters) {
    agent.tag(`${machine}/count-${one}`, {
      role: one === 'rework' ? 'process' : `count_${one}`,
      counter: { scale: 1 },
    });
  }
  const registers = ['main/kwh', 'main/kvarh', 'line/kwh', 'cnc-1/kwh', 'solar/kwh', 'gas/pulses'];
  for (const one of registers) agent.tag(`energy/${one}`, { role: 'kwh_import', type: 'float', counter: { scale: 1 } });
  for (const one of ['energy/main/voltage', 'outdoor/temperature']) agent.tag(one, { type: 'float' });
  const [from, to] = [local('06:00'), local('06:00', '2025-07-09')];
  say('health/plc/session', from, true);
  for (const begin of [from, from + day]) {
    const at = (time: string) => local(time, begin === from ? '2025-07-07' : '2025-07-08');
    for (const [time, state, mode] of [
      ['06:00', 6, 4], // set up
      ['06:30', 6, 1],
      ['09:00', 9, 1], // a failure
      ['09:10', 9, 2], // repaired
      ['09:20', 6, 1],
      ['11:00', 4, 2], // maintained
      ['11:30', 6, 1],
      ['13:00', 4, 1],
    ] as const) {
      say(`${machine}/state`, at(time), state);
      say(`${machine}/mode`, at(time), mode);
    }
    say('energy/main/voltage', at('06:00'), 230);
    say('energy/main/voltage', at('03:00') + day, 0);
    say('energy/main/voltage', at('03:05') + day, 230);
    say('outdoor/temperature', at('06:00'), 30);
  }
  for (let time = from, count = 0; time <= to; time += minute, count++) {
    say('health/plc/through', time, time);
    const made = Math.floor(count / 2);
    const scrapped = [Math.floor(made / 20), Math.floor(made / 50)] as const;
    const counted = { total: made, scrap: scrapped[0], rework: scrapped[1], good: made - scrapped[0] - scrapped[1] };
    for (const one of counters) say(`${machine}/count-${one}`, time, counted[one]);
    for (const [index, one] of registers.entries()) say(`energy/${one}`, time, count * (registers.length - index));
  }
  const clock = { now: to + hour };
  for (let time = from; time <= to; time += minute) {
    const frame = events.filter((event) => event.time >= time && event.time < time + minute);
    rolled.arrive(frame, time + 20e6);
  }
  const rollUp = rolled.rollUp(plant, clock);
  await rollUp.once(never);
  const values = (['15min', 'hour', 'shift', 'day', 'week', 'month', 'event'] as const).flatMap((granularity) =>
    rollUp.values({ granularity, from, to }),
  );
  return { plant, rollUp, values, from, to };
}

/** Made once: it is only read. */
let measured: ReturnType<typeof measureWholeSite> | undefined;
function wholeSite() {
  measured ??= measureWholeSite();
  return measured;
}

t.test('every KPI has a value on a site that measures everything, at each kind of asset that it is for', async (t) => {
  const { plant, values } = await wholeSite();
  const scopes = new Map(kpiAssets(plant, new Map()).map(({ path, scope }) => [path, scope]));
  const has = new Set(
    values
      .filter(({ value }) => value !== null)
      .flatMap(({ kpi, asset, bucket }) => [
        `${kpi} ${scopes.get(asset)}`,
        ...(bucket.granularity === 'event' ? [`${kpi} event`] : []),
      ]),
  );
  const lacking = catalogue.flatMap(({ id, scope }) =>
    scope.filter((one) => one !== 'tag' && !has.has(`${id} ${one}`)).map((one) => [id, one] as const),
  );
  const reasons: readonly (readonly [reason: string, kpis: RegExp, scopes: readonly string[]])[] = [
    ['here several meters measure it, each with a baseline of its own', /^en\.(eei|saving)/, ['area', 'site']],
  ];
  for (const [reason, kpis, scopes] of reasons) {
    const found = lacking.filter(([id]) => kpis.test(id)).map(([, scope]) => scope);
    t.same([...new Set(found)].sort(), [...scopes].sort(), reason);
  }
  t.same(
    lacking.filter(([id]) => !reasons.some(([, kpis]) => kpis.test(id))),
    [],
    'nothing lacks a value without a reason',
  );
});

t.test('what is told of data, connection, clock, weather, supply and events is right', async (t) => {
  const { plant, values, from } = await wholeSite();
  const meter = `${plant.path}/energy/main`;
  const at = (kpi: string, asset: string, granularity: string, start = from) =>
    values.find(
      (one) => one.kpi === kpi && one.asset === asset && one.bucket.granularity === granularity && one.start === start,
    );
  const machine = `${plant.path}/machining/line-1/cnc-1`;
  near(t, at('dq.ontime', machine, 'day')?.value, 1, 'frames came 20 s after each minute began');
  t.match(at('dq.backfill', machine, 'day'), { value: null, flags: ['DEN_ZERO'] }, 'nothing was missed');
  const latency = at('dq.latency', plant.path, 'day');
  t.ok(latency!.bounds![0]! < 20 && 20 < latency!.bounds![1]!, `${latency!.bounds} s`);
  near(t, at('dq.uptime', plant.path, 'day')?.value, 1);
  near(t, at('dq.uptime_device', plant.path, 'day')?.value, 1);
  near(t, at('dq.clock', plant.path, 'day')?.value, 20, 'no frame says that it was less');
  // cnc-1 and its four contracted tags, and the meter's.
  t.match(at('dq.tag_cov', plant.path, 'day'), { value: 1, elements: { tags_contracted: 4, tags_mapped: 4 } });
  t.match(at('en.outage', meter, 'day'), { value: 1, status: 'ok' });
  near(t, at('en.outage_min', meter, 'day')?.value, 5);
  near(t, at('prod.falloff', `${plant.path}/machining/line-1`, 'day')?.value, 36 / 720);
  t.match(at('pl.maturity', plant.path, 'month', local('06:00', '2025-06-22')), { value: 1.8 });

  const cap = at('dr.compliance', meter, 'event', local('00:00'));
  t.match(cap, { value: 0, elements: { cap_intervals: 16 }, bucket: { event: 'cap' } }, '6 kWh a minute are 360 kW');
  const event = at('dr.reduction', meter, 'event', local('12:00', '2025-07-08'));
  t.match(event, { bucket: { event: 'peak' }, flags: ['FALLBACK'], parameters: { cbl_fallback: 'reference_demand' } });
  near(t, event?.value, 90 - 360, 'the day before had a limit, so that the notified demand stands in');
  near(t, at('dr.performance', meter, 'event', local('12:00', '2025-07-08'))?.value, (90 - 360) / 20);
});

t.test(
  'a link that is down for a while: late data are missed on time, recovered later, and the link was down',
  async (t) => {
    const plant = vectorPlant({
      plannedWorks: [{ from: '2025-07-07T11:00', to: '2025-07-07T11:30', source: 'a test' }],
    });
    const live = liveSite();
    const clock = { now: local('18:00') };
    const work = (begin: string, end: string, delayUs: number) => {
      for (let time = local(begin); time < local(end); time += minute) {
        if (time === local('00:00')) {
          live.say('health/plc/session', time, true);
          live.say('area/line/m1/state', time, 6);
          live.say('area/line/m1/mode', time, 1);
        }
        live.say('health/plc/through', time, time);
        live.arriveAt(delayUs === 0 ? time + 1e6 : local(end) + delayUs);
      }
    };
    work('00:00', '10:00', 0);
    work('10:00', '12:00', minute);
    work('12:00', '18:00', 0);
    const rollUp = live.rollUp(plant, clock);
    await rollUp.once(never);
    const values = rollUp.values({ granularity: 'day', from: local('00:00'), to: clock.now });
    const value = (kpi: string) => pick(values, kpi, kpi.startsWith('dq.uptime') ? site : unit)[0];
    const { due_s, ontime_s, recovered_s } = value('dq.backfill')!.elements as Record<string, number>;
    // Of four tags, from 09:45 on: that this quarter-hour is over was not told before the link was back.
    t.equal(recovered_s! / 900, 4 * 8);
    t.equal(ontime_s! / 900, 4 * (72 - 8 - 1), 'the running quarter-hour is not over');
    t.ok(due_s! > ontime_s!);
    const uptime = value('dq.uptime');
    t.match(uptime?.elements, { agent_planned_s: 1800 });
    near(t, uptime!.elements.agent_down_s! / 60, 121 - 30 + 1, 'and the minute since the last frame');
  },
);

t.test('a baseline is fitted to the stored days that are known, and each is held against it', async (t) => {
  const live = liveSite();
  const hours = [4, 8, 6, 2, 7];
  for (const [index, worked] of hours.entries()) {
    const midnight = local('00:00') + index * day;
    // The meter counts a kWh a minute all day, and another one while the machine works.
    live.work(midnight, midnight + worked * hour, { main: 2 });
    live.idle(midnight + worked * hour + minute, midnight + day - minute, { main: 1 });
  }
  const end = local('00:00') + hours.length * day;
  const clock = { now: end + hour };
  live.arriveAt(clock.now);
  const products = [{ code: 'p0', name: name('p0'), rates: [{ unit: 'area/line/m1', plannedRunTimeS: 30 }] }];
  const plant = withBaseline(0, { areas: oneMachine, orders: [], products });
  const rollUp = live.rollUp(plant, clock);
  await rollUp.once(never);
  const request = { id: 'b', version: 2, energy: 'kWh', period: 'day', method: 'linear', variables: ['GQ'] } as const;
  const range = { from: local('00:00') - 2 * day, to: end, now: clock.now };
  const { fitted, periods } = fitStored(rollUp.buckets, plant, plant.meters[0]!, request, range);
  if ('refused' in fitted) return t.fail(fitted.refused);
  t.same(
    periods.map(({ leftOut }) => leftOut),
    ['not_measured', 'not_measured', ...hours.map(() => undefined)],
    'of the days before it began nothing is known',
  );
  t.ok(Math.abs(fitted.terms[0]!.coefficient - 1) < 0.01, `${fitted.terms[0]!.coefficient}`);
  t.ok(Math.abs(fitted.intercept - 1440) < 5, `${fitted.intercept}`);
  t.match(fitted.fit, { n: 5, fitted: 2 });
  t.ok(fitted.fit!.cvRmse! < 0.005);
  t.ok(Math.abs(periods.at(-1)!.cusum!) < 1e-6, 'residuals of a least-squares fit add up to nothing');
});

t.test('the days of a pilot are held against those before it, with an interval and all that went in', async (t) => {
  const live = liveSite();
  const dates = ['2025-07-07', '2025-07-08', '2025-07-09', '2025-07-10'];
  const step = 5 * minute;
  /** A piece and a kWh a minute from 06:00 on; 1 kWh a minute around the clock. */
  const made = [200, 250, 400, 300];
  let [count, kwh] = [0, 0];
  live.say('health/plc/session', local('00:00'), true);
  live.say('area/line/m1/mode', local('00:00'), 1);
  for (const [index, date] of dates.entries()) {
    const begin = local('06:00', date);
    const end = begin + made[index]! * minute;
    live.say('area/line/m1/state', begin, 6);
    live.say('area/line/m1/state', end, 4);
    for (let time = local('00:00', date); time < local('00:00', date) + day; time += step) {
      if (time > begin && time <= end) count += 5;
      kwh += 5;
      live.say('health/plc/through', time, time);
      for (const name of ['total', 'good']) live.say(`area/line/m1/count-${name}`, time, count);
      live.say('energy/main/kwh', time, kwh);
    }
  }
  const clock = { now: local('02:00', '2025-07-11') };
  live.say('health/plc/through', clock.now, clock.now);
  live.arriveAt(clock.now);
  const pilot = { from: '1404-04-18', baseline: { from: '1404-04-16', to: '1404-04-18' } };
  const {
    areas: [area],
    products,
  } = vectorPlantFile() as Json;
  const plantWith = (change: object) =>
    vectorPlant({
      areas: [{ ...area, lines: [{ ...area.lines[0], units: [area.lines[0].units[0]] }] }],
      products: [products[0]],
      orders: [],
      pilot: { ...pilot, ...change },
    });
  let plant = plantWith({});
  const rollUp = live.rollUp(() => plant, clock);
  await rollUp.once(never);
  const month = { granularity: 'month', from: local('00:00'), to: local('01:00') } as const;
  const told = (kpi: string, asset = unit) => pick(rollUp.values({ ...month, kpis: [kpi] }), kpi, asset)[0]!;

  // 30 s a piece of 450 minutes: 450 pieces of 1800 before, 700 of 1800 after; a draw of the days after makes 600 to 800,
  // one of those before 400 to 500.
  const oee = told('pl.delta_oee');
  near(t, oee.value, (700 - 450) / 1800);
  near(t, oee.bounds![0], (600 - 500) / 1800, 'the least that one draw of sixteen makes');
  near(t, oee.bounds![1], (800 - 400) / 1800, 'and the most');
  t.match(oee, { unit: '1', provisional: true, flags: ['SHORT_BASELINE'], revision: 1 });
  t.match(oee.parameters, { days_before: 2, days_after: 2, before: 0.25, after: 700 / 1800, before_PBT_s: 54_000 });
  t.match(oee.elements, { PBT_s: 54_000, PRI_GQ_s: 21_000 });
  near(t, told('pl.delta_pct_oee').value, 250 / 450);
  near(t, told('pl.delta_volume', site).value, 700 - 450, 'of as many days');
  near(t, told('pl.delta_sec', site).value, 2875 / 700 - 2880 / 450, 'the last five minutes are not told');
  t.equal(rollUp.partsOf(oee).length, 4, 'it comes from four days');
  t.same(
    rollUp.partsOf(oee).map(({ tier, elements }) => [tier, elements.PRI_GQ_s]),
    made.map((pieces) => ['day', 30 * pieces]),
  );
  t.ok(rollUp.tagsOf(oee).includes(`${unit}/count-good`));

  plant = plantWith({
    declared: [{ kpi: 'prod.oee', asset: 'area/line/m1', value: 0.3, days: 90, source: 'a letter' }],
  });
  const declared = told('pl.delta_oee');
  near(t, declared.value, 700 / 1800 - 0.3);
  near(t, declared.bounds![0], 600 / 1800 - 0.3);
  t.match(declared, {
    flags: ['DECLARED_BEFORE'],
    parameters: { declared_by: 'a letter', days_before: 90 },
  });
  t.not(declared.inputHash, oee.inputHash);

  plant = plantWith({ from: '1404-04-20' });
  t.equal(told('pl.delta_oee'), undefined, 'no day of the pilot has passed');
  plant = plantWith({ baseline: { from: '1404-03-01', to: '1404-04-18' } });
  t.match(told('pl.delta_oee'), { value: null, status: 'no_data' }, 'two days of 49 are not the time before');
});

t.test(
  'a day before the pilot that becomes another is a revision of the months held against it, and is told',
  async (t) => {
    const live = liveSite();
    const dates = ['2025-07-21', '2025-07-22', '2025-07-23', '2025-07-24'] as const;
    const [begun, step] = [local('00:00', dates[0]), 15 * minute];
    live.say('health/plc/session', begun, true);
    live.say('area/line/m1/mode', begun, 1);
    for (const date of dates) {
      live.say('area/line/m1/state', local('06:00', date), 6);
      live.say('area/line/m1/state', local('10:00', date), 4);
    }
    for (let time = begun; time <= local('00:00', '2025-07-25'); time += step) {
      live.say('health/plc/through', time, time);
    }
    const clock = { now: local('12:00', '2025-07-24') };
    live.arriveAt(clock.now);
    const {
      areas: [area],
      products,
    } = vectorPlantFile() as Json;
    const plant = vectorPlant({
      areas: [{ ...area, lines: [{ ...area.lines[0], units: [area.lines[0].units[0]] }] }],
      ...{ products: [products[0]], orders: [], meters: [] },
      // Two days of Mordad beside the last two of Tir.
      pilot: { from: '1404-05-01', to: '1404-05-03', baseline: { from: '1404-04-30', to: '1404-05-01' } },
    });
    const rollUp = live.rollUp(plant, clock);
    await rollUp.once(never);
    const month = {
      granularity: 'month',
      from: local('00:00', '2025-07-23'),
      to: local('01:00', '2025-07-23'),
    } as const;
    const told = (asOf?: TimeUs) =>
      rollUp.values({ ...month, kpis: ['pl.delta_availability'], assets: [unit], asOf })[0]!;

    clock.now = local('12:00', '2025-08-24');
    await rollUp.once(never);
    const before = told();
    t.match(before, { revision: 1, parameters: { days_before: 2, days_after: 2 } });
    near(t, before.value, 0, 'four hours on each of the days');
    const running = told(local('12:00', '2025-07-24'));
    t.match(
      running,
      { parameters: { days_after: 1 }, provisional: true },
      'of a day that had not ended nothing was told',
    );

    const known = clock.now;
    clock.now += hour;
    live.say('area/line/m1/state', local('11:00', dates[0]), 6);
    live.say('area/line/m1/state', local('12:30', dates[0]), 4);
    live.arriveAt(clock.now);
    await rollUp.once(never);
    const after = told();
    near(t, after.value, -90 / 900, 'it ran for an hour and a half more of fifteen hours');
    t.match(after, { revision: 2, computedAt: clock.now });
    t.not(after.inputHash, before.inputHash);
    near(t, told(known).value, 0, 'as of the hour before');
    t.equal(told(known).inputHash, before.inputHash);
    const feed = async (late: boolean) => {
      const filter = { kpis: ['pl.delta_availability'], assets: [unit], ...(late && { late }) };
      const { changes } = await rollUp.changes.page(0, 1000, filter, never);
      return changes
        .map(({ after, late }) => [after!.bucket.granularity, after!.start, late] as const)
        .sort((a, b) => a[1] - b[1]);
    };
    const july = ['gregorian_month', local('00:00', '2025-07-01'), true];
    t.same(await feed(false), [july, ['month', month.from, false]], 'each month once');
    t.same(await feed(true), [july], 'Mordad ended less than 72 hours ago');
  },
);
