/** Clients and dashboards for analysts, as they are delivered, against a live hub. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { parse } from 'yaml';
import { demoHub, demoMeter, demoSite } from '../support/demo-site.ts';
import { addressOf, choicesOf, type Field, fieldsOf, partitioned } from '../support/infinity.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Json = any;

const run = promisify(execFile);
const clients = join(import.meta.dirname, '../../deploy/clients');
const grafana = join(import.meta.dirname, '../../deploy/grafana');

const works = (command: string, ...args: string[]) =>
  run(command, args).then(
    () => true,
    () => false,
  );

t.test('clients', async (t) => {
  const { hub } = await demoHub(t);
  const token = hub.token('analyst');
  const env = { ...process.env, PAYESH_URL: hub.origin, PAYESH_TOKEN: token, PYTHONDONTWRITEBYTECODE: '1' };
  const python = async (...lines: string[]): Promise<Json> => {
    const script = ['import json', 'from payesh import Payesh, Problem', 'hub = Payesh()', ...lines].join('\n');
    const { stdout } = await run('python3', ['-c', script], { cwd: clients, env });
    return JSON.parse(stdout);
  };
  const hours = 'kpi="en.kwh", depth=3, granularity="hour", date_from="1404-04-16", date_to="1404-04-18"';
  const hasPython = await works('python3', '--version');
  const hasPandas = hasPython && (await works('python3', '-c', 'import pandas'));
  const hasR = await works('Rscript', '-e', 'library(jsonlite); library(curl)');

  t.test(
    'Python reads every page, with nothing but its standard library',
    { skip: !hasPython && 'no python3' },
    async (t) => {
      const folder = t.testdir();
      const whole = (await (
        await hub.get(
          '/api/v1/kpi-values?kpi=en.kwh&depth=3&granularity=hour&from=1404-04-16&to=1404-04-18&limit=10000',
          token,
        )
      ).json()) as Json;
      t.same(await python(`print(json.dumps(list(hub.rows("kpi-values", ${hours}, limit=20))))`), whole.data);
      t.ok(whole.data.length > 40);
      t.equal(
        await python('print(json.dumps(len(list(hub.rows("tags", limit=3)))))'),
        ((await (await hub.get('/api/v1/tags', token)).json()) as Json).data.length,
        'however a table is paged',
      );
      const refused = await python(
        'try: hub.get("series")',
        'except Problem as problem: print(json.dumps([problem.status, problem.code, problem.errors, str(problem)]))',
      );
      t.match(refused, [400, 'invalid', [{ field: 'tag' }], /tag/]);
      const persian = await python(
        'try: Payesh(language="fa").get("series")',
        'except Problem as problem: print(json.dumps(str(problem)))',
      );
      t.match(persian, /لازم/);
      t.same(
        await python(
          'a = hub.get("assets", level="site")',
          'b = hub.get("assets", level="site")',
          'print(json.dumps(a is b))',
        ),
        true,
      );
      for (const ending of ['csv', 'ndjson', 'xlsx', 'parquet']) {
        const file = join(folder, `kpi.${ending}`);
        t.equal(await python(`print(json.dumps(hub.save("kpi-values", ${JSON.stringify(file)}, ${hours})))`), file);
        t.ok(statSync(file).size > 500, ending);
      }
      const job = await python(`print(json.dumps(hub.export(template="kpi", site="${demoSite}", period="۱۴۰۴-۰۴")))`);
      t.match(job, { state: 'done', files: [{ url: /^\/api\/v1\/exports\// }, {}] });
      t.equal(
        await python(
          `print(json.dumps(hub.save("${job.files[0].url}", ${JSON.stringify(join(folder, 'job.csv'))}, format=None)))`,
        ),
        join(folder, 'job.csv'),
      );
      const { stdout } = await run('python3', ['monthly_oee.py', '1404-04', join(folder, 'oee.csv')], {
        cwd: clients,
        env,
      });
      t.match(stdout, /1404-04-16\tsahand\/machining-plant\tprod\.oee\t0\.\d+\t1\tok/);
    },
  );

  t.test('Python makes data frames', { skip: !hasPandas && 'no pandas' }, async (t) => {
    const told = await python(
      `f = hub.frame("kpi-values", ${hours})`,
      'print(json.dumps([len(f), str(f["start"].dtype), list(f.columns)]))',
    );
    t.match(told, [Number, /datetime64\[.*UTC\]/, Array]);
    t.ok(told[2].includes('label_fa'));
  });

  t.test('R makes data frames', { skip: !hasR && 'no Rscript with jsonlite and curl' }, async (t) => {
    const script = [
      'source("payesh.R"); hub <- payesh()',
      'table <- payesh_rows(hub, "kpi-values", kpi = "en.kwh", depth = 3, granularity = "hour", from = "1404-04-16", to = "1404-04-18", limit = 20)',
      'cat(nrow(table), class(table$start)[1], sum(is.na(table$label.fa)))',
    ].join('\n');
    const { stdout } = await run('Rscript', ['-e', script], { cwd: clients, env });
    t.match(stdout, /^\d{2,} POSIXct 0$/);
  });

  t.test('every panel of the Grafana dashboard gets what it draws', async (t) => {
    const board = JSON.parse(readFileSync(join(grafana, 'dashboards/payesh-site.json'), 'utf8')) as Json;
    const [from, to] = ['2025-07-07T02:30:00Z', '2025-07-09T02:30:00Z'].map(Date.parse) as [number, number];
    const variables: Record<string, string> = {};
    const ask = async (target: Json): Promise<Field[]> => {
      t.match(target, {
        type: 'json',
        source: 'url',
        parser: 'backend',
        format: 'table',
        datasource: { uid: 'payesh' },
      });
      const address = addressOf(hub.origin, target, { variables, from, to });
      const response = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
      const answer = (await response.json()) as Json;
      t.equal(response.status, 200, `${address}: ${answer.detail ?? ''}`);
      return fieldsOf(answer, target);
    };
    // Each variable may name those before it.
    for (const { name, query } of board.templating.list) {
      const choices = choicesOf(await ask(query.infinityQuery));
      t.ok(choices.length > 0 && choices.every(({ text }) => text !== ''), `${name} can be chosen`);
      variables[name] = choices[0]!.value;
    }
    t.match(variables, { site: demoSite, meter: demoMeter });

    t.ok(board.panels.length >= 10);
    for (const { title, type, targets, transformations = [], fieldConfig } of board.panels as Json[]) {
      // Nothing was restated here.
      const isEmpty = /Restatements/.test(title);
      for (const target of targets) {
        const fields = await ask(target);
        const named = (name: string) => fields.some((field) => field.name === name);
        for (const { matcher } of fieldConfig.overrides) t.ok(named(matcher.options), `${title}: ${matcher.options}`);
        t.equal(new Set(fields.map(({ name }) => name)).size, fields.length, `${title}: a name for each`);
        const frames = (transformations as Json[]).reduce<Field[][]>(
          (frames, { id, options }) => {
            t.equal(id, 'partitionByValues');
            return frames.flatMap((frame) =>
              options.fields.reduce((_: Field[][], by: string) => partitioned(frame, by), []),
            );
          },
          [fields],
        );
        t.equal(frames.length > 0 && frames[0]![0]!.values.length === 0, isEmpty, `${title} has rows`);
        if (isEmpty) continue;
        for (const { name, type, values } of fields) {
          // A cap has a limit and an event a request; there may be none of either.
          const mayLack = /limit|request/.test(name);
          if (type === 'number' && !mayLack) t.ok(values.some(Number.isFinite), `${title}: ${name} has numbers`);
        }
        if (type !== 'timeseries' && type !== 'state-timeline') continue;
        for (const frame of frames) {
          const [time, ...others] = frame.filter(({ name, type }) => type === 'timestamp' || named(name));
          t.equal(time!.type, 'timestamp', `${title} begins with its time`);
          const times = time!.values.map(Number);
          t.same(
            times,
            [...new Set(times)].sort((a, b) => a - b),
            `${title} is one series, ascending`,
          );
          const drawn = type === 'timeseries' ? 'number' : 'string';
          t.ok(
            others.some((field) => field.type === drawn && field.values.some((cell) => cell !== null)),
            title,
          );
        }
      }
    }
  });

  t.test('its data source is provisioned for the Infinity plugin, and its token goes to the hub alone', async (t) => {
    const read = (file: string) => parse(readFileSync(join(grafana, 'provisioning', file), 'utf8'));
    t.match(read('datasources/payesh.yaml').datasources, [
      {
        uid: 'payesh',
        type: 'yesoreyeram-infinity-datasource',
        url: '$PAYESH_URL',
        jsonData: { auth_method: 'bearerToken', allowedHosts: ['$PAYESH_URL'] },
        secureJsonData: { bearerToken: '$PAYESH_TOKEN' },
      },
    ]);
    t.match(read('dashboards/payesh.yaml').providers, [{ type: 'file', options: { path: '/etc/grafana/dashboards' } }]);
  });
});
