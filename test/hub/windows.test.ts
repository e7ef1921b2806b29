/** KPIs over any window, straight from samples: the pure steps first, then whole windows of a site. */
import { join } from 'node:path';
import t from 'tap';
import { loadYaml } from '../../config/load.ts';
import type { KpiValue } from '../../hub/kpi/kpi.ts';
import { buildPlant } from '../../hub/plant/plant.ts';
import { plantSchema } from '../../hub/plant/plant-file.ts';
import { clip, intersect, lengthUs, type Spans, subtract, union } from '../../hub/plant/spans.ts';
import { type CounterRules, counterSteps } from '../../hub/rollup/samples/counter.ts';
import { sliceSpans } from '../../hub/rollup/samples/slice.ts';
import { sourceHealth } from '../../hub/rollup/samples/source-health.ts';
import { mergeTracks, type Track } from '../../hub/rollup/samples/track.ts';
import { createKpiEvaluator } from '../../hub/rollup/values/evaluate.ts';
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import { createFactory } from '../../protocols/simulator/factory.ts';
import { fc } from '../support/drawn.ts';
import { createMemorySite } from '../support/memory-site.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { createVectorSite, line, local, site, type VectorSite, vectorPlant } from '../support/vector-plant.ts';

const second = 1e6;
const minute = 60 * second;
const hour = 60 * minute;
const never = new AbortController().signal;

const loadDemoPlant = (name: string) =>
  buildPlant(loadYaml(join(import.meta.dirname, '../../config/demo/plants', `${name}.yaml`), plantSchema, {}));

const track = (points: readonly (readonly [TimeUs, SampleValue])[]): Track => ({
  times: points.map(([time]) => time),
  values: points.map(([, value]) => value),
  qualities: points.map(() => 0),
});

t.test('spans are added, cut and taken away like sets of instants', (t) => {
  const spans = fc
    .array(fc.tuple(fc.nat(60), fc.nat(12)), { maxLength: 8 })
    .map((pairs) => union(pairs.map(([start, length]) => ({ start, end: start + length }))));
  const instants = (set: Spans) =>
    Array.from({ length: 80 }, (_, at) => set.some(({ start, end }) => start <= at && at < end));
  fc.assert(
    fc.property(spans, spans, fc.nat(60), fc.nat(20), (a, b, start, length) => {
      const [inA, inB] = [instants(a), instants(b)];
      t.strictSame(
        instants(union(a, b)),
        inA.map((is, at) => is || inB[at]!),
      );
      t.strictSame(
        instants(intersect(a, b)),
        inA.map((is, at) => is && inB[at]!),
      );
      t.strictSame(
        instants(subtract(a, b)),
        inA.map((is, at) => is && !inB[at]!),
      );
      t.strictSame(
        instants(clip(a, start, start + length)),
        inA.map((is, at) => is && at >= start && at < start + length),
      );
      t.equal(lengthUs(a), inA.filter(Boolean).length);
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test('a source is known from the end of its first reading to its last watermark or the end of its session', (t) => {
  const known = (session: [TimeUs, boolean][], through: [TimeUs, TimeUs][]) =>
    sourceHealth(track(session), track(through));
  t.same(known([], []), { known: [], watermark: undefined }, 'a source that never spoke');
  t.same(known([[10, true]], [[10, 9]]), { known: [], watermark: 9 }, 'connected, nothing handed over yet');
  t.same(
    known(
      [[10, true]],
      [
        [10, 9],
        [20, 19],
      ],
    ),
    { known: [{ start: 10, end: 19 }], watermark: 19 },
    'still up',
  );
  t.same(
    known(
      [
        [10, true],
        [25, false],
      ],
      [
        [10, 10],
        [20, 20],
        [25, 24],
      ],
    ),
    { known: [{ start: 10, end: 24 }], watermark: 24 },
    'ended: what it had read and not handed over is not known',
  );
  t.same(
    known(
      [
        [10, true],
        [25, false],
      ],
      [
        [10, 10],
        [25, 40],
      ],
    ),
    { known: [{ start: 10, end: 25 }], watermark: 40 },
    'never beyond its end',
  );
  t.same(
    known(
      [
        [10, true],
        [40, true],
      ],
      [
        [10, 10],
        [20, 20],
        [40, 39],
        [50, 50],
      ],
    ),
    {
      known: [
        { start: 10, end: 20 },
        { start: 40, end: 50 },
      ],
      watermark: 50,
    },
    'a crash: unknown from its last watermark to the next session',
  );
  t.same(
    known(
      [
        [10, true],
        [30, false],
        [40, true],
      ],
      [
        [10, 10],
        [30, 30],
        [40, 40],
        [45, 45],
      ],
    ).known,
    [
      { start: 10, end: 30 },
      { start: 40, end: 45 },
    ],
  );
  t.same(known([[30, false]], [[20, 20]]).known, [], 'down, and nobody knows since when');
  t.end();
});

t.test('samples of several streams of one tag are one series', (t) => {
  const merged = mergeTracks([
    track([
      [1, 'a'],
      [5, 'c'],
    ]),
    track([]),
    track([
      [3, 'b'],
      [5, 'd'],
    ]),
  ]);
  t.same(merged.times, [1, 3, 5, 5]);
  t.same(merged.values, ['a', 'b', 'c', 'd']);
  t.end();
});

t.test('noise of a counter is ignored until it passes the highest reading', (t) => {
  const rules: CounterRules = { jitter: 2, modulus: 65_536, maxRatePerS: 1, scale: 10 };
  const steps = counterSteps(
    track(
      [
        [0, 5000],
        [60, 4999],
        [120, null],
        [180, 5003],
        [240, 5003],
      ].map(([s, v]) => [s! * second, v!]),
    ),
    rules,
  );
  t.match(steps, [
    { from: 0, to: 60 * second, delta: 0, flag: 'JITTER' },
    { from: 60 * second, to: 180 * second, delta: 30, flag: 'OK' },
    { delta: 0, flag: 'OK' },
  ]);
  t.end();
});

t.test('a window is cut into slices that hold a bounded number of points and no part of a cell twice', (t) => {
  const tag = (intervalMs: number) => ({ path: '', series: [], sources: [], lives: [], intervalMs });
  const offset = 3.5 * hour;
  const [start, end] = [local('06:10'), local('06:10') + 72 * hour];
  const slices = sliceSpans(
    Array.from({ length: 60 }, () => tag(1000)),
    start,
    end,
    offset,
  );
  t.ok(slices.every(({ start, end }) => ((end - start) / second) * 60 <= 250_000));
  t.same(union(slices), [{ start, end }]);
  t.equal(lengthUs(slices), end - start);
  t.ok(slices.slice(1).every(({ start }) => (start + offset) % hour === 0));
  t.equal(sliceSpans([tag(1000)], start, end, offset).length, 4, 'a few tags are read by days');
  t.equal(
    sliceSpans(
      Array.from({ length: 5000 }, () => tag(1000)),
      start,
      start + 3 * hour,
      offset,
    ).length,
    13,
    'and never less than a cell',
  );
  t.end();
});

/** Anything that can happen to a machine and a meter in a day and a half, in minutes after 04:00. */
const history = fc.record({
  states: fc.array(fc.tuple(fc.nat(2100), fc.constantFrom(4, 5, 6, 9, 14, 99, 77, null)), { maxLength: 40 }),
  modes: fc.array(fc.tuple(fc.nat(2100), fc.constantFrom(1, 2, null)), { maxLength: 6 }),
  pieces: fc.array(fc.tuple(fc.nat(2100), fc.integer({ min: -1, max: 9 })), { maxLength: 60 }),
  energy: fc.array(fc.tuple(fc.nat(2100), fc.integer({ min: -1, max: 50 })), { maxLength: 60 }),
  gaps: fc.array(fc.tuple(fc.integer({ min: 5, max: 2000 }), fc.integer({ min: 1, max: 300 }), fc.boolean()), {
    maxLength: 4,
  }),
  cuts: fc.uniqueArray(fc.integer({ min: 121, max: 1919 }), { minLength: 1, maxLength: 3 }),
});
type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

function siteOf({ states, modes, pieces, energy, gaps }: History): VectorSite {
  const vectors = createVectorSite();
  const at = (minutes: number) => local('04:00') + minutes * minute;
  const machine = 'area/line/m1';
  vectors.machine('m1', { modulus: 1000, maxRatePerS: 1 });
  vectors.tag('energy/main/kwh', {
    role: 'kwh_import',
    type: 'float',
    counter: { modulus: 5000, scale: 0.1, maxRatePerS: 10 },
  });
  const down = union(gaps.map(([start, length]) => ({ start: at(start), end: at(start + length) })));
  const isDown = (time: TimeUs) => down.some(({ start, end }) => start <= time && time < end);
  let up = at(0);
  for (const { start, end } of down) {
    vectors.session('plc', up, start, { down: gaps[0]![2], everyUs: 10 * minute });
    up = end;
  }
  vectors.session('plc', up, at(3000), { everyUs: 10 * minute });

  const sorted = <T>(events: readonly (readonly [number, T])[]) => [...events].sort(([a], [b]) => a - b);
  const write = (path: string, time: TimeUs, value: number | null) => {
    if (isDown(time)) return;
    if (value === null) vectors.bad(path, time);
    else vectors.sample(path, time, value);
  };
  /** As the device has it: also what changed in a gap is read again when the session is back. */
  const play = (path: string, first: number, events: readonly (readonly [number, number | null])[]) => {
    const back = down.map(({ end }) => (end - at(0)) / minute).filter((minutes) => minutes < 2200);
    const changes = [[0, first] as const, ...events];
    const again = back.map((minutes) => [minutes, changes.filter(([time]) => time <= minutes).at(-1)![1]] as const);
    for (const [minutes, value] of sorted([...changes, ...again])) write(path, at(minutes), value);
  };
  const counts = (first: number, modulus: number, events: readonly (readonly [number, number])[]) => {
    let count = first;
    return sorted(events).map(([time, rise]) => {
      if (rise >= 0) count = (count + rise) % modulus;
      return [time, rise < 0 ? null : count] as const;
    });
  };
  play(`${machine}/state`, 6, sorted(states));
  play(`${machine}/mode`, 1, sorted(modes));
  play(`${machine}/count-total`, 900, counts(900, 1000, pieces));
  play(
    `${machine}/count-good`,
    400,
    counts(
      400,
      1000,
      pieces.map(([time, rise]) => [time, Math.min(rise, 7)]),
    ),
  );
  play('energy/main/kwh', 4900, counts(4900, 5000, energy));
  return vectors;
}

const plant = vectorPlant({ orders: [{ unit: 'area/line/m1', from: '2025-07-07T06:30', to: '2025-07-07T13:00' }] });
const asked = [`${line}/m1`, `${site}/energy/main`, `${line}/m1/state`];

async function elementsOf(vectors: VectorSite, from: TimeUs, to: TimeUs): Promise<Map<string, Record<string, number>>> {
  const evaluator = vectors.evaluator(to + 100 * hour, plant);
  const found = await evaluator.evaluate({ from, to, assets: asked }, never);
  return new Map(found.map(({ kpi, asset, elements }) => [`${kpi} ${asset}`, { ...elements }]));
}

/**
 * Not sums: the peak, what is only known at the edges of a window, and, where an edge cuts a cell, how much of the
 * first piece's time was known, since what lies before the window is judged by nobody.
 */
const notAdded = [
  ...['P_max_kW', 'P_max_at_us', 'PBT_uncounted_s', 'uncounted_s', 'blocks', 'blocks_measured'],
  ...['PRI_PQ_known_s', 'PRI_GQ_known_s'],
];

t.test('whatever happens, planned busy time is all accounted for, and windows add up', async (t) => {
  await fc.assert(
    fc.asyncProperty(history, async (happened) => {
      const vectors = siteOf(happened);
      const edges = [120, ...happened.cuts.toSorted((a, b) => a - b), 1920].map(
        (minutes) => local('04:00') + minutes * minute + 7 * second,
      );
      const whole = await elementsOf(vectors, edges[0]!, edges.at(-1)!);
      const e = whole.get(`prod.availability ${line}/m1`)!;
      same(e.PBT_s!, e.APT_s! + e.AUST_s! + e.ADET_s! + e.ADOT_s! + e.UNK_s!, 'PBT is APT + AUST + ADET + ADOT + UNK');
      same(e.POT_s!, e.PBT_s! + e.PDOT_s!, 'POT is PBT + PDOT');
      const classes = Object.entries(e).filter(([name]) => name.startsWith('ADET_') && name !== 'ADET_s');
      same(
        e.ADET_s!,
        classes.reduce((sum, [, seconds]) => sum + seconds, 0),
        'ADET is the sum of its classes',
      );

      const sums = new Map<string, Record<string, number>>();
      for (const [index, from] of edges.slice(0, -1).entries()) {
        for (const [key, elements] of await elementsOf(vectors, from, edges[index + 1]!)) {
          const sum = sums.get(key) ?? {};
          sums.set(key, sum);
          for (const [name, amount] of Object.entries(elements)) sum[name] = (sum[name] ?? 0) + amount;
        }
      }
      for (const [key, elements] of whole) {
        for (const name of Object.keys({ ...elements, ...sums.get(key) })) {
          if (!notAdded.includes(name)) same(elements[name] ?? 0, sums.get(key)![name] ?? 0, `${key} ${name}`);
        }
      }
    }),
    { numRuns: 60 },
  );
  t.pass('60 histories');
});

function same(actual: number, expected: number, what: string): void {
  if (Math.abs(actual - expected) > 1e-9 * Math.max(1, Math.abs(expected)))
    throw new Error(`${what}: ${actual} and ${expected}`);
}

t.test('a counter that could not be read at the edge of a window loses nothing', async (t) => {
  const vectors = createVectorSite();
  vectors.machine('m1');
  vectors.session('plc', local('05:00'), local('14:01'));
  vectors.tag('energy/main/kwh', { role: 'kwh_import', type: 'float' });
  for (const path of ['area/line/m1/count-total', 'area/line/m1/count-good', 'energy/main/kwh']) {
    vectors.sample(path, local('05:00'), 100);
    for (let bad = local('05:30'); bad < local('09:30'); bad += 10 * minute) vectors.bad(path, bad);
    vectors.sample(path, local('09:30'), 145);
  }
  const elements = async (from: string, to: string) => elementsOf(vectors, local(from), local(to));
  const [night, early, late] = [
    await elements('05:00', '06:30'),
    await elements('06:30', '08:00'),
    await elements('08:00', '10:00'),
  ];
  t.equal(late.get(`prod.oee ${line}/m1`)!.PQ, 45, 'pieces are told by the reading before the window');
  t.equal(early.get(`prod.oee ${line}/m1`)!.PQ, 0);
  t.same(
    [night, early, late].map((one) => one.get(`en.kwh ${site}/energy/main`)!.kWh),
    [15, 15, 15],
    'energy also by the reading after it',
  );
  t.match(early.get(`en.kwh ${site}/energy/main`), { measured_s: 0, estimated_s: 5400 });
});

t.test('a piece belongs to the window in which its count was seen, to the instant', async (t) => {
  const vectors = createVectorSite();
  vectors.machine('m1');
  vectors.session('plc', local('05:00'), local('14:01'));
  for (const name of ['total', 'good']) {
    vectors.sample(`area/line/m1/count-${name}`, local('05:00'), 10);
    vectors.sample(`area/line/m1/count-${name}`, local('07:00'), 12);
  }
  const pieces = async (from: TimeUs, to: TimeUs) =>
    (await elementsOf(vectors, from, to)).get(`prod.oee ${line}/m1`)!.PQ;
  t.equal(await pieces(local('06:00'), local('07:00')), 2, 'the last reading at or before the edge');
  t.equal(await pieces(local('07:00'), local('08:00')), 0);
  t.equal(await pieces(local('06:00'), local('07:00') - 1), 0);
});

t.test('a curtailment is a delay of class energy, or planned down time where the plant says so', async (t) => {
  const vectors = createVectorSite();
  vectors.machine('m1');
  vectors.did('m1', [
    ['05:00', 'RUN'],
    ['12:00', 'OFF'],
    ['12:30', 'RUN'],
  ]);
  vectors.session('plc', local('05:00'), local('14:01'));
  const stateMaps = { machine: { kind: 'enum', states: { 6: 'RUN', 99: 'POWER_CURTAIL' } } };
  for (const [curtailmentCountsAs, expected] of [
    ['delay', { PBT_s: 450 * 60, PDOT_s: 30 * 60, ADET_energy_s: 30 * 60, APT_s: 420 * 60 }],
    ['planned_down', { PBT_s: 420 * 60, PDOT_s: 60 * 60, APT_s: 420 * 60 }],
  ] as const) {
    const evaluator = vectors.evaluator(local('15:00'), vectorPlant({ stateMaps, curtailmentCountsAs }));
    const request = { from: local('06:00'), to: local('14:00'), kpis: ['prod.availability'], assets: [`${line}/m1`] };
    t.match((await evaluator.evaluate(request, never))[0]!.elements, expected, curtailmentCountsAs);
  }
});

t.test(
  'completeness tells what was Good, what was Bad and what was unknown, with the slots of the source',
  async (t) => {
    const vectors = createVectorSite();
    vectors.machine('m1');
    vectors.session('plc', local('06:00'), local('09:00'), { down: true });
    vectors.sample('area/line/m1/state', local('06:00'), 6);
    vectors.bad('area/line/m1/state', local('07:00'));
    vectors.sample('area/line/m1/state', local('07:30'), 6);
    // The agent starts again at 09:00 and counts from 0.
    for (const [time, good, bad] of [
      ['06:00', 0, 0],
      ['07:00', 3600, 5],
      ['09:00', 10_800, 9],
      ['09:30', 40, 0],
    ] as const) {
      vectors.sample('health/plc/slots_good', local(time), good);
      vectors.sample('health/plc/slots_bad', local(time), bad);
    }
    const found = await elementsOf(vectors, local('06:00'), local('10:00'));
    t.match(found.get(`dq.complete ${line}/m1/state`), {
      expected_s: 4 * 3600,
      known_s: 2.5 * 3600,
      bad_s: 1800,
      slots_good: 10_840,
      slots_bad: 9,
      slots_skipped: 0,
    });
  },
);

t.test('a value is provisional until its window has ended and its sources have told everything', async (t) => {
  const request = { from: local('06:00'), to: local('07:00'), kpis: ['prod.availability'], assets: [`${line}/m1`] };
  const value = async (vectors: VectorSite, now: TimeUs): Promise<KpiValue> => {
    return (await vectors.evaluator(now).evaluate(request, never))[0]!;
  };
  const vectors = (through: TimeUs) => {
    const made = createVectorSite();
    made.machine('m1');
    made.did('m1', [['05:00', 'RUN']]);
    made.session('plc', local('05:00'), through, { everyUs: second });
    return made;
  };
  const running = await value(vectors(local('06:30')), local('06:30'));
  t.match(running, { provisional: true, value: 1, start: request.from, end: request.to, revision: 1 });
  t.equal(running.elements.PBT_s, 1800, 'planned busy time so far');
  t.match(await value(vectors(local('06:50')), local('07:01')), { provisional: true, coverage: 50 / 60 });
  t.match(await value(vectors(local('07:00')), local('07:01')), { provisional: false, coverage: 1 });
  // A watermark is written a little after the moment that it tells of.
  const late = createVectorSite();
  late.machine('m1');
  late.did('m1', [['05:00', 'RUN']]);
  late.session('plc', local('05:00'), local('06:59'), { everyUs: second });
  for (const [at, through] of [
    [5, -5],
    [15, 5],
  ])
    late.sample('health/plc/through', local('07:00') + at! * second, local('07:00') + through! * second);
  t.match(await value(late, local('07:01')), { provisional: false, coverage: 1 });
  const future = await value(vectors(local('05:30')), local('05:30'));
  t.match(future, { provisional: true, value: null, status: 'no_data' }, 'a window to come');
});

t.test('a new agent continues the series of an old one', async (t) => {
  const old = createVectorSite();
  old.machine('m1');
  old.did('m1', [['05:00', 'RUN']]);
  old.session('plc', local('05:00'), local('06:30'), { down: true });
  const fresh = createMemorySite(site, { agent: 'replacement', stream: 2, store: old.store });
  fresh.tag('area/line/m1/state', { role: 'state', source: 'gateway' });
  fresh.tag('area/line/m1/mode', { source: 'gateway' });
  fresh.session('gateway', local('06:45'), local('08:00'));
  fresh.sample('area/line/m1/state', local('06:45'), 4);
  fresh.sample('area/line/m1/mode', local('06:45'), 1);
  const evaluator = createKpiEvaluator({
    plants: () => [vectorPlant()],
    reader: old.store,
    ledger: { tags: () => [...old.tags(), ...fresh.tags()] },
    clock: { now: () => local('08:00') },
  });
  const request = { from: local('06:00'), to: local('07:00'), kpis: ['prod.availability'], assets: [`${line}/m1`] };
  const [value] = await evaluator.evaluate(request, never);
  t.match(value!.elements, { APT_s: 1800, ADET_organisational_s: 900, UNK_s: 900 });
});

t.test('only what is asked is read and told; what does not exist is an error or nothing', async (t) => {
  const vectors = createVectorSite();
  vectors.machine('m1');
  vectors.session('plc', local('05:00'), local('14:01'));
  const evaluator = vectors.evaluator(local('15:00'));
  const window = { from: local('06:00'), to: local('12:00') };
  const before = vectors.store.queries;
  t.same(await evaluator.evaluate({ ...window, assets: ['no/such/asset'] }, never), []);
  t.equal(vectors.store.queries, before, 'nothing asked, nothing read');
  const some = await evaluator.evaluate({ ...window, kpis: ['prod.oee', 'dq.complete'], assets: [line] }, never);
  t.same(
    some.map(({ kpi, asset }) => [kpi, asset]),
    [
      ['prod.oee', line],
      ['dq.complete', line],
    ],
  );
  t.equal(vectors.store.queries, before + 2, 'one query of health, one of samples');
  await t.rejects(evaluator.evaluate({ ...window, kpis: ['prod.speed'] }, never), {
    name: 'RangeError',
    message: /prod\.speed/,
  });
  await t.rejects(evaluator.evaluate({ from: window.to, to: window.to }, never), { name: 'RangeError' });
  await t.rejects(evaluator.evaluate(window, AbortSignal.abort()), { name: 'AbortError' });
  t.ok(evaluator.definitions().length >= 8);
});

t.test('a day of the demo factory, told by its signals alone, is what the factory knows of itself', async (t) => {
  const [from, to] = [local('06:00'), local('06:00') + 24 * hour];
  const factory = createFactory({ seed: 7, startUs: from - hour });
  const store = createMemoryStore();
  const sites = new Map(
    ['machining', 'packaging'].map((name, index) => {
      const plant = loadDemoPlant(name);
      return [
        plant.path,
        { plant, memory: createMemorySite(plant.path, { agent: name, stream: index + 1, store }) },
      ] as const;
    }),
  );
  const scale = new Map([
    ['aras/packaging-plant/energy/main/kwh', { modulus: 2 ** 32, scale: 0.1 }],
    ['aras/packaging-plant/energy/gas/pulses', { modulus: 65_536, scale: 0.1 }],
    ['sahand/machining-plant/energy/main/kwh', { modulus: 1e6, scale: 1 }],
  ]);
  for (const { plant, path, value } of factory.signals()) {
    const isWide = path.includes('count') && !/cnc|capper/.test(path);
    const count = { modulus: isWide ? 2 ** 32 : 65_536, scale: 1 };
    const counter = { ...(scale.get(`${plant}/${path}`) ?? count), maxRatePerS: 5 };
    const { memory } = sites.get(plant)!;
    memory.tag(path, { counter, type: typeof value === 'string' ? 'string' : 'float', intervalMs: 60_000 });
    memory.sample(path, from - hour, value);
  }
  for (const { memory } of sites.values()) memory.session('plc', from - hour, to + hour);

  /** What the factory knows: seconds of every state in planned busy time, pieces, energy. */
  const truth = new Map<string, Record<string, number>>();
  const stopped = new Map<string, boolean>();
  const state = new Map<string, { canonical: string; since: TimeUs }>();
  const add = (asset: string, name: string, amount: number) => {
    const sums = truth.get(asset) ?? {};
    truth.set(asset, sums);
    sums[name] = (sums[name] ?? 0) + amount;
  };
  const tally = (asset: string, plant: string, until: TimeUs) => {
    const last = state.get(asset);
    const seconds = last ? (Math.min(until, to) - Math.max(last.since, from)) / second : 0;
    if (last && seconds > 0 && !stopped.get(plant)) add(asset, last.canonical, seconds);
  };
  const endOf = { energy: 'kwh', gas: 'm3' } as const;
  factory.listen({
    changed: ({ plant, path, time, value }) => sites.get(plant)!.memory.sample(path, time, value),
    happened(event) {
      const { t: time, plant } = event;
      if (event.type === 'state') {
        const asset = `${plant}/${event.unit}`;
        tally(asset, plant, time);
        state.set(asset, { canonical: event.canonical, since: time });
      } else if (event.type === 'calendar') {
        for (const [asset, { canonical }] of state) {
          if (!asset.startsWith(plant)) continue;
          tally(asset, plant, time);
          state.set(asset, { canonical, since: time });
        }
        stopped.set(plant, event.plannedStop !== null);
      } else if (event.type === 'piece' && time > from && time <= to) {
        add(`${plant}/${event.unit}`, 'PQ', 1);
        add(`${plant}/${event.unit}`, 'GQ', Number(event.good));
      } else if ((event.type === 'energy' || event.type === 'gas') && (time === from || time === to)) {
        const amount = event.type === 'energy' ? event.kwh : event.m3;
        add(`${plant}/${event.meter}`, endOf[event.type], time === to ? amount : -amount);
      }
    },
  });
  factory.advanceTo(to + minute);
  for (const [asset] of state) tally(asset, [...sites.keys()].find((plant) => asset.startsWith(plant))!, to);

  const evaluator = createKpiEvaluator({
    plants: () => [...sites.values()].map(({ plant }) => plant),
    reader: store,
    ledger: { tags: () => [...sites.values()].flatMap(({ memory }) => memory.tags()) },
    clock: { now: () => to + hour },
  });
  const found = await evaluator.evaluate({ from, to }, never);
  const value = (kpi: string, asset: string) => found.find((one) => one.kpi === kpi && one.asset === asset)!;
  for (const { plant, unit, plannedRunTimeS } of factory.units) {
    const asset = `${plant}/${unit}`;
    const e = { ...value('prod.availability', asset).elements, ...value('prod.oee', asset).elements };
    const sums = truth.get(asset)!;
    const of = (...names: string[]) => names.reduce((sum, name) => sum + (sums[name] ?? 0), 0);
    const told = { PBT_s: 24 * 3600 - 3 * 35 * 60, APT_s: of('RUN'), AUST_s: of('SETUP'), PQ: of('PQ'), GQ: of('GQ') };
    for (const [name, amount] of Object.entries(told)) same(e[name]!, amount, `${asset} ${name}`);
    same(e.ADET_failure_s ?? 0, of('FAULT'), `${asset} failure`);
    same(e.ADET_internal_s ?? 0, of('HELD'), `${asset} held`);
    same(e.ADET_external_s ?? 0, of('STARVED', 'BLOCKED'), `${asset} starved and blocked`);
    same(e.ADET_minor_s ?? 0, of('TRANSIENT'), `${asset} transient`);
    same(e.ADET_organisational_s ?? 0, of('IDLE', 'PLANNED_STOP'), `${asset} idle`);
    same(e.ADET_energy_s ?? 0, of('POWER_CURTAIL'), `${asset} curtailed`);
    same(value('prod.oee', asset).value!, (plannedRunTimeS * of('GQ')) / told.PBT_s, `${asset} OEE`);
    t.match(value('prod.oee', asset), { status: 'ok', provisional: false, coverage: 1 }, asset);
  }
  for (const [asset, kpi, name, resolution] of [
    ['sahand/machining-plant/energy/main', 'en.kwh', 'kwh', 0.01],
    ['aras/packaging-plant/energy/main', 'en.kwh', 'kwh', 0.1],
    ['aras/packaging-plant/energy/gas', 'en.carrier', 'm3', 0.1],
  ] as const) {
    const [told, known] = [value(kpi, asset), truth.get(asset)![name]!];
    t.ok(Math.abs(told.value! - known) <= resolution, `${asset}: ${told.value}, truly ${known}`);
    t.match(told, { status: 'ok', flags: [] });
  }
  t.ok(
    found.filter(({ kpi }) => kpi === 'dq.complete').every(({ value }) => value === 1),
    'complete',
  );
});

t.test('all KPIs of both demo plants over a shift of samples every second', async (t) => {
  const plants = [loadDemoPlant('machining'), loadDemoPlant('packaging')];
  const [from, to] = [local('06:00'), local('14:00')];
  const machining = createMemorySite(plants[0]!.path, { agent: 'machining', stream: 1 });
  const packaging = createMemorySite(plants[1]!.path, { agent: 'packaging', stream: 2, store: machining.store });
  let tags = 0;
  const fill = (memory: typeof machining, path: string, options: object, value: (second: number) => SampleValue) => {
    memory.tag(path, options);
    tags++;
    for (let i = -60; i < (to - from) / second + 60; i++) memory.sample(path, from + i * second, value(i));
  };
  const counter = { modulus: 65_536, scale: 1, maxRatePerS: 5 };
  for (const [memory, line, units, state] of [
    [machining, 'machining/line-1', ['cnc-1', 'cnc-2', 'cnc-3'], 'state'],
    [packaging, 'packaging/line-1', ['filler', 'capper', 'packer'], 'status'],
  ] as const) {
    for (const unit of units) {
      fill(memory, `${line}/${unit}/${state}`, { role: 'state' }, (i) =>
        state === 'state' ? (i % 500 < 440 ? 6 : 9) : i % 500 < 440 ? 1 : 2,
      );
      if (state === 'state') fill(memory, `${line}/${unit}/mode`, {}, () => 1);
      for (const name of ['total', 'good', 'scrap']) {
        fill(memory, `${line}/${unit}/count-${name}`, { role: `count_${name}`, counter }, (i) =>
          name === 'scrap' ? 0 : (60_000 + Math.max(0, Math.floor(i / 2))) % 65_536,
        );
      }
      for (const name of ['a', 'b', 'c'])
        fill(memory, `${line}/${unit}/process-${name}`, { type: 'float' }, (i) => i % 97);
    }
    const kwh = { role: 'kwh_import', type: 'float', counter: { modulus: 1e6, scale: 1, maxRatePerS: 1 } };
    fill(memory, 'energy/main/kwh', kwh, (i) => (999_900 + (i + 60) * 0.01) % 1e6);
    for (const name of ['power', 'reactive-power', 'power-factor'])
      fill(memory, `energy/main/${name}`, { type: 'float' }, (i) => i % 13);
    memory.session('plc', from - minute, to + minute, { everyUs: 10 * second });
  }
  for (let i = 1; tags < 60; i++)
    fill(packaging, `utilities/boiler/process-${i}`, { type: 'float' }, (second) => second % i);

  const evaluator = createKpiEvaluator({
    plants: () => plants,
    reader: machining.store,
    ledger: { tags: () => [...machining.tags(), ...packaging.tags()] },
    clock: { now: () => to + minute },
  });
  const timed = async (request: object) => {
    const start = performance.now();
    const found = await evaluator.evaluate({ from, to, ...request }, never);
    return { ms: performance.now() - start, found };
  };
  const first = await timed({});
  const again = [await timed({}), await timed({}), await timed({})];
  const oee = await timed({ kpis: ['prod.oee'] });
  const bestMs = Math.min(...again.map(({ ms }) => ms));
  t.comment(
    `${tags} tags, ${machining.store.points} points, ${first.found.length} values: first ${first.ms.toFixed(0)} ms, ` +
      `then ${bestMs.toFixed(0)} ms; OEE alone ${oee.ms.toFixed(0)} ms`,
  );
  t.ok(first.found.every(({ status }) => status === 'ok' || status === 'no_data'));
  t.match(
    first.found.find(({ kpi, asset }) => kpi === 'prod.oee' && asset.endsWith('cnc-1')),
    {
      status: 'ok',
      elements: { PBT_s: 445 * 60, PQ: 14_400 },
    },
  );
  for (const { found } of again) t.same(found, first.found, 'the same values');
});
