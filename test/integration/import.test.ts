/**
 * The past, from files, into a real hub over its API and its commands: beside what a gateway has measured, over a kill -9,
 * and taken back as a whole. Over both stores.
 */
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { requireOrSkip } from '../support/counterparts.ts';
import { startInfluxd } from '../support/influxd.ts';
import { eventually, kwh, type PastHub, preparePastHub } from '../support/past-hub.ts';
import { site } from '../support/vector-plant.ts';

t.setTimeout(240_000);

// biome-ignore lint/suspicious/noExplicitAny: whatever the hub answers.
type Json = any;

const minute = 60_000_000;
const hour = 60 * minute;
/** The day before yesterday, 14:00 in Iran: what the gateway measured is an hour from here. */
const measuredFrom = (Math.floor(Date.now() / 86_400_000) - 2) * 86_400_000_000 + 10.5 * hour;
const bulkRows = 120_000;

/** The register grows by 1 kWh a minute, whoever tells of it. */
const register = (time: number): number => 1000 + (time - measuredFrom) / minute;

const persian = (text: string): string => text.replace(/\d/g, (digit) => String.fromCodePoint(0x6f0 + Number(digit)));
const iso = (time: number): string => new Date(time / 1000).toISOString();
/** Wall time of Tehran in the Jalali calendar, in Persian digits. */
const jalali = (time: number): string => {
  const parts = new Intl.DateTimeFormat('en-u-ca-persian', {
    ...{ timeZone: 'Asia/Tehran', year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  }).formatToParts(time / 1000);
  const of = (type: string) => parts.find((part) => part.type === type)!.value;
  return persian(`${of('year')}/${of('month')}/${of('day')} ${of('hour')}:${of('minute')}:${of('second')}`);
};

async function figures(hub: PastHub): Promise<[value: number | null, status: string][]> {
  const [from, to] = [measuredFrom - 2 * hour, measuredFrom + 3 * hour].map(iso);
  const query = `kpi=en.kwh&asset=${site}/energy/main&granularity=hour&from=${from}&to=${to}`;
  const { data } = await hub.get(`/kpi-values?${query}`);
  return data.map(({ value, status }: Json) => [value === null ? null : Math.round(value * 1000) / 1000, status]);
}

/** An hour after what was measured, of which the gateway's samples came after the import's. */
const lateFrom = measuredFrom + hour;
/** As much in all as the import says, at another pace. */
const lateRegister = (time: number): number => register(lateFrom) + 60 * ((time - lateFrom) / hour) ** 2;

async function quarters(hub: PastHub): Promise<(number | null)[]> {
  const query = `kpi=en.kwh&asset=${site}/energy/main&granularity=15min&from=${iso(lateFrom)}&to=${iso(lateFrom + hour)}`;
  const { data } = await hub.get(`/kpi-values?${query}`);
  return data.map(({ value }: Json) => value && Math.round(value * 1000) / 1000);
}

/** All that is final of the days around what was measured, by hours, shifts and days, without how it came about. */
async function everyFigure(hub: PastHub): Promise<string[]> {
  const [from, to] = [measuredFrom - 24 * hour, measuredFrom + 12 * hour].map(iso);
  const found = await Promise.all(
    ['hour', 'shift', 'day'].map(async (granularity): Promise<Json[]> => {
      const { data } = await hub.get(`/kpi-values?granularity=${granularity}&from=${from}&to=${to}&limit=10000`);
      return data;
    }),
  );
  return found
    .flat()
    .map(({ kpi, asset, granularity, start, value, status, coverage, flags, elements, bounds }) =>
      JSON.stringify([kpi, asset, granularity, start, value, status, coverage, flags, elements, bounds], (_, one) =>
        typeof one === 'number' ? Number(one.toPrecision(12)) : one,
      ),
    );
}

// Side by side: each waits for its own hub most of the time.
t.jobs = 2;
for (const kind of ['duckdb', 'influx'] as const) {
  t.test(`the past is imported beside what was measured (${kind})`, { buffered: true }, async (t) => {
    if (kind === 'influx' && !requireOrSkip(t, 'influxd')) return;
    const dir = t.testdir();
    await using influx = kind === 'influx' ? await startInfluxd({ dir: join(dir, 'db') }) : undefined;
    await importing(t, dir, kind, influx?.url ?? 'http://127.0.0.1:1');
  });
}

async function importing(t: Test, dir: string, kind: 'duckdb' | 'influx', influxUrl: string): Promise<void> {
  const measured = { from: measuredFrom, to: measuredFrom + hour, read: register };
  const hub = await preparePastHub(t, dir, { store: kind, influxUrl, measured });
  let child = await hub.start();

  // Two hours before and two hours after what was measured, and that hour itself, in Persian digits and Jalali time.
  const contradicted = measuredFrom + 30 * minute;
  const lines = ['tag,time,value,quality'];
  for (let time = measuredFrom - 2 * hour; time <= measuredFrom + 3 * hour; time += minute) {
    if (time === contradicted) continue;
    lines.push(`${kwh},${jalali(time)},${persian(String(register(time))).replace('.', '٫')},`);
  }
  const rows = lines.length - 1;
  const refusedRows = [
    `${kwh},${iso(contradicted)},7,good`,
    `${kwh},${iso(measuredFrom - hour)},7,good`,
    `${kwh},${iso(measuredFrom + 30.5 * minute)},1030.5,good`,
    `nowhere/at/all,${iso(measuredFrom)},1,good`,
    `${kwh},${iso(measuredFrom - hour - 1)},many,good`,
    `${kwh},2222-01-01T00:00:00Z,1,good`,
    `${kwh},1404-13-01 00:00,1,good`,
    `${kwh},${iso(measuredFrom - hour - 2)},,`,
  ];
  const file = join(hub.dir, 'past.csv');
  writeFileSync(file, `\ufeff${[...lines, ...refusedRows].join('\r\n')}\r\n`);

  const dry = await hub.run('import', file, '--dry-run', '--json');
  t.match(JSON.parse(dry.out), { state: 'checked', dry_run: true, outcome: { taken: rows - 60, known: 60 } }, dry.err);
  t.same(
    (await hub.get('/streams')).data.map(({ agent }: Json) => agent),
    ['gateway'],
    'a dry run changes nothing',
  );

  const first = await hub.run('import', file, '--json');
  const one = JSON.parse(first.out);
  t.equal(first.code, 1, 'some rows are refused');
  t.match(one, { state: 'done', outcome: { rows: rows + 8, taken: rows - 60, known: 60 }, who: 'first-admin' });
  t.same(
    one.refused.map(({ line, kind }: Json) => [line, kind]).sort(([a]: Json, [b]: Json) => a - b),
    ['contradicts', 'twice', 'measured', 'unknown tag', 'type', 'future', 'time', 'no value'].map((kind, i) => [
      rows + 2 + i,
      kind,
    ]),
    'each with its line, and a sample never replaced',
  );
  await eventually(
    () => figures(hub),
    (found) => found.filter(([value, status]) => value === 60 && status === 'ok').length === 5,
    'five hours of 60 kWh',
  );

  const { data: refusals } = await hub.get(`/imports/${one.id}/refused`);
  t.equal(refusals.length, 8);
  t.ok(
    refusals.every(({ messages }: Json) => /[آ-ی]/.test(messages.fa) && !/[آ-ی]/.test(messages.en)),
    'in both languages',
  );

  const again = await hub.run('import', file, '--lang', 'fa');
  t.match(again.out, /past\.csv.* را پیش‌تر .*first-admin.* وارد کرده است/, 'in the language that was asked for');
  t.match(again.out, /سطر [۰-۹]+: «nowhere\/at\/all» تگ این کارخانه نیست/);
  t.notMatch(again.out, / rows|refused|line /);
  const strange = await hub.run('import', 'undo', '0'.repeat(32), '--why', 'x', '--lang', 'fa');
  t.match(strange.err, /هاب نمی‌پذیرد: ورود 0+ اینجا شناخته نیست/);
  const listed = JSON.parse((await hub.run('import', 'list', '--json')).out);
  t.same(
    listed.map(({ id, state }: Json) => [id === one.id, state]),
    [
      [true, 'done'],
      [false, 'checked'],
    ],
  );
  const shuffled = join(hub.dir, 'other.csv');
  const body = lines
    .slice(1)
    .reverse()
    .map((line) => line.replaceAll(/[۰-۹]/g, (d) => String(d.charCodeAt(0) & 0xf)).replace('٫', '.'));
  writeFileSync(shuffled, ['tag;time;value;quality', ...body.map((line) => line.replaceAll(',', ';'))].join('\n'));
  const other = JSON.parse((await hub.run('import', shuffled, '--json')).out);
  t.match(other, { state: 'done', stream: null, outcome: { taken: 0, known: rows } }, 'the same rows change nothing');

  await t.test('kill -9 in the middle: nothing double, nothing missing', async (t) => {
    const bulk = join(hub.dir, 'bulk.csv');
    const from = measuredFrom - 40 * 24 * hour;
    const text = ['tag,time,value'];
    for (let i = 0; i < bulkRows; i++)
      text.push(`${site}/energy/main/voltage,${iso(from + i * 1_000_000)},${220 + (i % 7)}`);
    writeFileSync(bulk, text.join('\n'));
    const sent = hub.run('import', bulk, '--json');
    const begun = await eventually(
      async () => (await hub.get('/imports')).data.find(({ name }: Json) => name === 'bulk.csv'),
      (found) => found?.state === 'writing',
      'the import is being written',
    );
    child.process.kill('SIGKILL');
    await once(child.process, 'exit');
    t.not((await sent).code, 0, 'the command says that the hub is gone');
    await hub.measureLate({ from: lateFrom + minute, to: lateFrom + hour - minute, read: lateRegister });
    child = await hub.start();
    const more = JSON.parse((await hub.run('import', bulk, '--json')).out);
    t.match(more, { id: begun.id, state: 'done', outcome: { taken: bulkRows, known: 0 } });
    const { data } = await hub.get('/streams');
    const stream = data.find(({ agent }: Json) => agent === `import:${begun.id}`);
    t.match(stream, { through: more.outcome.numbers, stored: more.outcome.numbers, dead_letters: 0 });
    t.equal(more.outcome.numbers, bulkRows + 3, 'the samples, and since when and until when they are known');
  });

  const rounded = [3.75, 11.25, 18.75, 26.25];
  await eventually(
    () => quarters(hub),
    (found) => JSON.stringify(found) === JSON.stringify(rounded),
    'where a gateway tells after all, the import tells no more',
  );
  const { data: overtaken, next_after } = await hub.get(`/imports/${one.id}/overtaken`);
  t.equal(next_after, null);
  t.equal(overtaken.length, 59, 'each of them is listed');
  t.match(overtaken[1], {
    ...{ tag: `${site}/${kwh}`, time: iso(lateFrom + 2 * minute), value: register(lateFrom + 2 * minute) },
    measured: { time: iso(lateFrom + 2 * minute), value: lateRegister(lateFrom + 2 * minute), quality: 0 },
    ...{ kind: 'contradicts', messages: { en: /what was measured stays/, fa: /تناقض/ } },
  });

  const shown = await hub.run('import', 'overtaken', one.id, '--lang', 'fa');
  t.match(shown.out, new RegExp(`${kwh} +${iso(lateFrom + 2 * minute)} +1062 +1060\\.06\\S* +- +مقدار دیگر`));
  t.match(shown.out, /^۵۹ نمونه دیگر به حساب نمی‌آید/m);

  const proof = await hub.run('verify', '--deep');
  t.match(proof.out, /^PROVED/m, 'every imported sample is proved');

  const entries = join(hub.dir, 'entries.csv');
  const bill = `bill,energy/main,${iso(measuredFrom - 30 * 24 * hour)},${iso(measuredFrom)},,,۱۲۳۴٫۵,5000000,b-1`;
  const entryLines = [
    'kind,asset,from,to,at,good,quantity,amount_irr,number,inspected,people,worked_h',
    bill,
    `reading,energy/main,,,${jalali(measuredFrom)},,,,`,
    `count,area/line/m1,${iso(measuredFrom - hour)},${iso(measuredFrom)},,${persian('480')},,,`,
    `count,area/line/m9,${iso(measuredFrom - hour)},${iso(measuredFrom)},,1,,,`,
    `inspection,area/line/m1,${iso(measuredFrom)},${iso(measuredFrom + hour)},,${persian('57')},,,,60,,`,
    `attendance,area/line,${iso(measuredFrom)},${iso(measuredFrom + hour)},,,,,,,${persian('4')},3٫5`,
  ];
  writeFileSync(entries, entryLines.join('\n'));
  const written = JSON.parse((await hub.run('import', entries, '--entries', '--json')).out);
  t.match(written, { state: 'done', outcome: { rows: 6, taken: 4, known: 0 } });
  t.same(
    written.refused.map(({ line }: Json) => line),
    [3, 5],
    'a reading without a value, and a unit that there is not',
  );
  const entered = async () =>
    (await hub.get('/entries')).data.map(({ author, content }: Json) => [author, content.kind]);
  t.same((await entered()).sort(), [
    ['first-admin', 'attendance'],
    ['first-admin', 'bill'],
    ['first-admin', 'count'],
    ['first-admin', 'inspection'],
  ]);
  await t.test('figures that are lost are made again from samples, imports and entries, each as it was', async (t) => {
    const span = ['--from', iso(measuredFrom - 24 * hour), '--to', iso(measuredFrom + 12 * hour)];
    const recompute = async () => t.match(await hub.run('recompute', ...span, '--why', 'to be sure'), { code: 0 });
    await recompute();
    const before = await everyFigure(hub);
    t.ok(before.length > 100 && before.some((figure) => figure.includes('prod.volume')), `${before.length} figures`);
    await child.stop(5000);
    for (const file of readdirSync(join(hub.dir, 'hub'))) {
      if (file.startsWith('rollup.db')) rmSync(join(hub.dir, 'hub', file));
    }
    child = await hub.start();
    await recompute();
    t.same(await everyFigure(hub), before);
    t.same((await hub.get('/revisions')).data, [], 'each in one go');
  });
  writeFileSync(entries, ['kind,asset,from,to,quantity,amount_irr,number', bill.replace(',,,', ',')].join('\n'));
  const repeated = JSON.parse((await hub.run('import', entries, '--entries', '--json')).out);
  t.match(repeated, { outcome: { taken: 0, known: 1 } }, 'what is entered already changes nothing');
  await hub.run('import', 'undo', written.id, '--why', 'another plant');
  t.same(await entered(), [], 'undone as a whole');

  const undone = await hub.run('import', 'undo', one.id, '--why', 'the wrong meter');
  t.match(undone.out, /is undone/);
  await eventually(
    () => figures(hub),
    (found) => found.filter(([value]) => value === 60).length === 1,
    'only what was measured is left',
  );
  t.match((await hub.run('verify', '--deep')).out, /^PROVED/m, 'what was undone is proved as well');
  const { data: events } = await hub.get('/audit-events');
  const told = events
    .filter(({ what }: Json) => what.startsWith('import.'))
    .map(({ what, who }: Json) => `${what} ${who}`);
  t.same(new Set(told), new Set(['begin', 'check', 'end', 'undo'].map((what) => `import.${what} first-admin`)));
  t.match(events.findLast(({ what }: Json) => what === 'import.undo').details, {
    why: 'the wrong meter',
    sha256: one.sha256,
  });
  await child.stop(5000);
}
