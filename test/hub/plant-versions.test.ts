/** Plant models that are applied while a hub runs: kept, compared, refused, and computed with. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { openAccess } from '../../hub/access/access.ts';
import { readPlant } from '../../hub/commands/read-plant.ts';
import { openPlantBook, type PlantFile } from '../../hub/plant/book.ts';
import { changedSpans } from '../../hub/plant/changed-spans.ts';
import { difference } from '../../hub/plant/difference.ts';
import type { PlantConfig } from '../../hub/plant/schema.ts';
import { createRolledSite, type SampleEvent } from '../support/rolled-site.ts';
import { local, site, vectorPlantFile } from '../support/vector-plant.ts';
import { startHub } from './http-fixture.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever the API answers.
type Json = any;

const minute = 60e6;
const never = new AbortController().signal;
const content = (change: Record<string, unknown> = {}): string => stringify(vectorPlantFile(change));
const config = (change: Record<string, unknown> = {}): PlantConfig => readPlant(content(change), 'plant.yaml');
const rate = (plannedRunTimeS: number, valid: { from?: string; to?: string } = {}) => ({
  unit: 'area/line/m1',
  plannedRunTimeS,
  ...valid,
});
const products = (...rates: object[]) => [{ code: 'p0', name: { en: 'p0', fa: 'p0' }, rates }];

/** A book over one access file; opened again, it is a hub that was started again. */
function shelf(t: Test) {
  const access = openAccess(join(t.testdir(), 'access.db'));
  t.teardown(() => access[Symbol.dispose]());
  return {
    access,
    start: (...files: PlantFile[]) => openPlantBook({ versions: access.plants, read: readPlant, files, onChange() {} }),
  };
}

t.test(
  'a file that hub.yaml names is applied when it says something new, and else leaves what came later',
  async (t) => {
    const { access, start } = shelf(t);
    const file = { file: 'plant.yaml', content: content() };
    const by = { author: 'maryam', why: 'the gas meter is gone' };
    t.same(
      start(file)
        .plants()
        .map(({ path }) => path),
      [site],
    );
    const book = start(file);
    t.match(book.version(site), { number: 1, author: 'file' }, 'the same file again is no new version');

    const later = { file: 'later.yaml', content: content({ meters: [] }) };
    t.match(book.apply(later, by).version, { number: 2, author: 'maryam', why: by.why });
    t.same(book.plant(site)!.meters, [], 'in force at once');
    t.equal(book.apply(later, by).version.number, 2, 'once more changes nothing');
    t.match(start(file).version(site), { number: 2, author: 'maryam' }, 'and after a restart');
    t.match(start({ ...file, content: content({ products: products(rate(20)) }) }).version(site), {
      number: 3,
      author: 'file',
    });
    t.match(start(file).version(site), { number: 4, author: 'file' }, 'also when it goes back to what it said before');
    t.same(start().plants(), [], 'a file that is named no more takes its site away');
    t.equal(access.plants.find(site, 1)!.content, file.content, 'as it was written');
    t.same(
      access.audit.list(0, 10).map(({ who, what, object, details }) => [who, what, object, details.version]),
      [1, 2, 3, 4].map((version) => [version === 2 ? 'maryam' : 'file', 'plant.apply', site, version]),
    );
  },
);

t.test('a model that is refused leaves the old one, and says where and what to do', async (t) => {
  const { start } = shelf(t);
  const book = start({ file: 'plant.yaml', content: content() });
  const by = { author: 'maryam', why: 'x' };
  const before = book.plants();
  t.throws(() => book.apply({ file: 'p.yaml', content: content({ businessDayStart: '25:00' }) }, by), {
    name: 'ConfigError',
    path: /^p\.yaml:\d+:\d+$/,
    message: /must be a time of day like 06:00/,
  });
  t.throws(() => book.apply({ file: 'p.yaml', content: content({ site: `${site}/hall` }) }, by), {
    name: 'RejectedError',
    message: /lie in one another; give it a path of its own/,
  });
  t.throws(
    () => book.apply({ file: 'p.yaml', content: `${content()}contractedTags: [$\{HOME}]` }, by),
    {
      message: /HOME is not set/,
    },
    'nothing of the hub gets into a model',
  );
  t.equal(book.plants(), before);
  const twice = ['a.yaml', 'b.yaml'].map((file) => ({ file, content: content() }));
  t.throws(() => start(...twice), { name: 'ConfigError', path: 'b.yaml', message: /is in a\.yaml as well/ });
});

t.test('two models differ in the time in which their dated parts do', (t) => {
  const at = local('00:00', '2025-07-20');
  const tail = { start: at, end: Number.POSITIVE_INFINITY };
  const old = config({ products: products(rate(30)) });
  const [until, since] = [{ to: '2025-07-20' }, { from: '1404-04-29' }];
  const cases: [what: string, change: Record<string, unknown>, expected: unknown][] = [
    ['nothing', {}, []],
    ['a name', { name: { en: 'n', fa: 'n' } }, []],
    ['a rate that ends', { products: products(rate(30, until)) }, [tail]],
    ['a rate that ends and one that follows', { products: products(rate(30, until), rate(25, since)) }, [tail]],
    ['a rate that was cut in two', { products: products(rate(30, until), rate(30, since)) }, []],
    ['a rate that was another', { products: products(rate(31)) }, [{ ...tail, start: Number.NEGATIVE_INFINITY }]],
    ['a shift', { businessDayStart: '06:00' }, 'everything'],
    ['a meter', { meters: [] }, 'everything'],
  ];
  for (const [what, change, expected] of cases) {
    t.same(changedSpans(old, config({ products: products(rate(30)), ...change })), expected, what);
  }
  t.end();
});

t.test('what a model would change is told in words', (t) => {
  const old = config({ products: products(rate(30)) });
  const meters = [{ path: 'energy/gas', name: { en: 'gas', fa: 'گاز' }, carrier: 'gas' }];
  const found = difference(old, config({ products: products(rate(30, { to: '2025-07-20' })), meters }));
  t.match(found, [
    'products.p0.rates.area/line/m1.to: 2025-07-20 is added',
    /^meters\.energy\/main: .*electricity.* is removed$/,
    'meters.energy/gas.name.fa: gas becomes گاز',
  ]);
  t.same(difference(old, old), []);
  t.same(difference(undefined, old), [`${site} is a new site`]);
  t.end();
});

t.test(
  'a rate that is applied while the hub runs changes the figures since then, and no others are computed',
  async (t) => {
    const { start } = shelf(t);
    const rolled = createRolledSite(site, 1);
    const [agent] = rolled.agents;
    for (const tag of ['state', 'mode']) {
      agent!.tag(`area/line/m1/${tag}`, { role: tag === 'state' ? 'state' : 'process' });
    }
    for (const name of ['total', 'good'] as const) {
      agent!.tag(`area/line/m1/count-${name}`, { role: `count_${name}`, counter: { scale: 1 } });
    }
    const events: SampleEvent[] = [
      { agent: 0, path: 'health/plc/session', time: local('05:00'), value: true },
      { agent: 0, path: 'area/line/m1/state', time: local('05:00'), value: 6 },
      { agent: 0, path: 'area/line/m1/mode', time: local('05:00'), value: 1 },
    ];
    for (let time = local('05:00'), count = 0; time <= local('15:00'); time += minute, count++) {
      events.push({ agent: 0, path: 'health/plc/through', time, value: time });
      for (const name of ['total', 'good'])
        events.push({ agent: 0, path: `area/line/m1/count-${name}`, time, value: count });
    }
    const clock = { now: local('15:00') };
    rolled.arrive(events, clock.now);

    let book = start();
    const rollUp = rolled.rollUp(() => book.plants()[0] ?? ({ path: 'nowhere' } as never), clock);
    await rollUp.once(never);
    t.equal(rollUp.counts.cells, 0, 'no model yet, nothing computed');

    book = openBook();
    book.apply(
      { file: 'plant.yaml', content: content({ products: products(rate(30)) }) },
      { author: 'a', why: 'first' },
    );
    await rollUp.once(never);
    const effectiveness = () =>
      rollUp
        .values({
          kpis: ['prod.effectiveness'],
          assets: [`${site}/area/line/m1`],
          granularity: 'hour',
          from: local('08:00'),
          to: local('14:00'),
        })
        .map(({ value }) => value);
    // Of the hour with the break only half is planned.
    t.same(effectiveness(), [0.5, 0.5, 1, 0.5, 0.5, 0.5], 'its past has been found');
    const before = rollUp.counts.cells;

    const changed = products(rate(30, { to: '2025-07-07T12:00' }), rate(15, { from: '2025-07-07T12:00' }));
    book.apply({ file: 'plant.yaml', content: content({ products: changed }) }, { author: 'a', why: 'a faster tool' });
    await rollUp.once(never);
    // The piece that was seen at 12:00 is the last one of the hour before, at the old rate.
    t.same(effectiveness(), [0.5, 0.5, 1, 0.5, 0.25, 0.25]);
    t.ok(rollUp.counts.cells - before < before / 2, `${rollUp.counts.cells - before} cells of ${before}`);
    const restated = rollUp.buckets.restatements(0, 1000);
    t.ok(
      restated.length > 0 && restated.filter(({ tier }) => tier === 'cell').every(({ end }) => end >= local('12:00')),
    );

    function openBook() {
      const { access } = shelf(t);
      return openPlantBook({
        versions: access.plants,
        read: readPlant,
        files: [],
        onChange({ before, after, anew }) {
          if (anew !== 'everything') rollUp.dirt.follow(site, { before: before.version, after: after.version }, anew);
        },
      });
    }
  },
);

t.test('over the API a model is checked against the announced tags, applied, and every version shown', async (t) => {
  const hub = await startHub(t);
  const home = 'sahand/machining-plant';
  const own = { site: home, areas: undefined, products: [], orders: [], meters: [] };
  const unit = (code: string) => ({ code, name: { en: code, fa: code }, stateMap: 'machine' });
  const line = { code: 'line-1', name: { en: 'l', fa: 'l' }, units: [unit('cnc-1')] };
  const file = content({ ...own, areas: [{ code: 'machining', name: { en: 'm', fa: 'm' }, lines: [line] }] });
  const secret = hub.token('manager', [home]);
  const post = async (path: string, body: object, token = secret) => {
    const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await hub.get(`/api/v1${path}`, token, init);
    return { status: response.status, body: (await response.json()) as Json };
  };
  const checked = await post('/plants/check', { content: file });
  t.match(checked, { status: 200, body: { site: home, changes: [`${home} is a new site`] } });
  const paths = (list: { path: string }[]) => list.map(({ path }) => path.slice(home.length + 1));
  t.same(paths(checked.body.bindings.bound), ['machining/line-1/cnc-1/state', 'machining/line-1/cnc-1/count-total']);
  t.ok(paths(checked.body.bindings.missing).includes('machining/line-1/cnc-1/count-good'));
  t.ok(paths(checked.body.bindings.unbound).includes('machining/line-1/cnc-1/temperature'));

  const ask = async (path: string, token = secret) =>
    (await hub.get(`/api/v1${path}`, token)).json() as Promise<object>;
  const at = `/plants/${encodeURIComponent(home)}`;
  t.match(await post('/plants', { content: file, why: 'commissioned' }), { status: 201, body: { version: 1 } });
  t.match(await post('/plants', { content: file, why: 'again' }), { status: 200, body: { version: 1, changes: [] } });
  t.match(await ask(at), { version: 1, author: 'manager 1', why: 'commissioned', content: file });
  t.match(await ask(`${at}/versions`), { data: [{ version: 1, site: home }] });
  t.match(await ask(`${at}/bindings`), { bound: [{ agents: ['machining'] }, {}] });
  t.match(await ask(`${at}?version=7`), { code: 'not-found' });

  const bad = await post('/plants', { content: file.replace('14:00', '25:00'), file: 'p.yaml', why: 'x' });
  t.match(bad, {
    status: 422,
    body: { code: 'refused', errors: [{ field: /^p\.yaml:\d+:\d+$/, message: /time of day/ }] },
  });
  const inPersian = await hub.get('/api/v1/plants', secret, {
    method: 'POST',
    body: JSON.stringify({ content: file.replace('14:00', '25:00'), file: 'p.yaml', why: 'x' }),
    headers: { 'content-type': 'application/json', 'accept-language': 'fa' },
  });
  t.match(await inPersian.json(), {
    detail: /^p\.yaml:\d+:\d+: shifts\.0\.end: باید ساعتی از روز/,
    errors: [{ message: /^shifts\.0\.end: باید ساعتی از روز مانند 06:00 باشد$/ }],
    messages: { en: /must be a time of day like 06:00/, fa: /باید ساعتی از روز/ },
  });
  const inside = await post('/plants', { content: file.replace(home, `${home}/hall`), why: 'x' }, hub.token('admin'));
  t.match(inside, {
    status: 409,
    body: { messages: { en: /lie in one another/, fa: /نشانی این سایت درون سایت دیگری است/ } },
  });
  t.match(await post('/plants', { content: file, why: ' ' }), { status: 400 });
  const stranger = hub.token('manager', ['aras/packaging-plant']);
  t.match(await post('/plants', { content: file, why: 'x' }, stranger), { status: 404 });
  t.match(await ask('/plants', stranger), { data: [] });
  t.match(await ask(at, stranger), { code: 'not-found' });
});

t.test('plant check tells a mistake with its line and a hint, and exits with 78', async (t) => {
  const dir = t.testdir();
  const run = async (text: string) => {
    writeFileSync(join(dir, 'plant.yaml'), text);
    const args = [join(import.meta.dirname, '../../hub/payesh-hub.mjs'), 'plant', 'check', 'plant.yaml'];
    return promisify(execFile)(process.execPath, args, { cwd: dir }).then(
      ({ stdout }) => ({ code: 0, text: stdout }),
      ({ code, stderr }) => ({ code, text: stderr as string }),
    );
  };
  const [right, wrong] = [
    await run(content()),
    await run(content({ orders: [{ unit: 'area/line/m9', from: '2025-07-07', to: '2025-07-08' }] })),
  ];
  t.same(right, { code: 0, text: `plant.yaml is right: ${site}, 3 units, 2 meters.\n` });
  t.equal(wrong.code, 78);
  t.match(wrong.text, /there is no unit area\/line\/m9; known: area\/line\/m1.*\n {3}at: plant\.yaml:\d+:\d+\n hint: /);
});
