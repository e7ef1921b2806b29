/** The test vectors of the KPIs, from samples to values. */
import t, { type Test } from 'tap';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import type { KpiValue } from '../../hub/kpi/kpi.ts';
import { judgeStep } from '../../hub/rollup/samples/counter.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { createVectorSite, line, local, maintenance, site, type VectorSite } from '../support/vector-plant.ts';

const minute = 60e6;
const never = new AbortController().signal;

function near(t: Test, actual: number | null | undefined, expected: number, what: string): void {
  const difference = Math.abs((actual ?? Number.NaN) - expected);
  t.ok(difference <= 1e-9 * Math.max(1e-3, Math.abs(expected)), `${what}: ${actual}, expected ${expected}`);
}

const evaluate = async (vectors: VectorSite, from: TimeUs, to: TimeUs, now = to + minute) => {
  const found = await vectors.evaluator(now).evaluate({ from, to }, never);
  return (kpi: string, asset: string): KpiValue => found.find((value) => value.kpi === kpi && value.asset === asset)!;
};

/** The shift of TV-A; with `gap`, nothing is known from 10:45 to 11:45, when it ran and made 90 of its pieces. */
function shiftOfTvA(gap: boolean): VectorSite {
  const vectors = createVectorSite();
  vectors.machine('m1', { modulus: 65_536, maxRatePerS: 1 });
  vectors.did('m1', [
    ['05:00', 'IDLE'],
    ['06:00', 'SETUP'],
    ['06:25', 'RUN'],
    ['09:05', 'FAULT'],
    ['09:25', 'RUN'],
    ['10:00', 'IDLE'],
    ['10:30', 'RUN'],
    ['12:00', 'SETUP'],
    ['12:10', 'RUN'],
    ['12:40', 'BLOCKED'],
    ['12:50', 'RUN'],
    ['13:30', 'FAULT'],
    ['13:35', 'RUN'],
    ['13:50', 'IDLE'],
  ]);
  if (gap) {
    vectors.session('plc', local('05:00'), local('10:45'), { down: true });
    vectors.session('plc', local('11:45'), local('14:01'));
    vectors.sample('area/line/m1/state', local('11:45'), 6);
    vectors.sample('area/line/m1/mode', local('11:45'), 1);
  } else vectors.session('plc', local('05:00'), local('14:01'));

  // 610 pieces in the 310 minutes that it ran outside the gap, 90 in the gap; the total rolls over on its way.
  const ran = [
    ['06:25', '09:05'],
    ['09:25', '10:00'],
    ['10:30', '10:45'],
    ['11:45', '12:00'],
    ['12:10', '12:40'],
    ['12:50', '13:30'],
    ['13:35', '13:50'],
  ].map(([from, to]) => [local(from!), local(to!)] as const);
  const atRunningTime = (running: number): TimeUs => {
    for (const [from, to] of ran) {
      if (running <= to - from) return from + running;
      running -= to - from;
    }
    throw new RangeError('later than it ran');
  };
  const outside = Array.from({ length: 610 }, (_, index) =>
    atRunningTime(Math.round(((index + 0.5) * 310 * minute) / 610)),
  );
  const inside = Array.from(
    { length: 90 },
    (_, index) => local('10:45') + Math.round(((index + 0.5) * 60 * minute) / 90),
  );
  const counts = { total: 65_000, good: 64_000, scrap: 7 };
  const tell = (time: TimeUs) => {
    for (const [name, count] of Object.entries(counts))
      vectors.sample(`area/line/m1/count-${name}`, time, count % 65_536);
  };
  tell(local('05:00'));
  let pieces = 0;
  let isTold = !gap;
  for (const time of [...outside, ...inside].sort((a, b) => a - b)) {
    const isInGap = time > local('10:45') && time < local('11:45');
    if (!isInGap && time > local('11:45') && !isTold) {
      tell(local('11:45'));
      isTold = true;
    }
    // 35 of the 610 are not good: 21 scrap and 14 for rework, which no counter of this machine tells apart.
    const isFaulty = !isInGap && pieces % 17 === 5 && pieces < 35 * 17;
    counts.total++;
    if (!isFaulty) counts.good++;
    else if (pieces < 21 * 17) counts.scrap++;
    if (!isInGap) pieces++;
    if (!gap || !isInGap) tell(time);
  }
  return vectors;
}

t.test('TV-A: availability, effectiveness, quality and OEE of a shift, from its samples', async (t) => {
  const value = await evaluate(shiftOfTvA(false), local('06:00'), local('14:00'));
  const m1 = `${line}/m1`;
  const { elements } = value('prod.availability', m1);
  t.match(elements, { POT_s: 480 * 60, PDOT_s: 30 * 60, PBT_s: 450 * 60, APT_s: 370 * 60, AUST_s: 35 * 60 });
  t.match(elements, { ADET_s: 35 * 60, ADET_failure_s: 25 * 60, ADET_external_s: 10 * 60, ADOT_s: 10 * 60, UNK_s: 0 });
  t.match(value('prod.oee', m1).elements, { PQ: 700, GQ: 665 });
  t.equal(value('prod.quality', m1).elements.SQ, 21);
  near(t, value('prod.availability', m1).value, 370 / 450, 'availability');
  near(t, value('prod.effectiveness', m1).value, 350 / 370, 'effectiveness');
  near(t, value('prod.quality', m1).value, 0.95, 'quality');
  near(t, value('prod.oee', m1).value, 332.5 / 450, 'OEE');
  for (const kpi of ['prod.availability', 'prod.effectiveness', 'prod.quality', 'prod.oee']) {
    t.match(value(kpi, m1), { status: 'ok', coverage: 1, flags: [], provisional: false, revision: 1, unit: '1' }, kpi);
  }
});

t.test('TV-B: products of different planned run times, and a line by summed elements', async (t) => {
  const vectors = shiftOfTvA(false);
  // M2 is planned busy from 06:00 to 10:00 only: maintenance is planned down time.
  vectors.machine('m2');
  vectors.did('m2', [
    ['05:00', 'IDLE'],
    ['06:00', 'RUN'],
    ['07:20', 'IDLE'],
    ['08:00', 'RUN'],
    ['08:40', 'IDLE'],
  ]);
  vectors.sample('area/line/m2/mode', local('10:30'), maintenance);
  const tell = (time: string, total: number, good: number) => {
    for (const [name, count] of Object.entries({ total, good, scrap: total - good })) {
      vectors.sample(`area/line/m2/count-${name}`, local(time), count);
    }
  };
  tell('05:00', 0, 0);
  tell('07:20', 160, 152);
  tell('08:40', 190, 182);

  const value = await evaluate(vectors, local('06:00'), local('14:00'));
  const m2 = `${line}/m2`;
  t.match(value('prod.availability', m2).elements, {
    PBT_s: 240 * 60,
    PDOT_s: 240 * 60,
    APT_s: 120 * 60,
    PMT_s: 210 * 60,
  });
  near(t, value('prod.availability', m2).value, 0.5, 'availability');
  near(t, value('prod.effectiveness', m2).value, 110 / 120, 'effectiveness');
  near(t, value('prod.oee', m2).value, 106 / 240, 'OEE');
  const { elements } = value('prod.oee', m2);
  near(t, elements.PRI_GQ_s! / elements.PRI_PQ_s!, 106 / 110, 'quality weighted by time');

  // M3 has no planned run time: a line with it has no OEE, one of only M1 and M2 has theirs.
  t.match(value('prod.oee', line), { value: null, status: 'undefined', flags: ['NO_PRI'] });
  const [one, two] = [value('prod.oee', `${line}/m1`).elements, elements];
  const oee = catalogue.find(({ id }) => id === 'prod.oee')!;
  const sum = Object.fromEntries(
    [...Object.keys(one), ...Object.keys(two)].map((name) => [name, (one[name] ?? 0) + (two[name] ?? 0)]),
  );
  near(t, oee.compute(sum).value, 438.5 / 690, 'OEE of the line');
});

t.test('a line is the sum of its units, whatever the mean of their values', async (t) => {
  const vectors = createVectorSite();
  for (const code of ['m1', 'm2', 'm3']) vectors.machine(code);
  vectors.did('m1', [['05:00', 'RUN']]);
  vectors.did('m2', [
    ['05:00', 'IDLE'],
    ['13:00', 'RUN'],
  ]);
  vectors.sample('area/line/m3/mode', local('05:00') + 1, maintenance);
  vectors.did('m3', [['05:00', 'IDLE']]);
  vectors.session('plc', local('05:00'), local('14:01'));
  const value = await evaluate(vectors, local('06:00'), local('14:00'));
  t.match(value('prod.availability', `${line}/m3`), { value: null, status: 'undefined', flags: ['DEN_ZERO'] });
  near(t, value('prod.availability', line).value, (450 + 60) / (450 + 450 + 0), 'availability of the line');
  near(t, value('dq.complete', line).value, 6 / 15, 'completeness: states and modes there, counters never read');
});

t.test('TV-C: a gap of an hour', async (t) => {
  const value = await evaluate(shiftOfTvA(true), local('06:00'), local('14:00'));
  const m1 = `${line}/m1`;
  const availability = value('prod.availability', m1);
  near(t, availability.value, 310 / 390, 'availability, estimated from known time');
  near(t, availability.value, 0.7948717948717949, 'availability');
  t.equal(availability.status, 'partial');
  near(t, availability.coverage, 390 / 450, 'coverage');
  near(t, availability.bounds![0], 310 / 450, 'lower bound');
  near(t, availability.bounds![1], 370 / 450, 'upper bound');
  near(t, value('prod.effectiveness', m1).value, (0.5 * 610) / 310, 'effectiveness from pieces of known time');
  near(t, value('prod.effectiveness', m1).coverage, 390 / 450, 'coverage of effectiveness');
  t.match(value('prod.oee', m1), { status: 'ok', coverage: 1 }, 'the counters bridge the gap');
  near(t, value('prod.oee', m1).value, 332.5 / 450, 'OEE');
  near(t, value('prod.quality', m1).value, 0.95, 'quality');
  const complete = value('dq.complete', `${m1}/state`);
  near(t, complete.value, 7 / 8, 'completeness of a tag');
  t.match(complete.elements, { expected_s: 8 * 3600, known_s: 7 * 3600, bad_s: 0 });

  const cut = await evaluate(shiftOfTvA(true), local('06:00'), local('11:15'));
  t.equal(cut('prod.oee', m1).status, 'partial', 'a gap that the window cuts is not bridged');
  near(t, cut('prod.oee', m1).coverage, 1 - 30 / 285, 'its coverage');
  t.ok(cut('prod.oee', m1).bounds![1]! > cut('prod.oee', m1).bounds![0]!);
});

t.test('TV-D: what a counter counted between two readings', (t) => {
  const word = { modulus: 2 ** 16, maxRatePerS: 1, jitter: 2 };
  const rows = [
    [1000, 1012, word, 60, 12, 'OK'],
    [65_530, 14, word, 60, 20, 'ROLLOVER'],
    [4_294_967_290, 30, { ...word, modulus: 2 ** 32 }, 60, 36, 'ROLLOVER'],
    [999_984.0625, 20, { ...word, modulus: 1e6, maxRatePerS: 5 }, 64, 35.9375, 'ROLLOVER'],
    [48_210, 35, word, 60, 35, 'RESET'],
    [5000, 4999, word, 60, 0, 'JITTER'],
    [1000, 9000, word, 60, null, 'SUSPECT_JUMP'],
    [30_000, 12_000, word, 60, null, 'SUSPECT_DROP'],
  ] as const;
  for (const [before, after, rules, seconds, delta, flag] of rows) {
    t.same(judgeStep(before, after, seconds, rules), { delta, flag }, `${before} → ${after}`);
  }
  t.same(judgeStep(1000, 9000, 60, { jitter: 2 }), { delta: 8000, flag: 'OK' }, 'no rate: any rise is believed');
  t.same(
    judgeStep(48_210, 35, 60, { modulus: 65_536, jitter: 2 }),
    { delta: null, flag: 'SUSPECT_DROP' },
    'but no reset',
  );
  t.same(judgeStep(65_530, 14, 60, { modulus: 65_536, jitter: 2 }), { delta: 20, flag: 'ROLLOVER' });
  t.same(judgeStep(60_000, 59_000, 60, { modulus: 65_536, jitter: 2 }), { delta: null, flag: 'SUSPECT_DROP' });
  t.end();
});

t.test('TV-D2: energy over a gap is spread evenly, marked, and sets no peak', async (t) => {
  const utc = (time: string) => Date.parse(`${time}Z`) * 1000;
  const vectors = createVectorSite();
  vectors.tag('energy/main/kwh', { role: 'kwh_import', type: 'float' });
  const [before, after] = [utc('2016-12-05T23:59:48'), utc('2016-12-06T06:14:49')];
  vectors.sample('energy/main/kwh', utc('2016-12-05T22:50:00'), 38_312_000);
  vectors.sample('energy/main/kwh', utc('2016-12-05T23:00:00'), 38_312_088);
  vectors.sample('energy/main/kwh', before, 38_312_088);
  vectors.sample('energy/main/kwh', after, 38_315_900);
  vectors.sample('energy/main/kwh', utc('2016-12-06T07:00:00'), 38_315_900);
  vectors.session('plc', utc('2016-12-05T22:50:00'), before, { down: true });
  vectors.session('plc', after, utc('2016-12-06T07:05:00'));

  const meter = `${site}/energy/main`;
  const hours = Array.from({ length: 8 }, (_, index) => utc('2016-12-05T23:00:00') + index * 60 * minute);
  const found: KpiValue[] = [];
  for (const hour of hours) found.push((await evaluate(vectors, hour, hour + 60 * minute))('en.kwh', meter));
  const expected = [12, ...Array(6).fill(3600), 889].map((seconds) => (3812 * seconds) / 22_501);
  for (const [index, { value, status, flags }] of found.entries()) {
    near(t, value, expected[index]!, `hour ${(23 + index) % 24}`);
    t.match({ status, flags }, { status: 'ok', flags: ['ESTIMATED'] });
  }
  for (const [index, printed] of [
    2.032976, 609.892894, 609.892894, 609.892894, 609.892894, 609.892894, 609.892894, 150.609662,
  ].entries()) {
    t.equal(found[index]!.value!.toFixed(6), printed.toFixed(6));
  }
  near(
    t,
    found.reduce((sum, { value }) => sum + value!, 0),
    3812,
    'sum',
  );
  const night = await evaluate(vectors, utc('2016-12-05T23:00:00'), utc('2016-12-06T07:00:00'));
  t.match(night('en.peak_block', meter), {
    value: null,
    status: 'no_data',
    elements: { blocks: 32, blocks_measured: 6, P_max_kW: 0 },
  });
  near(t, night('en.kwh', meter).value, 3812, 'the night');
});

t.test('TV-E: demand by fixed blocks of a quarter of an hour', async (t) => {
  const vectors = createVectorSite();
  vectors.tag('energy/main/kwh', { role: 'kwh_import', type: 'float' });
  vectors.session('plc', local('11:00'), local('12:46'));
  const meter = `${site}/energy/main`;
  let register = 999_900;
  for (const [index, kwh] of [0, 50, 50, 110, 120, 110, 60, 50, 50, 50].entries()) {
    register += kwh;
    vectors.sample('energy/main/kwh', local('12:00') + index * 5 * minute, register);
  }
  const value = await evaluate(vectors, local('12:00'), local('12:45'));
  near(t, value('en.peak_block', meter).value, 1160, 'peak');
  t.match(value('en.peak_block', meter), {
    unit: 'kW',
    elements: { blocks: 3, blocks_measured: 3, P_max_at_us: local('12:15') },
  });
  near(t, value('en.kwh', meter).value, 650, 'energy');
  for (const [start, end, kw] of [
    ['12:00', '12:15', 840],
    ['12:30', '12:45', 600],
  ] as const) {
    near(t, (await evaluate(vectors, local(start), local(end)))('en.peak_block', meter).value, kw, start);
  }
  const running = await evaluate(vectors, local('12:00'), local('12:45'), local('12:29'));
  t.match(
    running('en.peak_block', meter),
    { elements: { blocks: 1, P_max_kW: 840 }, provisional: true },
    'the running block is not counted',
  );
  const off = await evaluate(vectors, local('12:05'), local('12:40'));
  t.equal(off('en.peak_block', meter).elements.blocks, 2, 'blocks lie on the clock, and belong to where they end');
});

t.test('gas is counted in the unit of its meter, pulses by their weight', async (t) => {
  const vectors = createVectorSite();
  vectors.tag('energy/gas/pulses', { role: 'gas_pulse', counter: { modulus: 65_536, scale: 0.1, maxRatePerS: 10 } });
  vectors.session('plc', local('06:00'), local('08:00'));
  vectors.sample('energy/gas/pulses', local('06:00'), 65_530);
  vectors.sample('energy/gas/pulses', local('07:00'), 14);
  const value = await evaluate(vectors, local('06:00'), local('07:00'));
  const gas = value('en.carrier', `${site}/energy/gas`);
  near(t, gas.value, 2, 'm³');
  t.match(gas, { unit: 'm³', status: 'ok', flags: [] });
  t.notOk(value('en.kwh', `${site}/energy/gas`), 'a gas meter has no kWh');
});

t.test('what cannot be known or divided is null, and says why', async (t) => {
  const vectors = createVectorSite();
  for (const code of ['m1', 'm3']) vectors.machine(code, { modulus: 65_536, maxRatePerS: 1 });
  for (const code of ['m1', 'm3']) vectors.did(code, [['05:00', 'IDLE']]);
  vectors.session('plc', local('05:00'), local('14:01'));
  for (const name of ['total', 'good', 'scrap']) {
    vectors.sample(`area/line/m1/count-${name}`, local('05:00'), 10);
    vectors.sample(`area/line/m3/count-${name}`, local('05:00'), 10);
  }
  vectors.sample('area/line/m3/count-total', local('07:00'), 11);
  const value = await evaluate(vectors, local('06:00'), local('14:00'));
  t.match(value('prod.availability', `${line}/m1`), { value: 0, status: 'ok' }, 'it could have run, and did not');
  t.match(value('prod.oee', `${line}/m1`), { value: 0, status: 'ok' }, 'nothing good in planned time');
  t.match(value('prod.effectiveness', `${line}/m1`), { value: null, status: 'undefined', flags: ['DEN_ZERO'] });
  t.match(value('prod.quality', `${line}/m1`), { value: null, status: 'undefined', flags: ['DEN_ZERO'] });
  t.match(value('prod.oee', `${line}/m3`), { value: null, status: 'undefined', flags: ['NO_PRI'] });
  t.match(value('prod.effectiveness', `${line}/m3`), { value: null, status: 'undefined', flags: ['NO_PRI'] });
  t.match(
    value('prod.availability', `${line}/m2`),
    { value: null, status: 'no_data', coverage: 0 },
    'no agent announced its tags',
  );
  t.match(value('prod.oee', `${line}/m2`), { value: null, status: 'no_data', coverage: 0 });
  t.match(value('dq.complete', `${line}/m2/state`), { value: 0, status: 'ok' }, 'expected and never announced');
  const evening = await evaluate(vectors, local('18:00'), local('19:00'));
  t.match(
    evening('prod.oee', `${line}/m1`),
    { value: null, status: 'undefined', flags: ['DEN_ZERO'] },
    'not scheduled',
  );

  vectors.sample('area/line/m1/count-total', local('07:00'), 12);
  t.match((await evaluate(vectors, local('06:00'), local('14:00')))('prod.effectiveness', `${line}/m1`), {
    value: null,
    status: 'undefined',
    flags: ['DEN_ZERO', 'PQ_WITHOUT_APT'],
  });
  vectors.sample('area/line/m1/count-good', local('07:00'), 60_000);
  t.match((await evaluate(vectors, local('06:00'), local('14:00')))('prod.oee', `${line}/m1`), {
    status: 'suspect',
    flags: ['COUNTER_SUSPECT'],
  });
  t.end();
});

t.test('a value that is too good is told as it is, with a flag', (t) => {
  const of = (id: string) => catalogue.find((definition) => definition.id === id)!;
  const elements = {
    PBT_s: 100,
    PBT_known_s: 100,
    APT_s: 50,
    APT_known_s: 50,
    PRI_PQ_known_s: 61,
    PRI_GQ_s: 110,
    PQ: 61,
    GQ: 61,
  };
  t.match(of('prod.effectiveness').compute(elements), { value: 1.22, status: 'ok', flags: ['PRI_SUSPECT'] });
  t.match(of('prod.oee').compute({ ...elements, APT_X_s: 60 }), { value: 1.1, flags: ['CALENDAR_MISMATCH'] });
  t.end();
});

t.test('coverage decides between ok, partial and no data, by the limits of the plant', (t) => {
  const status = (unknown: number, limits?: { ok: number; partial: number }) =>
    catalogue
      .find(({ id }) => id === 'prod.availability')!
      .compute({ PBT_s: 100, APT_s: 50, UNK_s: unknown }, limits && { coverage: limits });
  t.match(status(5), { status: 'ok', value: 50 / 95 });
  t.match(status(6), { status: 'partial' });
  t.match(status(20), { status: 'partial', bounds: [0.5, 0.7] });
  t.match(status(21), { status: 'no_data', value: null, bounds: [0.5, 0.71] });
  t.match(status(21, { ok: 0.7, partial: 0.5 }), { status: 'ok' });
  t.end();
});
