/** Plant models: what a file says, what is refused, and which time of a plant is planned. */
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { loadYaml, parseYaml } from '../../config/load.ts';
import { bindings } from '../../hub/plant/bindings.ts';
import { businessDay, plannedBusy, shiftInstances } from '../../hub/plant/calendar.ts';
import { canonicalState, stateMapSchema } from '../../hub/plant/canonical-state.ts';
import { type Daily, dailySpans } from '../../hub/plant/daily.ts';
import { parseLocal } from '../../hub/plant/dates.ts';
import { mistakeWords } from '../../hub/plant/mistake-words.ts';
import { buildPlant, type Plant } from '../../hub/plant/plant.ts';
import { plantSchema } from '../../hub/plant/plant-file.ts';
import { weekdays } from '../../hub/plant/schema-parts.ts';
import { lengthUs } from '../../hub/plant/spans.ts';
import { checkZoneData, fromLocal, hourUs, zoneOffsetUs } from '../../hub/plant/zone.ts';
import type { ConfigError } from '../../protocols/errors.ts';
import { createMemorySite } from '../support/memory-site.ts';

const demoFile = (name: string) => join(import.meta.dirname, '../../config/demo/plants', `${name}.yaml`);
const demo = (name: string): Plant => buildPlant(loadYaml(demoFile(name), plantSchema, {}));
const utc = (time: string) => Date.parse(time) * 1000;
const iso = (time: number) => new Date(time / 1000).toISOString().replace(':00.000', '');

t.test('the plants of the demo load, with their paths, planned run times and meters', (t) => {
  const [machining, packaging] = [demo('machining'), demo('packaging')];
  t.same(
    machining.units.map(({ path, rates }) => [path, rates.map(({ plannedRunTimeS }) => plannedRunTimeS)]),
    [
      ['sahand/machining-plant/machining/line-1/cnc-1', [24]],
      ['sahand/machining-plant/machining/line-1/cnc-2', [30]],
      ['sahand/machining-plant/machining/line-1/cnc-3', [36]],
    ],
  );
  t.match(machining.units[0]!.tags, {
    state: 'sahand/machining-plant/machining/line-1/cnc-1/state',
    mode: 'sahand/machining-plant/machining/line-1/cnc-1/mode',
    countTotal: 'sahand/machining-plant/machining/line-1/cnc-1/count-total',
  });
  t.match(packaging.units[0]!.tags, { state: 'aras/packaging-plant/packaging/line-1/filler/status', mode: undefined });
  t.match(
    packaging.meters.map(({ path, unit, register, demandIntervalUs }) => ({ path, unit, register, demandIntervalUs })),
    [
      {
        path: 'aras/packaging-plant/energy/main',
        unit: 'kWh',
        register: 'aras/packaging-plant/energy/main/kwh',
        demandIntervalUs: hourUs / 4,
      },
      { path: 'aras/packaging-plant/energy/gas', unit: 'm³', register: 'aras/packaging-plant/energy/gas/pulses' },
    ],
  );
  t.match(packaging.name, { en: 'Aras packaging plant', fa: 'کارخانه بسته‌بندی ارس' });
  t.equal(demo('machining').version, machining.version, 'the same file is the same version');
  t.not(machining.version, packaging.version);
  t.end();
});

t.test('a day of the demo is planned busy but for three breaks and three cleanings', (t) => {
  const plant = demo('machining');
  const { start, end } = businessDay(plant, utc('2025-07-08T01:00:00+03:30'));
  t.same([iso(start), iso(end)], ['2025-07-07T02:30Z', '2025-07-08T02:30Z'], 'the night belongs to the day before');
  const instances = shiftInstances(plant, start, end);
  t.same(
    instances.map(({ code, start, end }) => [code, iso(start), iso(end)]),
    [
      ['morning', '2025-07-07T02:30Z', '2025-07-07T10:30Z'],
      ['afternoon', '2025-07-07T10:30Z', '2025-07-07T18:30Z'],
      ['night', '2025-07-07T18:30Z', '2025-07-08T02:30Z'],
    ],
  );
  t.equal(lengthUs(plannedBusy(instances, start, end)), 24 * hourUs - 3 * 35 * (hourUs / 60));
  const night = plannedBusy(instances, utc('2025-07-08T01:50:00+03:30'), utc('2025-07-08T02:40:00+03:30'));
  t.same(
    night.map(({ start, end }) => [iso(start), iso(end)]),
    [
      ['2025-07-07T22:20Z', '2025-07-07T22:30Z'],
      ['2025-07-07T23:00Z', '2025-07-07T23:10Z'],
    ],
    'the break of a night shift is after midnight',
  );
  t.end();
});

t.test('a shift is worked on its weekdays only', (t) => {
  const plant = demo('machining');
  const shifts = plant.shifts.map((shift) => ({ ...shift, weekdays: ['fri' as const] }));
  const instances = shiftInstances(
    { ...plant, shifts },
    utc('2025-07-05T06:00:00+03:30'),
    utc('2025-07-12T06:00:00+03:30'),
  );
  t.same(
    instances.map(({ start }) => iso(start)),
    ['2025-07-11T02:30Z', '2025-07-11T10:30Z', '2025-07-11T18:30Z'],
    'Friday 20 Tir 1404',
  );
  t.same(shiftInstances(plant, 5, 5), [], 'an empty window has no shifts');
  t.end();
});

t.test('TV-L: local days of 24, 23 and 25 hours', (t) => {
  const plant = { zone: 'Asia/Tehran', businessDayStartMin: 0 };
  const day = (noon: string) => {
    const { start, end } = businessDay(plant, utc(noon));
    return [iso(start), iso(end), (end - start) / hourUs];
  };
  t.same(day('2025-07-07T12:00:00+03:30'), ['2025-07-06T20:30Z', '2025-07-07T20:30Z', 24]);
  t.same(day('2022-03-22T12:00:00+04:30'), ['2022-03-21T20:30Z', '2022-03-22T19:30Z', 23]);
  t.same(day('2022-09-21T12:00:00+04:30'), ['2022-09-20T19:30Z', '2022-09-21T20:30Z', 25]);
  t.same(day('2022-03-21T20:30:00Z'), ['2022-03-21T20:30Z', '2022-03-22T19:30Z', 23], 'its first instant');
  t.same(day('2022-09-21T20:29:59Z'), ['2022-09-20T19:30Z', '2022-09-21T20:30Z', 25], 'its last second');
  t.equal(zoneOffsetUs('Asia/Tehran', utc('2023-07-01T00:00:00Z')), 3.5 * hourUs);
  t.equal(zoneOffsetUs('Asia/Tehran', utc('2022-07-01T00:00:00Z')), 4.5 * hourUs);
  t.equal(
    iso(fromLocal('Asia/Tehran', utc('2022-09-21T23:30:00Z'))),
    '2022-09-21T19:00Z',
    'of two equal wall times the earlier',
  );
  t.end();
});

t.test('zone data that do not know the end of summer time are refused', (t) => {
  checkZoneData();
  t.throws(() => checkZoneData(() => 4.5 * hourUs), { name: 'ConfigError', hint: /tz data of 2022b/ });
  t.end();
});

t.test('raw states become canonical ones by the map of the plant', (t) => {
  const packml = demo('machining').units[0]!.stateMap;
  t.same(
    [6, 4, 9, 5, 10, 3].map((state) => canonicalState(packml, state, 1)),
    ['RUN', 'IDLE', 'FAULT', 'STARVED', 'HELD', 'TRANSIENT'],
  );
  t.equal(canonicalState(packml, 4, 4), 'SETUP', 'by its mode');
  t.equal(canonicalState(packml, 2, 2), 'MAINT_PLANNED');
  t.equal(canonicalState(packml, 9, 2), 'MAINT_CORRECTIVE', 'maintenance of a machine that is aborted');
  t.equal(canonicalState(packml, 18, 1), 'UNKNOWN', 'a number that the map does not name');
  const word = demo('packaging').units[0]!.stateMap;
  t.same(
    [1, 2, 4, 8, 16, 32, 64, 128, 0, 0b11].map((bits) => canonicalState(word, bits, null)),
    ['RUN', 'FAULT', 'SETUP', 'STARVED', 'BLOCKED', 'POWER_CURTAIL', 'IDLE', 'IDLE', 'OFF', 'FAULT'],
  );
  t.equal(
    canonicalState(stateMapSchema.parse({ kind: 'bits', bits: [{ bit: 31, state: 'RUN' }] }), 2 ** 31, null),
    'RUN',
  );
  t.equal(canonicalState(word, 'on', null), 'OFF', 'a value that is no number');
  t.end();
});

t.test('holidays, days of their own, and shifts of a season are worked as the file says', (t) => {
  const name = { en: 'n', fa: 'n' };
  const good = loadYaml(demoFile('machining'), plantSchema, {});
  const plant = buildPlant(
    plantSchema.parse({
      ...good,
      shifts: [
        { code: 'day', name, start: '06:00', end: '14:00', weekdays: ['sat', 'sun'], to: '1405-06-01' },
        { code: 'ramadan', name, start: '08:00', end: '13:00', weekdays: ['sat', 'sun'], from: '1405-06-01' },
        {
          ...{ code: 'night', name, start: '22:00', end: '06:00', weekdays: ['fri'] },
          crews: { turn: ['A', 'B', 'C'], since: '1405-05-30', days: 7 },
        },
      ],
      exceptions: [
        { date: '1405-05-31', name },
        { date: '1405-06-05', until: '1405-06-06', name, shifts: ['ramadan'] },
      ],
    }),
  );
  // 1405-05-30 is Friday 2026-08-21.
  const found = shiftInstances(plant, utc('2026-08-21T00:00+03:30'), utc('2026-09-05T00:00+03:30'));
  t.same(
    found.map(({ code, start, crew }) => [code, iso(start), crew]),
    [
      ['night', '2026-08-21T18:30Z', 'A'],
      ['ramadan', '2026-08-23T04:30Z', undefined],
      ['ramadan', '2026-08-27T04:30Z', undefined],
      ['ramadan', '2026-08-28T04:30Z', undefined],
      ['ramadan', '2026-08-29T04:30Z', undefined],
      ['ramadan', '2026-08-30T04:30Z', undefined],
      ['night', '2026-09-04T18:30Z', 'C'],
    ],
    'Saturday is off, and so is the second Friday night, since other shifts are named for that day',
  );
  t.end();
});

t.test('what holds between two times of day, over midnight and by season', (t) => {
  const spans = (daily: Partial<Daily>, from: string, to: string) =>
    dailySpans(
      'Asia/Tehran',
      { start: '19:00', end: '23:00', weekdays: [...weekdays], ...daily },
      { start: utc(from), end: utc(to) },
    ).map(({ start, end }) => [iso(start), iso(end)]);
  // 1404-06-31 is Monday 2025-09-22, the last day of summer.
  const days = ['2025-09-22T00:00+03:30', '2025-09-24T00:00+03:30'] as const;
  t.same(spans({ months: [1, 6] }, ...days), [['2025-09-22T15:30Z', '2025-09-22T19:30Z']]);
  t.same(spans({ months: [7, 6] }, ...days).length, 2, 'a season over the turn of the year');
  t.same(spans({ start: '23:00', end: '07:00', weekdays: ['sun'] }, ...days), [
    ['2025-09-21T20:30Z', '2025-09-22T03:30Z'],
  ]);
  t.same(spans({ start: '00:00', end: '00:00' }, ...days), [['2025-09-21T20:30Z', '2025-09-23T20:30Z']], 'all day');
  t.end();
});

t.test('dates are read in either calendar and in any digits', (t) => {
  const day = (text: string) => {
    const found = parseLocal(text);
    return found === undefined ? undefined : new Date(found / 1000).toISOString().slice(0, 16);
  };
  t.equal(day('1404-04-16'), '2025-07-07T00:00');
  t.equal(day('۱۴۰۴/۴/۱۶ ۰۶:۳۰'), '2025-07-07T06:30');
  t.equal(day('٢٠٢٥-٠٧-٠٧T06:30:00'), '2025-07-07T06:30');
  for (const wrong of ['2025-02-30', '1404-12-30', '1404-07-31', '2025-07-07T24:00', '07-07-2025', '']) {
    t.equal(day(wrong), undefined, wrong);
  }
  t.end();
});

t.test('a plant file that contradicts itself is refused, with line, column and what to do', (t) => {
  // biome-ignore lint/suspicious/noExplicitAny: the cases put anything anywhere.
  type Document = Record<string, any>;
  const good = loadYaml(demoFile('machining'), plantSchema, {}) as Document;
  const refusal = (change: (document: Document) => void): ConfigError => {
    const document = structuredClone(good);
    change(document);
    try {
      parseYaml(stringify(document), 'plant.yaml', plantSchema, {});
    } catch (error) {
      return error as ConfigError;
    }
    throw new Error('it was accepted');
  };
  const baseline = {
    ...{ code: 'b', meter: 'energy/main', kind: 'linear', per: 'day', author: 'a' },
    ...{ terms: [{ variable: 'GQ', coefficient: 1 }], reference: { from: '1403-01-01', to: '1404-01-01' } },
  };
  const cases: [what: string, change: (document: Document) => void, message: RegExp, where: string][] = [
    ['an unknown key', (d) => (d.colour = 'red'), /unknown key "colour"/, 'colour: red'],
    ['a typing error', (d) => (d.shifts[0].brakes = d.shifts[0].breaks), /unknown key "brakes"/, 'brakes:'],
    ['an unknown state', (d) => (d.stateMaps.packml.states[6] = 'RUNNING'), /stateMaps.packml.states.6/, 'RUNNING'],
    ['an unknown zone', (d) => (d.zone = 'Asia/Tabriz'), /no IANA time zone/, 'Asia/Tabriz'],
    [
      'a name of no form',
      (d) => (d.stateMaps['Pack ML'] = d.stateMaps.packml),
      /stateMaps\.Pack ML: must be one lower-case word/,
      '*a1',
    ],
    ['a time of day', (d) => (d.shifts[1].start = '25:00'), /time of day/, '25:00'],
    [
      'shifts that overlap',
      (d) => (d.shifts[1].start = '13:30'),
      /overlaps the shift "morning" on sat/,
      'code: afternoon',
    ],
    [
      'a night shift into the morning',
      (d) => (d.shifts[2].end = '06:30'),
      /overlaps the shift "morning"/,
      'code: night',
    ],
    ['a shift twice', (d) => (d.shifts[1].code = 'morning'), /"morning" is there twice/, 'morning'],
    ['a break outside its shift', (d) => (d.shifts[2].breaks[0].start = '21:30'), /not inside the shift/, 'name:'],
    [
      'an unknown state map',
      (d) => (d.areas[0].lines[0].units[0].stateMap = 'omac'),
      /no state map; known: packml/,
      'omac',
    ],
    ['a unit twice', (d) => (d.areas[0].lines[0].units[1].code = 'cnc-1'), /is there twice/, 'cnc-1'],
    [
      'a rate of an unknown unit',
      (d) => (d.products[0].rates[0].unit = 'machining/line-1/cnc-9'),
      /there is no unit/,
      'machining/line-1/cnc-9',
    ],
    [
      'two rates at once',
      (d) => d.products[0].rates.push({ unit: 'machining/line-1/cnc-1', plannedRunTimeS: 25 }),
      /overlaps another rate of "shaft"/,
      'unit: machining/line-1/cnc-1',
    ],
    [
      'a rate that ends first',
      (d) => Object.assign(d.products[0].rates[0], { from: '2025-07-02', to: '2025-07-01T12:00' }),
      /not after "from"/,
      '2025-07-01T12:00',
    ],
    ['a date that is none', (d) => (d.products[0].rates[0].from = '2025-13-01'), /must be a date/, '2025-13-01'],
    [
      'an order of an unknown unit',
      (d) => (d.orders = [{ unit: 'x', from: '2025-07-01', to: '2025-07-02' }]),
      /there is no unit x/,
      'x',
    ],
    [
      'a formula of a name that nobody knows',
      (d) => (d.contracts[0].formulas = { demandIrr: 'billed_demand_kW * price', constants: {} }),
      /there is no price; known: .*contract_kW/,
      'billed_demand_kW * price',
    ],
    [
      'a formula that cannot be read',
      (d) => (d.contracts[0].formulas = { demandIrr: '2 * (3', constants: {} }),
      /"\)" expected at the end; write it with/,
      '2 * (3',
    ],
    [
      'a formula of reactive energy where demand costs nothing',
      (d) => (d.contracts[0].formulas = { reactiveIrr: '1', constants: {} }),
      /nothing says what demand costs/,
      'reactiveIrr:',
    ],
    [
      'a baseline whose change point nobody tells',
      (d) => (d.baselines = [{ ...baseline, kind: 'change_point' }]),
      /no term has a change point; let kind be linear/,
      '- variable: GQ',
    ],
    [
      'a change point in a straight line',
      (d) => (d.baselines = [{ ...baseline, terms: [{ variable: 'GQ', coefficient: 1, above: 5 }] }]),
      /a term has a change point; let kind be change_point/,
      '- variable: GQ',
    ],
    [
      'a meter of an unknown line',
      (d) => (d.meters[0].measures = ['machining/line-2']),
      /no area, line or unit/,
      'machining/line-2',
    ],
    [
      'a meter below an unknown one',
      (d) => (d.meters[0].parent = 'energy/grid'),
      /there is no meter energy\/grid/,
      'energy/grid',
    ],
    [
      'a meter below itself',
      (d) => d.meters.push({ ...d.meters[0], path: 'energy/sub', parent: 'energy/sub' }),
      /upstream of itself/,
      'energy/sub',
    ],
    ['no day of the calendar', (d) => (d.products[0].rates[0].from = '1404-12-30'), /must be a date/, '1404-12-30'],
    [
      'orders that overlap',
      (d) =>
        (d.orders = [
          { unit: 'machining/line-1/cnc-1', from: '1404-04-16', to: '1404-04-18' },
          { unit: 'machining/line-1/cnc-1', from: '2025-07-08T06:00', to: '2025-07-09' },
        ]),
      /one order at a time/,
      'unit: machining/line-1/cnc-1',
    ],
    [
      'a holiday of unknown shifts',
      (d) => (d.exceptions = [{ date: '1405-01-01', name: d.name, shifts: ['noon'] }]),
      /there is no shift noon; known: morning/,
      'noon',
    ],
    [
      'a day that is two holidays',
      (d) =>
        (d.exceptions = [
          { date: '1405-01-01', until: '1405-01-04', name: d.name },
          { date: '2026-03-24', name: d.name },
        ]),
      /is a day of/,
      'date: 2026-03-24',
    ],
    [
      'a tariff with an hour of no band',
      (d) => (d.tariffs[0].bands = d.tariffs[0].bands.slice(1)),
      /no band holds at \d\d:00 on sat in month \d; add one/,
      '- band',
    ],
    [
      'a tariff with an hour of two bands',
      (d) => (d.tariffs[0].bands[0].end = '00:00'),
      /peak and low both hold at|low and peak both hold at/,
      '- band',
    ],
    [
      'a limit of an unknown meter',
      (d) =>
        (d.limits = [
          {
            code: 'l',
            meter: 'energy/x',
            from: '1405-04-01',
            to: '1405-05-01',
            referenceKw: 9,
            percent: 50,
            source: 's',
          },
        ]),
      /there is no meter energy\/x/,
      'energy/x',
    ],
    [
      'two factors at once',
      (d) => d.factors.push({ ...d.factors[0], value: 1, source: 'another' }),
      /overlaps the factor of/,
      'carrier: electricity',
    ],
    [
      'a reason below one that comes later',
      (d) => (d.reasons = [{ code: 'tool', name: d.name, parent: 'mechanics' }]),
      /no reason above it mechanics; known: none/,
      'mechanics',
    ],
    [
      'a time before the pilot that reaches into it',
      (d) => (d.pilot.baseline = { from: '1403-11-01', to: '1404-01-02' }),
      /days would count on both sides/,
      '1404-01-02',
    ],
    [
      'a declared figure of what is not compared',
      (d) => (d.pilot.declared[0].kpi = 'prod.nee'),
      /no compared KPI prod\.nee; known: prod\.oee/,
      'prod.nee',
    ],
    ['limits the wrong way round', (d) => (d.coverage = { ok: 0.5, partial: 0.6 }), /above "ok"/, '0.6'],
    [
      'a mode tag without modes',
      (d) =>
        Object.assign(d.areas[0].lines[0].units[0], {
          stateMap: 'plain',
          tags: { mode: 'machining/line-1/cnc-1/m' },
        }) && Object.assign(d.stateMaps, { plain: { kind: 'enum', states: {} } }),
      /has no modes/,
      'machining/line-1/cnc-1/m',
    ],
  ];
  for (const [what, change, message, where] of cases) {
    const error = refusal(change);
    t.match(error, { name: 'ConfigError', message, path: /^plant\.yaml:\d+:\d+$/ }, what);
    const { en, fa } = mistakeWords(error);
    t.match(en, message);
    t.match(fa, /^(?!خطا در فایل)(?=.*[؀-ۿ]{2,} [؀-ۿ]{2,})/u, `${what}, in Persian: ${fa}`);
    const document = structuredClone(good);
    change(document);
    const [, row, column] = error.path.split(':').map(Number);
    t.ok(
      stringify(document)
        .split('\n')
        [row! - 1]!.slice(column! - 1)
        .startsWith(where),
      `${what}: at ${error.path}`,
    );
  }
  t.match(refusal((d) => (d.shifts[0].brakes = [])).hint, /Did you mean "breaks"/);
  const many = refusal((d) => (d.products = Array.from({ length: 30 }, () => ({ code: 'X Y' })))).others.at(-1)!;
  t.match(mistakeWords(many), { en: /more mistakes in the same file/, fa: /^خطا در فایل: / }, 'it can be read');
  t.end();
});

t.test('tags are bound by their full path, and what is missing or does not fit is listed', (t) => {
  const plant = demo('packaging');
  const site = createMemorySite(plant.path);
  const filler = 'packaging/line-1/filler';
  site.tag(`${filler}/status`, { role: 'state' });
  site.tag(`${filler}/count-total`, { role: 'count_total' });
  site.tag(`${filler}/count-good`, { type: 'string' });
  site.tag(`${filler}/speed`, { type: 'float' });
  const other = createMemorySite(plant.path, { agent: 'replacement', stream: 2 });
  other.tag(`${filler}/status`, { role: 'state' });
  const foreign = createMemorySite('elsewhere/plant');
  foreign.tag(`${filler}/count-scrap`);

  const { bound, missing, misfits, unbound } = bindings(plant, [...site.tags(), ...other.tags(), ...foreign.tags()]);
  const full = (path: string) => `${plant.path}/${path}`;
  t.match(
    bound.map(({ path, asset, role, tags }) => ({ path, asset, role, agents: tags.map(({ agent }) => agent) })),
    [
      { path: full(`${filler}/status`), asset: full(filler), role: 'state', agents: ['agent', 'replacement'] },
      { path: full(`${filler}/count-total`), role: 'count_total', agents: ['agent'] },
    ],
  );
  t.match(misfits, [{ path: full(`${filler}/count-good`), type: 'string' }]);
  t.same(
    unbound.map(({ path }) => path),
    [full(`${filler}/speed`)],
  );
  t.ok(
    missing.some(({ path }) => path === full(`${filler}/count-scrap`)),
    'a tag of another site is not bound',
  );
  t.ok(missing.some(({ path, role }) => path === full('energy/main/kwh') && role === 'kwh_import'));
  t.equal(bound.length + misfits.length + missing.length, 3 * 4 + 4);
  t.end();
});
