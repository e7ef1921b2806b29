/** What people enter: kept with its history, refused where it contradicts, and in the figures of just its time. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { openAccess } from '../../hub/access/access.ts';
import { readPlant } from '../../hub/commands/read-plant.ts';
import { entriesBehind } from '../../hub/entries/behind.ts';
import { createEntries, type EntryRefused } from '../../hub/entries/entries.ts';
import type { EntryContent } from '../../hub/entries/entry.ts';
import { buildPlant } from '../../hub/plant/plant.ts';
import { createRecomputing } from '../../hub/rollup/recomputing.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { createRolledSite, type SampleEvent } from '../support/rolled-site.ts';
import { line, local, site, states, vectorPlantFile } from '../support/vector-plant.ts';
import { startHub } from './http-fixture.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever the API answers.
type Json = any;

const minute = 60e6;
const never = new AbortController().signal;
const [m1, m2, m3] = ['m1', 'm2', 'm3'].map((code) => `${line}/${code}`) as [string, string, string];
const maryam = { author: 'maryam', why: '' };
const name = (en: string) => ({ en, fa: en });
const reasons = [
  { code: 'material', name: name('no material'), class: 'external' },
  { code: 'late-lorry', name: name('late lorry'), parent: 'material' },
  { code: 'cleaning', name: name('cleaning'), class: 'planned' },
];
const rates = [{ unit: 'area/line/m3', plannedRunTimeS: 240 }];
const products = [{ code: 'p0', name: name('p0'), rates }];
const content = stringify(vectorPlantFile({ reasons, products }));
const model = buildPlant(readPlant(content, 'plant.yaml'));

const downtime = (asset: string, from: string, to: string, reason: string): EntryContent => ({
  ...{ kind: 'downtime', asset, from: local(from), to: local(to), reason },
});
const order = (asset: string, from: string, to: string, more: object = {}): EntryContent => ({
  ...{ kind: 'order', asset, from: local(from), to: local(to), ...more },
});
const count = (asset: string, from: string, to: string, good: number, scrap: number): EntryContent => ({
  ...{ kind: 'count', asset, from: local(from), to: local(to), good, scrap, rework: 0 },
});
const inspection = (asset: string, from: string, to: string, inspected: number, good: number): EntryContent => ({
  ...{ kind: 'inspection', asset, from: local(from), to: local(to), inspected, good },
});
const attendance = (asset: string, from: string, to: string, people: number, workedH: number): EntryContent => ({
  ...{ kind: 'attendance', asset, from: local(from), to: local(to), people, workedH },
});

function book(t: Test, now: { now: TimeUs } = { now: local('16:00') }) {
  const access = openAccess(join(t.testdir(), 'access.db'), { clock: { now: () => now.now } });
  t.teardown(() => access[Symbol.dispose]());
  const entries = createEntries({
    log: access.entries,
    plants: () => [model],
    hasCounters: (_plant, { path }) => path !== m3,
    clock: { now: () => now.now },
  });
  return { access, entries };
}

/** Three machines that ran from 05:00 and stood from 08:00 to 10:00, the third without counters. */
async function rolledLine(t: Test) {
  const clock = { now: local('16:00') };
  const { entries } = book(t, clock);
  const rolled = createRolledSite(site, 1);
  const events: SampleEvent[] = [];
  const say = (path: string, time: TimeUs, value: number | boolean) => events.push({ agent: 0, path, time, value });
  say('health/plc/session', local('05:00'), true);
  for (let time = local('05:00'); time <= local('16:00'); time += minute) say('health/plc/through', time, time);
  for (const code of ['m1', 'm2', 'm3']) {
    for (const tag of ['state', 'mode']) {
      rolled.agents[0]!.tag(`area/line/${code}/${tag}`, { role: tag === 'state' ? 'state' : 'process' });
    }
    say(`area/line/${code}/mode`, local('05:00'), 1);
    for (const [time, state] of [
      ['05:00', 'RUN'],
      ['08:00', 'IDLE'],
      ['10:00', 'RUN'],
    ] as const) {
      say(`area/line/${code}/state`, local(time), states[state]);
    }
  }
  rolled.arrive(events, clock.now);
  const rollUp = rolled.rollUp(() => entries.plants()[0]!, clock, entries);
  await rollUp.once(never);
  const groups = ['production', 'inspection', 'personnel'] as const;
  const cells = (of = rollUp) =>
    (['cell', 'shift', 'month'] as const).flatMap((tier) =>
      [m1, m2, m3, line].flatMap((asset) =>
        groups.flatMap((group) =>
          of.buckets
            .read({ tier, group, assets: [asset], from: local('00:00', '2025-06-01'), to: local('16:00') })
            .map(({ start, sums }) => [tier, group, asset, start, sums]),
        ),
      ),
    );
  return {
    entries,
    clock,
    rollUp,
    cells,
    /** The figure of the shift. */
    told(kpi: string, asset: string, asOf?: TimeUs) {
      const shift = { granularity: 'shift', from: local('06:00'), to: local('14:00') } as const;
      return rollUp.values({ kpis: [kpi], assets: [asset], ...shift, asOf })[0];
    },
    /** Elements of the shift. */
    of(asset: string): Readonly<Record<string, number>> {
      const query = {
        tier: 'shift',
        group: 'production',
        assets: [asset],
        from: local('05:00'),
        to: local('16:00'),
      } as const;
      return rollUp.buckets.read(query)[0]!.sums;
    },
    /** A roll-up from the beginning, with everything that is entered now. */
    async anew() {
      const fresh = rolled.rollUp(() => entries.plants()[0]!, clock, entries);
      await fresh.once(never);
      return cells(fresh);
    },
  };
}

t.test(
  'a reason explains a stop, books it by its class, and is taken back without a trace in the figures',
  async (t) => {
    const { entries, rollUp, cells, of, anew } = await rolledLine(t);
    t.match(of(m1), { DOWN_us: 120 * minute, DOWN_reasoned_us: 0, ADET_organisational_us: 120 * minute });
    const before = cells();
    const counted = rollUp.counts.cells;
    const { entry } = entries.add(site, downtime(m1, '07:50', '08:40', 'late-lorry'), maryam);
    entries.add(site, downtime(m1, '08:40', '09:00', 'cleaning'), maryam);
    await rollUp.once(never);
    t.match(of(m1), {
      DOWN_us: 100 * minute,
      DOWN_reasoned_us: 40 * minute,
      ADET_external_us: 40 * minute,
      ADET_organisational_us: 60 * minute,
      PBT_us: (450 - 20) * minute,
      PDOT_us: (30 + 20) * minute,
      APT_us: 330 * minute,
    });
    t.ok(rollUp.counts.cells - counted < counted / 4, 'only the hour was computed');
    t.same(await anew(), cells(), 'as if it had been known at once');

    for (const { entry } of entries.list({ site })) entries.undo(entry, { ...maryam, why: 'the other machine' });
    await rollUp.once(never);
    t.same(cells(), before);
    t.same(entries.list({ site }), []);
    t.same(
      entries.history(entry).map(({ revision, author, why, content }) => [revision, author, why, content?.kind]),
      [
        [1, 'maryam', '', 'downtime'],
        [2, 'maryam', 'the other machine', undefined],
      ],
    );
    entries.undo(entry, maryam);
    t.match(entries.list({ site }), [{ entry, revision: 3, content: { reason: 'late-lorry' } }], 'undone once more');
  },
);

t.test('an entry has just its own time computed, and gives a revision to just what it is about', async (t) => {
  const { entries, rollUp } = await rolledLine(t);
  await rollUp.once(never);
  const running = new Set(rollUp.takeComputed().filter((start) => start > local('15:00')));
  entries.add(site, downtime(m1, '08:20', '08:40', 'material'), maryam);
  await rollUp.once(never);
  const computed = rollUp.takeComputed().filter((start) => !running.has(start));
  t.same(computed, [local('08:15'), local('08:30')]);
  t.same(
    rollUp.buckets.restatements(0, 100).map(({ tier, group, asset, start }) => [tier, group, asset, start]),
    [
      ['cell', 'production', m1, local('08:15')],
      ['cell', 'production', m1, local('08:30')],
      ['hour', 'production', m1, local('08:00')],
      ['shift', 'production', m1, local('06:00')],
    ],
    'what still runs has none yet',
  );
});

t.test('a span that somebody wants computed anew is, and says what has changed: nothing', async (t) => {
  const { entries, rollUp, cells } = await rolledLine(t);
  const { access } = book(t);
  const recomputing = createRecomputing({ dirt: rollUp.dirt, buckets: rollUp.buckets, audit: access.audit });
  const span = { start: local('08:00'), end: local('10:00') };
  const [before, counted] = [cells(), rollUp.counts.cells];
  const one = recomputing.begin([site], span, { who: 'maryam', why: 'to be sure' });
  t.same(recomputing.look(one, 10), { done: false, restated: [] });
  await rollUp.once(never);
  t.same(recomputing.look(one, 10), { done: true, restated: [] });
  t.ok(rollUp.counts.cells > counted, 'it was computed');
  t.same(cells(), before);
  t.match(access.audit.list(0, 1), [{ who: 'maryam', what: 'figures.recompute', object: site }]);

  const again = recomputing.begin([site], span, { who: 'maryam', why: 'with a reason' });
  entries.add(site, downtime(m1, '08:00', '09:00', 'material'), maryam);
  await rollUp.once(never);
  const { done, restated } = recomputing.look(again, 1000);
  t.ok(done && restated.some(({ tier, asset, start }) => tier === 'cell' && asset === m1 && start === local('08:00')));
});

t.test('orders that are entered tell of the time since the first of them', async (t) => {
  const { entries, rollUp, cells, of, anew } = await rolledLine(t);
  t.match(of(m2), { ADET_organisational_us: 120 * minute, ADOT_us: 0 }, 'nothing is known: there always is one');
  entries.add(site, order(m2, '08:30', '09:00', { quantity: 50 }), maryam);
  await rollUp.once(never);
  t.match(of(m2), { ADET_organisational_us: 60 * minute, ADOT_us: 60 * minute, PLAN: 50 });
  t.same(await anew(), cells());
  entries.add(site, order(m2, '07:00', '08:15'), maryam);
  await rollUp.once(never);
  t.match(of(m2), { ADET_organisational_us: 45 * minute, ADOT_us: 75 * minute });
  t.same(await anew(), cells(), 'the second order also changed what lies between them');
});

t.test('pieces that people counted are those of a unit without counters', async (t) => {
  const { entries, rollUp, cells, of, anew } = await rolledLine(t);
  t.equal(of(m3).PQ, undefined);
  const { entry } = entries.add(site, count(m3, '06:00', '14:00', 80, 10), maryam);
  await rollUp.once(never);
  const near = (found: number | undefined, wanted: number) => Math.abs(found! - wanted) < 1e-9;
  t.ok(near(of(m3).PQ, 90) && near(of(m3).GQ, 80) && near(of(m3).SQ, 10), JSON.stringify(of(m3)));
  t.ok(near(of(m3).PRI_GQ_s, 80 * 240), 'with the planned run time of their product');
  entries.correct(entry, count(m3, '06:00', '14:00', 85, 5), { ...maryam, why: 'five were good' });
  await rollUp.once(never);
  t.ok(near(of(m3).GQ, 85) && near(of(m3).PQ, 90));
  const [value] = rollUp.values({
    kpis: ['prod.quality'],
    assets: [m3],
    granularity: 'shift',
    from: local('06:00'),
    to: local('14:00'),
  });
  t.ok(near(value!.value!, 85 / 90), `${value!.value}`);
  t.same(await anew(), cells());
});

t.test('what people inspected and worked gives figures where no machine tells them, and none before', async (t) => {
  const { entries, clock, rollUp, cells, told, anew } = await rolledLine(t);
  t.equal(told('prod.fpy', m1), undefined, 'of what nobody ever told there is nothing to tell');
  const first = entries.add(site, inspection(m1, '06:00', '14:00', 680, 646), maryam);
  entries.add(site, attendance(line, '06:00', '14:00', 8, 48), maryam);
  entries.add(site, attendance(m2, '06:00', '14:00', 2, 15), maryam);
  await rollUp.once(never);
  const near = (found: number | null | undefined, wanted: number, what = '') =>
    t.ok(Math.abs((found ?? Number.NaN) - wanted) < 1e-9, `${what} ${found}, not ${wanted}`);
  const [fpy, ofLine] = [told('prod.fpy', m1)!, told('prod.fpy', site)!];
  near(fpy.value, 646 / 680);
  t.match(fpy, { status: 'ok', coverage: 1, flags: [], revision: 1, elements: { inspect_s: 450 * 60 } });
  near(ofLine.value, 646 / 680, 'units that nobody tells of take nothing from it');
  near(told('prod.worker_eff', line)!.elements.APAT_s, (8 + 2) * 7.5 * 3600, 'without the half hour of the break');
  near(told('prod.worker_eff', line)!.value, (48 + 15) / 75);
  near(told('prod.worker_eff', m2)!.value, 15 / 15);
  t.equal(told('prod.worker_eff', m1), undefined, 'people of a line are of no one unit');
  const [cell] = rollUp.buckets.read({
    ...{ tier: 'cell', group: 'inspection', assets: [m1], from: local('09:45'), to: local('10:00') },
  });
  near(cell!.sums.IP, (680 * 15) / 450, 'spread over the planned busy time');

  const known = clock.now;
  clock.now += 60 * minute;
  entries.correct(first.entry, inspection(m1, '06:00', '14:00', 680, 612), { ...maryam, why: 'counted twice' });
  await rollUp.once(never);
  t.match(told('prod.fpy', m1), { revision: 2 });
  near(told('prod.fpy', m1)!.value, 612 / 680);
  near(told('prod.fpy', m1, known)!.value, 646 / 680, 'what was known an hour ago');
  t.match(told('prod.oee', m1), { revision: 1 }, 'what a machine tells is as it was');
  const restated = await rollUp.changes.page(0, 1000, { kpis: ['prod.fpy'], assets: [m1] }, never);
  t.match(restated.changes, [{ before: { revision: 1 }, after: { revision: 2 }, large: true }]);
  entries.undo(first.entry, { ...maryam, why: 'it was right' });
  await rollUp.once(never);
  near(told('prod.fpy', m1)!.value, 646 / 680);

  const [who] = entriesBehind(entries, site, told('prod.fpy', m1)!.inputs, undefined);
  t.match(who, { entry: first.entry, revision: 3, author: 'maryam', content: { good: 646 } });
  const [then] = entriesBehind(entries, site, told('prod.fpy', m1)!.inputs, known);
  t.match(then, { entry: first.entry, revision: 1 });
  t.equal(entriesBehind(entries, site, told('prod.worker_eff', line)!.inputs, undefined).length, 2);
  t.same(await anew(), cells(), 'as if it had been known at once');
});

t.test('a place is told of from its first entry on, and an entry has just its own time computed', async (t) => {
  const { entries, rollUp, told, cells, anew } = await rolledLine(t);
  entries.add(site, inspection(m1, '08:00', '10:00', 100, 90), maryam);
  await rollUp.once(never);
  t.match(told('prod.fpy', m1), { value: null, status: 'no_data', elements: { inspect_s: 330 * 60 } });
  rollUp.takeComputed();
  const before = rollUp.buckets.newestRestatement();
  const late = entries.add(site, inspection(m1, '10:40', '13:20', 160, 150), maryam);
  await rollUp.once(never);
  const computed = rollUp.takeComputed().filter((start) => start < local('15:00'));
  t.same([computed[0], computed.at(-1), computed.length], [local('10:30'), local('13:15'), 12]);
  t.same(
    new Set(
      rollUp.buckets
        .restatements(before, 100)
        .filter(({ tier }) => tier === 'cell')
        .map(({ group, asset, start }) => `${group} ${asset} ${start}`),
    ),
    new Set(computed.map((start) => `inspection ${m1} ${start}`)),
  );
  const { value, coverage, status } = told('prod.fpy', m1)!;
  t.ok(Math.abs(value! - 240 / 260) < 1e-9 && Math.abs(coverage - 280 / 330) < 1e-9, `${value} ${coverage}`);
  t.equal(status, 'partial');
  const earlier = entries.add(site, inspection(m1, '06:00', '08:00', 10, 10), maryam);
  await rollUp.once(never);
  t.equal(told('prod.fpy', m1)!.elements.inspect_s, 450 * 60);
  for (const { entry } of [earlier, late]) entries.undo(entry, maryam);
  await rollUp.once(never);
  t.equal(told('prod.fpy', m1)!.elements.inspect_s, 330 * 60, 'from the first that counts');
  t.same(await anew(), cells());
  for (const { entry } of entries.list({ site })) entries.undo(entry, maryam);
  await rollUp.once(never);
  t.match(told('prod.fpy', m1), { value: null, status: 'no_data', coverage: 0, flags: ['NO_INPUT'] }, 'never 0');
});

t.test('what cannot be is refused, field by field, with what to do', (t) => {
  const { entries } = book(t);
  entries.add(site, downtime(m1, '08:00', '09:00', 'material'), maryam);
  const cases: [what: string, content: EntryContent, message: RegExp][] = [
    ['an unknown unit', downtime(`${line}/m9`, '08:00', '09:00', 'material'), /asset there is none .*known: .*m1/],
    ['an unknown reason', downtime(m1, '10:00', '11:00', 'x'), /reason "x" is not in .*known: material, late-lorry/],
    ['an end before the beginning', downtime(m1, '11:00', '10:00', 'material'), /to is not after "from"; swap/],
    ['the future', downtime(m1, '15:00', '17:00', 'material'), /to has not come yet; enter it when it is over/],
    [
      'two reasons at once',
      downtime(m1, '08:30', '09:30', 'cleaning'),
      /from overlaps the downtime of .*correct that one/,
    ],
    ['an order beside one of the plant file', order(m1, '13:00', '15:00'), /from overlaps the order of/],
    ['an unknown product', order(m2, '13:00', '15:00', { product: 'x' }), /product "x" is no product.*known: p0/],
    ['pieces of a unit with counters', count(m1, '13:00', '15:00', 1, 0), /asset has counters that tell/],
    ['more good ones than inspected', inspection(m1, '06:00', '08:00', 9, 10), /good is more than "inspected"/],
    ['inspections of a line', inspection(line, '06:00', '08:00', 9, 8), /asset there is none/],
    [
      'more work than hours',
      attendance(line, '06:00', '08:00', 3, 6.1),
      /worked_h is more than 3 people have .*, 6 person-hours; it is of all/,
    ],
    [
      'attendance at a meter',
      attendance(`${site}/energy/main`, '06:00', '08:00', 3, 6),
      /there is none .*known: .*line/,
    ],
    ['attendance to come', attendance(line, '15:00', '17:00', 3, 6), /to has not come yet/],
    ['a meter that makes pieces', count(`${site}/energy/main`, '13:00', '15:00', 1, 0), /asset there is none/],
  ];
  for (const [what, content, message] of cases) {
    t.throws(() => entries.add(site, content, maryam), { name: 'RejectedError', message }, what);
  }
  t.equal(entries.list({ site }).length, 1, 'nothing of it is kept');
  const meter = { asset: `${site}/energy/main`, from: local('08:00') };
  entries.add(site, { kind: 'reading', ...meter, to: meter.from, value: 12_345.5 }, maryam);
  entries.add(site, { kind: 'bill', ...meter, to: local('12:00'), quantity: 10, amountIrr: 1e6 }, maryam);
  t.same(
    entries.list({ site, kind: 'bill' }).map(({ content }) => content!.kind),
    ['bill'],
  );
  try {
    entries.add(site, { kind: 'reading', ...meter, to: meter.from, value: 1 }, maryam);
    t.fail('two readings of one time');
  } catch (error) {
    t.match((error as EntryRefused).mistakes, [
      { field: 'from', message: { en: /overlaps the reading/, fa: /هم‌پوشانی/ } },
    ]);
  }
  t.end();
});

t.test('an undo that would bring back a contradiction is refused', (t) => {
  const { entries, access } = book(t);
  const { entry } = entries.add(site, downtime(m1, '08:00', '09:00', 'material'), maryam);
  entries.undo(entry, maryam);
  entries.add(site, downtime(m1, '08:30', '09:30', 'cleaning'), maryam);
  t.throws(() => entries.undo(entry, maryam), { message: /overlaps/ });
  t.throws(() => entries.correct(entry, count(m3, '08:00', '09:00', 1, 0), maryam), { message: /kind is "downtime"/ });
  t.same(
    access.audit.list(0, 9).map(({ who, what, object }) => `${who} ${what} ${object}`),
    ['entry.add', 'entry.undo', 'entry.add'].map((what) => `maryam ${what} ${site}`),
  );
  t.end();
});

t.test('over the API entries are added, corrected, undone and listed, each with its author', async (t) => {
  const hub = await startHub(t);
  const secret = hub.token('manager', [site]);
  const send = async (method: string, path: string, body: object, token = secret) => {
    const init = { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await hub.get(`/api/v1${path}`, token, init);
    return { status: response.status, body: (await response.json()) as Json };
  };
  const ask = async (path: string, token = secret): Promise<Json> => (await hub.get(`/api/v1${path}`, token)).json();
  await send('POST', '/plants', { content, why: 'first' });
  const stop = { kind: 'downtime', asset: m1, from: '2025-07-07T08:00:00+03:30', to: '2025-07-07T09:00:00+03:30' };
  const added = await send('POST', '/entries', { ...stop, reason: 'material' });
  t.match(added, {
    status: 201,
    body: { revision: 1, author: 'manager 1', content: { from: '2025-07-07T04:30:00.000Z' } },
  });
  const { id } = added.body;
  const corrected = await send('PUT', `/entries/${id}`, {
    content: { ...stop, reason: 'cleaning' },
    why: 'asked the crew',
  });
  t.match(corrected, { status: 200, body: { id, revision: 2, why: 'asked the crew' } });
  t.match(await send('POST', `/entries/${id}/undo`, { why: 'no' }), {
    body: { revision: 3, content: { reason: 'material' } },
  });
  t.match(await ask(`/entries/${id}/history`), { data: [{ revision: 1 }, { revision: 2 }, { revision: 3 }] });
  const withdrawn = await send('POST', `/entries/${id}/withdraw`, { why: 'it was the other line' });
  t.match(withdrawn, { body: { revision: 4, content: null } }, 'however often it was corrected');
  t.same((await ask('/entries?kind=downtime&from=1404-04-16&to=1404-04-17')).data, []);
  t.match(await send('POST', `/entries/${id}/withdraw`, { why: 'again' }), {
    status: 422,
    body: { errors: [{ field: 'id', message: 'is not in force' }] },
  });
  t.match(await send('POST', `/entries/${id}/undo`, { why: 'it was this one' }), {
    body: { revision: 5, content: { reason: 'material' } },
  });
  t.match(await ask('/entries?kind=downtime&from=1404-04-16&to=1404-04-17'), {
    data: [{ id, revision: 5 }],
    next_cursor: null,
  });
  t.same((await ask('/entries?from=1404-04-17')).data, []);
  t.match(await send('POST', '/entries', { ...stop, reason: 'x' }), {
    status: 422,
    body: { code: 'refused', errors: [{ field: 'reason' }, { field: 'from' }] },
  });
  for (const hour of ['09', '10', '11']) {
    const span = { from: `1404-04-16T${hour}:00`, to: `1404-04-16T${hour}:20` };
    await send('POST', '/entries', { ...stop, ...span, reason: 'material' });
  }
  const all = (await ask('/entries')).data;
  const pages: Json[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Json = await ask(`/entries?limit=3${cursor && `&cursor=${cursor}`}`);
    pages.push(...page.data);
    cursor = page.next_cursor;
  }
  t.same([pages, all.length], [all, 4], 'page by page');
  const table = await (await hub.get('/api/v1/entries?format=csv', secret)).text();
  t.match(
    table.split('\r\n')[1],
    /^downtime,.*m1,2025-07-07T04:30:00\.000Z,.*,material,/,
    'as a file that is imported',
  );
  t.match(await send('POST', '/entries', { ...stop, kind: 'dream' }), { status: 400 });
  const stranger = hub.token('manager', ['aras/packaging-plant']);
  t.match(await send('POST', '/entries', { ...stop, reason: 'material' }, stranger), { status: 404 });
  t.match(await ask(`/entries/${id}/history`, stranger), { code: 'not-found' });
  t.same((await ask('/entries', stranger)).data, []);
});
