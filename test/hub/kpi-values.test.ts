/** The API of analysts over a site that was really rolled up. */
import t, { type Test } from 'tap';
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import { createRolledSite, kpisOf, type SampleEvent } from '../support/rolled-site.ts';
import { local, site, vectorPlant } from '../support/vector-plant.ts';
import { startHub } from './http-fixture.ts';

const minute = 60e6;
const never = new AbortController().signal;
const plant = vectorPlant();

// biome-ignore lint/suspicious/noExplicitAny: whatever the API answers.
type Json = any;

/** A unit that runs from 05:00 to 14:00, counts a piece a minute, and a meter that counts 1 kWh a minute. */
async function rolledHub(t: Test) {
  const rolled = createRolledSite(site, 1);
  const [agent] = rolled.agents;
  for (const tag of ['state', 'mode'])
    agent!.tag(`area/line/m1/${tag}`, { role: tag === 'state' ? 'state' : 'process' });
  for (const name of ['total', 'good'] as const) {
    agent!.tag(`area/line/m1/count-${name}`, { role: `count_${name}`, counter: { scale: 1 } });
  }
  agent!.tag('energy/main/kwh', { role: 'kwh_import', type: 'float' });
  const events: SampleEvent[] = [];
  const say = (path: string, time: TimeUs, value: SampleValue) => events.push({ agent: 0, path, time, value });
  say('health/plc/session', local('05:00'), true);
  say('area/line/m1/state', local('05:00'), 6);
  say('area/line/m1/mode', local('05:00'), 1);
  for (let time = local('05:00'), count = 0; time <= local('15:00'); time += minute, count++) {
    say('health/plc/through', time, time);
    for (const name of ['total', 'good']) say(`area/line/m1/count-${name}`, time, count);
    say('energy/main/kwh', time, count);
  }
  const clock = { now: local('15:00') };
  rolled.arrive(events, clock.now);
  const rollUp = rolled.rollUp(plant, clock);
  await rollUp.once(never);
  const hub = await startHub(t, {
    kpis: kpisOf(plant, rollUp),
  });
  hub.time.now = clock.now;
  const secret = hub.token('analyst');
  const get = (path: string) => hub.get(`/api/v1/${path}`, secret);
  return { get, ask: async (path: string): Promise<Json> => (await get(path)).json() };
}

t.test('values of whole buckets, by Jalali dates, snapped outward', async (t) => {
  const { ask } = await rolledHub(t);
  const { data, meta } = await ask(
    'kpi-values?kpi=prod.oee,en.kwh&granularity=hour&from=1404-04-16&to=۱۴۰۴/۰۴/۱۷&min_coverage=0.99',
  );
  t.match(meta, { granularity: 'hour', range: { from: '2025-07-06T20:30:00.000Z', to: '2025-07-07T20:30:00.000Z' } });
  const oee = data.filter(
    (value: Json) => value.kpi === 'prod.oee' && value.asset.endsWith('m1') && value.value !== null,
  );
  t.same(
    oee.map(({ start, value }: Json) => [start, value]),
    [2, 3, 4, 5, 6, 7, 8, 9].map((hour) => [
      `2025-07-07T0${hour}:30:00.000Z`,
      // 30 s a piece, 60 pieces an hour; of the hour with the break only half is planned.
      hour === 6 ? 1 : 0.5,
    ]),
  );
  t.match(oee[0], { state: 'final', jalali_date: '1404-04-16', revision: 1, unit: '1', granularity: 'hour' });
  const kwh = data.filter((value: Json) => value.kpi === 'en.kwh' && value.asset === `${site}/energy/main`);
  t.equal(kwh.length, 10);
  t.ok(kwh.every(({ value }: Json) => Math.abs(value - 60) < 1e-9));

  const shift = await ask(
    `kpi-values?kpi=prod.oee&asset=${site}/area/line/m1&granularity=shift&from=2025-07-07&to=2025-07-08`,
  );
  t.match(shift.data, [{ value: (480 * 30) / (450 * 60), shift: { code: 'morning' } }]);
  const day = await ask('kpi-values?kpi=en.sec&granularity=day&from=2025-07-07&to=2025-07-08');
  t.match(day.data.find(({ asset }: Json) => asset === site)?.elements, { kWh: 600, GQ_std: 600 });
});

t.test('pages belong together, are signed, and end', async (t) => {
  const { ask, get } = await rolledHub(t);
  const query = 'kpi-values?granularity=hour&from=2025-07-07&to=2025-07-08';
  const whole = await ask(`${query}&limit=10000`);
  t.equal(whole.next_cursor, null);
  const rows: Json[] = [];
  let cursor = '';
  for (let pages = 0; ; pages++) {
    const page = await ask(`${query}&limit=100${cursor && `&cursor=${cursor}`}`);
    rows.push(...page.data);
    cursor = page.next_cursor;
    if (!cursor) {
      t.equal(pages, Math.ceil(whole.data.length / 100) - 1);
      break;
    }
  }
  t.same(rows, whole.data);
  t.ok(whole.data.length > 200);
  const forged = await get(`${query}&cursor=${Buffer.from('x'.repeat(30)).toString('base64url')}`);
  t.equal(forged.status, 400);
  t.match(await forged.json(), { errors: [{ field: 'cursor' }] });
});

t.test('a value tells its lineage: formula, what each element means, and the buckets it came from', async (t) => {
  const { ask, get } = await rolledHub(t);
  const line = `${site}/area/line`;
  const { data } = await ask(
    `kpi-values?kpi=prod.availability&asset=${line}&granularity=day&from=2025-07-07&to=2025-07-08`,
  );
  const lineage = await ask(`kpi-values/${data[0].id}/lineage`);
  t.same(lineage.value, data[0]);
  t.match(lineage.definition, { id: 'prod.availability', formula: /APT/, source: 'ISO 22400-2' });
  t.match(
    lineage.elements.find(({ name }: Json) => name === 'APT_s'),
    { value: 450 * 60, unit: 's', meaning: 'inside PBT: state RUN' },
  );
  t.match(
    lineage.inputs.map(({ asset, tier, revision }: Json) => [asset, tier, revision]),
    ['m1', 'm2', 'm3'].map((unit) => [`${line}/${unit}`, 'day', 1]),
  );
  const hours = lineage.parts.filter(({ asset }: Json) => asset === `${line}/m1`);
  t.equal(hours[0].tier, 'hour');
  t.equal(
    hours.reduce((sum: number, { elements }: Json) => sum + (elements.APT_s ?? 0), 0),
    450 * 60,
    'its parts add up to it',
  );
  t.ok(
    hours.every(({ elements }: Json) => !('GQ' in elements)),
    'only what the figure is made of',
  );
  t.ok(lineage.tags.includes(`${line}/m1/state`));
  for (const id of ['nonsense', Buffer.from('["prod.oee","no/such","day",0]').toString('base64url')]) {
    t.equal((await get(`kpi-values/${id}/lineage`)).status, 404);
  }
});

t.test('as CSV with both calendars, and a range too early tells nothing', async (t) => {
  const { get, ask } = await rolledHub(t);
  const csv = await (
    await get('kpi-values?kpi=prod.oee&granularity=day&from=1404-04-16&to=1404-04-17&format=csv')
  ).text();
  const [header, ...rows] = csv.trim().split('\r\n');
  t.match(header, /^kpi_id,.*jalali_date,state$/);
  t.equal(rows.length, 6, 'three units, line, area and site');
  t.ok(rows.every((row) => row.endsWith(',1404-04-16,open') && row.includes('2025-07-06T20:30:00.000Z')));
  t.same((await ask('kpi-values?granularity=day&from=1400-01-01&to=1400-02-01')).data, []);
  t.match(await ask('kpi-values?granularity=day&from=1404-13-01'), { status: 400, errors: [{ field: 'from' }] });
  t.match(await ask('kpi-values?granularity=15min&from=1403-04-16&to=1404-04-16'), {
    status: 400,
    errors: [{ field: 'from', message: /make it an export: POST/ }],
  });
  t.match(await ask('kpi-values?kpi=prod.oee&as_of=1404-04-16'), { status: 400 });
});
