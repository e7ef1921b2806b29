/** The HTTP side over a real server, ledger and access file: who may see what, what comes back, and what goes wrong in good order. */
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import Fastify from 'fastify';
import t from 'tap';
import { openAccess } from '../../hub/access/access.ts';
import { type Role, roles } from '../../hub/access/scope.ts';
import { csvCell, csvLine } from '../../hub/exports/csv.ts';
import { momentParameter } from '../../hub/plant/time-parameters.ts';
import { formatTime, parseTime } from '../../hub/plant/time-text.ts';
import { guard } from '../../hub/routes/door/guard.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { toColumns } from '../../protocols/frame.ts';
import { flag } from '../../protocols/sample.ts';
import { fc } from '../support/drawn.ts';
import { machiningStream, noon, sample, sites, startHub } from './http-fixture.ts';

const temperature = `${sites.machining}/machining/line-1/cnc-1/temperature`;
const count = `${sites.machining}/machining/line-1/cnc-1/count-total`;
const alarm = `${sites.machining}/machining/line-1/cnc-1/alarm`;
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Json = any;
type Hub = Awaited<ReturnType<typeof startHub>>;

const json = async (response: Response) => (await response.json()) as Json;

t.test('access', async (t) => {
  /** What each route answers: to nobody, to each role at its own site, and at another's. `*` is a token of every site. */
  const everybody = { anonymous: 200, own: [200, 200, 200, 200, 200], other: 200 };
  const readers = { anonymous: 401, own: [200, 200, 200, 200, 200], other: 200 };
  const ofOneSite = { anonymous: 401, own: [200, 200, 200, 200, 200], other: 404 };
  const nobodysSheet = `/api/v1/commissioning-sheets/${'0'.repeat(64)}`;
  const unknownThing = { anonymous: 401, own: [404, 404, 404, 404, 404], other: 404 };
  const overseersOfAll = {
    anonymous: 401,
    own: [403, 403, 403, 403, 403],
    other: 403,
    everySite: [403, 403, 200, 200, 403],
  };
  const table: Record<
    string,
    { anonymous: number; own: number[]; other: number | number[]; everySite?: number[]; ask?: string }
  > = {
    'GET /': everybody,
    'HEAD /': everybody,
    'GET /healthz': everybody,
    'GET /readyz': everybody,
    'GET /metrics': everybody,
    'GET /api/v1/openapi.json': everybody,
    'GET /api/v1/agents': readers,
    'GET /api/v1/streams': readers,
    'GET /api/v1/streams/:number/dead-letters': {
      ...ofOneSite,
      ask: `/api/v1/streams/${machiningStream}/dead-letters`,
    },
    'GET /api/v1/streams/:number/gaps': { ...ofOneSite, ask: `/api/v1/streams/${machiningStream}/gaps` },
    'PUT /api/v1/streams/:number/gaps/:first/acknowledgement': {
      anonymous: 401,
      own: [403, 403, 400, 400, 403],
      other: [403, 400],
      ask: `/api/v1/streams/${machiningStream}/gaps/1/acknowledgement`,
    },
    'POST /api/v1/streams/:number/rewind': {
      anonymous: 401,
      own: [403, 403, 400, 400, 403],
      other: [403, 400],
      ask: `/api/v1/streams/${machiningStream}/rewind`,
    },
    'POST /api/v1/streams/:number/dead-letters/replay': {
      anonymous: 401,
      own: [403, 403, 400, 400, 403],
      other: [403, 400],
      ask: `/api/v1/streams/${machiningStream}/dead-letters/replay`,
    },
    'DELETE /api/v1/agents/:agent/quarantine': {
      anonymous: 401,
      own: [403, 403, 404, 404, 403],
      other: [403, 404],
      ask: '/api/v1/agents/machining/quarantine',
    },
    'GET /api/v1/tags': readers,
    'POST /api/v1/commissioning-sheets': { anonymous: 401, own: [400, 403, 400, 400, 403], other: [400, 403] },
    'GET /api/v1/commissioning-sheets': readers,
    'GET /api/v1/commissioning-sheets/:hash': { ...unknownThing, ask: nobodysSheet },
    'GET /api/v1/commissioning-sheets/:hash/page': { ...unknownThing, ask: `${nobodysSheet}/page` },
    'GET /api/v1/series': { ...ofOneSite, ask: `/api/v1/series?tag=${temperature}` },
    'GET /api/v1/assets': readers,
    'GET /api/v1/plants': readers,
    'GET /api/v1/plants/:site': { ...unknownThing, ask: '/api/v1/plants/nowhere' },
    'GET /api/v1/plants/:site/versions': { ...unknownThing, ask: '/api/v1/plants/nowhere/versions' },
    'GET /api/v1/plants/:site/bindings': { ...unknownThing, ask: '/api/v1/plants/nowhere/bindings' },
    'POST /api/v1/recomputations': { anonymous: 401, own: [403, 403, 400, 400, 403], other: [403, 400] },
    'GET /api/v1/recomputations/:id': {
      anonymous: 401,
      own: [403, 403, 200, 200, 403],
      other: [403, 200],
      ask: '/api/v1/recomputations/0-0',
    },
    'GET /api/v1/entries': readers,
    'GET /api/v1/entries/:id/history': { ...unknownThing, ask: '/api/v1/entries/1/history' },
    'POST /api/v1/entries': { anonymous: 401, own: [400, 403, 400, 400, 403], other: [400, 403] },
    'PUT /api/v1/entries/:id': {
      anonymous: 401,
      own: [400, 403, 400, 400, 403],
      other: [400, 403],
      ask: '/api/v1/entries/1',
    },
    'POST /api/v1/entries/:id/undo': {
      anonymous: 401,
      own: [400, 403, 400, 400, 403],
      other: [400, 403],
      ask: '/api/v1/entries/1/undo',
    },
    'POST /api/v1/entries/:id/withdraw': {
      anonymous: 401,
      own: [400, 403, 400, 400, 403],
      other: [400, 403],
      ask: '/api/v1/entries/1/withdraw',
    },
    'POST /api/v1/plants/check': { anonymous: 401, own: [400, 400, 400, 400, 400], other: 400 },
    'POST /api/v1/plants': { anonymous: 401, own: [403, 403, 400, 400, 403], other: [403, 400] },
    'GET /api/v1/kpi-definitions': readers,
    'GET /api/v1/kpi-definitions/:id': { ...readers, ask: '/api/v1/kpi-definitions/prod.oee' },
    'GET /api/v1/kpi-definitions/:id/versions': { ...readers, ask: '/api/v1/kpi-definitions/prod.oee/versions' },
    'GET /api/v1/assets/:path': {
      ...ofOneSite,
      ask: `/api/v1/assets/${encodeURIComponent(sites.machining)}`,
    },
    'GET /api/v1/assets/:path/children': {
      ...ofOneSite,
      ask: `/api/v1/assets/${encodeURIComponent(sites.machining)}/children`,
    },
    'GET /api/v1/baselines/fit': {
      ...unknownThing,
      ask: '/api/v1/baselines/fit?meter=none&variables=GQ&from=1404-04-16&to=1404-04-18',
    },
    'GET /api/v1/curtailments/:id/compliance': { ...unknownThing, ask: '/api/v1/curtailments/none/compliance' },
    ...Object.fromEntries(
      [
        ...['baselines', 'calendars', 'connectivity', 'curtailments', 'data-quality', 'downtime', 'energy/balance'],
        ...['energy/demand', 'energy/tou', 'groups', 'products', 'revisions'],
        ...['revisions/values', 'states', 'targets', 'tariffs'],
      ].map((path) => [`GET /api/v1/${path}`, readers]),
    ),
    'GET /api/v1/kpi-values': { ...ofOneSite, ask: `/api/v1/kpi-values?asset=${sites.machining}/energy/main` },
    'GET /api/v1/kpi-values/:id/lineage': { ...unknownThing, ask: '/api/v1/kpi-values/none/lineage' },
    'GET /api/v1/imports': { anonymous: 401, own: [403, 403, 200, 200, 403], other: [403, 200] },
    'POST /api/v1/imports': { anonymous: 401, own: [403, 403, 400, 400, 403], other: [403, 400] },
    ...Object.fromEntries(
      ['GET', 'GET refused', 'GET overtaken', 'PUT content', 'POST undo'].map((what) => {
        const [method, leaf] = what.split(' ');
        const path = (id: string) => `/api/v1/imports/${id}${leaf ? `/${leaf}` : ''}`;
        const ask = `${path('0'.repeat(32))}${leaf === 'content' ? '?offset=0' : ''}`;
        const status = leaf === 'undo' ? 400 : 404;
        const own = [403, 403, status, status, 403];
        return [`${method} ${path(':id')}`, { anonymous: 401, own, other: [403, status], ask }];
      }),
    ),
    'GET /api/v1/reports': readers,
    'GET /api/v1/reports/:id': { ...unknownThing, ask: '/api/v1/reports/1' },
    'GET /api/v1/reports/:id/file': { ...unknownThing, ask: '/api/v1/reports/1/file' },
    'POST /api/v1/reports': { anonymous: 401, own: [403, 403, 400, 400, 400], other: [403, 400] },
    'POST /api/v1/reports/:id/restatement': {
      anonymous: 401,
      own: [403, 403, 403, 403, 400],
      other: [403, 400],
      ask: '/api/v1/reports/1/restatement',
    },
    'POST /api/v1/exports': { anonymous: 401, own: [400, 400, 400, 400, 400], other: 400 },
    'GET /api/v1/exports': readers,
    'GET /api/v1/export-key': readers,
    'GET /api/v1/energy-feed': readers,
    'GET /api/v1/exports/:id': { ...unknownThing, ask: '/api/v1/exports/none' },
    'DELETE /api/v1/exports/:id': { ...unknownThing, ask: '/api/v1/exports/none' },
    'GET /api/v1/exports/:id/file': { ...unknownThing, ask: '/api/v1/exports/none/file' },
    'GET /api/v1/live': readers,
    'GET /api/v1/verification': overseersOfAll,
    'GET /api/v1/audit-events': overseersOfAll,
  };

  t.test('every route answers each role as the table says', async (t) => {
    const hub = await startHub(t);
    hub.arrive(hub.streams.machining, [sample(2, noon - 1000, 21.5)]);
    const status = async (route: string, secret?: string) => {
      const [method, path] = route.split(' ');
      const stop = new AbortController();
      const { status } = await hub.get(table[route]!.ask ?? path!, secret, { method: method!, signal: stop.signal });
      stop.abort();
      return status;
    };
    const tokens = Object.fromEntries(
      roles.map((role) => [
        role,
        { own: hub.token(role, [sites.machining]), other: hub.token(role, [sites.packaging]), all: hub.token(role) },
      ]),
    ) as Record<Role, { own: string; other: string; all: string }>;
    for (const [route, expected] of Object.entries(table)) {
      const found = {
        anonymous: await status(route),
        own: await Promise.all(roles.map((role) => status(route, tokens[role].own))),
        other: [...new Set(await Promise.all(roles.map((role) => status(route, tokens[role].other))))],
        everySite: await Promise.all(roles.map((role) => status(route, tokens[role].all))),
      };
      const { anonymous, own, other, everySite = own } = expected;
      t.same(found, { anonymous, own, other: [other].flat(), everySite }, route);
    }
  });

  t.test('the table names every route there is', async (t) => {
    const hub = await startHub(t);
    const served = routesOf(hub).filter((route) => !/\/api\/v1\/docs|\.(html|js|css|svg)$/.test(route));
    t.same(served.sort(), Object.keys(table).sort());
  });

  t.test('a token of one site finds nothing of another in any list', async (t) => {
    const hub = await startHub(t);
    hub.arrive(hub.streams.machining, [sample(2, noon - 1000, 21.5)]);
    hub.arrive(hub.streams.packaging, [sample(1, noon - 1000, 118)]);
    const secret = hub.token('manager', [sites.packaging]);
    for (const path of ['agents', 'streams', 'tags', 'assets', 'kpi-values', 'kpi-values?format=csv']) {
      const text = await (await hub.get(`/api/v1/${path}`, secret)).text();
      t.match(text, 'packaging', path);
      t.notMatch(text, 'machining', path);
    }
    const values = await json(await hub.get(`/api/v1/kpi-values?asset=${sites.machining}/energy/main`, secret));
    const unknown = await json(await hub.get('/api/v1/kpi-values?asset=no/such/thing', secret));
    t.equal(values.code, unknown.code, 'what is hidden looks like what does not exist');
    const [snapshot] = await events(hub, secret, 1);
    t.notMatch(JSON.stringify(snapshot), 'machining');
    t.match(snapshot, { data: { values: [{ path: `${sites.packaging}/packaging/line-1/filler/speed`, value: 118 }] } });
  });

  t.test('a stream without a manifest is for those only who see every site', async (t) => {
    const hub = await startHub(t);
    const hello = { bootId: 'b', minRetained: 1, next: 1, acked: 0, manifestRevision: 1, version: '1' };
    hub.ledger.greet('newcomer', { ...hello, epoch: 'e'.repeat(32) }, noon);
    const agents = async (secret: string) =>
      (await json(await hub.get('/api/v1/agents', secret))).data.map((a: Json) => a.agent);
    t.same(await agents(hub.token('admin')), ['machining', 'newcomer', 'packaging']);
    t.same(await agents(hub.token('admin', Object.values(sites))), ['machining', 'packaging']);
  });

  t.test('a manager acknowledges a gap with a note, and ends a quarantine; both are in the audit log', async (t) => {
    const hub = await startHub(t);
    const secret = hub.token('manager', [sites.machining]);
    const stream = hub.streams.machining;
    hub.ledger.declareGap(
      stream,
      hub.ledger.streams().find(({ number }) => number === stream)!.through + 5,
      'lost',
      noon,
    );
    const { data } = await json(await hub.get(`/api/v1/streams/${stream}/gaps`, secret));
    t.match(data, [{ reason: 'lost', acknowledged: null }]);
    const seen = await hub.get(`/api/v1/streams/${stream}/gaps/${data[0].first}/acknowledgement`, secret, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ note: 'the disk was replaced' }),
    });
    t.match(await json(seen), { acknowledged: { who: 'manager 1', note: 'the disk was replaced' } });

    hub.ledger.quarantine('machining', 'two gateways', noon);
    t.match((await json(await hub.get('/api/v1/agents', secret))).data, [{ quarantine: { reason: 'two gateways' } }]);
    const ended = await hub.get('/api/v1/agents/machining/quarantine', secret, { method: 'DELETE' });
    t.equal(ended.status, 204);
    t.match((await json(await hub.get('/api/v1/agents', secret))).data, [{ quarantine: null }]);
    const done = hub.access.audit.list(0, 100).map(({ what }) => what);
    t.ok(done.includes('gap.acknowledge') && done.includes('quarantine.end'));
  });

  t.test('a revoked token is refused at once', async (t) => {
    const hub = await startHub(t);
    const secret = hub.token('analyst');
    t.equal((await hub.get('/api/v1/tags', secret)).status, 200);
    hub.access.tokens.revoke('analyst 1', 'test');
    t.equal((await hub.get('/api/v1/tags', secret)).status, 401);
  });

  t.test('the hub does not start with a route that does not say who may use it', async (t) => {
    const app = Fastify();
    using access = openAccess(`${t.testdir()}/access.db`);
    await guard(app, { tokens: access.tokens, requestsPerMinute: 10 });
    app.get('/forgotten', async () => 'secrets');
    await t.rejects(async () => app.ready(), { message: 'routes without config.access: GET /forgotten' });
  });

  t.test('each token may ask so often a minute, and is told so; probes always may', async (t) => {
    const hub = await startHub(t, { requestsPerMinute: 5 });
    const [one, two] = [hub.token('analyst'), hub.token('analyst')];
    for (let i = 0; i < 5; i++) t.equal((await hub.get('/api/v1/tags', one)).status, 200);
    const refused = await hub.get('/api/v1/tags', one);
    t.equal(refused.status, 429);
    t.match(await json(refused), {
      ...{ code: 'too-many-requests', status: 429 },
      messages: { en: /wait \d+ s$/, fa: /\d+ ثانیه صبر کنید$/ },
    });
    t.ok(Number(refused.headers.get('retry-after')) > 0);
    t.equal((await hub.get('/api/v1/tags', two)).status, 200, 'another token has its own count');
    for (let i = 0; i < 10; i++) t.equal((await hub.get('/healthz')).status, 200);
    for (let i = 0; i < 6; i++) await hub.get('/api/v1/tags', 'pay_guess');
    t.equal((await hub.get('/api/v1/tags', 'pay_guess')).status, 429, 'guessing is counted by address');
  });
});

t.test('problems', async (t) => {
  const hub = await startHub(t);
  const secret = hub.token('admin');
  const problem = async (path: string, init: RequestInit = {}) => {
    const response = await hub.get(path, secret, init);
    t.match(response.headers.get('content-type'), /^application\/problem\+json/, path);
    return json(response);
  };

  t.test('name the field and what is wrong with it', async (t) => {
    t.match(await problem(`/api/v1/series?tag=${temperature}&from=yesterday`), {
      status: 400,
      errors: [{ field: 'from', message: /ISO 8601/ }],
    });
    t.match(await problem('/api/v1/series'), { errors: [{ field: 'tag' }] });
    t.match(await problem('/api/v1/tags?limit=0'), { errors: [{ field: 'limit' }] });
    t.match(await problem('/api/v1/tags?colour=red'), { errors: [{ field: 'colour' }] });
    t.match(await problem('/api/v1/streams/x/gaps'), { errors: [{ field: 'number' }] });
    t.match(await problem('/api/v1/kpi-values?kpi=prod.oee,prod.magic'), {
      errors: [{ field: 'kpi', message: /prod\.magic/ }],
    });
    t.match(await problem('/api/v1/kpi-values?granularity=moon'), { errors: [{ field: 'granularity' }] });
    const longer = `/api/v1/series?tag=${temperature}&from=2024-01-01T00:00:00Z&to=2025-07-01T00:00:00Z`;
    t.match(await problem(longer), { errors: [{ field: 'from', message: /400 days/ }] });
    t.match(await problem('/api/v1/kpi-values?from=2025-01-01&to=2026-01-01'), {
      errors: [{ field: 'granularity', message: /32 million samples to read; ask for whole buckets/ }],
      messages: { fa: /بازه‌های کامل بخواهید/ },
    });
    const backwards = `/api/v1/kpi-values?from=2025-07-07T10:00:00Z&to=2025-07-07T09:00:00Z`;
    t.match(await problem(backwards), { errors: [{ field: 'from', message: /before/ }] });
  });

  t.test('speak Persian to who asks for it', async (t) => {
    t.match(await problem('/nowhere', { headers: { 'accept-language': 'fa-IR,fa;q=0.9' } }), { title: /وجود ندارد/ });
    t.match(await problem('/nowhere'), { title: 'There is no such thing', status: 404 });
  });

  t.test('cover unknown routes, methods and bodies that are too large', async (t) => {
    t.match(await problem('/api/v2/tags'), { status: 404 });
    t.match(await problem('/api/v1/tags', { method: 'POST' }), { status: 404 });
    const body = 'x'.repeat(1_100_000);
    t.match(await problem('/api/v1/tags', { method: 'POST', body }), { status: /404|413/ });
  });

  t.test('a store that is away is said so, and what the hub did wrong is kept to its log', async (t) => {
    hub.store.fail = new ConnectionError('http://10.0.0.5:8086 refused');
    const away = await problem(`/api/v1/series?tag=${temperature}`);
    t.match(away, { status: 503, code: 'store-away' });
    t.notMatch(JSON.stringify(away), '10.0.0.5');
    hub.store.fail = new Error('secret detail at /opt/payesh/file.ts:3');
    const wrong = await problem(`/api/v1/series?tag=${temperature}`);
    t.match(wrong, { status: 500, code: 'internal' });
    t.notMatch(JSON.stringify(wrong), /secret|file\.ts/);
    hub.store.fail = undefined;
  });
});

t.test('times', async (t) => {
  t.test('offsets, Z, three scripts of digits and microseconds are understood', async (t) => {
    const instant = Date.UTC(2025, 6, 7, 2, 30, 0) * 1000;
    for (const text of [
      '2025-07-07T02:30:00Z',
      '2025-07-07T06:00:00+03:30',
      '2025-07-07T06:00+0330',
      '1404-04-16T06:00+0330',
      '۲۰۲۵-۰۷-۰۷T۰۶:۰۰:۰۰+۰۳:۳۰',
      '٢٠٢٥-٠٧-٠٧T٠٢:٣٠:٠٠Z',
      '2025-07-06T21:30:00-05:00',
    ]) {
      t.equal(parseTime(text), instant, text);
    }
    t.equal(parseTime('2025-07-07T02:30:00.1234567Z'), instant + 123_456);
    t.equal(parseTime('2025-07-07T02:30:00٫5Z'), instant + 500_000);
    const unescaped = '2025-07-07T06:00:00 03:30';
    t.same(momentParameter.parse(unescaped), { time: instant }, 'a + in a query is a blank');
    t.same(momentParameter.parse('2025-07-07 06:00'), { local: instant + 12_600e6, isDay: false });
  });

  t.test('what is not one instant is refused', async (t) => {
    for (const text of [
      '2025-07-07',
      '2025-07-07T02:30:00',
      '2025-02-30T00:00:00Z',
      '2025-13-01T00:00:00Z',
      '2025-07-07T24:00:00Z',
      '2025-07-07T02:60:00Z',
      '2025-07-07T02:30:00+99:00',
      '1720000000',
      '',
    ]) {
      t.equal(parseTime(text), undefined, text);
    }
  });

  t.test('every microsecond comes back as it went', async (t) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000_000 }), (time) => parseTime(formatTime(time)) === time),
    );
    t.equal(formatTime(1_000_001), '1970-01-01T00:00:01.000001Z');
    t.equal(formatTime(1_000_000), '1970-01-01T00:00:01.000Z');
  });
});

t.test('series', async (t) => {
  t.test('samples come exactly: microseconds, flags, large integers, null for Bad', async (t) => {
    const hub = await startHub(t);
    hub.arrive(hub.streams.machining, [
      sample(3, noon - 3_000_001, 9_007_199_254_740_993n),
      sample(3, noon - 2_000_000, null, 0x800a0000, flag.heartbeat | flag.clockSuspect),
      sample(3, noon - 1_000_000, 7),
    ]);
    const { meta, data } = await json(await hub.get(`/api/v1/series?tag=${count}`, hub.token('analyst')));
    t.match(meta, { tag: count, type: 'int', unit: '', agg: 'raw', truncated: false });
    t.same(meta.range, { from: formatTime(noon - 900_000_000), to: formatTime(noon) });
    t.same(data, [
      {
        time: formatTime(noon - 3_000_001),
        value: '9007199254740993',
        quality: 0,
        flags: [],
        stream: machiningStream,
        number: 1,
      },
      {
        time: formatTime(noon - 2_000_000),
        value: null,
        quality: 0x800a0000,
        flags: ['clockSuspect', 'heartbeat'],
        stream: machiningStream,
        number: 2,
      },
      { time: formatTime(noon - 1_000_000), value: 7, quality: 0, flags: [], stream: machiningStream, number: 3 },
    ]);
  });

  t.test('one tag over two epochs of its agent is one series', async (t) => {
    const hub = await startHub(t);
    hub.arrive(hub.streams.machining, [sample(2, noon - 5_000_000, 20), sample(2, noon - 1_000_000, 21)]);
    const second = hub.greet('machining', 'f'.repeat(32));
    hub.arrive(second, [sample(2, noon - 3_000_000, 20.5), sample(2, noon - 500_000, 21.5)]);
    const { data } = await json(await hub.get(`/api/v1/series?tag=${temperature}`, hub.token('analyst')));
    t.same(
      data.map((point: Json) => [point.value, point.stream]),
      [
        [20, machiningStream],
        [20.5, second],
        [21, machiningStream],
        [21.5, second],
      ],
    );
  });

  t.test('JSON holds the newest points up to the limit and says that there are more', async (t) => {
    const hub = await startHub(t);
    hub.arrive(
      hub.streams.machining,
      Array.from({ length: 20 }, (_, i) => sample(2, noon - 20_000_000 + i * 1_000_000, i)),
    );
    const { meta, data } = await json(await hub.get(`/api/v1/series?tag=${temperature}&limit=5`, hub.token('analyst')));
    t.equal(meta.truncated, true);
    t.same(
      data.map((point: Json) => point.value),
      [15, 16, 17, 18, 19],
    );
  });

  t.test('a long window streams whole, in order and in several reads', async (t) => {
    const hub = await startHub(t);
    const samples = Array.from({ length: 12_000 }, (_, i) => sample(2, noon - (12_000 - i) * 10_000_000, i / 4));
    for (let i = 0; i < samples.length; i += 4000) hub.arrive(hub.streams.machining, samples.slice(i, i + 4000));
    const from = encodeURIComponent(formatTime(noon - 200_000_000_000));
    const response = await hub.get(
      `/api/v1/series?tag=${temperature}&from=${from}&format=ndjson`,
      hub.token('analyst'),
    );
    t.equal(response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8');
    const rows = (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    t.same(
      rows.map((row) => row.value),
      samples.map((each) => each.value),
    );
    t.ok(hub.store.reads > 3, `${hub.store.reads} reads`);
    const [begin, end] = hub.access.audit.list(0, 10).slice(-2);
    t.match(begin, { who: 'analyst 1', what: 'export.begin', object: temperature, details: { format: 'ndjson' } });
    t.match(end, {
      who: 'analyst 1',
      what: 'export.end',
      details: { rows: 12_000, complete: true, begin: begin!.number },
    });
  });

  t.test('CSV carries text that no spreadsheet takes for a formula, and numbers as numbers', async (t) => {
    const hub = await startHub(t);
    hub.arrive(hub.streams.machining, [
      sample(4, noon - 2000, '=HYPERLINK("http://evil")'),
      sample(4, noon - 1000, 'خطای محور, "X"'),
      sample(2, noon - 1000, -3.2),
    ]);
    const secret = hub.token('analyst');
    const response = await hub.get(`/api/v1/series?tag=${alarm}&format=csv&bom=true`, secret);
    t.match(
      response.headers.get('content-disposition'),
      /^attachment; filename="series_sahand_machining-plant_.*\.csv"$/,
    );
    const bytes = Buffer.from(await response.arrayBuffer());
    t.equal(bytes.toString('hex', 0, 3), 'efbbbf');
    const lines = bytes.toString().split('\r\n');
    t.match(lines[1], `,"'=HYPERLINK(""http://evil"")",`);
    t.match(lines[2], ',"خطای محور, ""X""",');
    t.match(await (await hub.get(`/api/v1/series?tag=${temperature}&format=csv`, secret)).text(), ',-3.2,°C,1,0,good,');
  });

  t.test('a transfer that cannot be finished breaks off, and the audit log says so', async (t) => {
    const hub = await startHub(t);
    hub.arrive(hub.streams.machining, [sample(2, noon - 100_000_000_000, 1), sample(2, noon - 1000, 2)]);
    const { series } = hub.store.reader;
    let reads = 0;
    hub.store.reader.series = (query, signal) => {
      if (reads++ > 1) throw new ConnectionError('the store went away');
      return series(query, signal);
    };
    const from = encodeURIComponent(formatTime(noon - 100_000_000_001));
    const response = await hub.get(`/api/v1/series?tag=${temperature}&from=${from}&format=csv`, hub.token('analyst'));
    t.equal(response.status, 200);
    await t.rejects(response.text());
    t.match(hub.access.audit.list(0, 10).at(-1), { what: 'export.end', details: { complete: false } });
  });
});

t.test('CSV: no text becomes a formula and every text comes back', async (t) => {
  const unquote = (cell: string) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = unquote(csvCell(text));
      return !/^[=+\-@\t\r\n\0＝＋－＠]/.test(shown) && (shown === text || shown === `'${text}`);
    }),
  );
  t.equal(
    csvLine(['a', null, -1.5, 9007199254740993n, true, '-', 'x,y']),
    `a,,-1.5,9007199254740993,true,'-,"x,y"\r\n`,
  );
});

t.test('delivery', async (t) => {
  t.test('agents and streams show what was accepted, stored and refused, and how far behind the hub is', async (t) => {
    const hub = await startHub(t);
    hub.arrive(
      hub.streams.machining,
      [sample(2, noon, 20), sample(2, noon + 1, 'on')],
      [{ number: 2, reason: 'type' }],
    );
    hub.greet('machining', 'a'.repeat(32), 11);
    hub.time.now = noon + 7_000_000;
    const secret = hub.token('technician');
    const { data } = await json(await hub.get('/api/v1/streams', secret));
    t.match(data[0], {
      number: machiningStream,
      agent: 'machining',
      accepted: 10,
      through: 2,
      stored: 1,
      dead_letters: 1,
      gaps: 0,
      lag_samples: 8,
      lag_s: 7,
      closed_at: null,
    });
    const letters = await json(await hub.get(`/api/v1/streams/${machiningStream}/dead-letters`, secret));
    t.match(letters, {
      data: [{ number: 2, reason: 'type', path: 'machining/line-1/cnc-1/temperature', value: 'string:on' }],
      next_after: null,
    });
    t.same((await json(await hub.get(`/api/v1/streams/${machiningStream}/gaps`, secret))).data, []);
    t.equal((await hub.get('/api/v1/streams/99/gaps', secret)).status, 404);
    const agents = async () => (await json(await hub.get('/api/v1/agents', secret))).data[0];
    t.match(await agents(), { agent: 'machining', online: true, sites: [sites.machining], streams: 1, lag_samples: 8 });
    hub.time.now = noon + 60_000_000;
    t.match(await agents(), { online: false });
  });

  t.test('dead letters come in pages', async (t) => {
    const hub = await startHub(t);
    const samples = Array.from({ length: 5 }, (_, i) => sample(2, noon + i, `text ${i}`));
    hub.arrive(
      hub.streams.machining,
      samples,
      samples.map((_, i) => ({ number: i + 1, reason: 'type' })),
    );
    const secret = hub.token('technician');
    const page = await json(await hub.get(`/api/v1/streams/${machiningStream}/dead-letters?limit=3`, secret));
    t.same([page.data.length, page.next_after], [3, 3]);
    const rest = await json(await hub.get(`/api/v1/streams/${machiningStream}/dead-letters?limit=3&after=3`, secret));
    t.same([rest.data.length, rest.next_after], [2, null]);
  });

  t.test(
    'dead letters are judged again after a fix; what does not pass stays, and the audit log says who and why',
    async (t) => {
      const hub = await startHub(t);
      const samples = [
        sample(2, noon, 20),
        sample(99, noon + 1, 7),
        sample(2, noon + 2, 'text'),
        sample(99, noon + 3, 8),
      ];
      const letters = [2, 3, 4].map((number) => ({
        number,
        reason: number === 3 ? 'not of type float' : 'unknown tag',
      }));
      hub.arrive(hub.streams.machining, samples, letters);
      const path = `/api/v1/streams/${machiningStream}`;
      const post = async (action: string, body: object, secret = hub.token('manager')) => {
        const headers = { 'content-type': 'application/json' };
        return hub.get(`${path}/${action}`, secret, { method: 'POST', headers, body: JSON.stringify(body) });
      };
      const why = 'the tag is declared now';
      t.same(await json(await post('dead-letters/replay', { why })), {
        stored: 0,
        remaining: { 'unknown tag': 2, 'not of type float': 1 },
      });
      hub.declare('machining', 99, 'machining/line-1/cnc-1/late');
      t.same(await json(await post('dead-letters/replay', { why, numbers: [4] })), { stored: 1, remaining: {} });
      t.same(await json(await post('dead-letters/replay', { why })), {
        stored: 1,
        remaining: { 'not of type float': 1 },
      });
      t.match(
        hub.ledger.streams().find(({ number }) => number === machiningStream),
        { samples: 3, deadLetters: 1 },
      );
      t.equal(hub.ledger.unfinishedReplay(), undefined);
      const other = hub.token('manager', [sites.packaging]);
      t.equal((await post('dead-letters/replay', { why }, other)).status, 404, 'of another site');
      t.match(
        hub.access.audit.list(0, 100).findLast(({ what }) => what === 'dead-letters.replay'),
        {
          who: 'manager 3',
          object: `machining ${machiningStream}`,
          details: { stored: 1, why },
        },
      );

      t.same(await json(await post('rewind', { to: 3, why: 'restored' })), { from: 4, to: 0 });
      t.same(hub.greetedAgain, ['machining']);
      t.same(await json(await post('rewind', { to: 3, why: 'restored' })), { from: 0, to: 0 });
      t.match(
        hub.access.audit.list(0, 100).filter(({ what }) => what === 'stream.rewind'),
        [{ details: { from: 4, to: 0 } }],
      );
    },
  );

  t.test('the same by command: tables for people, JSON for programs, and what to do next', async (t) => {
    const places = [
      { stream: 1, number: 30 },
      { stream: 2, number: 4 },
    ];
    const doubles = { count: 7, listed: [{ agent: 'machining', tag: 's/line-1/count', time: noon, places }] };
    const hub = await startHub(t, { verify: async () => ({ ok: true, sentence: 'Every one.', streams: [], doubles }) });
    const letters = [2, 3].map((number) => ({ number, reason: 'unknown tag' }));
    hub.arrive(
      hub.streams.machining,
      [sample(2, noon, 20), sample(99, noon + 1, '=1+1'), sample(99, noon + 3, 8)],
      letters,
    );
    hub.ledger.declareGap(machiningStream, 10, 'evicted', noon);
    const env = { ...process.env, PAYESH_URL: hub.origin, PAYESH_TOKEN: hub.token('manager') };
    const say = async (...args: string[]) =>
      (await promisify(execFile)(process.execPath, ['hub/payesh-hub.mjs', ...args], { env })).stdout;
    const [proof, streams, list, show, exported, gaps, none] = await Promise.all([
      say('verify'),
      say('streams'),
      say('dead-letters', 'list', 'machining'),
      say('dead-letters', 'show', String(machiningStream), '3', '--json'),
      say('dead-letters', 'export', 'machining', '--csv'),
      say('gaps', 'list', 'machining'),
      say('dead-letters', 'list', 'packaging'),
    ]);
    t.match(
      proof,
      /^double {2}s\/line-1\/count at .*Z: number 30 of stream 1 and number 4 of stream 2\n.*PROVED: Every/s,
    );
    t.match(
      streams,
      new RegExp(`${machiningStream}  machining .*open +10 .*"payesh-hub dead-letters list <agent>"`, 's'),
    );
    t.match(list, /2 +unknown tag +When the agent has announced the tag.*string:=1\+1/s);
    t.match(JSON.parse(show), { number: 3, value: 'number:8' });
    t.match(exported.split('\n')[1], /^\d+,machining,2,unknown tag,99,,.*,string:=1\+1,0,0$/);
    t.match(gaps, /evicted.*payesh-hub gaps acknowledge \d+ 4 --note/s);
    t.match(none, /No dead letters/);
    hub.declare('machining', 99, 'machining/line-1/cnc-1/late', 'int');
    const replayed = await say('dead-letters', 'replay', 'machining', '3', '--why', 'declared');
    t.match(replayed, /1 of stream \d+ are stored now and no longer listed/);
    const rewound = await say('rewind', '--agent', 'machining', '--to', '5', '--why', 'restored');
    t.match(rewound, /Settled up to 3 instead of 10/);
    await t.rejects(say('gaps', 'list', 'nobody'), { message: /no stream and no agent "nobody"/ });
  });

  t.test('verification runs one at a time', async (t) => {
    let finish = () => {};
    const proof = { ok: true, sentence: 'proved', streams: [], doubles: { count: 0, listed: [] } };
    const hub = await startHub(t, { verify: () => new Promise((resolve) => (finish = () => resolve(proof))) });
    const secret = hub.token('manager');
    const first = hub.get('/api/v1/verification', secret);
    await delay(50);
    t.equal((await hub.get('/api/v1/verification', secret)).status, 503);
    finish();
    t.same(await json(await first), proof);
  });
});

t.test('catalogue', async (t) => {
  t.test('tags come with their newest value, in pages, and below a path', async (t) => {
    const hub = await startHub(t);
    hub.arrive(hub.streams.machining, [sample(2, noon - 1000, 21.5), sample(2, noon - 2000, 99)]);
    const secret = hub.token('analyst');
    const below = await json(await hub.get(`/api/v1/tags?under=${sites.machining}/machining/line-1/cnc-1`, secret));
    t.match(
      below.data.find((tag: Json) => tag.path === temperature),
      {
        type: 'float',
        unit: '°C',
        role: 'process',
        latest: { value: 21.5, time: formatTime(noon - 1000), severity: 'good' },
      },
    );
    t.equal(below.data.length, 4);
    const gas = await json(await hub.get(`/api/v1/tags?under=${sites.packaging}/utilities`, secret));
    t.match(gas.data, [{ unit: 'm³', scale: 0.1, latest: null }], 'a counter says what its counts are worth');
    const paths: string[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const page: Json = await json(await hub.get(`/api/v1/tags?limit=4${after && `&after=${after}`}`, secret));
      paths.push(...page.data.map((tag: Json) => tag.path));
      after = page.next_after;
    }
    t.equal(paths.length, 10);
    t.same(paths, [...new Set(paths)].sort());
  });

  t.test('KPI values carry what they were made of; CSV has a row for each', async (t) => {
    const hub = await startHub(t);
    const secret = hub.token('analyst');
    const line = `${sites.machining}/machining/line-1`;
    const query = `kpi=prod.oee,prod.quality&asset=${line}&from=2025-07-07T02:30:00Z&to=2025-07-07T08:00:00Z`;
    const { meta, data } = await json(await hub.get(`/api/v1/kpi-values?${query}`, secret));
    t.same(meta.range, { from: '2025-07-07T02:30:00.000Z', to: '2025-07-07T08:00:00.000Z' });
    t.equal(data.length, 2);
    t.match(data[0], {
      kpi: 'prod.oee',
      definition_version: 1,
      asset: line,
      granularity: 'window',
      start: '2025-07-07T02:30:00.000Z',
      value: 0.738889,
      status: 'ok',
      provisional: true,
      elements: { PBT_s: 27_000 },
    });
    const csv = await (await hub.get(`/api/v1/kpi-values?${query}&format=csv`, secret)).text();
    t.match(csv.split('\r\n')[1], 'prod.oee,OEE index,اثربخشی کلی تجهیزات (OEE),');
    t.match(hub.access.audit.list(0, 10).at(-2), { what: 'export.begin', object: 'kpi prod.oee,prod.quality' });
    const all = await json(await hub.get('/api/v1/kpi-values', secret));
    t.ok(all.data.length > 10);
    t.match(
      all.data.find((value: Json) => value.asset.endsWith('cnc-2')),
      { value: null, status: 'no_data', flags: ['GAP'] },
    );
  });

  t.test('definitions speak the language asked for', async (t) => {
    const hub = await startHub(t);
    const secret = hub.token('analyst');
    const names = async (lang: string) =>
      (await json(await hub.get(`/api/v1/kpi-definitions?lang=${lang}`, secret))).data[0].name;
    t.same(await names('fa'), 'اثربخشی کلی تجهیزات (OEE)');
    t.same(await names('both'), { en: 'OEE index', fa: 'اثربخشی کلی تجهیزات (OEE)' });
    const { data, flags } = await json(await hub.get('/api/v1/kpi-definitions', secret));
    t.match(data[0], { granularities: ['day'], needs: [], uses: [], parameters: [], rules: [] });
    t.match(flags.DEN_ZERO, { en: 'the denominator is 0', fa: 'مخرج صفر است' }, 'and what flags say');
  });

  t.test('the OpenAPI document is 3.1 and describes every parameter and error', async (t) => {
    const hub = await startHub(t);
    const api = await json(await hub.get('/api/v1/openapi.json'));
    t.equal(api.openapi, '3.1.0');
    t.same(
      api.paths['/api/v1/series'].get.parameters.map((parameter: Json) => parameter.name),
      ['tag', 'from', 'to', 'agg', 'granularity', 'fill', 'limit', 'format', 'bom'],
    );
    for (const [path, methods] of Object.entries<Json>(api.paths)) {
      for (const { responses } of Object.values<Json>(methods)) {
        t.ok(responses.default.content['application/problem+json'], path);
        t.ok(
          Object.keys(responses).some((code) => /^2/.test(code)),
          path,
        );
      }
    }
    t.same(api.paths['/healthz'].get.security, []);
  });
});

t.test('health', async (t) => {
  t.test('readiness says why it is not given', async (t) => {
    const hub = await startHub(t, { ready: () => ({ ok: false, reasons: ['store: disk full', 'broker: away'] }) });
    const response = await hub.get('/readyz');
    t.equal(response.status, 503);
    t.match(await json(response), { code: 'not-ready', reasons: ['store: disk full', 'broker: away'] });
    t.equal((await hub.get('/healthz')).status, 200, 'the process lives all the same');
  });

  t.test('what wants a person is said, and does not make the hub unready', async (t) => {
    const warnings = ['the clock leapt by +3,320 days'];
    const hub = await startHub(t, { warnings: () => warnings });
    for (const path of ['/healthz', '/readyz']) t.same(await json(await hub.get(path)), { ok: true, warnings }, path);
  });

  t.test('every answer carries the headers that keep a browser safe', async (t) => {
    const hub = await startHub(t);
    for (const path of ['/', '/healthz', '/nowhere', '/api/v1/tags']) {
      const { headers } = await hub.get(path);
      t.match(headers.get('content-security-policy'), /default-src 'none'.*require-trusted-types-for 'script'/, path);
      t.equal(headers.get('x-content-type-options'), 'nosniff', path);
    }
    t.equal((await hub.get('/api/v1/tags', hub.token('analyst'))).headers.get('cache-control'), 'no-store');
  });
});

t.test('live', async (t) => {
  t.test('tells a snapshot, then only what changed', async (t) => {
    const hub = await startHub(t);
    hub.arrive(hub.streams.machining, [sample(2, noon - 1000, 21.5), sample(3, noon - 1000, 7)]);
    setTimeout(() => hub.arrive(hub.streams.machining, [sample(3, noon, 8)]), 300);
    const told = await events(hub, hub.token('analyst'), 8);
    t.match(told[0], {
      name: 'snapshot',
      data: { now: formatTime(noon), speed: 1, agents: [{ agent: 'machining' }, { agent: 'packaging' }] },
    });
    t.same(told[0]!.data.values.map((value: Json) => value.value).sort(), [21.5, 7]);
    const changes = told.filter(({ name }) => name === 'values');
    t.match(changes, [{ data: { values: [{ path: count, value: 8, severity: 'good' }] } }]);
    t.ok(told.some(({ name }) => name === 'agents'));
    const kpis = told.find(({ name }) => name === 'kpis')!.data.kpis;
    t.ok(kpis.some((value: Json) => value.kpi === 'prod.oee' && value.end === formatTime(noon + 900_000_000)));
  });

  t.test(
    'computes KPIs over the window that each site works in, but not over a time before it was connected',
    async (t) => {
      const shift = { from: noon - 7_200_000_000, to: noon + 21_600_000_000 };
      const hub = await startHub(t, { liveWindow: () => shift });
      hub.time.now = noon - 9_000_000_000;
      hub.arrive(hub.streams.packaging, [sample(1, noon, 1)]);
      hub.time.now = noon - 600_000_000;
      hub.arrive(hub.streams.machining, [sample(2, noon, 1)]);
      hub.time.now = noon;
      const told = await events(hub, hub.token('analyst'), 3);
      const starts = (site: string): string[] => {
        const kpis = told.find(({ name }) => name === 'kpis')!.data.kpis;
        return [
          ...new Set<string>(kpis.filter((each: Json) => each.asset.startsWith(site)).map((each: Json) => each.start)),
        ];
      };
      t.same(starts(sites.packaging), [formatTime(shift.from)]);
      t.same(starts(sites.machining), [formatTime(noon - 600_000_000)]);
    },
  );

  t.test('drops a client that does not read, and nobody else', async (t) => {
    const hub = await startHub(t);
    const secret = hub.token('analyst');
    const socket = connect(Number(new URL(hub.origin).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET /api/v1/live HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer ${secret}\r\n\r\n`);
    await new Promise((resolve) => socket.once('readable', resolve));
    let isClosed = false;
    socket.once('close', () => {
      isClosed = true;
    });
    // As fast as the patient one reads, and no faster: how busy the machine is does not matter.
    let round = 0;
    const patient = events(hub, secret, 16, ({ name }) => {
      if (name !== 'values' && name !== 'snapshot') return;
      hub.latest.update(hub.streams.machining, toColumns([sample(4, noon + round++, 'x'.repeat(4_000_000))]));
    });
    t.equal((await patient).length, 16, 'who reads is told everything');
    socket.resume();
    while (!isClosed) await delay(20);
    t.pass('the connection was ended while the hub goes on');
  });

  t.test('ends when the hub closes', async (t) => {
    const hub = await startHub(t);
    const response = await hub.get('/api/v1/live', hub.token('analyst'));
    const text = response.text();
    await hub.app.close();
    t.match(await text, /^event: snapshot/);
  });
});

/** The first events that the live feed tells. */
async function events(
  hub: Hub,
  secret: string,
  howMany: number,
  onEvent: (event: { name: string }) => void = () => {},
): Promise<{ name: string; data: Json }[]> {
  const stop = new AbortController();
  const response = await hub.get('/api/v1/live', secret, { signal: stop.signal });
  const told: { name: string; data: Json }[] = [];
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const [, name] = /^event: (.*)$/m.exec(block) ?? [];
      const [, data] = /^data: (.*)$/m.exec(block) ?? [];
      if (!name) continue;
      told.push({ name, data: JSON.parse(data!) });
      onEvent({ name });
    }
    if (told.length >= howMany) break;
  }
  stop.abort();
  return told.slice(0, howMany);
}

/** Every method and path that the server knows, read off its own drawing of its routes. */
function routesOf(hub: Hub): string[] {
  const routes: string[] = [];
  const parents: string[] = [];
  for (const line of hub.app.printRoutes({ commonPrefix: false }).split('\n')) {
    const match = /^([ │├└─]*)(\S+) \(([A-Z, ]+)\)$/.exec(line);
    if (!match) continue;
    const depth = match[1]!.length / 4;
    const path = (parents[depth - 1] ?? '') + match[2];
    parents[depth] = path;
    for (const method of match[3]!.split(', ')) routes.push(`${method} ${path.replaceAll('//', '/')}`);
  }
  return routes;
}
