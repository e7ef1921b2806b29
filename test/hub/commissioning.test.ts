/** Commissioning sheets at the hub: who may bring them, what is refused, and which tags they vouch for. */
import t from 'tap';
import { openAccess } from '../../hub/access/access.ts';
import { agentCommand } from '../../hub/commands/agent.ts';
import { definitionOf, type SignedSheet, signSheet } from '../../protocols/commissioning.ts';
import type { ManifestTag } from '../../protocols/manifest.ts';
import { kwhRow, newKey, sheetTime, signedSheet, temperatureRow } from '../support/commissioning.ts';
import { noon, sites, startHub } from './http-fixture.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Json = any;
type Hub = Awaited<ReturnType<typeof startHub>>;

const declared = (address: string, changes: Partial<ManifestTag> = {}): ManifestTag => ({
  id: 2,
  path: temperatureRow.path,
  type: 'float',
  unit: '°C',
  role: 'process',
  source: 'cnc',
  intervalMs: 1000,
  definition: definitionOf(address),
  ...changes,
});
const kwhTag = declared(kwhRow.address, {
  id: 5,
  path: kwhRow.path,
  type: 'int',
  unit: 'kWh',
  role: 'kwh_import',
  counter: { scale: 0.1 },
});
const health = declared('', { id: 6, path: 'health/cnc/session', role: 'health_session', type: 'bool', unit: '' });

/** The agent's newest manifest. */
let revision = 1;
function declare(hub: Hub, ...tags: ManifestTag[]): void {
  revision += 1;
  hub.ledger.keepManifest(
    hub.streams.machining,
    { epoch: 'a'.repeat(32), revision, site: sites.machining, tags },
    noon,
  );
}

const bring = (hub: Hub, secret: string, signed: unknown): Promise<Response> =>
  hub.get('/api/v1/commissioning-sheets', secret, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signed),
  });
const json = async (response: Response) => (await response.json()) as Json;

/** `commissioned` of each tag of the machining plant, by its path below the site. */
async function commissioned(hub: Hub, query = ''): Promise<Record<string, Json>> {
  const { data } = await json(await hub.get(`/api/v1/tags?under=${sites.machining}${query}`, hub.token('analyst')));
  return Object.fromEntries(data.map((tag: Json) => [tag.path.slice(sites.machining.length + 1), tag.commissioned]));
}

t.test('a technician brings a sheet once; again changes nothing', async (t) => {
  const hub = await startHub(t);
  const secret = hub.token('technician', [sites.machining]);
  const signed = signedSheet(newKey());
  const first = await bring(hub, secret, signed);
  t.equal(first.status, 201);
  t.match(await json(first), {
    hash: signed.hash,
    technician: 'سارا احمدی',
    finished_at: '2025-07-07T08:00:00.000Z',
    received_by: 'technician 1',
    rows: { accepted: 1, corrected: 1, rejected: 0, skipped: 0 },
  });
  t.equal((await bring(hub, secret, signed)).status, 200);
  const events = hub.access.audit.list(0, 100).filter(({ what }) => what === 'commissioning.accept');
  t.match(events, [{ who: 'technician 1', object: signed.hash, details: { agent: 'machining', accepted: 1 } }]);
  t.same(await json(await hub.get(`/api/v1/commissioning-sheets/${signed.hash}`, hub.token('analyst'))), signed);
  const { data } = await json(await hub.get('/api/v1/commissioning-sheets?agent=machining', secret));
  t.same(
    data.map((sheet: Json) => sheet.hash),
    [signed.hash],
  );
  t.match(hub.access.audit.verify(), { ok: true });
});

t.test('a sheet that was changed after it was signed is refused, whatever was changed', async (t) => {
  const hub = await startHub(t);
  const secret = hub.token('technician');
  const signed = signedSheet(newKey());
  const rows = signed.sheet.rows.map((row) => ({ ...row, displayed: '60' }));
  const other = signSheet({ ...signed.sheet, rows }, newKey());
  const forgeries: Record<string, SignedSheet> = {
    'another reading': { ...signed, sheet: { ...signed.sheet, rows } },
    'another reading and its hash': { ...signed, sheet: { ...signed.sheet, rows }, hash: other.hash },
    'signed by somebody else': other,
    'another hash': { ...signed, hash: 'f'.repeat(64) },
  };
  for (const [name, forgery] of Object.entries(forgeries)) {
    const refused = await bring(hub, secret, forgery);
    t.equal(refused.status, 422, name);
    t.match(await json(refused), {
      code: 'refused',
      detail: /changed after it was signed|not of the sheet's own key|another content/,
      messages: { fa: /امضا با محتوای برگه نمی‌خواند/ },
    });
  }
  const halves = { ...signed, sheet: { ...signed.sheet, rows: [] } };
  t.equal((await bring(hub, secret, halves)).status, 400);
  t.same(hub.access.sheets.list({ sees: () => true }, 10), []);
});

t.test("an agent's key is remembered: another one is refused until an administrator releases it", async (t) => {
  const hub = await startHub(t);
  const secret = hub.token('technician');
  t.equal((await bring(hub, secret, signedSheet(newKey()))).status, 201);
  const replaced = signedSheet(newKey(), { finishedAt: sheetTime + 1 });
  const refused = await bring(hub, secret, replaced);
  t.equal(refused.status, 409);
  t.match(await json(refused), {
    code: 'conflict',
    detail: /another key before .*"payesh-hub agent release-key machining"/,
    messages: { fa: /با کلید دیگری امضا کرده است؛ .*«payesh-hub agent release-key machining»/ },
  });

  const file = hub.access;
  await agentCommand(() => ({ ...file, [Symbol.dispose]() {} })).parseAsync(['release-key', 'machining'], {
    from: 'user',
  });
  t.equal((await bring(hub, secret, replaced)).status, 201);
  t.match(hub.access.audit.list(0, 100).at(-2), { what: 'commissioning.release-key', object: 'machining' });
  t.throws(() => hub.access.sheets.releaseKey('nobody', 'test'), /no key of agent "nobody"/);
});

t.test('a sheet is of a site that the token sees, and of an agent that the hub knows there', async (t) => {
  const hub = await startHub(t);
  const signed = signedSheet(newKey());
  const stranger = hub.token('technician', [sites.packaging]);
  t.equal((await bring(hub, stranger, signed)).status, 404, "another site's sheet");
  const elsewhere = signedSheet(newKey(), { site: sites.packaging });
  const refused = await bring(hub, stranger, elsewhere);
  t.equal(refused.status, 422, 'the agent of one site cannot be claimed from another');
  t.match(await json(refused), { detail: /no agent "machining" of site "aras/ });
  t.equal((await bring(hub, hub.token('analyst'), signed)).status, 403);

  t.equal((await bring(hub, hub.token('manager'), signed)).status, 201);
  for (const path of ['', '/page']) {
    t.equal((await hub.get(`/api/v1/commissioning-sheets/${signed.hash}${path}`, stranger)).status, 404);
  }
  t.same((await json(await hub.get('/api/v1/commissioning-sheets', stranger))).data, []);
});

t.test('a list goes on page by page, the newest first', async (t) => {
  const hub = await startHub(t);
  const key = newKey();
  const secret = hub.token('admin');
  const sheets = Array.from({ length: 5 }, (_, i) => signedSheet(key, { finishedAt: sheetTime + i }));
  for (const signed of sheets) t.equal((await bring(hub, secret, signed)).status, 201);
  const found: string[] = [];
  for (let before: string | null = ''; before !== null; ) {
    const cursor = before && `&before=${before}`;
    const page = await json(await hub.get(`/api/v1/commissioning-sheets?limit=2${cursor}`, secret));
    found.push(...page.data.map((sheet: Json) => sheet.hash));
    before = page.next_before;
  }
  t.same(found, sheets.map(({ hash }) => hash).reverse());
});

t.test('a tag is commissioned while it is declared as the sheet says, and no longer', async (t) => {
  const hub = await startHub(t);
  const temperature = declared(temperatureRow.address);
  declare(hub, temperature, kwhTag, health);
  t.same(await commissioned(hub), { [temperatureRow.path]: null, [kwhRow.path]: null, [health.path]: null });
  t.same(Object.keys(await commissioned(hub, '&commissioned=false')), [kwhRow.path, temperatureRow.path]);

  const signed = signedSheet(newKey());
  await bring(hub, hub.token('technician'), signed);
  const proof = { at: '2025-07-07T08:00:00.000Z', by: 'سارا احمدی', sheet: signed.hash };
  t.same(await commissioned(hub), { [temperatureRow.path]: proof, [kwhRow.path]: proof, [health.path]: null });
  t.same(await commissioned(hub, '&commissioned=false'), {});
  t.same(Object.keys(await commissioned(hub, '&commissioned=true')), [kwhRow.path, temperatureRow.path]);

  const changes: Record<string, ManifestTag> = {
    'another address': declared('nsu=urn:payesh:demo-factory;s=other'),
    'another type': declared(temperatureRow.address, { type: 'int' }),
    'another unit': declared(temperatureRow.address, { unit: 'K' }),
    'another source': declared(temperatureRow.address, { source: 'plc' }),
    'a scale': declared(temperatureRow.address, { counter: { scale: 10 } }),
    'no address told': declared(temperatureRow.address, { definition: undefined }),
  };
  for (const [name, tag] of Object.entries(changes)) {
    declare(hub, { ...temperature, retired: true }, { ...tag, id: 7 }, kwhTag);
    t.equal((await commissioned(hub))[temperatureRow.path], null, name);
    t.same(Object.keys(await commissioned(hub, '&commissioned=false')), [temperatureRow.path], name);
  }
  declare(hub, { ...temperature, intervalMs: 5000 }, kwhTag);
  t.same((await commissioned(hub))[temperatureRow.path], proof, 'back as it was, only slower');
});

t.test(
  'the newest sheet counts: rejected later is commissioned no more, and an old sheet that comes late changes nothing',
  async (t) => {
    const hub = await startHub(t);
    declare(hub, declared(temperatureRow.address), kwhTag);
    const key = newKey();
    const secret = hub.token('technician');
    const at = (hours: number, verdict: 'accepted' | 'rejected' | 'skipped') =>
      signedSheet(key, { finishedAt: sheetTime + hours * 3_600_000_000, rows: [{ ...temperatureRow, verdict }] });
    const state = async () => (await commissioned(hub))[temperatureRow.path]?.at ?? null;
    await bring(hub, secret, at(2, 'accepted'));
    t.equal(await state(), '2025-07-07T10:00:00.000Z');
    await bring(hub, secret, at(1, 'rejected'));
    t.equal(await state(), '2025-07-07T10:00:00.000Z', 'the older sheet came late');
    await bring(hub, secret, at(3, 'skipped'));
    t.equal(await state(), '2025-07-07T10:00:00.000Z', 'nobody looked');
    await bring(hub, secret, at(4, 'rejected'));
    t.equal(await state(), null);
  },
);

t.test('the page prints in both languages, loads nothing and runs nothing', async (t) => {
  const hub = await startHub(t);
  const signed = signedSheet(newKey());
  await bring(hub, hub.token('technician'), signed);
  const page = async (lang: string) => {
    const path = `/api/v1/commissioning-sheets/${signed.hash}/page?lang=${lang}`;
    const response = await hub.get(path, hub.token('analyst'));
    t.match(response.headers.get('content-type'), 'text/html');
    t.match(response.headers.get('content-security-policy'), /^default-src 'none'; style-src 'sha256-[^']+'; /);
    return response.text();
  };
  const english = await page('en');
  t.match(english, '54.25 °C');
  t.match(english, '123,456.7 kWh');
  t.match(english, /changed from <bdi dir="ltr">ABCD<\/bdi> to <bdi dir="ltr">CDAB<\/bdi>/);
  t.match(english, /Kept at the hub since/);
  t.match(english, 'technician 1');
  const persian = await page('fa');
  t.match(persian, 'dir="rtl"');
  t.match(persian, '۱۴۰۴/۰۴/۱۶ ۱۱:۳۰:۰۰');
  t.match(persian, '۱۲۳٬۴۵۶٫۷ kWh');
  t.match(persian, 'سارا احمدی');
  for (const html of [english, persian]) {
    t.match(html, '&#60;ok&#62;');
    t.notMatch(html, /<script|<ok>|https?:|url\(|@import/);
  }
  t.equal(
    (await hub.get(`/api/v1/commissioning-sheets/${signed.hash}/page?lang=de`, hub.token('analyst'))).status,
    400,
  );
});

t.test('sheets stay as they were signed, in a file that older hubs made as well', async (t) => {
  const file = `${t.testdir()}/access.db`;
  const signed = signedSheet(newKey());
  {
    using access = openAccess(file);
    access.sheets.accept(signed, 'test');
  }
  using access = openAccess(file);
  t.same(access.sheets.find(signed.hash)?.signed, signed);
  t.equal(access.sheets.accept(signed, 'test'), false);
  const { default: Sqlite } = await import('better-sqlite3');
  using db = Object.assign(new Sqlite(file), { [Symbol.dispose]() {} });
  t.throws(() => db.exec("UPDATE commissioning_sheet SET content = '{}'"), /kept as they were signed/);
  t.throws(() => db.exec('DELETE FROM commissioning_sheet'), /kept as they were signed/);
  db.close();
});
