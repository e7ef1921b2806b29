/** A month that freezes: what was issued stands, byte for byte, whatever comes later and however it is restated. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { strFromU8, unzipSync } from 'fflate';
import t from 'tap';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { openReports } from '../../hub/reports/reports.ts';
import { openRollUpDatabase } from '../../hub/rollup/database.ts';
import { createValueChanges } from '../../hub/rollup/values/value-changes.ts';
import { watchChanges } from '../../hub/rollup/values/watch-changes.ts';
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import { exportedHub } from '../support/exported-site.ts';
import type { SampleEvent } from '../support/rolled-site.ts';
import { local, site, states, vectorPlant } from '../support/vector-plant.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever the API answers.
type Json = any;

const never = new AbortController().signal;
const unit = `${site}/area/line/m1`;
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

t.test('a month is issued, frozen, and restated', async (t) => {
  const { hub, clock, rollUp, rolled } = await exportedHub(t);
  const tokens = Object.fromEntries(
    (['analyst', 'manager', 'approver', 'admin'] as const).map((role) => [role, hub.token(role)]),
  ) as Record<'analyst' | 'manager' | 'approver' | 'admin', string>;
  const get = async (path: string): Promise<Json> => (await hub.get(`/api/v1/${path}`, tokens.analyst)).json();
  const post = async (path: string, body: object, role: keyof typeof tokens): Promise<[number, Json]> => {
    const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const answer = await hub.get(`/api/v1/${path}`, tokens[role], init);
    return [answer.status, await answer.json()];
  };
  const workbook = async (id: number, language: string) =>
    new Uint8Array(
      await (await hub.get(`/api/v1/reports/${id}/file?language=${language}`, tokens.analyst)).arrayBuffer(),
    );
  const passTo = async (now: TimeUs) => {
    clock.now = now;
    hub.time.now = now;
    await rollUp.once(never);
  };
  /** Of the second day. */
  const availability = async (more = ''): Promise<Json> => {
    const query = `kpi=prod.availability&asset=${unit}&granularity=day&from=1404-04-17&to=1404-04-18`;
    return (await get(`kpi-values?${query}${more}`)).data[0];
  };
  const period = '1404-04';

  const [early, why] = await post('reports', { site, period }, 'manager');
  t.equal(early, 422);
  t.match(why.detail, /becomes official at 2025-07-27T08:30/);

  await passTo(local('12:00', '2025-07-27'));
  t.equal((await post('reports', { site, period }, 'analyst'))[0], 403);
  const [status, first] = await post('reports', { site, period, note: 'a note' }, 'manager');
  t.equal(status, 201);
  t.match(first, { version: 1, newest: true, who: 'manager 2', why: '', period });
  t.same(
    first.files.map(({ name }: Json) => name),
    ['fa', 'en'].map((language) => `kpi_test-plant_1404-04_v1_official_${language}.xlsx`),
  );
  t.match((await post('reports', { site, period }, 'manager'))[1].detail, /issued already, as version 1/);
  const bytes = await workbook(first.id, 'en');
  t.equal(sha256(bytes), first.files[1].sha256);
  const issued = await availability('&revision=official');
  t.match(issued, { state: 'frozen', value: 0.9333333333333333, report: { id: first.id, version: 1 } });
  t.same(issued, { ...(await availability()), report: { id: first.id, version: 1 } });
  t.equal((await hub.get('/api/v1/kpi-values?granularity=week&revision=official', tokens.analyst)).status, 400);
  t.same((await get(`kpi-values?granularity=month&from=1404-03-01&to=1404-04-01&revision=official`)).data, []);

  const changes = createValueChanges({
    plants: () => [vectorPlant()],
    ledger: { tags: () => rolled.agents.flatMap((agent) => agent.tags()) },
    buckets: rollUp.buckets,
    values: rollUp.values,
  });
  using database = openRollUpDatabase(':memory:');
  const { audit } = hub.access;
  const watch = async () => {
    const once = new AbortController();
    const sleep = async () => once.abort();
    await watchChanges({ database, changes, audit, clock: { sleep }, log: { warn() {} } }, once.signal);
    return audit.list(0, 1000).filter(({ what }) => what === 'figures.change');
  };
  t.same(await watch(), [], 'what was closed is as it was');

  // What an agent had kept of the second day comes three weeks late: the machine stood for 20 minutes more.
  const late: SampleEvent[] = [];
  const say = (path: string, time: TimeUs, value: SampleValue) => late.push({ agent: 0, path, time, value });
  say('area/line/m1/state', local('12:00', '2025-07-08'), states.FAULT);
  say('area/line/m1/state', local('12:20', '2025-07-08'), states.RUN);
  const arrived = local('13:00', '2025-07-27');
  rolled.arrive(late, arrived);
  await passTo(arrived);
  const shadow = await availability();
  t.match(shadow, { state: 'frozen', value: (450 - 50) / 450 });
  t.ok(shadow.revision > issued.revision);
  t.same(await availability('&revision=official'), issued, 'what was issued stands beside it');
  t.same(await workbook(first.id, 'en'), bytes, 'byte for byte');

  const page = await changes.page(0, 10_000, { kpis: ['prod.availability'], assets: [unit], late: true }, never);
  const told = page.changes.filter(({ after }) => after?.bucket.granularity === 'day');
  t.match(told, [{ at: arrived, large: true, before: { value: issued.value }, after: { value: shadow.value } }]);
  t.same((await changes.page(page.through, 10_000, {}, never)).changes, []);

  const alarmed = await watch();
  t.equal(alarmed.length, 1, 'people are told of it');
  t.ok((alarmed[0]!.details as Json).figures > 1);
  t.same((await watch()).length, 1, 'once');

  for (const role of ['analyst', 'manager', 'admin'] as const) {
    t.equal(
      (await post(`reports/${first.id}/restatement`, { why: 'late data' }, role))[0],
      403,
      `${role} is no approver`,
    );
  }
  clock.now = local('14:00', '2025-07-27');
  hub.time.now = clock.now;
  const [, second] = await post(`reports/${first.id}/restatement`, { why: 'a day came late' }, 'approver');
  t.match(second, { version: 2, newest: true, why: 'a day came late', who: 'approver 3' });
  t.match(await post(`reports/${second.id}/restatement`, { why: 'again' }, 'approver'), [422, { detail: /it stands/ }]);
  t.same(await workbook(first.id, 'en'), bytes, 'version 1 is what it was');
  t.match(await availability('&revision=official'), { value: shadow.value, report: { version: 2 } });
  t.match(await availability('&revision=official&as_of=2025-07-27T13:30:00%2B03:30'), {
    value: issued.value,
    report: { version: 1 },
  });

  const shown = await get(`reports/${second.id}`);
  const restated = shown.restated.find(
    (one: Json) => one.kpi === 'prod.availability' && one.asset === unit && one.granularity === 'day',
  );
  t.match(restated, { before: issued.value, after: shadow.value, why: 'a day came late', version: 2 });
  const sheet = strFromU8(unzipSync(await workbook(second.id, 'en'))['xl/worksheets/sheet17.xml']!);
  const all = Object.values(unzipSync(await workbook(second.id, 'en')))
    .map((part) => strFromU8(part))
    .join();
  t.ok(
    sheet.includes(`<v>${issued.value}</v>`) && sheet.includes(`<v>${shadow.value}</v>`),
    'the sheet of restatements',
  );
  t.match(all, /approver 3: a day came late/);

  const versions = (await get(`reports?period=${period}&site=${site}`)).data;
  t.same(
    versions.map(({ version, newest }: Json) => [version, newest]),
    [
      [2, true],
      [1, false],
    ],
  );
  const events = hub.access.audit.list(0, 1000).filter(({ what }) => what.startsWith('report.'));
  t.match(events, [
    { what: 'report.issue', who: 'manager 2', object: site, details: { version: 1 } },
    { what: 'report.restate', who: 'approver 3', details: { version: 2, why: 'a day came late' } },
  ]);

  const [asked, job] = await post(
    'exports',
    { template: 'workbook', site, period, official: true, language: 'en' },
    'analyst',
  );
  t.equal(asked, 202);
  let ended: Json = job;
  while (ended.state !== 'done') {
    t.not(ended.state, 'failed', ended.error);
    await new Promise((resolve) => setTimeout(resolve, 10));
    ended = await get(`exports/${job.id}`);
  }
  t.equal(ended.files[0].sha256, second.files[1].sha256, 'an official export is what was issued');
});

t.test('a month is issued of itself when its time has come, once', async (t) => {
  const { hub, clock, rollUp } = await exportedHub(t);
  const log = hub.access.reports;
  const warnings: object[] = [];
  const source = {
    plants: () => [vectorPlant()],
    definitions: () => catalogue,
    rolled: rollUp.values,
    reader: hub.store.reader,
    tags: () => [],
    clock: { now: () => clock.now },
    writeParquet: async () => {},
  };
  const pass = async (now: TimeUs, issue: 'auto' | 'by-hand' = 'auto') => {
    clock.now = now;
    const once = new AbortController();
    const own = { now: () => clock.now, sleep: async () => once.abort(), speed: 1, wallMs: (ms: number) => ms };
    await openReports({
      ...{ dir: join(t.testdirName, 'issued'), log, source, clock: own, begun: () => local('05:00') },
      policy: { issue, day: 6, hour: 9 },
      logger: { info() {}, warn: (fields) => void warnings.push(fields) },
    }).run(once.signal);
    return log.list({}).map(({ month, version, who }) => [month, version, who]);
  };
  t.same(await pass(local('08:59', '2025-07-28')), [], 'not before the hour of the day that hub.yaml says');
  t.same(await pass(local('09:00', '2025-07-28')), []);
  t.match(warnings, [{ month: '1404-04', why: /not closed yet/ }], 'nor while a source still owes data');
  await rollUp.once(never);
  t.same(await pass(local('10:00', '2025-07-28'), 'by-hand'), [], 'nor where people want to do it');
  t.same(await pass(local('10:00', '2025-07-28')), [['1404-04', 1, 'hub']]);
  t.same(await pass(local('11:00', '2025-07-28')), [['1404-04', 1, 'hub']]);
});
