/** The API as an analyst uses it, over two business days of the demo's machining plant that were really rolled up. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { valuesSchema } from '../../hub/routes/kpi/kpi-query.ts';
import { at, demoHub, demoLine, demoMeter, demoSite } from '../support/demo-site.ts';
import { fc } from '../support/drawn.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Json = any;

const cnc1 = `${demoLine}/cnc-1`;
const twoDays = 'from=1404-04-16&to=1404-04-18';

t.test('analysts', async (t) => {
  const { hub, rollUp, clock, rolled } = await demoHub(t);
  const secret = hub.token('analyst');
  const get = (path: string, headers: Record<string, string> = {}) =>
    hub.get(path.startsWith('/api') ? path : `/api/v1/${path}`, secret, { headers });
  const ask = async (path: string, headers?: Record<string, string>): Promise<Json> =>
    (await get(path, headers)).json();

  t.test('every operation has an example, and a live hub answers it', (t) => everyExample(t, hub));

  t.test('a date is the business day that begins on it, and the range is told', async (t) => {
    const { meta, data } = await ask(`kpi-values?kpi=en.kwh&asset=${demoMeter}&granularity=day&${twoDays}`);
    t.same(meta.range, { from: '2025-07-07T02:30:00.000Z', to: '2025-07-09T02:30:00.000Z' });
    t.match(meta, { calendar: 'jalali', tz: 'Asia/Tehran', granularity: 'day', revision: 'latest' });
    t.same(
      data.map(({ jalali_date, label }: Json) => [jalali_date, label]),
      [
        ['1404-04-16', { en: '1404-04-16', fa: '۱۴۰۴/۰۴/۱۶' }],
        ['1404-04-17', { en: '1404-04-17', fa: '۱۴۰۴/۰۴/۱۷' }],
      ],
    );
    t.equal(Math.round(data[0].value), 1440 + 60, 'a kWh a minute, and one more from 13:00 to 14:00');
    const shifted = await ask(
      `kpi-values?kpi=en.kwh&asset=${demoMeter}&granularity=shift&${twoDays}&tz=UTC&calendar=gregorian`,
    );
    t.match(shifted.data[0], {
      label: { en: 'Morning shift 2025-07-07', fa: 'شیفت صبح ۲۰۲۵/۰۷/۰۷' },
      start_local: '2025-07-07T02:30:00+00:00',
    });
    const narrow = await ask(`kpi-values?kpi=en.kwh&granularity=day&from=۱۴۰۴-۰۴-۱۶T09:00&to=٢٠٢٥-٠٧-٠٧T10:00:00Z`);
    t.same(narrow.meta.range, { from: '2025-07-07T02:30:00.000Z', to: '2025-07-08T02:30:00.000Z' }, 'snapped outward');
  });

  t.test('assets are chosen by path, group and depth', async (t) => {
    const assetsOf = async (query: string) => {
      const { data } = await ask(`kpi-values?kpi=prod.oee&granularity=day&from=1404-04-16&to=1404-04-17&${query}`);
      return data.map(({ asset }: Json) => asset.slice(demoSite.length));
    };
    t.same(await assetsOf('depth=0'), ['']);
    t.same(await assetsOf('group=province:east-azerbaijan&depth=1'), ['', '/machining']);
    t.same(
      await assetsOf(`asset=${demoLine}&depth=1`),
      ['', '/cnc-1', '/cnc-2', '/cnc-3'].map((end) => `/machining/line-1${end}`),
    );
    t.same(await assetsOf(`asset=${demoLine}`), ['/machining/line-1']);
    t.match(await ask('kpi-values?group=province:nowhere'), { status: 404, detail: /\/groups/ });
    const groups = await ask('groups');
    t.match(groups.data, [
      { id: 'province:east-azerbaijan', kind_name: { fa: 'استان' }, sites: [demoSite] },
      { id: 'isic:2410', kind: 'isic' },
      { id: 'programme:smart-factory-pilot' },
    ]);
    const line = await ask(`assets/${encodeURIComponent(demoLine)}`);
    t.match(line, { level: 'line', parent: `${demoSite}/machining`, groups: ['province:east-azerbaijan'] });
    t.equal(line.children.length, 3);
    t.ok(line.kpis.includes('prod.oee') && !line.kpis.includes('en.peak_block'));
    const below = await ask(`assets/${encodeURIComponent(demoSite)}/children?depth=2`);
    t.same(
      below.data.map(({ level }: Json) => level),
      ['area', 'line', 'meter', 'meter'],
    );
    t.match(await ask(`assets/${encodeURIComponent(cnc1)}`), {
      unit: { products: ['shaft'], tags: { state: `${cnc1}/state` } },
    });
    t.match(await ask('assets/nowhere'), { status: 404 });
    const pathsOf = async (query: string) => (await ask(`assets?${query}`)).data.map(({ path }: Json) => path);
    t.same(
      await pathsOf(`under=${demoLine}&level=unit`),
      ['cnc-1', 'cnc-2', 'cnc-3'].map((end) => `${demoLine}/${end}`),
    );
    t.same(await pathsOf(`under=${demoSite}&carrier=electricity`), [demoMeter, `${demoSite}/energy/press`]);
    t.same(await pathsOf('carrier=gas'), []);
    t.match(await ask('assets?under=nowhere'), { status: 404 });
    t.same((await ask('assets?as_of=2020-01-01')).data, [], 'no model was in force');
  });

  t.test('values are compared with target, the bucket before and a reference period', async (t) => {
    const oee = (query: string) => ask(`kpi-values?kpi=prod.oee&asset=${demoSite}&granularity=day&${twoDays}&${query}`);
    const target = await oee('compare=target');
    const { value, comparison } = target.data[0];
    t.match(comparison, { with: 'target', value: 0.75, light: 'missed' });
    t.equal(comparison.delta, value - 0.75);
    const previous = await oee('compare=previous');
    t.match(previous.data[0].comparison, { value: null, delta: null });
    t.match(previous.data[1].comparison, { value, from: '2025-07-07T02:30:00.000Z' });
    const reference = 'baseline_from=1404-04-16&baseline_to=1404-04-17';
    t.equal((await oee(`compare=baseline&${reference}`)).data[1].comparison.value, value);
    const hours = await ask(
      `kpi-values?kpi=en.kwh&asset=${demoMeter}&granularity=hour&from=1404-04-17&to=1404-04-18&compare=baseline&${reference}`,
    );
    t.ok(
      hours.data.every((hour: Json) => Math.abs(hour.comparison.value - 1500 / 24) < 0.1),
      'energy of a whole day is told for an hour',
    );
    t.match(
      (await oee('compare=baseline')).data[1].comparison,
      { value, from: '2025-07-07T02:30:00.000Z' },
      "the meter's own",
    );
    t.match(await oee('compare=baseline&baseline_from=1404-04-16'), { errors: [{ field: 'baseline_to' }] });
    const csv = await (
      await get(`kpi-values?kpi=prod.oee&depth=0&granularity=day&${twoDays}&compare=target&format=csv`)
    ).text();
    t.match(csv.split('\r\n')[1], /,target,0\.75,-0\.\d+,-0\.\d+,missed$/);
  });

  t.test('rows are sorted, chosen and told as asked, in pages that are linked', async (t) => {
    const query = `kpi-values?kpi=prod.oee,prod.availability&depth=4&granularity=shift&${twoDays}`;
    const sorted = await ask(`${query}&sort=-value&include=flags&limit=10000`);
    const values = sorted.data.map(({ value }: Json) => value);
    t.same(
      values,
      [...values].sort((a, b) => (a === null ? 1 : b === null ? -1 : b - a)),
      'what is not known comes last',
    );
    t.notOk('elements' in sorted.data[0]);
    for (const order of ['', '&sort=-value', '&sort=kpi,-start']) {
      const whole = await ask(`${query}${order}&limit=10000`);
      const rows: Json[] = [];
      for (let path: string | undefined = `/api/v1/${query}${order}&limit=7`; path; ) {
        const page = await get(path);
        rows.push(...((await page.json()) as Json).data);
        path = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      t.same(rows, whole.data, order);
    }
    const first = await ask(`${query}&limit=7`);
    t.match(await ask(`${query}&limit=7&sort=-value&cursor=${first.next_cursor}`), { errors: [{ field: 'cursor' }] });
    const ok = await ask(`${query}&status=ok,partial&min_coverage=0.99`);
    t.ok(ok.data.length > 0 && ok.data.every(({ status, coverage }: Json) => status === 'ok' && coverage >= 0.99));
    t.match(await ask(`${query}&status=fine`), { errors: [{ field: /^status/ }] });
    t.match(await ask(`${query}&sort=colour`), { errors: [{ field: 'sort', message: /-.*descending/ }] });
    for (const extra of [
      '&compare=target&include=elements,flags,lineage&tz=UTC',
      '&compare=previous',
      '&revision=all',
    ]) {
      const { data, ...rest } = await ask(`${query}${extra}`);
      t.ok(valuesSchema.safeParse({ data, ...rest }).success, `as the API's description says: ${extra}`);
    }
    const lineage = await ask(`${query}&include=lineage&limit=1`);
    t.match(lineage.data[0], { inputs: [{ tier: 'shift' }], plant_version: String });
  });

  t.test('the same rows come as JSON, NDJSON, CSV, workbook and Parquet, by parameter or Accept', async (t) => {
    const query = `kpi-values?kpi=en.kwh&asset=${demoMeter}&granularity=hour&${twoDays}&limit=۱۰۰۰`;
    const { data } = await ask(query);
    t.equal(data.length, 48);
    const lines = (await (await get(query, { accept: 'application/x-ndjson' })).text()).trim().split('\n');
    t.same(
      lines.map((line) => JSON.parse(line)),
      data,
    );
    const csv = await (await get(query, { accept: 'text/html, text/csv;q=0.9' })).text();
    t.equal(csv.trim().split('\r\n').length, 49);
    const bytes = async (format: string) => Buffer.from(await (await get(`${query}&format=${format}`)).arrayBuffer());
    t.equal((await bytes('xlsx')).subarray(0, 2).toString(), 'PK');
    t.equal((await bytes('parquet')).subarray(-4).toString(), 'PAR1');
    const events = hub.access.audit.list(0, 100).filter(({ what }) => what === 'export.end');
    t.match(events.at(-1)?.details, { rows: 48, complete: true });
    t.match(await ask(`${query}&format=pdf`), { errors: [{ field: 'format' }] });
    const long = await get(
      `series?tag=${demoMeter}/kwh&agg=twa&granularity=1min&fill=null&from=1404-04-01&to=1404-04-18&format=xlsx`,
    );
    t.match(
      [long.status, long.headers.get('content-disposition'), await long.json()],
      [400, null, { errors: [{ field: 'format', message: /20000 rows.*exports/ }] }],
    );
  });

  t.test('who has an answer already is told so with its ETag', async (t) => {
    const path = `kpi-values?kpi=en.kwh&depth=0&granularity=day&${twoDays}`;
    const first = await get(path);
    const etag = first.headers.get('etag')!;
    t.match(etag, /^W\/"/);
    const again = await get(path, { 'if-none-match': `"other", ${etag}` });
    t.equal(again.status, 304);
    t.equal(await again.text(), '');
    t.equal((await get(`${path}&min_coverage=1`, { 'if-none-match': '"other"' })).status, 200);
    t.ok(Number(first.headers.get('ratelimit-limit')) > 0 && first.headers.has('ratelimit-remaining'));
  });

  t.test('problems speak both languages and say what to do', async (t) => {
    const problem = await ask('kpi-values?granularity=day&from=1403-01-01&to=1404-04-01', { 'accept-language': 'fa' });
    t.match(problem, {
      status: 400,
      code: 'invalid',
      title: 'درخواست معتبر نیست',
      detail: /400 روز.*\/api\/v1\/exports/,
      messages: { en: /400 days.*POST \/api\/v1\/exports/, fa: /400 روز/ },
      errors: [{ field: 'from', message: /روز/ }],
    });
    t.match(await ask('series'), { errors: [{ field: 'tag', message: 'is missing' }] });
    t.match(await ask('series', { 'accept-language': 'fa' }), { errors: [{ field: 'tag', message: /لازم است/ }] });
    t.match(await ask('kpi-values?depth=x', { 'accept-language': 'fa-IR' }), {
      errors: [{ field: 'depth', message: /عدد/ }],
    });
  });

  t.test('a request may be written as HTTP clients, shells and people write it', async (t) => {
    const day = `granularity=day&${twoDays}&depth=0`;
    const kpisOf = ({ data }: Json) => [...new Set(data.map(({ kpi }: Json) => kpi))];
    const both = ['prod.availability', 'prod.oee'];
    t.same(kpisOf(await ask(`kpi-values?kpi=prod.oee,prod.availability&${day}`)), both);
    t.same(kpisOf(await ask(`kpi-values?kpi=prod.oee&kpi=prod.availability&${day}`)), both, 'a list one by one');
    t.same(kpisOf(await ask(`kpi-values?kpi=prod.oee,,prod.availability،&${day}`)), both, 'commas without anything');
    const wrong = async (query: string, headers?: Record<string, string>) => (await ask(query, headers)).errors;
    const fa = { 'accept-language': 'fa' };
    t.match(await wrong('kpi-values?kpi='), [{ field: 'kpi', message: 'is empty: name some, or leave it out' }]);
    t.match(await wrong('kpi-values?status=fine,ok'), [
      { field: 'status', message: /"fine"; say some of ok, partial/ },
    ]);
    t.match(await wrong('kpi-values?status=fine', fa), [{ field: 'status', message: /«fine»/ }]);
    t.match(await wrong('kpi-values?limit=۰'), [{ field: 'limit', message: 'must be at least 1' }]);
    t.match(await wrong('kpi-values?limit=20000', fa), [{ field: 'limit', message: 'باید حداکثر 10000 باشد' }]);
    t.match(await wrong('kpi-values?limit=1&limit=2'), [{ field: 'limit', message: 'must be a number' }]);
    t.match(await wrong('kpi-values?limit=1.5', fa), [{ field: 'limit', message: 'باید عدد صحیح باشد' }]);
    t.match(await wrong('kpi-values?granularity=fortnight'), [{ message: /^must be one of window, 15min, hour/ }]);
    t.match(await wrong('reports?period=1404-13', fa), [{ field: 'period', message: /ماهی شمسی/ }]);
    t.match(
      await wrong(`series?tag=${demoMeter}/kwh&granularity=hour`),
      [{ field: 'granularity', message: /agg=twa/ }],
      'what would mean nothing is said to mean nothing',
    );
    const raw = await byHand(hub.origin, 'GET /api/v1/kpi-values?from=۱۴۰۴-۰۴-۱۶ HTTP/1.1');
    t.match(raw, /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*application\/problem\+json/);
    t.match(JSON.parse(raw.split('\r\n\r\n')[1]!), {
      code: 'unreadable',
      detail: /--data-urlencode/,
      messages: { fa: /کدگذاری/ },
    });
    const long = await byHand(hub.origin, `GET /api/v1/assets?${'a'.repeat(70_000)} HTTP/1.1`);
    t.match(JSON.parse(long.split('\r\n\r\n')[1]!), { status: 431, code: 'too-long' });
  });

  t.test('what is paged links to its next page, and is a table too', async (t) => {
    const whole = async (path: string) => {
      const rows: Json[] = [];
      for (let next: string | undefined = `/api/v1/${path}`; next; ) {
        const page = await get(next);
        rows.push(...((await page.json()) as Json).data);
        next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      return rows;
    };
    const linesOf = async (path: string) => (await (await get(path)).text()).trim().split('\r\n');
    const tags = await ask('tags');
    t.same(await whole('tags?limit=3'), tags.data);
    t.equal((await linesOf('tags?format=csv&limit=3')).length, tags.data.length + 1, 'all of them');
    const definitions = await linesOf('kpi-definitions?domain=en&format=csv');
    t.match(definitions[0], /^id,version,name_en,name_fa,unit.*,note_en,note_fa$/);
    t.notMatch(definitions.join(''), /\[object/);
    t.equal(definitions.length, (await ask('kpi-definitions?domain=en')).data.length + 1);
    const feed = await linesOf('energy-feed?from=1404-04-16&to=1404-04-17&format=csv');
    t.equal(feed.length, 97);
    t.match(await ask('energy-feed?subscription=none'), { status: 404, messages: { fa: /شمارهٔ اشتراک none/ } });
  });

  t.test('a tag by buckets of time', async (t) => {
    const series = (query: string) => ask(`series?from=1404-04-16&to=1404-04-17&${query}`);
    const meter = `tag=${demoMeter}/kwh`;
    const delta = await series(`${meter}&agg=delta&granularity=hour`);
    t.match(delta.meta, { agg: 'delta', granularity: 'hour', unit: String });
    t.equal(delta.data.length, 24);
    t.same(
      delta.data.slice(1, 9).map(({ value }: Json) => Math.round(value)),
      [60, 60, 60, 60, 60, 60, 120, 60],
      'twice as much from 13:00 to 14:00',
    );
    const total = `tag=${cnc1}/count-total`;
    const pieces = await series(`${total}&agg=delta&granularity=shift&fill=null`);
    t.same(
      pieces.data.map(({ value }: Json) => value),
      [450, 0, 0],
      'a counter of pieces steps',
    );
    const state = `tag=${cnc1}/state&granularity=hour`;
    const [least, greatest, mean] = await Promise.all(
      ['min', 'max', 'twa'].map((agg) => series(`${state}&agg=${agg}`)),
    );
    const at11 = ({ data }: Json) => data.find(({ start }: Json) => start === '2025-07-07T07:30:00.000Z').value;
    t.same([at11(least), at11(greatest), at11(mean)], [4, 6, 5]);
    t.match(await series(`${state}&agg=delta`), { errors: [{ field: 'agg', message: /no counter/ }] });
    t.match(await ask(`series?${meter}&agg=twa&granularity=1min&from=1403-06-01&to=1404-04-16`), {
      errors: [{ field: 'from', message: /rows; ask for a shorter range.*exports/ }],
    });
    const gap = await ask(
      `series?${meter}&agg=twa&granularity=hour&from=1404-04-17T19:00&to=1404-04-17T22:00&fill=null`,
    );
    t.match(gap.data[1], { coverage: 0, samples: 0, value: null }, 'nothing is known while the link is down');
  });

  t.test('what units did, and why they stood', async (t) => {
    const { data, meta } = await ask(`states?asset=${cnc1}&from=1404-04-16&to=1404-04-17`);
    t.equal(meta.units, 1);
    t.match(
      data.map(({ state, duration_s, shift }: Json) => [state, duration_s / 60, shift]),
      [
        ['RUN', 300, 'morning'],
        ['IDLE', 30, 'morning'],
        ['RUN', 150, 'morning'],
        ['IDLE', 960, 'afternoon'],
      ],
    );
    t.match(data[1], {
      reason: 'material',
      reason_name: { fa: 'نبود مواد' },
      state_name: { en: 'Idle' },
      planned_s: 1800,
    });
    const idle = await ask(`states?asset=${demoLine}&state=IDLE&min_s=3600&from=1404-04-16&to=1404-04-17`);
    t.equal(idle.data.length, 3);
    const pages = await ask(`states?asset=${demoLine}&from=1404-04-16&to=1404-04-17&limit=2`);
    const rest = await ask(
      `states?asset=${demoLine}&from=1404-04-16&to=1404-04-17&limit=100&cursor=${pages.next_cursor}`,
    );
    t.equal(pages.data.length + rest.data.length, 8);
    const lost = await ask(`states?asset=${cnc1}&state=UNKNOWN&from=1404-04-17&to=1404-04-18`);
    t.ok(lost.data.some(({ duration_s }: Json) => duration_s >= 3600));
  });

  t.test('downtime adds up to the same sum however it is grouped', async (t) => {
    const by = (grouping: string) =>
      ask(`downtime?group_by=${grouping}&asset=${demoSite}&from=1404-04-16&to=1404-04-17`);
    const answers = await Promise.all(['class', 'asset', 'shift', 'reason'].map(by));
    const total = answers[0].meta.downtime_s;
    t.ok(total > 0);
    for (const { data, meta } of answers) {
      t.equal(meta.downtime_s, total, meta.group_by);
      const sum = data.reduce((all: number, row: Json) => all + row.downtime_s, 0);
      t.ok(Math.abs(sum - total) < 1e-6, meta.group_by);
      t.equal(Math.round(data.at(-1).cumulative * 1e9) / 1e9, 1);
    }
    const reasons = answers[3].data;
    t.match(
      reasons.find(({ key }: Json) => key === 'material'),
      { downtime_s: 1200, entries: 1, name: { en: 'No material' } },
    );
    t.match(reasons[0], { key: '', name: { fa: 'بدون علت ثبت‌شده' } });
    t.same((await by('class&group=isic:2410')).meta.downtime_s, total);
  });

  t.test('demand, bands and balance of meters', async (t) => {
    const demand = await ask(`energy/demand?meter=${demoMeter}&from=1404-04-16&to=1404-04-17`);
    t.equal(demand.data.length, 96);
    const peak = demand.data.find(({ start }: Json) => start === '2025-07-07T09:30:00.000Z');
    t.match(peak, { kw: 120, limit_kw: 90, contract_kw: 60 });
    t.match(demand.meta.peaks, [{ meter: demoMeter, kw: 120 }]);
    const sliding = await ask(`energy/demand?meter=${demoMeter}&method=sliding&step=5&from=1404-04-16&to=1404-04-17`);
    t.equal(sliding.data.length, 288);
    const value = await ask(
      `kpi-values?kpi=en.peak_block&asset=${demoMeter}&granularity=day&from=1404-04-16&to=1404-04-17`,
    );
    t.equal(value.data[0].value, 120, 'as the KPI says');
    t.match(await ask('energy/demand?interval=7'), { errors: [{ field: 'interval', message: /5, 10, 15/ }] });
    t.match(await ask(`energy/demand?meter=${cnc1}`), { errors: [{ field: 'meter', message: /level=meter/ }] });

    const tou = await ask(`energy/tou?meter=${demoMeter}&from=1404-04-16&to=1404-04-17`);
    const [day] = tou.data;
    t.ok(Math.abs(day.kwh_peak + day.kwh_mid + day.kwh_low - day.kwh) < 1e-6);
    t.equal(Math.round(day.kwh_peak), 240, 'four hours from 18:00');
    t.equal(Math.round(day.cost_irr), Math.round(day.kwh_peak * 20_000 + day.kwh_mid * 10_000 + day.kwh_low * 5000));
    const balance = await ask('energy/balance?from=1404-04-16&to=1404-04-17');
    t.equal(balance.data.length, 1);
    t.ok(Math.abs(balance.data[0].open_share - 0.5) < 1e-3);
    t.match(balance.meta.tree, [{ from: demoMeter, to: `${demoSite}/energy/press` }]);
  });

  t.test('a cap was kept or not, and a reduction delivered, interval by interval', async (t) => {
    const { data } = await ask('curtailments');
    t.same(
      data.map(({ kind, code }: Json) => [kind, code]),
      [
        ['cap', 'summer-1404'],
        ['event', 'peak-17'],
      ],
    );
    t.same((await ask('curtailments?sector=24')).data.length, 2);
    t.same((await ask('curtailments?sector=10')).data, []);
    const cap = await ask(`curtailments/${data[0].id}/compliance`);
    t.match(cap.meta, { intervals: 32, measured: 32, kept: 24 });
    t.match(
      cap.meta.results.map(({ kpi, value }: Json) => [kpi, value]),
      [
        ['dr.compliance', 0.75],
        ['dr.excess', 60],
        ['dr.excess_worst', 120 / 90 - 1],
      ],
    );
    t.match(cap.data[0], { kw: 120, limit_kw: 90, kept: false, excess_kwh: 7.5 });
    const event = await ask(`curtailments/${data[1].id}/compliance`);
    t.match(event.meta, {
      intervals: 4,
      baseline: { method: 'high 1 of 1', days: ['2025-07-07'] },
      results: [{ kpi: 'dr.reduction', value: 0 }, { kpi: 'dr.reduction_kwh' }, { kpi: 'dr.performance', value: 0 }],
    });
    t.match(await ask('curtailments/none/compliance'), { status: 404, detail: /\/curtailments/ });
  });

  t.test('how far the data can be trusted, and when links were down', async (t) => {
    const { data } = await ask(`data-quality?depth=0&${twoDays}`);
    t.equal(data.length, 2);
    const kept = data[1].complete / data[0].complete;
    t.ok(kept > 0.95 && kept < 0.97, `of the second day an hour is not known: ${kept}`);
    const links = await ask('connectivity?from=1404-04-17&to=1404-04-18');
    t.match(links.data, [{ site: demoSite, source: 'plc', outages: 1, told_until: '2025-07-09T02:29:00.000Z' }]);
    t.ok(
      links.data[0].down.some(({ start }: Json) => start.startsWith('2025-07-08T16:2')),
      '20:00, or the minute before',
    );
  });

  t.test('what the plant models say comes as lists', async (t) => {
    const shifts = await ask('calendars?from=1404-04-16&to=1404-04-17');
    t.match(
      shifts.data.map(({ shift, jalali_date }: Json) => [shift, jalali_date]),
      ['morning', 'afternoon', 'night'].map((code) => [code, '1404-04-16']),
    );
    t.match((await ask('tariffs')).data, [{ code: 'demo', bands: [{}, {}, {}, {}, {}, {}], prices: { peak: 20_000 } }]);
    t.match((await ask('products')).data[0], { code: 'shaft', rates: [{ unit: cnc1, planned_run_time_s: 24 }] });
    t.match((await ask('targets?at=1404-04-16')).data, [{ kpi: 'prod.oee', asset: demoSite, value: 0.75 }]);
    t.match((await ask(`baselines?meter=${demoMeter}`)).data, [
      { code: 'enb', accepted: null, terms: [{ variable: 'GQ' }] },
    ]);
    t.match(
      (await ask('curtailments?sector=10')).meta.note,
      { en: /plant file/, fa: /پروندهٔ کارخانه/ },
      'why there is none',
    );
    t.match(await ask('products?site=nowhere'), { status: 404 });
    t.equal((await (await get('products?format=csv')).text()).trim().split('\r\n').length, 4);
    t.match(await ask('kpi-definitions/prod.oee/versions'), { data: [{ id: 'prod.oee', version: 1 }] });
    t.ok((await ask('kpi-definitions?domain=dq')).data.every(({ id }: Json) => id.startsWith('dq.')));
  });

  t.test('a token of another site finds nothing of this one', async (t) => {
    const other = hub.token('analyst', ['elsewhere']);
    for (const path of [
      ...['assets', 'groups', 'kpi-values?granularity=day', 'states', 'downtime', 'energy/demand', 'energy/tou'],
      ...['energy/balance', 'curtailments', 'data-quality', 'connectivity', 'revisions', 'revisions/values', 'tariffs'],
      ...['calendars', 'energy-feed', 'entries', 'tags'],
      ...['products', 'targets', 'baselines'],
    ]) {
      const response = await hub.get(`/api/v1/${path}`, other);
      t.equal(response.status, 200, path);
      t.same(((await response.json()) as Json).data, [], path);
    }
  });

  t.test('whatever is asked, nothing is the hub’s fault', async () => {
    const api = (await ask('openapi.json')) as Json;
    const operations = Object.entries<Json>(api.paths).flatMap(([path, { get: operation }]) =>
      operation && path.startsWith('/api/v1/') && !/live|verification|exports|openapi/.test(path)
        ? [{ path, operation }]
        : [],
    );
    const nasty = fc.oneof(
      fc.constantFrom('1404-13-45', '۱۴۰۴-۰۴-۱۶', '1404-04-16', '1404-04-17', '9999-12-31', '1000-01-01', '0001-01-01'),
      fc.constantFrom(
        '-1',
        '0',
        '1e308',
        'NaN',
        '99999999999999999999',
        '',
        ' ',
        ',',
        '%',
        "' OR 1=1 --",
        '../../etc/passwd',
      ),
      fc.constantFrom(
        demoSite,
        demoMeter,
        cnc1,
        `${demoMeter}/kwh`,
        'prod.oee,en.kwh',
        'day',
        'hour',
        'all',
        'delta',
        'csv',
      ),
      fc.constantFrom(
        '1677-09-21',
        '262144-01-01T00:00:00Z',
        '-271821-04-20',
        '2025-07-07T00:00:00Z',
        'month',
        '__proto__',
      ),
      fc.string({ maxLength: 30, unit: 'binary' }),
    );
    const request = fc.constantFrom(...operations).chain(({ path, operation }) =>
      fc.record({
        path: fc.constant(path),
        values: fc.tuple(
          ...(operation.parameters ?? []).map((parameter: Json) =>
            fc.tuple(
              fc.constant(parameter),
              fc.option(
                fc.oneof(
                  nasty,
                  ...(parameter.schema.enum ? [fc.constantFrom(...(parameter.schema.enum as string[]))] : []),
                ),
                { nil: undefined },
              ),
            ),
          ),
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(request, async ({ path, values }) => {
        let url = path;
        const query = new URLSearchParams();
        for (const [parameter, value] of values as [Json, string | undefined][]) {
          if (parameter.in === 'path') url = url.replace(`{${parameter.name}}`, encodeURIComponent(value || 'x'));
          else if (value !== undefined) query.set(parameter.name, value);
        }
        const response = await get(`${url}?${query}`);
        await response.arrayBuffer();
        if (response.status >= 500) throw new Error(`${response.status} ${url}?${query}`);
      }),
      { numRuns: 600 },
    );
  });

  t.test('what cannot be asked says what can, in both languages', async (t) => {
    const refusals: [path: string, field: string | null, en: RegExp, fa: RegExp][] = [
      [`kpi-values?kpi=prod.oee&granularity=15min&${twoDays}`, 'granularity', /told of hour, shift, day/, /گفته می‌شود/],
      ['kpi-values?kpi=en.kwh,pl.delta_oee&granularity=day', 'granularity', /pl.delta_oee is told of month/, /هرگز/],
      ['kpi-values?granularity=day&from=1410-01-01', 'from', /not come yet: where "to" is left out/, /هنوز نرسیده/],
      [
        'kpi-values?granularity=15min&depth=9&from=1403-05-01&to=1404-05-01',
        'from',
        /some [\d.]+ million values/,
        /میلیون/,
      ],
      ['energy-feed?from=1404-04-01&to=1404-04-16', 'from', /at most 7 days/, /حداکثر 7 روز/],
      [`assets/${demoSite}`, null, /%2F for "\/"/, /%2F/],
    ];
    for (const [path, field, en, fa] of refusals) {
      const problem = await ask(path);
      t.match(problem, { messages: { en, fa } }, path);
      if (field !== null) t.match(problem, { status: 400, errors: [{ field }] }, path);
    }
    const send = async (type: string, body: string): Promise<Json> =>
      (await hub.get('/api/v1/exports', secret, { method: 'POST', headers: { 'content-type': type }, body })).json();
    const exported = (more: object) => send('application/json', JSON.stringify({ template: 'kpi', ...more }));
    t.match(await send('application/json', '{'), { status: 400, messages: { fa: /JSON خواندنی نیست/ } });
    t.match(await send('text/csv', 'a'), { status: 415, messages: { fa: /به صورت JSON/ } });
    t.match(await (await hub.get('/api/v1/recomputations/nope', hub.token('manager'))).json(), {
      status: 404,
      messages: { fa: /محاسبهٔ مجدد nope/ },
    });
    t.match(await exported({ site: 'x' }), { status: 404, messages: { fa: /کارخانهٔ x/ } });
    t.match(await exported({ site: demoSite }), { errors: [{ field: 'period' }], messages: { fa: /یک ماه/ } });
    t.match(await exported({ site: demoSite, period: '1404-13' }), {
      messages: { en: /no Jalali month/, fa: /ماه شمسی نیست/ },
    });
    const official = await ask(`kpi-values?kpi=prod.oee&granularity=day&${twoDays}&revision=official`);
    t.match(official.meta.note, { en: /no report is issued/, fa: /گزارشی صادر نشده/ });
    t.match((await ask('curtailments?sector=99')).meta.note, {
      en: /"limits" or "events"/,
      fa: /«limits» یا «events»/,
    });
  });

  t.test('a table tells local time without being asked for a zone', async (t) => {
    const table = `kpi-values?kpi=en.kwh&asset=${demoMeter}&granularity=hour&${twoDays}&format=csv`;
    const firstOf = async (path: string) => (await (await get(path)).text()).split('\r\n')[1];
    t.match(await firstOf(table), /,2025-07-07T06:00:00\+03:30,/);
    t.match(await firstOf(`${table}&tz=UTC`), /,2025-07-07T02:30:00\+00:00,/);
  });

  t.test('a restated day is in the feed once, and every figure that it had can be had', async (t) => {
    const before = await ask(`kpi-values?kpi=prod.volume&asset=${cnc1}&granularity=day&from=1404-04-16&to=1404-04-17`);
    const { next_since } = (await ask('revisions')).meta;
    const days = `kpi-values?kpi=prod.volume&asset=${cnc1}&granularity=day&from=1404-04-16&to=1404-04-19`;
    const [newest, oldest] = await Promise.all([ask(`${days}&sort=-start&limit=2`), ask(`${days}&limit=1`)]);
    // 60 pieces more, whose count came late.
    clock.now += 60e6;
    rolled.arrive(
      [
        { agent: 0, path: 'machining/line-1/cnc-1/count-total', time: at('2025-07-07', '13:59') + 30e6, value: 509 },
        { agent: 0, path: 'machining/line-1/cnc-1/count-good', time: at('2025-07-07', '13:59') + 30e6, value: 464 },
      ],
      clock.now,
    );
    await rollUp.once(new AbortController().signal);
    const feed = await ask(`revisions?since=${next_since}&kpi=prod.volume&granularity=day&asset=${demoLine}`);
    t.match(feed.data, [{ asset: cnc1, granularity: 'day', group: 'production', replaced: 1, revision: 2 }]);
    t.ok(feed.data[0].kpis.includes('prod.volume'));
    t.match(feed.data[0].elements.PQ, { before: 450, after: 509 }, 'what was told before and is now');
    t.notOk('PBT_s' in feed.data[0].elements, 'and not what stayed');
    const figures = await ask(`revisions/values?since=${next_since}&kpi=prod.volume&limit=1000`);
    const ofDay = figures.data.filter(({ granularity }: Json) => granularity === 'day');
    t.same(
      ofDay.map(({ asset }: Json) => asset.slice(demoSite.length)).sort(),
      ['', '/machining', '/machining/line-1', '/machining/line-1/cnc-1'],
      'and above it',
    );
    const ofUnit = ofDay.find(({ asset }: Json) => asset === cnc1);
    t.match(ofUnit, {
      before: before.data[0].value,
      unit: 'pieces',
      late: false,
      large: true,
      jalali_date: '1404-04-16',
    });
    t.equal(ofUnit.delta, ofUnit.after - ofUnit.before);
    const lineages = await Promise.all(
      [ofUnit.id_before, ofUnit.id_after].map((id) => ask(`kpi-values/${id}/lineage`)),
    );
    t.same(
      lineages.map(({ value }: Json) => value.value),
      [ofUnit.before, ofUnit.after],
      'each can be taken apart',
    );
    const pages: Json[] = [];
    for (let since = next_since, more = true; more; ) {
      const page = await ask(`revisions/values?since=${since}&kpi=prod.volume&limit=3`);
      pages.push(...page.data);
      ({ next_since: since, more } = page.meta);
    }
    const keyOf = ({ asset, start, granularity, after }: Json) => `${granularity} ${start} ${asset} ${after}`;
    t.same(new Set(pages.map(keyOf)), new Set(figures.data.map(keyOf)), 'page by page the same');
    t.same((await ask(`revisions/values?since=${next_since}&late=true`)).data, []);
    const sinceThen = `since=${new Date(clock.now / 1000).toISOString()}`;
    const whole = await ask(`revisions?since=${next_since}`);
    t.same((await ask(`revisions?${sinceThen}`)).data, whole.data, 'a time is a place in the feed too');
    t.same((await ask('revisions?since=1404-04-19')).data, []);
    t.match(await ask('revisions?since=never'), { errors: [{ field: 'since', message: /date like 1404-04-16/ }] });
    t.same((await ask(`revisions?since=${feed.meta.next_since}`)).data, [], 'nothing is told twice');
    const next = await ask(`${days}&sort=-start&limit=2&cursor=${newest.next_cursor}`);
    t.same(next.data, before.data, 'a page tells what the one before it knew');
    const later = await ask(`${days}&limit=2&cursor=${oldest.next_cursor}`);
    t.equal(later.data.length, 2, 'and misses nothing that was provisional then');
    const all = await ask(
      `kpi-values?kpi=prod.volume&asset=${cnc1}&granularity=day&from=1404-04-16&to=1404-04-17&revision=all`,
    );
    t.same(
      all.data.map(({ revision }: Json) => revision),
      [1, 2],
    );
    t.equal(all.data[0].value, before.data[0].value);
    t.not(all.data[1].value, before.data[0].value);
  });
});

/** The whole answer to a request line that no client would send. */
async function byHand(origin: string, line: string): Promise<string> {
  const { port, hostname } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.write(`${line}\r\nHost: hub\r\n\r\n`);
  let answer = '';
  socket.on('data', (part) => (answer += part));
  await once(socket, 'end');
  return answer;
}

/** What there is nothing of: neither gap nor quarantine, sheet, import or report. */
const nothingThere = /acknowledgement$|quarantine$|commissioning-sheets\/\{hash\}|(imports|reports)\/\{id\}/;

/** Makes what later ones need first: POST, what is at an id of it, and at last what takes it away. */
const turnOf = ([method, path]: readonly [string, string, Json]) =>
  method === 'post' && !path.includes('{') ? 0 : ['get', 'put', 'post', 'delete'].indexOf(method) + 1;

async function everyExample(t: Test, hub: Awaited<ReturnType<typeof demoHub>>['hub']): Promise<void> {
  const [admin, approver] = [hub.token('admin'), hub.token('approver')];
  const send = (method: string, path: string, body?: object) =>
    hub.get(path, path.includes('/restatement') ? approver : admin, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  const content = readFileSync(join(import.meta.dirname, '../../config/demo/plants/machining.yaml'), 'utf8');
  t.equal((await send('POST', '/api/v1/plants', { content, why: 'the demo' })).status, 201);

  const api = (await (await hub.get('/api/v1/openapi.json')).json()) as Json;
  const operations = Object.entries<Json>(api.paths)
    .flatMap(([path, methods]) =>
      Object.entries<Json>(methods).map(([method, operation]) => [method, path, operation] as const),
    )
    .sort((a, b) => turnOf(a) - turnOf(b));
  /** Ids that the hub has given, in place of those that stand in the examples. */
  const given: Record<string, string> = { number: String(hub.streams.machining) };
  for (const [method, path, operation] of operations) {
    const name = `${method.toUpperCase()} ${path}`;
    t.ok(operation['x-codeSamples']?.[0].source, `${name} has an example`);
    if (/\/(live|commissioning-sheets)$/.test(path) && method !== 'delete') continue;
    let url = path;
    const query = new URLSearchParams();
    for (const { name: parameter, in: place, example } of operation.parameters ?? []) {
      if (place === 'path') {
        const resource = path.split('/')[3];
        url = url.replace(
          `{${parameter}}`,
          encodeURIComponent(given[`${resource} ${parameter}`] ?? given[parameter] ?? example),
        );
      } else if (example !== undefined) query.set(parameter, example);
    }
    t.notMatch(url, /undefined/, name);
    const { example, examples = { one: { value: example } } } =
      operation.requestBody?.content['application/json'] ?? {};
    for (const [kind, { value }] of Object.entries<Json>(examples)) await ask(name, kind, `${url}?${query}`, value);
  }
  t.ok(operations.length > 60, `${operations.length} operations`);

  async function ask(name: string, kind: string, url: string, body: object | undefined): Promise<void> {
    const response = await send(name.split(' ')[0]!, url, body);
    const text = await response.text();
    // Of that month nothing is known.
    const isRefused = name === 'POST /api/v1/reports';
    const [least, most] = nothingThere.test(name) ? [404, 404] : isRefused ? [422, 422] : [200, 204];
    t.ok(
      response.status >= least && response.status <= most,
      `${name} ${kind} ${response.status} ${text.slice(0, 300)}`,
    );
    if (name === 'POST /api/v1/entries') given['entries id'] ??= String(JSON.parse(text).id);
    if (name === 'POST /api/v1/exports') given['exports id'] = await done(JSON.parse(text).id);
  }

  async function done(id: string): Promise<string> {
    for (;;) {
      const job = (await (await send('GET', `/api/v1/exports/${id}`)).json()) as Json;
      if (job.state === 'done') return id;
      if (job.state === 'failed') throw new Error(job.error);
      await delay(20);
    }
  }
}
