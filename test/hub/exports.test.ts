/** Exports as an analyst asks for them: over HTTP, of a site that was really rolled up, read again by other programs. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import t, { type Test } from 'tap';
import { openAccess } from '../../hub/access/access.ts';
import { withEntries } from '../../hub/entries/with-entries.ts';
import { type JobsOptions, openExportJobs } from '../../hub/exports/jobs.ts';
import { ExportRefused, type ExportRequest, monthOf } from '../../hub/exports/request.ts';
import { verifyPackage } from '../../hub/exports/verify-package.ts';
import { explainedStops } from '../../hub/exports/workbook/explained-stops.ts';
import { restatementsSheet } from '../../hub/exports/workbook/other-sheets.ts';
import { pilotSheet } from '../../hub/exports/workbook/pilot-sheet.ts';
import { reasonSheet } from '../../hub/exports/workbook/reason-sheet.ts';
import { createReport } from '../../hub/exports/workbook/report.ts';
import { writeFile } from '../../hub/exports/write-file.ts';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { exportedHub, hostileName } from '../support/exported-site.ts';
import { line, local, site, vectorPlant } from '../support/vector-plant.ts';
import { noon, sample, sites, startHub } from './http-fixture.ts';

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

const escapedName = hostileName.replaceAll('"', '&quot;');

/** The cells of each sheet as they are stored, by the sheet's name. */
function readWorkbook(bytes: Uint8Array) {
  const parts = Object.fromEntries(Object.entries(unzipSync(bytes)).map(([name, data]) => [name, strFromU8(data)]));
  const names = [...parts['xl/workbook.xml']!.matchAll(/<sheet [^>]*name="([^"]*)"/g)].map(([, name]) => name!);
  const sheets = names.map((name, index) => ({ name, xml: parts[`xl/worksheets/sheet${index + 1}.xml`]! }));
  const shared = [...parts['xl/sharedStrings.xml']!.matchAll(/<si><t[^>]*>([^<]*)<\/t><\/si>/g)].map(
    ([, text]) => text!,
  );
  /** What is stored in one column, between two rows. */
  const cells = (sheet: string, column: string, first: number, last: number): (string | null)[] => {
    const { xml } = sheets.find(({ name }) => name === sheet)!;
    return Array.from({ length: last - first + 1 }, (_, index) => {
      const cell = new RegExp(`<c r="${column}${first + index}"([^>]*)><v>([^<]*)</v>`).exec(xml);
      return cell && (cell[1]!.includes('t="s"') ? shared[Number(cell[2])]! : cell[2]!);
    });
  };
  return { sheets, parts, cells };
}

/** Charts as they are stored: title, and what each range says of its cells and has of them. */
function readCharts({ parts, cells }: ReturnType<typeof readWorkbook>) {
  const range = /<c:f>'?([^'!<]*)'?!\$([A-Z]+)\$(\d+)(?::\$[A-Z]+\$(\d+))?<\/c:f>(.*?)<\/c:(?:num|str)Cache>/g;
  const charts = Object.keys(parts).filter((name) => name.startsWith('xl/charts/'));
  return charts.map((name) => {
    const xml = parts[name]!;
    const ranges = [...xml.matchAll(range)].map(([, sheet, column, first, last = first, cache]) => {
      const drawn = Array.from({ length: Number(last) - Number(first) + 1 }, (): string | null => null);
      for (const [, index, value] of cache!.matchAll(/<c:pt idx="(\d+)"><c:v>([^<]*)<\/c:v>/g))
        drawn[Number(index)] = value!;
      return { sheet: sheet!, drawn, stored: cells(sheet!, column!, Number(first), Number(last)) };
    });
    return { title: /<a:t>([^<]*)<\/a:t>/.exec(xml)![1]!.replaceAll(/[\u202b\u202c]/g, ''), ranges, xml };
  });
}

/** Sheets and charts as LibreOffice has understood them: its own file of a workbook, cells as their values. */
function readCalc(bytes: Uint8Array) {
  const files = unzipSync(bytes);
  const text = strFromU8(files['content.xml']!).replaceAll('&apos;', "'");
  const times = (attributes: string, what: string) =>
    Number(new RegExp(`table:number-${what}-repeated="(\\d+)"`).exec(attributes)?.[1] ?? 1);
  const sheets = [...text.matchAll(/<table:table table:name="([^"]*)".*?<\/table:table>/gs)].map(([xml, name]) => {
    const rows = [...xml.matchAll(/<table:table-row([^>]*)>(.*?)<\/table:table-row>/gs)]
      .filter(([, attributes]) => times(attributes!, 'rows') < 1000)
      .map(([, , row]) =>
        [...row!.matchAll(/<table:table-cell([^>]*?)(?:\/>|>(.*?)<\/table:table-cell>)/gs)].flatMap(
          ([, has, inside]) => {
            const value =
              /office:(?:date-)?value="([^"]*)"/.exec(has!)?.[1] ?? /<text:p>([^<]*)</.exec(inside ?? '')?.[1];
            return Array.from({ length: Math.min(100, times(has!, 'columns')) }, () => value);
          },
        ),
      );
    const [header = [], ...data] = rows.filter((row) => row.some((value) => value !== undefined));
    return [name!, data.map((row) => Object.fromEntries(header.map((column, index) => [column, row[index]])))] as const;
  });
  const charts = Object.keys(files)
    .filter((name) => /^Object \d+\/content\.xml$/.test(name))
    .map((name) => strFromU8(files[name]!));
  return { sheets: new Map(sheets), formulas: text.match(/table:formula=/g)?.length ?? 0, charts };
}

t.test('exports', async (t) => {
  const { hub, secret, make, get, post, ended, samples, plant, clock, rollUp } = await exporting(t);

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

  t.test('the workbook: eighteen sheets, no formula, right to left in Persian, the numbers of the API', async (t) => {
    const fa = await make({ template: 'workbook', note: '+98 21: call me' });
    t.match(fa.job.files[0].name, /^kpi_test-plant_1404-04_v1_provisional_fa\.xlsx$/);
    const en = await make({ template: 'workbook', language: 'en' });
    t.match(en.job.files[0].name, /_v1_provisional_en\.xlsx$/, 'the same figures are the same version');
    for (const [file, rightToLeft] of [
      [fa, true],
      [en, false],
    ] as const) {
      const { sheets } = readWorkbook(file.files[0]!);
      t.equal(sheets.length, 18);
      t.ok(sheets.every(({ xml }) => !/<f[ >]/.test(xml)));
      t.ok(sheets.every(({ xml }) => /rightToLeft="1"/.test(xml) === rightToLeft));
      t.ok(sheets.every(({ xml }) => /<pane [^>]*ySplit="1"[^>]*state="frozen"/.test(xml)));
      t.ok(sheets.every(({ xml }) => xml.includes('&amp;P / &amp;N</oddFooter>')));
      const styles = readWorkbook(file.files[0]!).parts['xl/styles.xml']!;
      t.equal(/readingOrder="2"/.test(styles), true, 'Persian is read from the right, also beside Latin words');
      t.notMatch(styles, /0\.#/, 'an integer would end in a point');
      const formats = [...styles.matchAll(/formatCode="([^"]*)"/g)].map(([, format]) => format!);
      const [dates, numbers] = [
        formats.filter((one) => one.includes('yyyy')),
        formats.filter((one) => one.includes('0')),
      ];
      t.same(dates, ['yyyy-mm-dd'], 'with a language it would be a date of another calendar');
      t.ok(numbers.length > 3 && numbers.every((one) => one.startsWith('[$-3000429]') === rightToLeft), 'digits');
    }
    for (const [file, own] of [
      [fa, { title: /OEE و مؤلفه‌های آن/, days: 'maxMin', day: '۱۴۰۴/۰۴/۱۶' }],
      [en, { title: /OEE and its factors/, days: 'minMax', day: '1404-04-16' }],
    ] as const) {
      const charts = readCharts(readWorkbook(file.files[0]!));
      t.match(charts[0]!.title, own.title);
      t.equal(charts[0]!.ranges[0]!.drawn[0], own.day, 'days are Jalali');
      for (const { title, ranges, xml } of charts) {
        t.ok(ranges.length >= 2, `${title} shows cells`);
        for (const { drawn, stored } of ranges) if (String(drawn) !== String(stored)) t.same(drawn, stored, title);
        const [, days] = /<c:catAx>.*?<c:orientation val="(\w+)"/s.exec(xml)!;
        t.equal(days, own.days, 'the first day is where one begins to read');
        t.notMatch(title, /^=/);
      }
      const oee = (await (
        await get(`kpi-values?granularity=day&from=1404-04-01&to=1404-05-01&kpi=prod.oee&asset=${line}`)
      ).json()) as Json;
      t.same(
        charts[0]!.ranges[1]!.drawn.map((value) => value && Number(value)),
        oee.data.map(({ value }: Json) => value),
        'the first line is what the API says of the OEE',
      );
      const drawn = charts.map(({ ranges }) => ranges.at(-1)!.sheet);
      t.equal(new Set(drawn).size, 7, 'OEE, both Paretos, energy, demand, its peak day, data');
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

  t.test('why a unit stood is told, greatest first, beside what nobody has explained', async (t) => {
    const asset = 'test/plant/area/line/m1';
    const said = { kind: 'downtime', asset, reason: 'tool', from: local('11:00'), to: local('11:20') } as const;
    const explainedPlant = withEntries(plant, [said]);
    const month = monthOf(plant, '1404-04');
    const source = { reader: samples.store, tags: samples.tags, clock: { now: () => clock.now } };
    const explained = await explainedStops(source, explainedPlant, month, AbortSignal.timeout(10_000));
    t.same([...explained.get(asset)!], [['tool', { seconds: 1200, failures: null, entries: 1 }]]);
    const report = createReport({
      source: { definitions: () => catalogue, rolled: rollUp.values } as never,
      ...{ plant: explainedPlant, language: 'en', month, note: undefined, explained },
    });
    const { rows: all, charts } = await reasonSheet(report);
    t.same(all[0]!.slice(0, 2), ['Test plant', '—'], 'the whole site comes first');
    t.match(charts, [{ first: 0, labels: 2 }], 'and is drawn');
    const rows = all.filter(([, path]) => path === 'area/line/m1');
    t.match(rows.at(-1)!.slice(2, 6), ['Tool change', 'tool', 1, 1 / 3]);
    t.match(rows[0]![2], 'Nobody has said why');
  });

  t.test('the pilot stands beside the time before it, in both languages, and says what else has changed', async (t) => {
    const month = monthOf(plant, '1404-04');
    const source = { definitions: () => catalogue, rolled: rollUp.values } as never;
    const sheets = await Promise.all(
      (['en', 'fa'] as const).map((language) =>
        pilotSheet(createReport({ source, plant, language, month, note: undefined, explained: new Map() })),
      ),
    );
    const [en, fa] = sheets.map(({ rows }) => rows.filter(([, asset]) => asset === 'Line' || asset === 'خط'));
    // Declared 0.2; each tenth piece is scrap.
    const scrap = en!.find(([kpi]) => kpi === 'Scrap ratio') as Json[];
    t.match(scrap.slice(2, 5), [{ value: 0.2 }, { value: 0.1 }, { value: -0.1, kind: 'points' }]);
    t.match(scrap.slice(7, 8), ['points']);
    t.ok(Math.abs(scrap[8] + 0.5) < 1e-9, 'half of it');
    t.same([scrap[10], scrap[11]], [30, 1]);
    const oee = fa!.find(([kpi]) => /OEE/.test(String(kpi))) as Json[];
    const [before, after, change] = oee.slice(2, 5).map(({ value }) => value);
    t.ok(before > 0 && after > 0 && Math.abs(change - (after - before)) < 1e-12);
    t.match(oee.at(-1), /روزها برای محاسبه/, 'one day has no interval');
    t.match(sheets[0]!.remarks?.join(), /a new gearbox/);
    t.match(sheets[1]!.remarks?.join(), /۱۴۰۴\/۰۴\/۱۷ ۰۰:۰۰ – گیربکس تازه/);
  });

  t.test(
    'of what changed after its bucket was closed the figure before is told, of what changed earlier how much that was',
    async (t) => {
      const month = monthOf(plant, '1404-04');
      const report = createReport({
        source: {
          definitions: () => catalogue,
          // What was known a moment earlier was half of it, but for the quality.
          rolled: (request: Parameters<typeof rollUp.values>[0]) =>
            rollUp.values({ ...request, asOf: undefined }).map((value) => ({
              ...value,
              revision: 2,
              // Three days and a bit after its end, but for the availability.
              computedAt: value.end + (value.kpi === 'prod.availability' ? 1 : 73) * 3600e6,
              value:
                request.asOf === undefined || value.kpi === 'prod.quality' || value.value === null
                  ? value.value
                  : value.value / 2,
            })),
        } as never,
        ...{ plant, language: 'en', month, note: undefined, explained: new Map() },
      });
      const kpis = ['prod.oee', 'prod.quality', 'prod.availability'];
      const values = (await report.values({ granularity: 'day', kpis, assets: [line] })).filter(({ value }) => value);
      t.ok(values.some(({ kpi }) => kpi === 'prod.quality'));
      const { rows, remarks } = await restatementsSheet(report);
      const earlier = report.seen().restated.filter(({ kpi }) => kpi === 'prod.availability').length;
      t.match(remarks, [new RegExp(`before their bucket was closed.*: ${earlier}$`)]);
      t.same(new Set(rows.map(([, id]) => id)), new Set(['prod.oee']));
      for (const [, , , , before, now] of rows as Json[]) t.equal(before.value, now.value / 2);
    },
  );

  t.test('a package is verified without a hub, and every change to it is found', async (t) => {
    const { job, files } = await make({ template: 'package', language: 'en' });
    t.equal(job.files[0].name, 'package_test-plant_1404-04_provisional.zip');
    const { fingerprint } = (await (await get('export-key')).json()) as Json;
    const verdict = verifyPackage(files[0]!);
    t.match(verdict, { faults: [], fingerprint, manifest: { site, period: '1404-04', signer: { fingerprint } } });
    t.equal(verdict.manifest!.files.length, 6, 'workbook, two tables, two side files, how to check them');

    const parts = unzipSync(files[0]!);
    const csv = verdict.manifest!.files.find(({ name }) => name.endsWith('_day.csv'))!.name;
    const changed = (change: Record<string, Uint8Array>) => verifyPackage(zipSync({ ...parts, ...change })).faults;
    const edited = strToU8(strFromU8(parts[csv]!).replace(/0/, '1'));
    t.same(changed({ [csv]: edited }), [`${csv} is not what was signed`]);
    t.same(changed({ 'more.txt': strToU8('x') }), ['more.txt was put in: nobody signed it']);
    const manifest = strToU8(strFromU8(parts['manifest.json']!).replace('provisional', 'official'));
    t.same(changed({ 'manifest.json': manifest }), ['the signature is not of this manifest']);
    const { [csv]: _, ...rest } = parts;
    t.same(verifyPackage(zipSync(rest)).faults, [`${csv} is missing`]);
    t.match(verifyPackage(strToU8('no zip')).faults, [/no zip that can be read/]);

    if (!requireOrSkip(t, 'openssl')) return;
    const folder = t.testdir();
    for (const [name, content] of Object.entries(parts)) writeFileSync(join(folder, name), content);
    const [english, persian] = strFromU8(parts['README.txt']!).split('این بسته');
    const steps = english!.match(/^ {4}.*$/gm)!;
    t.same(persian!.match(/^ {4}.*$/gm), steps, 'both languages say the same steps');
    const script = steps.join('\n').replaceAll('/tmp/', `${folder}/`);
    const bash = (more = '') => promisify(execFile)('bash', ['-c', `${more}\n${script}`], { cwd: folder });
    const said = (await bash()).stdout;
    t.match(said, /^Signature Verified Successfully$/m);
    t.ok(said.includes(`${fingerprint}  -`), 'the key is that of the hub');
    t.equal(said.match(/: OK$/gm)!.length, 6);
    await t.rejects(bash(`echo >> ${csv}`), { code: 1, stdout: /FAILED/ }, 'what was changed is seen');
  });

  t.test('by command: a file in the folder, the key, and a verdict with an exit code', async (t) => {
    const folder = t.testdir();
    const env = { ...process.env, PAYESH_URL: hub.origin, PAYESH_TOKEN: secret };
    const say = async (...args: string[]) =>
      (await promisify(execFile)(process.execPath, ['hub/payesh-hub.mjs', 'export', ...args], { env })).stdout;
    const asked = ['--site', site, '--period', '1404-04', '--output', folder];
    const [table, archive, key] = await Promise.all([
      say('kpi', ...asked, '--granularity', 'month'),
      say('package', ...asked),
      say('key', '--json'),
    ]);
    t.match(table, /kpi_test-plant_1404-04_month\.csv\n.*\.meta\.json/);
    const { fingerprint } = JSON.parse(key);
    const file = archive.trim();
    t.match(await say('verify', file, '--fingerprint', fingerprint), /^test\/plant, 1404-04.*\nWhole, and signed by/s);
    await t.rejects(say('verify', file, '--fingerprint', 'ab'.repeat(32)), { code: 2 });
    t.match(await say('list'), /done +kpi_test-plant/);
  });

  t.test('the energy feed tells each quarter-hour of a subscription, also those nothing is known of', async (t) => {
    const { data } = (await (
      await get('energy-feed?from=2025-07-07T11:45:00%2B03:30&to=2025-07-07T13:00:00%2B03:30')
    ).json()) as Json;
    t.same(
      data.map(({ kwh, kw, quality }: Json) => [Math.round(kwh * 1e6) / 1e6, Math.round(kw * 1e6) / 1e6, quality]),
      [[15, 60, 'measured'], ...Array.from({ length: 4 }, () => [30, 120, 'measured'])],
    );
    t.match(data[0], { subscription: '۱۲۳۴۵', site, start: '2025-07-07T08:15:00.000Z', exported_kwh: null });
    const before = (await (await get('energy-feed?from=2025-07-01&to=2025-07-02')).json()) as Json;
    t.equal(before.data.length, 96);
    t.ok(before.data.every(({ kwh, quality }: Json) => kwh === null && quality === 'missing'));
    const stranger = hub.token('analyst', ['other/plant']);
    t.same(((await (await hub.get('/api/v1/energy-feed', stranger)).json()) as Json).data, []);
  });

  t.test('what cannot be made is refused with what to do; what is no business of a token is not there', async (t) => {
    const refused = async (body: object, token = secret) => {
      const answer = await post({ site, ...body }, token);
      return [answer.status, ((await answer.json()) as Json).detail];
    };
    t.match(await refused({ template: 'workbook' }), [400, /1404-04/]);
    t.match(await refused({ template: 'kpi', period: '1404-13' }), [400, /no Jalali month/]);
    t.match(await refused({ template: 'kpi', from: '2025-07-08', to: '2025-07-07' }), [400, /before "to"/]);
    t.match(await refused({ template: 'kpi', period: '1404-04', format: 'xlsx' }), [400, /csv or parquet/]);
    t.match(await refused({ template: 'kpi', period: '1404-04', kpis: ['no.such'] }), [400, /no no\.such/]);
    t.match(await refused({ template: 'kpi', period: '1404-04', paths: ['other/plant/x'] }), [404, /not known/]);
    const stranger = hub.token('analyst', ['other/plant']);
    t.match(await refused({ template: 'kpi', period: '1404-04' }, stranger), [404, /not known/]);
    const { job } = await make({ template: 'kpi', granularity: 'month' });
    for (const path of [`exports/${job.id}`, `exports/${job.id}/file`]) {
      t.equal((await hub.get(`/api/v1/${path}`, stranger)).status, 404);
    }
    const early = await ended(
      ((await (await post({ site, template: 'workbook', period: '1404-04', official: true })).json()) as Json).id,
    );
    t.match(early, { state: 'failed', files: [], error: /is not issued yet/, messages: { fa: /هنوز صادر نشده/ } });
  });

  t.test('an export that waits can be ended, one that is done taken away, and the audit log knows both', async (t) => {
    const first = (await (
      await post({ site, template: 'kpi', period: '1404-04', granularity: '15min' })
    ).json()) as Json;
    const second = (await (await post({ site, template: 'kpi', period: '1404-04' })).json()) as Json;
    const other = hub.token('analyst');
    const end = (id: string, token = secret) => hub.get(`/api/v1/exports/${id}`, token, { method: 'DELETE' });
    t.equal((await end(second.id, other)).status, 403, 'somebody else asked for it');
    t.equal((await end(second.id)).status, 204);
    t.equal((await end(first.id)).status, 204);
    t.equal((await ended(second.id)).state, 'aborted');
    t.match(await ended(first.id), { state: 'aborted', files: [], error: 'somebody ended it' });
    t.equal((await end(first.id)).status, 204);
    t.equal((await get(`exports/${first.id}`)).status, 404);
    const events = hub.access.audit.list(0, 1000).filter(({ details }) => details.job === first.id);
    t.same(
      events.map(({ what }) => what),
      ['export.begin', 'export.remove', 'export.end', 'export.remove'],
    );
  });

  t.test(
    'LibreOffice reads the workbook as it was written: every sheet and chart, numbers as numbers, no formula',
    async (t) => {
      const soffice = requireOrSkip(t, 'soffice');
      if (!soffice) return;
      const folder = t.testdir();
      const { files, job } = await make({ template: 'workbook', language: 'en' });
      const file = join(folder, 'report.xlsx');
      writeFileSync(file, files[0]!);
      const profile = `-env:UserInstallation=file://${folder}/profile`;
      const options = [profile, '--headless', '--convert-to', 'ods', '--outdir', folder, file];
      await promisify(execFile)(soffice, options, { timeout: 120_000 });
      const { sheets, formulas, charts } = readCalc(readFileSync(join(folder, 'report.ods')));
      t.equal(sheets.size, 18);
      t.equal(formulas, 0);
      const total = [...sheets.values()].reduce((sum, rows) => sum + rows.length, 0);
      t.ok(total >= job.files[0].rows);
      const { data } = (await (
        await get(`kpi-values?granularity=month&from=1404-04-01&to=1404-05-01&asset=${line}&limit=1000`)
      ).json()) as Json;
      const summary = new Map(sheets.get('Summary')!.map((row) => [`${row.Asset} ${row.Id}`, Number(row.Value)]));
      const compared = data.filter(({ kpi, value }: Json) => value !== null && summary.has(`Line ${kpi}`));
      t.ok(compared.length >= 8);
      for (const { kpi, value } of compared) {
        t.ok(Math.abs(summary.get(`Line ${kpi}`)! - value) <= 1e-12 * Math.abs(value), kpi);
      }
      const energy = sheets.get('Energy daily')!;
      t.ok(energy.every((row) => row.Asset === `'${escapedName}`));
      t.equal(sheets.get('Peak day profile')!.length, 96);
      t.match(energy[0], { Date: '2025-07-07', 'Jalali date': '1404-04-16' });
      t.equal(charts.length, readCharts(readWorkbook(files[0]!)).length, 'it draws every chart');
      t.ok(charts.some((xml) => xml.includes('&apos;Production daily&apos;.H2:&apos;Production daily&apos;.H')));
    },
  );
});

t.test('samples come as they are stored, as CSV and as Parquet', async (t) => {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const plant = vectorPlant({ site: sites.machining });
  const hub = await startHub(t, { plants: [plant] });
  const large = 2n ** 60n + 1n;
  hub.arrive(hub.streams.machining, [
    ...Array.from({ length: 3000 }, (_, index) => sample(2, noon + index * 1000, index / 3)),
    sample(3, noon, large),
    sample(4, noon, '=1+1'),
    sample(6, noon, true),
    sample(2, noon + 4_000_000, null, 0x80000000),
  ]);
  const secret = hub.token('analyst');
  const make = async (format: string) => {
    const body = { template: 'samples', format, site: sites.machining, from: '1404-04-16', to: '1404-04-17' };
    const headers = { 'content-type': 'application/json' };
    const asked = await hub.get('/api/v1/exports', secret, { method: 'POST', body: JSON.stringify(body), headers });
    let job = (await asked.json()) as Json;
    if (asked.status !== 202) throw new Error(JSON.stringify(job));
    while (job.state !== 'done' && job.state !== 'failed')
      job = await (await hub.get(`/api/v1/exports/${job.id}`, secret)).json();
    t.equal(job.error, null);
    return new Uint8Array(await (await hub.get(job.files[0].url, secret)).arrayBuffer());
  };
  const csv: Json[] = parse(Buffer.from(await make('csv')), { columns: true });
  const path = `${sites.machining}/machining/line-1/cnc-1/temperature`;
  const series = await hub.get(`/api/v1/series?tag=${path}&from=2025-07-07T00:00:00Z&to=2025-07-08T00:00:00Z`, secret);
  const { data } = (await series.json()) as Json;
  t.same(
    csv.filter((row) => row.tag === path).map(({ time, value }) => [time, value === '' ? null : Number(value)]),
    data.map(({ time, value }: Json) => [time, value]),
  );
  t.match(
    csv.find((row) => row.tag.endsWith('count-total')),
    { value_text: String(large) },
  );
  t.match(
    csv.find((row) => row.tag.endsWith('alarm')),
    { value: '', value_text: `'=1+1` },
  );
  const file = join(t.testdirName, 'samples.parquet');
  writeFileSync(file, await make('parquet'));
  const db = await (await DuckDBInstance.create(':memory:')).connect();
  const read = await db.runAndReadAll(`SELECT tag, value, value_text, quality::DOUBLE AS quality FROM '${file}'`);
  t.same(
    read.getRowObjects(),
    csv.map(({ tag, value, value_text, quality }) => ({
      tag,
      value: value === '' ? null : Number(value),
      value_text: value_text === '' ? null : value_text.replace(/^'/, ''),
      quality: Number(quality),
    })),
  );
});

t.test('jobs are bounded, and a restart knows them', async (t) => {
  const dir = t.testdir();
  using access = openAccess(join(t.testdir(), 'access.db'));
  const limits = { waiting: 3, kept: 2, keptBytes: 1e9, timeoutMs: 60_000 };
  const begun = Promise.withResolvers<void>();
  const open = (make: JobsOptions['make']) =>
    openExportJobs({
      ...{ dir, limits, make, audit: access.audit, clock: { now: () => ++now } },
      plants: () => [vectorPlant()],
      log: { error() {} },
    });
  let now = 0;
  const request: ExportRequest = {
    ...{ template: 'kpi', format: 'csv', site, language: 'en', granularity: 'day', month: '1404-04' },
    ...{ bom: false, official: false },
  };
  const first = open(async ({ signal }) => {
    begun.resolve();
    await once(signal, 'abort');
    throw signal.reason;
  });
  const [running, waiting] = [first.create(request, 'a'), first.create(request, 'a'), first.create(request, 'a')];
  t.throws(() => first.create(request, 'a'), { name: 'TooManyExports' });
  const stop = new AbortController();
  const run = first.run(stop.signal);
  await begun.promise;
  stop.abort();
  await run;
  t.match(first.get(running!.id), { state: 'failed', error: { en: /the hub was stopped/ } });

  const second = open(async ({ dir: folder, request: asked }) => {
    if (asked.note === 'refuse') throw new ExportRefused({ en: 'not so', fa: 'نه' });
    return [{ ...(await writeFile(folder, 'a.csv', ['a\r\n'])), rows: 0 }];
  });
  t.match(second.get(waiting!.id), { state: 'failed', error: { fa: /هاب متوقف شد/ } });
  const jobs = [
    second.create(request, 'a'),
    second.create({ ...request, note: 'refuse' }, 'a'),
    second.create(request, 'a'),
  ];
  const end = new AbortController();
  const done = second.run(end.signal);
  while (second.get(jobs[2]!.id)?.state !== 'done') await new Promise((resolve) => setImmediate(resolve));
  t.match(second.get(jobs[1]!.id), { state: 'failed', error: { en: 'not so', fa: 'نه' }, files: [] });
  const lost = second.create(request, 'a');
  rmSync(join(dir, lost.id), { recursive: true });
  while (second.get(lost.id)?.state === 'queued') await new Promise((resolve) => setImmediate(resolve));
  t.match(second.get(lost.id), { state: 'failed', error: { en: /is the disk full/ } }, 'and the hub goes on');
  second.remove(lost.id, 'a');
  end.abort();
  await done;
  t.same(
    second.list().map(({ id }) => id),
    [jobs[2]!.id, jobs[1]!.id],
    'the two newest are kept',
  );
  t.same(
    readdirSync(dir)
      .filter((name) => /^[0-9a-f]{16}$/.test(name))
      .sort(),
    [jobs[1]!.id, jobs[2]!.id].sort(),
  );
});
