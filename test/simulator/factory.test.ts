/** The demo factory without its servers: repeatable, true to its own truth, and never a dull twenty minutes. */

import t from 'tap';
import { createFactory, type FactoryOptions } from '../../protocols/simulator/factory.ts';
import { plannedStopAt, shiftAt } from '../../protocols/simulator/factory-calendar.ts';
import type { FactoryEvent, Signal, StateEvent } from '../../protocols/simulator/factory-record.ts';
import { fc } from '../support/drawn.ts';

const minuteUs = 60_000_000;
const at = (text: string): number => Date.parse(text) * 1000;
/** Seven minutes before the cleaning that ends the morning shift. */
const beforeShiftEnd = at('2026-11-23T13:48:00+03:30');

interface Change {
  readonly tag: string;
  readonly time: number;
  readonly value: number | string;
}

const tagOf = ({ plant, path }: Pick<Signal, 'plant' | 'path'>): string => `${plant}/${path}`;

function live(options: FactoryOptions, stepsUs: readonly number[]) {
  const factory = createFactory(options);
  const start = new Map(factory.signals().map((signal) => [tagOf(signal), signal.value]));
  const events: FactoryEvent[] = [...factory.latest()];
  const changes: Change[] = [];
  factory.listen({
    happened: (event) => events.push(event),
    changed: (signal) => changes.push({ tag: tagOf(signal), time: signal.time, value: signal.value }),
  });
  let time = factory.startUs;
  for (const step of stepsUs) {
    time += step;
    factory.advanceTo(time);
  }
  const signal = (tag: string): Signal => factory.signals().find((one) => tagOf(one) === tag)!;
  return { factory, start, events, changes, end: time, signal };
}

type Life = ReturnType<typeof live>;

const statesOf = ({ events }: Life, unit: string): StateEvent[] =>
  events.filter((event): event is StateEvent => event.type === 'state' && event.unit === unit);

/** Seconds spent in each canonical state. */
function durations(life: Life, unit: string): Map<string, number> {
  const states = statesOf(life, unit);
  const sums = new Map<string, number>();
  for (const [index, { t: from, canonical }] of states.entries()) {
    const until = states[index + 1]?.t ?? life.end;
    sums.set(canonical, (sums.get(canonical) ?? 0) + (until - from) / 1e6);
  }
  return sums;
}

const modulusOf = (unit: string): number => (/filler|packer/.test(unit) ? 2 ** 32 : 2 ** 16);

const twentyMinutes = [1, 2, 3, 4, 5].map((seed) => live({ seed, startUs: beforeShiftEnd }, [20 * minuteUs]));
const aDay = live({ seed: 7, startUs: at('2026-11-23T06:00:00+03:30') }, [24 * 60 * minuteUs]);

t.test('the same seed and start give the same history, whatever the steps', async (t) => {
  const lengthUs = 6 * minuteUs;
  const history = (seed: number, stepsUs: number[]): string => {
    const { events, changes } = live({ seed, startUs: beforeShiftEnd }, stepsUs);
    return JSON.stringify([events, changes]);
  };
  const whole = history(3, [lengthUs]);
  const instants = fc.array(fc.integer({ min: 0, max: lengthUs }), { maxLength: 60 });
  const check = fc.check(
    fc.property(instants, (times) => {
      const ends = [...times, lengthUs].toSorted((a, b) => a - b);
      return (
        history(
          3,
          ends.map((end, index) => end - (ends[index - 1] ?? 0)),
        ) === whole
      );
    }),
    { numRuns: 30 },
  );
  t.same(check.counterexample, null);
  t.not(history(4, [lengthUs]), whole);
});

t.test('going back in time changes nothing', async (t) => {
  const { factory, changes, end } = live({ seed: 1, startUs: beforeShiftEnd }, [minuteUs]);
  const count = changes.length;
  factory.advanceTo(end - 30_000_000);
  factory.advanceTo(end);
  t.equal(changes.length, count);
});

t.test(
  'twenty minutes show a failure and a setup in each plant, cleaning, a new shift and a curtailment',
  async (t) => {
    for (const life of twentyMinutes) {
      for (const plant of ['sahand/machining-plant', 'aras/packaging-plant']) {
        const seen = new Set(
          life.events.flatMap((e) => (e.type === 'state' && e.plant === plant ? [e.canonical] : [])),
        );
        for (const canonical of ['RUN', 'FAULT', 'SETUP', 'PLANNED_STOP', 'IDLE'] as const) {
          t.ok(seen.has(canonical), `seed ${life.factory.seed}: ${canonical} in ${plant}`);
        }
      }
      const calendar = life.events.filter(
        (event) => event.type === 'calendar' && event.plant === 'aras/packaging-plant',
      );
      t.match(calendar, [
        { t: beforeShiftEnd, shift: 'morning', plannedStop: null },
        { t: at('2026-11-23T13:55:00+03:30'), shift: 'morning', plannedStop: 'cleaning' },
        { t: at('2026-11-23T14:00:00+03:30'), shift: 'afternoon', plannedStop: null },
      ]);
      const curtailed = life.events.filter((event) => event.type === 'curtailment');
      t.match(curtailed, [
        { t: beforeShiftEnd, active: false },
        { t: beforeShiftEnd + 14 * minuteUs, active: true },
        { t: beforeShiftEnd + 17 * minuteUs, active: false },
      ]);
    }
  },
);

t.test('a curtailed plant stops its machines and stays below the notified limit', async (t) => {
  const from = beforeShiftEnd + 14 * minuteUs;
  const until = from + 3 * minuteUs;
  for (const { events, changes } of twentyMinutes) {
    const during = events.filter(
      ({ t, plant }) => t >= from + 5_000_000 && t < until && plant === 'aras/packaging-plant',
    );
    t.same(
      during.filter((event) => event.type === 'piece' || (event.type === 'energy' && event.kw > 25)),
      [],
    );
    const limited = changes.filter(({ tag, value }) => tag.endsWith('/status') && value === 1 << 5);
    t.ok(limited.length > 0, 'bit 5 is seen');
  }
});

t.test('nothing is made during breaks and cleaning', async (t) => {
  const made = aDay.events.filter((event) => {
    const stop = plannedStopAt(event.t);
    return event.type === 'piece' && stop && event.t > stop.startUs + 10_000_000;
  });
  t.same(made, []);
  for (const { unit } of aDay.factory.units) {
    const stopped = durations(aDay, unit).get('PLANNED_STOP')!;
    const planned = 3 * 35 * 60;
    t.ok(stopped <= planned && stopped > planned * 0.7, `${unit} stopped as planned for ${stopped} s of ${planned}`);
  }
});

t.test('shifts begin at 06:00, 14:00 and 22:00 in Tehran', async (t) => {
  t.equal(shiftAt(at('2026-11-23T05:59:59+03:30')), 'night');
  t.equal(shiftAt(at('2026-11-23T06:00:00+03:30')), 'morning');
  t.equal(shiftAt(at('2026-11-23T14:00:00+03:30')), 'afternoon');
  t.equal(shiftAt(at('2026-11-23T22:00:00+03:30')), 'night');
  t.match(plannedStopAt(at('2026-11-23T02:29:59+03:30')), { kind: 'break', endUs: at('2026-11-23T02:30:00+03:30') });
  t.equal(plannedStopAt(at('2026-11-23T02:30:00+03:30')), undefined);
});

t.test('the daily curtailment is from 12:00 to 12:30', async (t) => {
  const life = live({ seed: 7, startUs: at('2026-11-23T11:00:00+03:30'), extraCurtailments: [] }, [120 * minuteUs]);
  t.match(
    life.events.filter(({ type }) => type === 'curtailment'),
    [
      { active: false },
      { t: at('2026-11-23T12:00:00+03:30'), active: true },
      { t: at('2026-11-23T12:30:00+03:30'), active: false },
    ],
  );
});

t.test(
  'the states of a unit follow each other without gap or overlap and add up to the time that passed',
  async (t) => {
    for (const life of [aDay, ...twentyMinutes]) {
      for (const { unit } of life.factory.units) {
        const states = statesOf(life, unit);
        t.equal(states[0]!.t, life.factory.startUs);
        const wrong = states.filter(({ t, state, canonical }, index) => {
          const before = states[index - 1];
          return before && (before.t >= t || (before.state === state && before.canonical === canonical));
        });
        t.same(wrong, []);
        const sum = [...durations(life, unit).values()].reduce((a, b) => a + b, 0);
        t.ok(Math.abs(sum - (life.end - life.factory.startUs) / 1e6) < 1e-3, `${unit}: ${sum} s`);
      }
    }
  },
);

t.test('a CNC machine takes only the ways that PackML has', async (t) => {
  const ways: { [state: number]: number[] } = {
    1: [2],
    2: [2, 15],
    3: [6, 7, 16],
    4: [3],
    5: [14],
    6: [7, 8, 10, 13, 16],
    7: [2],
    8: [9],
    9: [1],
    10: [11],
    11: [12],
    12: [6, 7, 16],
    13: [5],
    14: [6, 7, 16],
    15: [4],
    16: [17],
    17: [15],
  };
  for (const unit of ['machining/line-1/cnc-1', 'machining/line-1/cnc-2', 'machining/line-1/cnc-3']) {
    const states = statesOf(aDay, unit).map(({ state }) => state);
    const wrong = states.flatMap((state, index) => {
      const next = states[index + 1];
      return next === undefined || ways[state]!.includes(next) ? [] : [`${state} to ${next}`];
    });
    t.same(wrong, []);
    t.same(new Set(states), new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]));
  }
});

t.test('counters grow by the pieces of the truth, modulo their range, and total is good and scrap', async (t) => {
  for (const life of [aDay, ...twentyMinutes]) {
    for (const { plant, unit } of life.factory.units) {
      const pieces = life.events.filter((event) => event.type === 'piece' && event.unit === unit);
      const good = pieces.filter((event) => event.type === 'piece' && event.good).length;
      const modulus = modulusOf(unit);
      const grown = (name: string): number => {
        const tag = `${plant}/${unit}/${name}`;
        return (Number(life.signal(tag).value) - Number(life.start.get(tag)) + modulus) % modulus;
      };
      t.same(
        [grown('count-total'), grown('count-good')],
        [pieces.length, good].map((count) => count % modulus),
      );
      t.equal(grown('count-scrap'), (pieces.length - good) % modulus);
    }
  }
});

t.test('every counter of pieces, energy and gas rolls over within twenty minutes', async (t) => {
  for (const life of twentyMinutes) {
    const rolled = new Set<string>();
    const last = new Map(life.start);
    for (const { tag, value } of life.changes) {
      if (!/count-total|count-good|kwh|pulses/.test(tag)) continue;
      if (Number(value) < Number(last.get(tag))) rolled.add(tag);
      last.set(tag, value);
    }
    t.equal(rolled.size, 6 * 2 + 2 + 1, [...rolled].join(' '));
  }
});

t.test('energy is the sum of the power, and the registers show it within their resolution', async (t) => {
  const plants = [
    { plant: 'sahand/machining-plant', kwhPerCount: 0.01, modulus: 1e8, countsPerShown: 100 },
    { plant: 'aras/packaging-plant', kwhPerCount: 0.1, modulus: 2 ** 32, countsPerShown: 1 },
  ];
  for (const { plant, kwhPerCount, modulus, countsPerShown } of plants) {
    const tag = `${plant}/energy/main/kwh`;
    const first = Math.round(Number(aDay.start.get(tag)) * countsPerShown);
    const shown = new Map(aDay.changes.filter((change) => change.tag === tag).map(({ time, value }) => [time, value]));
    let counts = first;
    let before: { kwh: number; kw: number; t: number } | undefined;
    for (const event of aDay.events) {
      if (event.type !== 'energy' || event.plant !== plant) continue;
      if (before) {
        const grownKwh = event.kwh - before.kwh;
        if (Math.abs(grownKwh - before.kw / 3600) > 1e-9 || event.t !== before.t + 1e6) t.fail(`at ${event.t}`);
      }
      if (shown.has(event.t)) counts = Math.round(Number(shown.get(event.t)) * countsPerShown);
      const registeredKwh = ((counts - first + modulus) % modulus) * kwhPerCount;
      const hiddenKwh = event.kwh - registeredKwh;
      if (hiddenKwh < -1e-9 || hiddenKwh >= kwhPerCount + 1e-9) t.fail(`${plant} hides ${hiddenKwh} kWh at ${event.t}`);
      before = event;
    }
    t.ok(before!.kwh > 100, `${plant} used ${before!.kwh} kWh`);
  }
});

t.test('every pulse of the gas meter is 0.1 m³ of the truth', async (t) => {
  const tag = 'aras/packaging-plant/energy/gas/pulses';
  const m3 = aDay.events.reduce((last, event) => (event.type === 'gas' ? event.m3 : last), 0);
  t.equal((Number(aDay.signal(tag).value) - Number(aDay.start.get(tag)) + 65536) % 65536, Math.floor(m3 * 10));
});

t.test('a day looks like a real one', async (t) => {
  for (const { unit, plannedRunTimeS } of aDay.factory.units) {
    const time = durations(aDay, unit);
    const pieces = aDay.events.filter((event) => event.type === 'piece' && event.unit === unit);
    const scrap = pieces.filter((event) => event.type === 'piece' && !event.good).length / pieces.length;
    const effectiveness = (plannedRunTimeS * pieces.length) / time.get('RUN')!;
    const availability = time.get('RUN')! / (86_400 - 3 * 35 * 60);
    t.ok(effectiveness > 0.85 && effectiveness < 1, `${unit}: effectiveness ${effectiveness}`);
    t.ok(availability > 0.6 && availability < 0.95, `${unit}: availability ${availability}`);
    t.ok(scrap > 0.005 && scrap < 0.04, `${unit}: scrap ${scrap}`);
  }
  const resolutions = { 'spindle-load': 10, temperature: 10, speed: 10, power: 10, pressure: 100, kwh: 100 };
  for (const { tag, value } of aDay.changes) {
    const scale = resolutions[tag.slice(tag.lastIndexOf('/') + 1) as keyof typeof resolutions];
    if (scale && Number(value) !== Math.round(Number(value) * scale) / scale) t.fail(`${tag} shows ${value}`);
  }
});
