/** Buckets as time passes and news come, early, late or twice: what is computed, restated, and left as it was. */

import t, { type Test } from 'tap';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { importAgent } from '../../hub/ledger/imported.ts';
import type { Stream } from '../../hub/ledger/ledger.ts';
import type { Tier } from '../../hub/rollup/buckets/buckets.ts';
import { openRollUpDatabase } from '../../hub/rollup/database.ts';
import { openDirtBook } from '../../hub/rollup/dirt/dirt.ts';
import { createRefreshPace } from '../../hub/rollup/refresh-pace.ts';
import type { RollUp } from '../../hub/rollup/roll-up.ts';
import { comparing } from '../../hub/rollup/values/compare-values.ts';
import type { RolledValue } from '../../hub/rollup/values/rolled-values.ts';
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import { fc } from '../support/drawn.ts';
import { createRolledSite, type RolledSite, type SampleEvent } from '../support/rolled-site.ts';
import { createStepClock } from '../support/step-clock.ts';
import { local, site, vectorPlant } from '../support/vector-plant.ts';

const minute = 60e6;
const hour = 60 * minute;
const never = new AbortController().signal;
const unit = `${site}/area/line/m1`;
const meter = `${site}/energy/main`;
const tiers: readonly Tier[] = ['cell', 'hour', 'shift', 'day', 'week', 'month', 'gregorian_month'];
const begin = local('04:00');
const end = local('02:00', '2025-07-08');

function declare(rolled: RolledSite): void {
  const [machine, energy] = rolled.agents;
  for (const tag of ['state', 'mode'])
    machine!.tag(`area/line/m1/${tag}`, { role: tag === 'state' ? 'state' : 'process' });
  for (const name of ['total', 'good'] as const) {
    const counter = { scale: 1, modulus: 1000, maxRatePerS: 1 };
    machine!.tag(`area/line/m1/count-${name}`, { role: `count_${name}`, counter });
  }
  energy!.tag('energy/main/kwh', { role: 'kwh_import', type: 'float', source: 'meter', from: begin });
  energy!.tag('energy/main/power', { role: 'p_kw', type: 'float', source: 'meter', from: begin });
  // Sources that measure nothing yet.
  machine!.tag('area/line/m1/spare', { source: 'plc-2' });
  energy!.tag('energy/main/spare', { source: 'meter-2' });
}

const always = { weekdays: undefined, months: undefined };
const plant = vectorPlant({
  meters: [
    { path: 'energy/main', name: { en: 'm', fa: 'm' }, carrier: 'electricity', measures: ['area/line/m1'] },
    { path: 'energy/gas', name: { en: 'g', fa: 'g' }, carrier: 'gas' },
  ],
  tariffs: [
    {
      ...{ code: 't', name: { en: 't', fa: 't' }, source: 's', prices: { peak: 3, mid: 2, low: 1 } },
      bands: [
        { ...always, band: 'peak', start: '18:20', end: '22:00' },
        { ...always, band: 'low', start: '22:00', end: '06:00' },
        { ...always, band: 'mid', start: '06:00', end: '18:20' },
      ],
    },
  ],
  limits: [
    {
      ...{ code: 'l', meter: 'energy/main', from: '1404-04-16', to: '1404-04-17', referenceKw: 100, percent: 30 },
      ...{ start: '12:00', end: '18:00', source: 's' },
    },
  ],
  factors: [{ carrier: 'electricity', kind: 'emission', value: 0.655, source: 's' }],
});

type Buckets = ReturnType<RolledSite['rollUp']>['buckets'];

function everything(buckets: Buckets) {
  const groups = [
    ['production', unit],
    ['states', unit],
    ['electricity', meter],
    ['energy', meter],
    ['split', meter],
    ['cap', meter],
    ['supply', site],
    ['completeness', unit],
    ['completeness', meter],
  ] as const;
  return tiers.flatMap((tier) =>
    groups.flatMap(([group, asset]) =>
      buckets
        .read({ tier, group, assets: [asset], from: begin - 40 * 24 * hour, to: end + hour })
        .map(({ start, end, sums, provisional }) => ({
          key: `${tier} ${group} ${asset} ${start}`,
          end,
          sums,
          provisional,
        })),
    ),
  );
}

function sameBuckets(t: Test, found: ReturnType<typeof everything>, expected: ReturnType<typeof everything>): void {
  t.same(
    found.map(({ key, end, provisional }) => [key, end, provisional]),
    expected.map(({ key, end, provisional }) => [key, end, provisional]),
  );
  for (const [index, { key, sums }] of found.entries()) {
    for (const [name, amount] of Object.entries(expected[index]!.sums)) {
      const other = sums[name] ?? Number.NaN;
      if (!(Math.abs(other - amount) <= 1e-6 * Math.max(1, Math.abs(amount))))
        t.fail(`${key} ${name}: ${other}, not ${amount}`);
    }
  }
}

/** What two agents measure in 22 hours: state changes, pieces, readings of a register, and a watermark a minute. */
const history = fc.record({
  states: fc.array(fc.tuple(fc.nat(1300), fc.constantFrom(4, 5, 6, 9, 14, null)), { maxLength: 25 }),
  pieces: fc.array(fc.tuple(fc.nat(1300), fc.integer({ min: 0, max: 9 })), { maxLength: 40 }),
  energy: fc.array(fc.tuple(fc.nat(1300), fc.integer({ min: 0, max: 50 })), { maxLength: 40 }),
  /** An agent is away for so long, and brings its samples later. */
  outages: fc.array(fc.tuple(fc.nat(1), fc.nat(1200), fc.integer({ min: 1, max: 400 })), { maxLength: 3 }),
  /** A tag is read from another source or address, or not at all any more. */
  moves: fc.array(
    fc.tuple(
      fc.constantFrom('area/line/m1/state', 'area/line/m1/count-total', 'energy/main/kwh'),
      fc.integer({ min: 5, max: 1300 }),
      fc.constantFrom('source', 'address', 'scale', 'retired'),
    ),
    { maxLength: 2 },
  ),
  /** An agent has to give up what it had accepted in so many minutes; whether it knows when that was. */
  losses: fc.array(fc.tuple(fc.nat(1), fc.integer({ min: 5, max: 1300 }), fc.nat(30), fc.boolean()), { maxLength: 2 }),
  /** In which passes the ledger goes back in between, and settles the same again at once. */
  rewinds: fc.array(fc.tuple(fc.nat(1), fc.nat(20)), { maxLength: 2 }),
  steps: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 4, maxLength: 12 }),
});
type History = typeof history extends fc.Arbitrary<infer T> ? T : never;
const uneventful: History = {
  states: [],
  pieces: [],
  energy: [],
  outages: [],
  moves: [],
  losses: [],
  rewinds: [],
  steps: [60],
};

const minuteAt = (minutes: number): TimeUs => begin + minutes * minute + 7e6;
const agentOf = (path: string): number => (path.startsWith('energy') ? 1 : 0);

/** Each tag moves once at most. */
const movesOf = ({ moves }: History) =>
  moves.filter(([path], index) => moves.findIndex(([other]) => other === path) === index);

function eventsOf(happened: History): SampleEvent[] {
  const { states, pieces, energy } = happened;
  const events: SampleEvent[] = [];
  const say = (agent: number, path: string, minutes: number, value: SampleValue) =>
    events.push({ agent, path, time: minuteAt(minutes), value });
  const sorted = <T>(list: readonly (readonly [number, T])[]) => [...list].sort(([a], [b]) => a - b);
  for (const [minutes, value] of sorted([[0, 6] as const, ...states])) say(0, 'area/line/m1/state', minutes, value);
  say(0, 'area/line/m1/mode', 0, 1);
  let count = 0;
  for (const [minutes, rise] of sorted([[0, 0] as const, ...pieces])) {
    count = (count + rise) % 1000;
    for (const name of ['total', 'good']) say(0, `area/line/m1/count-${name}`, minutes, count);
  }
  let register = 100;
  for (const [minutes, rise] of sorted([[0, 0] as const, ...energy])) {
    register += rise;
    say(1, 'energy/main/kwh', minutes, register);
  }
  for (const [agent, source] of [
    [0, 'plc'],
    [0, 'plc-2'],
    [1, 'meter'],
    [1, 'meter-2'],
  ] as const) {
    say(agent, `health/${source}/session`, 0, true);
    for (let minutes = 0; minutes < 1320; minutes++) say(agent, `health/${source}/through`, minutes, minuteAt(minutes));
  }
  // The first reading of what is read anew.
  for (const [path, minutes, how] of movesOf(happened)) {
    const value = events.findLast((event) => event.path === path && event.time <= minuteAt(minutes))!.value;
    if (how !== 'retired') say(agentOf(path), path, minutes, value);
  }
  const isRetired = ({ path, time }: SampleEvent): boolean =>
    movesOf(happened).some((move) => move[0] === path && move[2] === 'retired' && time >= minuteAt(move[1]));
  return events.filter((event) => !isRetired(event)).sort((a, b) => a.time - b.time);
}

/** What the manifest says from the first frame that names it on. */
function applyMove(rolled: RolledSite, [path, minutes, how]: History['moves'][number]): void {
  const agent = rolled.agents[agentOf(path)]!;
  const source = agentOf(path) === 1 ? 'meter' : 'plc';
  const from = minuteAt(minutes);
  if (how === 'retired') {
    agent.retire(path, from);
    return;
  }
  const isCounter = path.includes('count');
  const role = isCounter ? 'count_total' : agentOf(path) === 1 ? 'kwh_import' : 'state';
  const rules = isCounter ? { modulus: 1000, maxRatePerS: 1 } : {};
  const counter = role === 'state' ? undefined : { ...rules, scale: how === 'scale' ? 2 : 1 };
  agent.tag(path, {
    ...{ role, from, source: how === 'source' ? `${source}-2` : source },
    ...(agentOf(path) === 1 && { type: 'float' as const }),
    ...(counter && { counter }),
    ...(how === 'address' && { definition: '0123456789abcdef' }),
  });
}

async function passAt(rollUp: RollUp, clock: { now: TimeUs }, now: TimeUs): Promise<void> {
  clock.now = now;
  await rollUp.once(never);
}

t.test(
  'however late and in whatever pieces samples come, the buckets become those of all samples at once',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(history, async (happened) => {
        const rolled = createRolledSite(site, 2);
        declare(rolled);
        const clock = { now: begin };
        const live = rolled.rollUp(plant, clock);
        let running: RollUp = live;
        const away = (event: SampleEvent, now: TimeUs) =>
          happened.outages.some(([agent, from, length]) => {
            const [start, back] = [begin + from * minute, begin + (from + length) * minute];
            return agent === event.agent && event.time >= start && event.time < back && now < back;
          });
        const isLost = ({ agent, time }: SampleEvent, [who, from, length]: History['losses'][number]): boolean =>
          agent === who && time >= minuteAt(from) && time <= minuteAt(from + length);
        let waiting = eventsOf(happened).filter((event) => !happened.losses.some((loss) => isLost(event, loss)));
        let moves = movesOf(happened);
        let losses = happened.losses;
        /** An agent sends in order: what comes after a loss or a new manifest comes after the word of it. */
        const arrive = (arriving: readonly SampleEvent[], now: TimeUs) => {
          const newest = (agent: number) =>
            Math.max(...arriving.filter((event) => event.agent === agent).map(({ time }) => time));
          for (const move of moves.filter(([path, at]) => newest(agentOf(path)) >= minuteAt(at)))
            applyMove(rolled, move);
          moves = moves.filter(([path, at]) => newest(agentOf(path)) < minuteAt(at));
          const told = losses.filter(([agent, from, length]) => newest(agent) > minuteAt(from + length));
          losses = losses.filter((loss) => !told.includes(loss));
          let rest = arriving;
          for (const [agent, from, length, isKnown] of told) {
            const before = rest.filter((event) => event.agent === agent && event.time < minuteAt(from));
            rest = rest.filter((event) => !before.includes(event));
            rolled.arrive(before, now);
            if (isKnown) rolled.lose(agent, minuteAt(from), minuteAt(from + length), now);
            else rolled.loseSomething(agent, now);
          }
          rolled.arrive(rest, now);
        };
        let step = 0;
        for (let now = begin; now < end; ) {
          now = Math.min(end, now + happened.steps[step++ % happened.steps.length]! * minute);
          const arriving = waiting.filter((event) => event.time < now && !away(event, now));
          waiting = waiting.filter((event) => !arriving.includes(event));
          arrive(arriving, now);
          for (const [agent, pass] of happened.rewinds) if (pass === step) rolled.settleAgain(agent, step % 7);
          if (step % 5 === 0) running = live.restart();
          await passAt(running, clock, now);
        }
        arrive(waiting, end);
        await passAt(running, clock, end + hour);
        const whole = rolled.rollUp(plant, clock);
        await whole.once(never);
        sameBuckets(t, everything(live.buckets), everything(whole.buckets));
      }),
      { numRuns: 4 },
    );
  },
);

t.test(
  'a final value that late samples change gets a revision; what was known before can still be asked for',
  async (t) => {
    const rolled = createRolledSite(site, 2);
    declare(rolled);
    const clock = { now: begin };
    const live = rolled.rollUp(plant, clock);
    const run = (from: string, to: string): SampleEvent[] => {
      const events: SampleEvent[] = [];
      for (let time = local(from); time <= local(to); time += minute) {
        events.push({ agent: 0, path: 'health/plc/through', time, value: time });
      }
      return events;
    };
    const state = (time: string, value: number) => ({ agent: 0, path: 'area/line/m1/state', time: local(time), value });
    const started = [
      { agent: 0, path: 'health/plc/session', time: local('05:00'), value: true },
      { agent: 0, path: 'area/line/m1/mode', time: local('05:00'), value: 1 },
      state('05:00', 6),
    ];
    const availability = (asOf?: TimeUs) =>
      live.values({
        ...{ kpis: ['prod.availability'], assets: [unit], granularity: 'hour', asOf },
        ...{ from: local('06:30'), to: local('07:00') },
      })[0];

    rolled.arrive([...started, ...run('05:00', '06:45')], local('06:45'));
    await passAt(live, clock, local('06:45'));
    t.match(
      availability(),
      { value: 1, provisional: true, state: 'open', revision: 1, coverage: 1 },
      'of what has passed',
    );
    t.equal(availability()!.elements.PBT_s, 45 * 60);

    await passAt(live, clock, local('07:20'));
    const final = availability()!;
    t.match(final, { revision: 1, provisional: false, state: 'final', status: 'no_data', value: null, coverage: 0.75 });
    t.match(final, { elements: { PBT_s: 3600, UNK_s: 900 }, bounds: [0.75, 1] }, 'nothing came, and the grace is over');

    rolled.arrive([...run('06:46', '08:00'), state('06:50', 9)], local('09:00'));
    await passAt(live, clock, local('09:00'));
    t.match(availability(), { revision: 2, status: 'ok', coverage: 1, value: 50 / 60, elements: { UNK_s: 0 } });
    t.same({ ...availability(local('08:59')), asOf: undefined }, final, 'as of a minute earlier');
    t.equal(availability(local('06:00')), undefined, 'nothing was known then');
    const [unchanged] = [availability()];
    await passAt(live, clock, local('09:30'));
    t.same(availability(), unchanged, 'the same inputs are the same revision');
    clock.now = local('09:00', '2025-07-11');
    t.equal(availability()!.state, 'closed', '72 hours later');
    t.equal(live.buckets.restatements(0, 100).length > 0, true);
  },
);

t.test('what an agent had to give up is not known, though its source was healthy all the time', async (t) => {
  const rolled = createRolledSite(site, 2);
  declare(rolled);
  const clock = { now: local('09:00') };
  const live = rolled.rollUp(plant, clock);
  const events = eventsOf({ ...uneventful, states: [[210, 6]] });
  // The mode speaks as well: what is silent is not known until the next session.
  events.push({ agent: 0, path: 'area/line/m1/mode', time: local('07:30'), value: 1 });
  rolled.arrive(
    events.filter(({ time }) => time < clock.now),
    clock.now,
  );
  await live.once(never);
  const availability = () =>
    live.values({
      ...{ kpis: ['prod.availability'], assets: [unit], granularity: 'hour' },
      ...{ from: local('07:00'), to: local('08:00') },
    })[0]!;
  t.match(availability(), { coverage: 1, value: 1, revision: 1 });
  rolled.lose(0, local('07:10'), local('07:25'), clock.now);
  await live.once(never);
  t.match(availability(), { revision: 2, status: 'no_data', elements: { UNK_s: 20 * 60 + 12 } }, 'until its next word');
});

/** Of the machine, by its state, in the hour that begins then. */
const availabilityOf = (rolled: ReturnType<RolledSite['rollUp']>, hourFrom: string): RolledValue => {
  const from = local(hourFrom);
  return rolled.values({ kpis: ['prod.availability'], assets: [unit], granularity: 'hour', from, to: from + hour })[0]!;
};

t.test('a tag that was moved or retired was what it was before: another plant changes nothing of that', async (t) => {
  const rolled = createRolledSite(site, 2);
  declare(rolled);
  const clock = { now: local('09:30') };
  const live = rolled.rollUp(plant, clock);
  // 07:01 and 08:01.
  const moves: History['moves'] = [['area/line/m1/state', 181, 'retired']];
  rolled.arrive(
    eventsOf({ ...uneventful, moves }).filter(({ time }) => time < clock.now),
    clock.now,
  );
  for (const move of moves) applyMove(rolled, move);
  await live.once(never);
  t.match(availabilityOf(live, '06:00'), { value: 1, coverage: 1, status: 'ok' }, 'it was there');
  t.match(availabilityOf(live, '08:00'), { value: null, status: 'no_data', elements: { UNK_s: 3600 } }, 'it is gone');
  const [complete] = live.buckets
    .read({ tier: 'hour', group: 'completeness', assets: [unit], from: local('08:00'), to: local('08:01') })
    .map(({ sums }) => sums);
  t.equal(complete!.expected_us, 5 * hour, 'what is retired is not expected any more; the other five are');
});

t.test('a source vouches for what it measured then, not for what it measures now', async (t) => {
  const rolled = createRolledSite(site, 2);
  declare(rolled);
  const clock = { now: local('09:30') };
  const live = rolled.rollUp(plant, clock);
  const moves: History['moves'] = [['area/line/m1/state', 241, 'source']];
  // The first source is away in the second half of the hour; the other one, where the tag will be, is healthy.
  const isAway = ({ path, time }: SampleEvent) =>
    path === 'health/plc/through' && time > local('07:30') && time < local('08:00');
  const down = [
    { agent: 0, path: 'health/plc/session', time: local('07:30'), value: false },
    { agent: 0, path: 'health/plc/session', time: local('08:00'), value: true },
  ];
  for (const move of moves) applyMove(rolled, move);
  rolled.arrive(
    [...eventsOf({ ...uneventful, moves }).filter((event) => event.time < clock.now && !isAway(event)), ...down],
    clock.now,
  );
  await live.once(never);
  t.match(availabilityOf(live, '07:00'), { elements: { APT_s: 1747, UNK_s: 1853 } }, 'to the last watermark');
  t.match(availabilityOf(live, '08:00'), { value: 1, coverage: 1 });
});

t.test('another address or scale is another counter: nothing is counted from one to the other', async (t) => {
  const clock = { now: local('09:30') };
  const energy = [
    [60, 10],
    [181, 5],
    [200, 10],
  ] as const;
  const kWh = async (how: 'source' | 'address' | 'scale') => {
    const rolled = createRolledSite(site, 2);
    declare(rolled);
    const live = rolled.rollUp(plant, clock);
    const moves: History['moves'] = [['energy/main/kwh', 180, how]];
    applyMove(rolled, moves[0]!);
    rolled.arrive(
      eventsOf({ ...uneventful, energy: [...energy].map(([at, rise]) => [at, rise]), moves })
        .filter(({ time, path }) => time < clock.now && (path !== 'energy/main/kwh' || time !== minuteAt(180)))
        .map((event) => event),
      clock.now,
    );
    await live.once(never);
    return live.buckets
      .read({ tier: 'cell', group: 'electricity', assets: [meter], from: begin, to: clock.now })
      .reduce((sum, { sums }) => sum + sums.kWh!, 0);
  };
  t.equal(Math.round(await kWh('source')), 25, 'who reads it changes nothing');
  t.equal(Math.round(await kWh('address')), 20);
  t.equal(Math.round(await kWh('scale')), 10 + 10 * 2);
});

t.test(
  'a loss whose numbers are all that is known is unknown time, and what was before it says nothing after',
  async (t) => {
    const rolled = createRolledSite(site, 2);
    declare(rolled);
    const clock = { now: local('09:30') };
    const live = rolled.rollUp(plant, clock);
    const events = eventsOf({ ...uneventful, states: [[240, 9]] }).filter(({ time }) => time < clock.now);
    events.push({ agent: 0, path: 'area/line/m1/mode', time: local('07:20'), value: 1 });
    const lost = ({ agent, time }: SampleEvent) => agent === 0 && time > local('06:30') && time < local('06:45');
    rolled.arrive(
      events.filter((event) => event.time <= local('06:30')),
      clock.now,
    );
    rolled.loseSomething(0, clock.now);
    const rest = events.filter((event) => event.time > local('06:30') && !lost(event));
    // An agent sends frame by frame.
    rolled.arrive(
      rest.filter(({ time }) => time < local('06:46')),
      clock.now,
    );
    rolled.arrive(
      rest.filter(({ time }) => time >= local('06:46')),
      clock.now,
    );
    await live.once(never);
    // Nobody says that it still runs, until it fails at 08:00:07.
    t.match(availabilityOf(live, '06:00'), { elements: { APT_s: 1742, UNK_s: 1858 } });
    t.match(availabilityOf(live, '07:00'), { elements: { APT_s: 0, UNK_s: 3600 } });
    t.match(availabilityOf(live, '08:00'), { elements: { ADET_failure_s: 3593, UNK_s: 7 } });
  },
);

t.test('what is settled a second time, and a dead letter that is stored after all, are news', async (t) => {
  const rolled = createRolledSite(site, 2);
  declare(rolled);
  const clock = { now: local('09:30') };
  const live = rolled.rollUp(plant, clock);
  const events = eventsOf(uneventful).filter(({ time }) => time < clock.now);
  for (let from = begin; from < clock.now; from += hour) {
    rolled.arrive(
      events.filter(({ time }) => time >= from && time < from + hour),
      clock.now,
    );
  }
  await live.once(never);
  t.match(availabilityOf(live, '07:00'), { value: 1, revision: 1 });
  rolled.replay([{ agent: 0, path: 'area/line/m1/state', time: local('07:45'), value: 9 }]);
  await live.once(never);
  t.match(availabilityOf(live, '07:00'), { value: 0.75, revision: 2 }, 'a fault that was a dead letter');
  // The store had lost it, and nobody knew.
  rolled.agents[0]!.sample('area/line/m1/state', local('07:30'), 9);
  await live.once(never);
  t.match(availabilityOf(live, '07:00'), { value: 0.75, revision: 2 });
  rolled.settleAgain(0, 3);
  await live.once(never);
  t.match(availabilityOf(live, '07:00'), { value: 0.5, revision: 3 });
});

t.test('a changed plant computes everything anew, a deleted past stays as it was', async (t) => {
  const rolled = createRolledSite(site, 2);
  declare(rolled);
  const clock = { now: local('09:00') };
  const live = rolled.rollUp(plant, clock);
  const events = eventsOf({ ...uneventful, pieces: [[200, 60]] });
  rolled.arrive(
    events.filter(({ time }) => time < clock.now),
    clock.now,
  );
  await live.once(never);
  const oee = () =>
    live.values({
      ...{ kpis: ['prod.oee'], assets: [unit], granularity: 'hour' },
      ...{ from: local('07:30'), to: local('07:31') },
    })[0]!;
  t.equal(oee().elements.PRI_GQ_s, 60 * 30);
  const faster = vectorPlant({
    products: [{ code: 'p0', name: { en: 'p', fa: 'p' }, rates: [{ unit: 'area/line/m1', plannedRunTimeS: 20 }] }],
  });
  await live.restart(faster).once(never);
  t.match(oee(), { revision: 2, elements: { PRI_GQ_s: 60 * 20 } });
});

t.test('an import computes its own time, fills what was not known, and leaves as it came', async (t) => {
  const rolled = createRolledSite(site, 3, ['agent-0', 'agent-1', importAgent('c'.repeat(32))]);
  declare(rolled);
  rolled.agents[2]!.tag('energy/main/kwh', { role: 'kwh_import', type: 'float', source: 'import-1' });
  const clock = { now: local('11:00') };
  const live = rolled.rollUp(plant, clock);
  /** A register that grows by 1 a minute, with the health of its source. */
  const told = (agent: number, source: string, from: TimeUs, to: TimeUs): SampleEvent[] => {
    const events: SampleEvent[] = [{ agent, path: `health/${source}/session`, time: from, value: true }];
    for (let time = from; time <= to; time += minute) {
      events.push({ agent, path: 'energy/main/kwh', time, value: 1e7 + (time - begin) / minute });
      events.push({ agent, path: `health/${source}/through`, time, value: time });
    }
    return [...events, { agent, path: `health/${source}/session`, time: to, value: false }];
  };
  const at = (time: string) => local(time);
  const before = [...told(1, 'meter', at('04:00'), at('06:00')), ...told(1, 'meter', at('08:00'), at('10:00'))];
  rolled.arrive(before, clock.now);
  await live.once(never);
  const hours = (from: TimeUs, to: TimeUs) =>
    live
      .values({ kpis: ['en.kwh'], assets: [meter], granularity: 'hour', from, to })
      .map(({ value, elements }) => `${Math.round(value ?? 0)}, estimated ${Math.round(elements.kWh_estimated!)}`);
  const day = () => hours(at('04:00'), at('10:00'));
  const unfilled = day();
  const [measured, spread] = ['60, estimated 0', '60, estimated 60'];
  t.same(unfilled, [measured, measured, spread, spread, measured, measured]);

  const year = 365 * 24 * hour;
  clock.now += minute;
  rolled.arrive(told(2, 'import-1', begin - year, begin - year + 3 * hour), clock.now);
  rolled.arrive(told(2, 'import-1', at('06:00'), at('08:00')), clock.now);
  const { cells } = live.counts;
  await live.once(never);
  t.same(day(), Array(6).fill(measured), 'the hole is filled as if it had been measured');
  t.same(hours(begin - year - hour, begin - year + 4 * hour), [measured, measured, measured], 'and a year ago');
  t.ok(live.counts.cells - cells < 1500, `${live.counts.cells - cells} cells, and not those of a year`);
  t.same(hours(begin - year / 2, begin - year / 2 + 48 * hour), [], 'and nothing between then and now');
  t.equal(live.dirt.begun(site), begin, 'the site began when its own samples did');

  const midnight = local('00:00') - 2 * year;
  rolled.arrive(told(2, 'import-1', midnight, midnight + 24 * hour), clock.now);
  await live.once(never);
  const [now] = live.values({
    kpis: ['en.kwh'],
    assets: [meter],
    granularity: 'hour',
    from: at('08:00'),
    to: at('08:01'),
  });
  const reference = { from: midnight, to: midnight + 24 * hour };
  const against = comparing('baseline', [now!], {
    values: live.values,
    plants: [plant],
    definitions: catalogue,
    reference,
  });
  t.match(against(now!), { value: 60 }, 'a day of two years ago is a reference period');

  const { cells: done } = live.counts;
  await live.once(never);
  t.ok(live.counts.cells - done < 100, 'nothing is left to do');

  rolled.withdraw(2, clock.now);
  clock.now += minute;
  await live.once(never);
  t.same(day(), unfilled, 'undone, the hole is what it was');
  t.same(hours(begin - year, begin - year + 3 * hour), Array(3).fill('0, estimated 0'), 'and a year ago is nothing');
});

t.test('a gateway’s word stands over an import’s, whichever came first', async (t) => {
  const at = (time: string) => local(time);
  const importer = importAgent('d'.repeat(32));
  /** A register, with the health of its source, that says what `read` says of each minute. */
  const told = (agent: number, source: string, from: TimeUs, to: TimeUs, read: (minutes: number) => number) => {
    const events: SampleEvent[] = [{ agent, path: `health/${source}/session`, time: from, value: true }];
    for (let time = from; time <= to; time += minute) {
      events.push({ agent, path: 'energy/main/kwh', time, value: 1e7 + read((time - begin) / minute) });
      events.push({ agent, path: `health/${source}/through`, time, value: time });
    }
    return [...events, { agent, path: `health/${source}/session`, time: to, value: false }];
  };
  // The gateway cannot send from 06:00 on. Somebody imports what they wrote down from 06:01 to 07:59, each minute and half
  // a minute later, and wrongly; then the gateway sends all that it has kept.
  const gateway = told(1, 'meter', at('04:00'), at('10:00'), (minutes) => minutes + (minutes * minutes) / 360);
  const [early, late] = [
    gateway.filter(({ time }) => time <= at('06:00')),
    gateway.filter(({ time }) => time > at('06:00')),
  ];
  const imported = told(2, 'import-1', at('06:01'), at('07:59'), (minutes) => minutes + 70).flatMap((event) => {
    if (!event.path.endsWith('kwh')) return event;
    return [event, { ...event, time: event.time + minute / 2, value: Number(event.value) + 9 }];
  });
  const history = async (...arrivals: (readonly SampleEvent[])[]) => {
    const rolled = createRolledSite(site, 3, ['agent-0', 'agent-1', importer]);
    declare(rolled);
    rolled.agents[2]!.tag('energy/main/kwh', { role: 'kwh_import', type: 'float', source: 'import-1' });
    const clock = { now: at('11:00') };
    const live = rolled.rollUp(plant, clock);
    for (const events of arrivals) {
      rolled.arrive(events, clock.now);
      await live.once(never);
    }
    const query = { kpis: ['en.kwh'], assets: [meter], granularity: '15min' as const };
    const quarters = live.values({ ...query, from: at('06:00'), to: at('10:00') });
    return { live, quarters: quarters.map(({ value, elements }) => [value, elements.counter_suspect]) };
  };
  const measured = await history(early, late);
  t.equal(new Set(measured.quarters.map(String)).size, 16, 'no quarter is as another');
  t.notSame((await history(early, imported)).quarters, measured.quarters, 'the import tells other figures');
  const overtaken = await history(early, imported, late);
  t.same(overtaken.quarters, measured.quarters, 'until the samples of the gateway come');
  t.same((await history(early, late, imported)).quarters, measured.quarters);
  const before = everything(overtaken.live.buckets);
  overtaken.live.dirt.change(site, [{ start: begin, end: at('11:00') }]);
  await overtaken.live.once(never);
  sameBuckets(t, everything(overtaken.live.buckets), before);
});

/** A meter's register in two sessions with a pause between them, hours ago, and what comes of the pause later. */
function withPause() {
  const importer = importAgent('e'.repeat(32));
  const at = (time: string) => local(time);
  const told = (agent: number, source: string, from: TimeUs, to: TimeUs): SampleEvent[] => {
    const events: SampleEvent[] = [{ agent, path: `health/${source}/session`, time: from, value: true }];
    for (let time = from; time <= to; time += minute) {
      const minutes = (time - begin) / minute;
      events.push({ agent, path: 'energy/main/kwh', time, value: minutes + (minutes * minutes) / 360 });
      events.push({ agent, path: `health/${source}/through`, time, value: time });
    }
    return [...events, { agent, path: `health/${source}/session`, time: to, value: false }];
  };
  const early = [...told(1, 'meter', at('04:00'), at('06:00')), ...told(1, 'meter', at('08:00'), at('10:00'))];
  const start = () => {
    const rolled = createRolledSite(site, 3, ['agent-0', 'agent-1', importer]);
    declare(rolled);
    rolled.agents[2]!.tag('energy/main/kwh', { role: 'kwh_import', type: 'float', source: 'import-1' });
    const clock = { now: at('06:00') + 3 * 24 * hour };
    rolled.arrive(early, clock.now);
    const pace = { due: true, isDue: () => pace.due, took() {} };
    const live = rolled.rollUp(plant, clock, undefined, undefined, undefined, pace);
    return { rolled, clock, live, pace };
  };
  return { at, told, start };
}

/** The final buckets that are otherwise in the second than in the first. */
function otherwise(a: ReturnType<typeof everything>, b: ReturnType<typeof everything>): string[] {
  const known = new Map(a.map((one) => [one.key, one]));
  return b.flatMap(({ key, sums, provisional }) => {
    const was = known.get(key);
    if (!was || was.provisional || provisional) return [];
    const isSame = Object.keys({ ...was.sums, ...sums }).every(
      (name) =>
        Math.abs((was.sums[name] ?? Number.NaN) - (sums[name] ?? Number.NaN)) <= 1e-9 * Math.abs(sums[name] ?? 0),
    );
    return isSame ? [] : [key];
  });
}

const restatedKeys = (buckets: Buckets): string[] => [
  ...new Set(
    buckets.restatements(0, 10_000).map(({ tier, group, asset, start }) => `${tier} ${group} ${asset} ${start}`),
  ),
];

const quarters = (from: TimeUs, to: TimeUs): TimeUs[] =>
  Array.from({ length: (to - from) / (15 * minute) }, (_, index) => from + index * 15 * minute);

for (const kind of ['late samples', 'an import'] as const) {
  t.test(
    `${kind}: just the buckets that they touch are computed, and those that become others get a revision`,
    async (t) => {
      const { at, told, start } = withPause();
      const news =
        kind === 'an import'
          ? told(2, 'import-1', at('06:20'), at('06:50'))
          : told(1, 'meter', at('06:20'), at('06:50'));
      const without = start();
      await without.live.once(never);
      const before = everything(without.live.buckets);
      const always = start();
      always.rolled.arrive(news, always.clock.now);
      await always.live.once(never);
      const affected = otherwise(before, everything(always.live.buckets));
      t.ok(
        affected.some((key) => key.startsWith('cell electricity')) &&
          affected.some((key) => key.startsWith('day electricity')),
      );

      const { live, rolled, clock, pace } = start();
      await live.once(never);
      live.takeComputed();
      pace.due = false;
      await live.once(never);
      t.same(live.takeComputed(), [], 'without news nothing is computed');
      rolled.arrive(news, clock.now);
      await live.once(never);
      // The register's growth since 06:00 and until 08:00 is told anew.
      const until = kind === 'an import' ? at('08:15') : at('08:00');
      t.same(live.takeComputed(), quarters(at('06:00'), until), 'the next reading of an import’s tag included');
      t.same(
        restatedKeys(live.buckets)
          .filter((key) => before.some((one) => one.key === key))
          .sort(),
        affected.sort(),
      );
      sameBuckets(t, everything(live.buckets), everything(always.live.buckets));
      await live.once(never);
      t.same(live.takeComputed(), []);
    },
  );
}

t.test(
  'of days that are computed one after the other, every bucket is told once, and once more by another plant',
  async (t) => {
    const rolled = createRolledSite(site, 2);
    declare(rolled);
    const clock = { now: begin + 7.2 * 24 * hour };
    const events: SampleEvent[] = [{ agent: 1, path: 'health/meter/session', time: begin, value: true }];
    for (let time = begin; time <= clock.now; time += 30 * minute) {
      events.push({ agent: 1, path: 'energy/main/kwh', time, value: (time - begin) / minute });
      events.push({ agent: 1, path: 'health/meter/through', time, value: time });
    }
    rolled.arrive(events, clock.now);
    const live = rolled.rollUp(plant, clock);
    await live.once(never);
    const week = () =>
      live.buckets
        .read({ tier: 'week', group: 'electricity', assets: [meter], from: begin - 8 * 24 * hour, to: begin })
        .map(({ revision, provisional, sums }) => [revision, provisional, sums.cost_energy_IRR]);
    const [[, , cost] = []] = week();
    t.same(week(), [[1, false, cost]], 'Saturday has come');
    t.same(restatedKeys(live.buckets), [], 'nothing was told before it was known');
    const dearer = {
      ...plant,
      version: 'dearer',
      tariffs: plant.tariffs.map((tariff) => ({ ...tariff, prices: { peak: 6, mid: 4, low: 2 } })),
    };
    await live.restart(dearer).once(never);
    t.same(week(), [[2, false, 2 * Number(cost)]]);
  },
);

t.test('a recomputation computes the time that was asked for, and mends just what was wrong', async (t) => {
  const { at, start } = withPause();
  const { live, pace } = start();
  await live.once(never);
  const before = everything(live.buckets);
  const query = { tier: 'cell', group: 'electricity', assets: [meter], from: at('05:00'), to: at('05:01') } as const;
  const [cell] = live.buckets.read(query);
  live.buckets.put([{ ...cell!, sums: { ...cell!.sums, kWh: 1e6 } }], at('12:00'));
  live.takeComputed();
  pace.due = false;
  live.dirt.change(site, [{ start: at('05:00'), end: at('06:00') }]);
  const { sequence } = live.buckets.restatements(0, 10_000).at(-1)!;
  await live.once(never);
  t.same(live.takeComputed(), quarters(at('04:45'), at('06:00')), 'with what is seen at its first instant');
  t.match(live.buckets.restatements(sequence, 100), [
    { tier: 'cell', group: 'electricity', start: at('05:00'), revision: 2 },
  ]);
  t.equal(live.buckets.restatements(sequence, 100).length, 1);
  sameBuckets(t, everything(live.buckets), before);
});

t.test('between two refreshes what is told is computed, late or not, and what runs stays as it is', async (t) => {
  const { at, told, start } = withPause();
  const { live, rolled, clock, pace } = start();
  clock.now = at('12:00');
  rolled.arrive(told(1, 'meter', at('10:01'), at('11:50')), clock.now);
  await live.once(never);
  const cellsFrom = (time: string) =>
    live.buckets
      .read({ tier: 'cell', group: 'electricity', assets: [meter], from: at(time), to: at('13:00') })
      .map(({ start, provisional, computedAt }) => [start, provisional, computedAt]);
  t.same(cellsFrom('11:45'), [[at('11:45'), true, at('12:00')]]);
  live.takeComputed();
  pace.due = false;
  clock.now = at('12:17');
  rolled.arrive(told(1, 'meter', at('11:51'), at('12:16')), clock.now);
  await live.once(never);
  t.same(live.takeComputed(), [at('11:45')], 'the other agent has told nothing for a quarter of an hour');
  t.same(cellsFrom('11:45'), [[at('11:45'), false, clock.now]], 'so it is final, and what comes after waits');
  const hourOf = (time: string) =>
    live.buckets.read({ tier: 'hour', group: 'electricity', assets: [meter], from: at(time), to: at(time) + 1 })[0];
  t.match(hourOf('11:00'), { provisional: false, revision: 1 });
  rolled.arrive(told(1, 'meter', at('06:20'), at('06:50')), clock.now);
  await live.once(never);
  t.same(live.takeComputed(), quarters(at('06:00'), at('08:00')), 'late samples wait for nobody');
  pace.due = true;
  await live.once(never);
  t.same(live.takeComputed(), [at('12:00'), at('12:15')]);
  t.ok(cellsFrom('12:00').every(([, provisional]) => provisional));
  t.match(hourOf('12:00'), { provisional: true, revision: 1 });
});

t.test('an hour whose last quarter is not told yet is not final, though it is over', async (t) => {
  const { at, told, start } = withPause();
  const { live, rolled, clock, pace } = start();
  clock.now = at('12:10');
  rolled.arrive(told(1, 'meter', at('10:01'), at('11:40')), clock.now);
  pace.due = false;
  await live.once(never);
  const hour = () =>
    live.buckets.read({ tier: 'hour', group: 'electricity', assets: [meter], from: at('11:00'), to: at('12:00') })[0];
  t.match(hour(), { provisional: true }, 'its first three are');
  pace.due = true;
  await live.once(never);
  t.match(hour(), { provisional: true, revision: 1 });
  clock.now = at('12:20');
  await live.once(never);
  t.match(hour(), { provisional: false, revision: 1 }, 'and nobody was told otherwise before');
});

t.test('when samples are deleted, what was computed from them is never made worse', async (t) => {
  const rolled = createRolledSite(site, 2);
  declare(rolled);
  const clock = { now: local('12:30') };
  const live = rolled.rollUp(plant, clock);
  const events = eventsOf({
    ...uneventful,
    pieces: [
      [200, 60],
      [400, 60],
    ],
    energy: [
      [100, 50],
      [390, 50],
    ],
  });
  rolled.arrive(
    events.filter(({ time }) => time < clock.now),
    clock.now,
  );
  await live.once(never);
  const before = everything(live.buckets);
  // In the middle of a cell; the state was last told long before, the counter an hour later.
  rolled.forgetBefore(local('08:05'));
  live.dirt.noteDeleted(local('08:05'));
  live.dirt.change(site, [{ start: begin, end: clock.now }]);
  await live.once(never);
  sameBuckets(t, everything(live.buckets), before);
  t.match(availabilityOf(live, '11:00'), { revision: 1, flags: ['SAMPLES_GONE'] }, 'and says so');

  // What can be told again is told anew.
  const say = (path: string, time: string, value: number) => ({
    agent: 0,
    path: `area/line/m1/${path}`,
    time: local(time),
    value,
  });
  rolled.arrive([say('mode', '10:45', 1), say('state', '10:45', 6), say('state', '11:30', 9)], clock.now);
  await live.once(never);
  t.match(availabilityOf(live, '11:00'), { revision: 2, value: 0.5, flags: [] });
});

/** A KPI of the meter, which drew 600 kW from 05:00 to 09:00, when the clock shows `now`. */
async function ofMeter(
  change: Record<string, unknown>,
  kpi: string,
  granularity: 'day' | 'month',
  now = local('09:00'),
): Promise<RolledValue | undefined> {
  const rolled = createRolledSite(site, 2);
  declare(rolled);
  const live = rolled.rollUp(vectorPlant({ coverage: { ok: 0, partial: 0 }, ...change }), { now });
  const read: SampleEvent[] = [{ agent: 1, path: 'health/meter/session', time: local('05:00'), value: true }];
  for (let at = 0; at <= 240; at++) {
    const time = local('05:00') + at * minute;
    read.push({ agent: 1, path: 'energy/main/kwh', time, value: 10 * at });
    read.push({ agent: 1, path: 'health/meter/through', time, value: time });
  }
  rolled.arrive(read, now);
  await live.once(never);
  return live.values({ kpis: [kpi], assets: [meter], granularity, from: local('08:00'), to: local('08:01') })[0];
}

t.test('demand and reactive energy are billed by the month, by the formulas of the contract in force', async (t) => {
  const bands = [{ ...always, band: 'mid', start: '00:00', end: '00:00' }];
  const prices = { peak: 2, mid: 2, low: 2 };
  const tariffs = [{ code: 't', name: { en: 't', fa: 't' }, source: 's', bands, prices }];
  const contract = { meter: 'energy/main', demandKw: 1000, demandPrice: 5, source: 's' };
  const cost = (contracts: unknown[], granularity: 'day' | 'month') =>
    ofMeter({ tariffs, contracts }, 'en.cost', granularity);
  t.match(await cost([contract], 'day'), { value: 4800, flags: ['ENERGY_ONLY'] });
  t.match(await cost([contract], 'month'), {
    value: 4800 + 900 * 5,
    flags: [],
    parameters: { billed_demand_kW: 900, demand_IRR: 4500, reactive_IRR: 0 },
  });
  const formulas = { billedDemandKw: 'P_max_kW', demandIrr: 'billed_demand_kW * 2 + fee', constants: { fee: 7 } };
  t.match(await cost([{ ...contract, formulas }], 'month'), { value: 4800 + 1200 + 7 });
  t.match(await cost([], 'month'), { value: 4800, flags: ['ENERGY_ONLY'] });
});

t.test('energy is held against the baseline in force, by whole days of its variables', async (t) => {
  const baseline = {
    ...{ code: 'b', meter: 'energy/main', kind: 'linear', per: 'day', author: 'a' },
    ...{ intercept: 2000, terms: [{ variable: 'GQ', coefficient: 3 }], range: { GQ: [0, 10] } },
    reference: { from: '1403-01-01', to: '1404-01-01' },
  };
  const [evening, nextDay] = [local('23:00'), local('01:00', '2025-07-08')];
  const energy = (change: object, granularity: 'day' | 'month', now: TimeUs) =>
    ofMeter({ baselines: [{ ...baseline, ...change }] }, 'en.eei', granularity, now);
  const day = await energy({}, 'day', nextDay);
  t.match(day, { value: 2400 / 2000, flags: ['FIT_UNKNOWN'], parameters: { baseline: 'b v1', expected_kWh: 2000 } });
  t.ok(
    day!.inputs.some(({ group }) => group === 'production'),
    'its lineage has the buckets of the variables',
  );
  t.match(await energy({}, 'day', evening), { value: null, flags: ['NO_BASELINE'] }, 'a day that has not ended');
  t.match(
    await energy({}, 'month', nextDay),
    { value: 2400 / 2000, parameters: { periods: 1 } },
    'without the days before it began, and the one that is not over',
  );
  t.match(
    await energy({ per: 'month' }, 'day', nextDay),
    { value: null, flags: ['NO_BASELINE'] },
    'no part of a month',
  );
  t.match(await energy({ to: '1404-01-01' }, 'day', nextDay), { value: null, flags: ['NO_BASELINE'] }, 'not in force');
  t.match(await energy({ range: { GQ: [1, 10] } }, 'day', nextDay), { flags: ['EXTRAPOLATED', 'FIT_UNKNOWN'] });
});

t.test('what a run that was cut short left unmerged is merged by the next one', async (t) => {
  const rolled = createRolledSite(site, 2);
  declare(rolled);
  const clock = { now: local('09:00') };
  const live = rolled.rollUp(plant, clock);
  const events = eventsOf({ ...uneventful, energy: [[100, 50]] });
  const arrived = events.filter(({ time }) => time < clock.now);
  rolled.arrive(arrived, clock.now);
  await live.once(never);
  const right = everything(live.buckets);
  // As if it had died between the cells and what is merged from them.
  const above = tiers
    .slice(1)
    .flatMap((tier) =>
      live.buckets.read({ tier, group: 'electricity', assets: [meter], from: begin - 40 * 24 * hour, to: end }),
    );
  live.buckets.put(
    above.filter((bucket) => bucket.end > begin).map((bucket) => ({ ...bucket, sums: { ...bucket.sums, kWh: 7 } })),
    clock.now,
  );
  t.notSame(everything(live.buckets), right);
  rolled.arrive(
    arrived.filter(({ path }) => path === 'energy/main/kwh'),
    clock.now,
  );
  await live.once(never);
  t.same(everything(live.buckets), right);
});

t.test('a running cell that takes long to compute is left alone for three times as long', (t) => {
  const clock = { ms: 0 };
  const pace = createRefreshPace(() => clock.ms);
  t.ok(pace.isDue(), 'never computed');
  pace.took(1000);
  t.ok(pace.isDue(), 'a short one is done at every pass');
  pace.took(10_000);
  t.notOk(pace.isDue());
  clock.ms = 29_999;
  t.notOk(pace.isDue());
  clock.ms = 30_000;
  t.ok(pace.isDue());
  t.end();
});

t.test(
  'what comes late is right seconds after the last of it, and what time brings waits for its minute',
  async (t) => {
    const rolled = createRolledSite(site, 2);
    declare(rolled);
    const step = createStepClock(local('09:00'));
    const clock = {
      get now() {
        return step.now();
      },
      sleep: step.sleep,
    };
    const live = rolled.rollUp(plant, clock);
    const events = eventsOf({ ...uneventful, states: [[150, 9]], energy: [[200, 50]] });
    const between = (from: string, to: string) => events.filter(({ time }) => local(from) <= time && time < local(to));
    const isMissing = ({ agent, time }: SampleEvent) => agent === 0 && time >= local('06:00') && time < local('08:00');
    rolled.arrive(
      between('04:00', '09:00').filter((event) => !isMissing(event)),
      step.now(),
    );
    const stop = new AbortController();
    const running = live.run(stop.signal);
    await step.whenAsleep(1);
    const reached = live.dirt.reached(site);
    t.equal(availabilityOf(live, '07:00').value, 1, 'nobody knows of the fault');

    const second = 1e6;
    const advance = (seconds: number) => step.advanceTo(step.now() + seconds * second);
    const halves = [between('06:00', '07:00'), between('07:00', '08:00')].map((half) => half.filter(isMissing));
    for (const half of halves) {
      rolled.arrive(half, step.now());
      await advance(2);
      t.equal(availabilityOf(live, '07:00').revision, 1, 'more of it may be on its way');
    }
    rolled.arrive(between('09:00', '09:10'), step.now());
    await advance(2);
    t.match(availabilityOf(live, '07:00'), { value: 0, revision: 2 });
    t.equal(live.dirt.reached(site), reached, 'the running cell was left alone');
    t.equal(live.counts.runs, 1);
    await advance(54);
    t.equal(live.counts.runs, 2, 'a minute after the last one');
    stop.abort();
    await running;
  },
);

t.test('another calendar leaves nothing of the old one behind', async (t) => {
  const rolled = createRolledSite(site, 2);
  declare(rolled);
  const clock = { now: end };
  const shift = (code: string, start: string, end: string) => ({ code, name: { en: code, fa: code }, start, end });
  const threeShifts = vectorPlant({
    shifts: [shift('a', '06:00', '14:00'), shift('b', '14:00', '22:00'), shift('c', '22:00', '06:00')],
  });
  const twoShifts = vectorPlant({
    businessDayStart: '06:00',
    shifts: [shift('d', '06:00', '18:00'), shift('n', '18:00', '06:00')],
  });
  const live = rolled.rollUp(threeShifts, clock);
  rolled.arrive(
    eventsOf({
      ...uneventful,
      states: [[300, 9]],
      pieces: [[200, 9]],
      energy: [
        [100, 50],
        [1200, 50],
      ],
    }),
    clock.now,
  );
  await live.once(never);
  await live.restart(twoShifts).once(never);
  const fresh = rolled.rollUp(twoShifts, clock);
  await fresh.once(never);
  sameBuckets(t, everything(live.buckets), everything(fresh.buckets));
});

t.test('the news of many streams are read in steps, all of them and each once', async (t) => {
  const dirt = openDirtBook(openRollUpDatabase(':memory:'));
  const streams = Array.from({ length: 120 }, (_, i) => ({
    number: i + 1,
    agent: `a${i + 1}`,
    through: 1,
    expired: 0,
  }));
  const ledger = {
    streams: () => streams as unknown as readonly Stream[],
    batches: (stream: number, after: number) => {
      const time = begin + stream * hour;
      const frame = { stream, first: 1, last: 1, contentHash: '', minTime: time, maxTime: time };
      return after === 0 ? [{ ...frame, acceptedAt: time, settledAt: time }] : [];
    },
    batchAt: () => undefined,
    gaps: () => [],
    amendments: () => [],
  };
  const collect = () => [...dirt.collect(ledger, () => (stream) => [`site-${stream}`])].length;
  t.equal(collect(), 3);
  const read = dirt.dirty();
  t.equal(new Set(read.dirt.map(({ site }) => site)).size, 120);
  t.equal(collect(), 1);
  t.same(dirt.dirty(), read);
});
