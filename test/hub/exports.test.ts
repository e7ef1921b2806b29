/** Exports as an analyst asks for them: over HTTP, of a site that was really rolled up, read again by other programs. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { strFromU8, unzipSync } from 'fflate';
import t, { type Test } from 'tap';
import { exportedHub, hostileName } from '../support/exported-site.ts';
import { line, site } from '../support/vector-plant.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever the API answers.
type Json = any;

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

async function exporting(t: Test) {
  const { hub, ...rest } = await exportedHub(t);
  const secret = hub.token('analyst');
  const get = (path: string) => hub.get(`/api/v1/${path}`, secret);
  const post = (body: object, token = secret) =>
    hub.get('/api/v1/exports', token, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  const ended = async (id: string): Promise<Json> => {
    for (;;) {
      const job = (await (await get(`exports/${id}`)).json()) as Json;
      if (job.state !== 'queued' && job.state !== 'running') return job;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  /** The job when it has ended, and its files. */
  const make = async (body: object, token = secret) => {
    const asked = await post({ site, period: '1404-04', ...body }, token);
    t.equal(asked.status, 202);
    const job = await ended(((await asked.json()) as Json).id);
    t.equal(job.error, null);
    const files = await Promise.all(
      job.files.map(async ({ url }: Json) => new Uint8Array(await (await hub.get(url, secret)).arrayBuffer())),
    );
    return { job, files: files as Uint8Array[] };
  };
  return { hub, secret, get, post, ended, make, ...rest };
}

/** The cells of each sheet as they are stored, by the sheet's name. */
function readWorkbook(bytes: Uint8Array) {
  const parts = Object.fromEntries(Object.entries(unzipSync(bytes)).map(([name, data]) => [name, strFromU8(data)]));
  const names = [...parts['xl/workbook.xml']!.matchAll(/<sheet [^>]*name="([^"]*)"/g)].map(([, name]) => name!);
  const sheets = names.map((name, index) => ({ name, xml: parts[`xl/worksheets/sheet${index + 1}.xml`]! }));
  return { sheets, parts };
}

t.test('exports', async (t) => {
  const { make, get } = await exporting(t);

  t.test('KPI values as a tidy CSV with a side file that vouches for it', async (t) => {
    const { job, files } = await make({ template: 'kpi' });
    t.equal(job.files[0].name, 'kpi_test-plant_1404-04_day.csv');
    t.equal(sha256(files[0]!), job.files[0].sha256);
    const rows: Json[] = parse(Buffer.from(files[0]!), { columns: true });
    const meta = JSON.parse(Buffer.from(files[1]!).toString());
    t.match(meta, { row_count: rows.length, sha256: job.files[0].sha256, query: { month: '1404-04' } });
    const api = (await (
      await get('kpi-values?granularity=day&from=1404-04-01&to=1404-05-01&limit=10000')
    ).json()) as Json;
    t.equal(rows.length, api.data.length);
    for (const [index, value] of api.data.entries()) {
      const row = rows[index]!;
      if (row.value !== String(value.value ?? '') || row.kpi_id !== value.kpi || row.start !== value.start) {
        t.same(row, value, 'the row says what the API says');
      }
    }
    const oee = rows.find((row) => row.kpi_id === 'prod.oee' && row.asset_path === line);
    t.match(oee, { start_local: '2025-07-07T00:00:00+03:30', jalali_date: '1404-04-16', target: '0.4', baseline: '' });
    const meter = rows.find((row) => row.asset_path === `${site}/energy/main`);
    t.equal(meter.asset_name_fa, `'${hostileName}`, 'what a spreadsheet would run is text');
  });

  t.test('Parquet says the same as CSV, of KPI values and of samples', async (t) => {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const { files, job } = await make({ template: 'kpi', format: 'parquet', granularity: 'hour', kpis: ['en.kwh'] });
    const { files: csv } = await make({ template: 'kpi', granularity: 'hour', kpis: ['en.kwh'] });
    const file = join(t.testdir(), 'kpi.parquet');
    writeFileSync(file, files[0]!);
    const db = await (await DuckDBInstance.create(':memory:')).connect();
    const read = await db.runAndReadAll(
      `SELECT kpi_id, epoch_us("start")::DOUBLE AS at, value, revision::INT AS revision FROM '${file}' ORDER BY "start"`,
    );
    const rows: Json[] = parse(Buffer.from(csv[0]!), { columns: true });
    t.equal(job.files[0].rows, rows.length);
    t.same(
      read.getRowObjects(),
      rows.map((row) => ({
        kpi_id: 'en.kwh',
        at: Date.parse(row.start) * 1000,
        value: row.value === '' ? null : Number(row.value),
        revision: Number(row.revision),
      })),
    );
    t.ok(rows.length > 40);
  });

  t.test('the workbook: fifteen sheets, no formula, right to left in Persian, the numbers of the API', async (t) => {
    const begin = performance.now();
    const fa = await make({ template: 'workbook', note: '+98 21: call me' });
    t.ok(performance.now() - begin < 10_000);
    t.match(fa.job.files[0].name, /^kpi_test-plant_1404-04_v1_provisional_fa\.xlsx$/);
    const en = await make({ template: 'workbook', language: 'en' });
    t.match(en.job.files[0].name, /_v1_provisional_en\.xlsx$/, 'the same figures are the same version');
    for (const [file, rightToLeft] of [
      [fa, true],
      [en, false],
    ] as const) {
      const { sheets } = readWorkbook(file.files[0]!);
      t.equal(sheets.length, 15);
      t.ok(sheets.every(({ xml }) => !/<f[ >]/.test(xml)));
      t.ok(sheets.every(({ xml }) => /rightToLeft="1"/.test(xml) === rightToLeft));
      t.ok(sheets.every(({ xml }) => /<pane [^>]*ySplit="1"[^>]*state="frozen"/.test(xml)));
    }
    const text = Object.values(readWorkbook(fa.files[0]!).parts).join();
    t.match(text, />(?:'|&apos;|&#39;)=HYPERLINK\(/);
    t.notMatch(text, />=HYPERLINK/);
    t.match(text, />(?:'|&apos;|&#39;)\+98 21: call me/);

    const summary = readWorkbook(en.files[0]!).sheets[1]!;
    const { data } = (await (
      await get(`kpi-values?granularity=month&from=1404-04-01&to=1404-05-01&kpi=prod.oee,en.kwh,en.cost&limit=10000`)
    ).json()) as Json;
    const wanted = data.filter(({ value, asset }: Json) => value !== null && !/\/m\d$/.test(asset));
    t.ok(wanted.length >= 4);
    for (const { value } of wanted) t.ok(summary.xml.includes(`<v>${value}</v>`), `${value} is in the summary`);
  });
});
