/**
 * A pilot that is held against a time of which there was no gateway: its baseline is a file of a historian's register and
 * a file of what was counted and billed. Each figure is computed here from the days as well, and taken apart down to the
 * files.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { dayToJalali, formatJalali, jalaliToDay } from '../../hub/plant/jalali.ts';
import { eventually, kwh, preparePastHub } from '../support/past-hub.ts';
import { site } from '../support/vector-plant.ts';

t.setTimeout(180_000);

// biome-ignore lint/suspicious/noExplicitAny: whatever the hub answers.
type Json = any;

const hour = 3_600_000_000;
const day = 24 * hour;
const zoneOffset = 3.5 * hour;
const name = (en: string) => ({ en, fa: en });
const iso = (time: number): string => new Date(time / 1000).toISOString();

/** By days since 1970: the pilot is the last days of the last Jalali month that is over, four weeks are its baseline. */
const today = dayToJalali(Math.floor((Date.now() * 1000 + zoneOffset) / day));
const pilotEnd = jalaliToDay({ ...today, day: 1 });
const pilotStart = pilotEnd - 8;
const baselineStart = pilotStart - 28;

const dateOf = (number: number): string => formatJalali(dayToJalali(number));
/** Days begin at midnight in Iran. */
const startOf = (number: number): number => number * day - zoneOffset;
const daysOf = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const before = daysOf(baselineStart, pilotStart);
const after = daysOf(pilotStart, pilotEnd);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What a day drew and made: less energy with the pilot, and more pieces. */
const energyOf = (number: number): number => (number < pilotStart ? 240 + 24 * (number % 5) : 204 + 12 * (number % 4));
const piecesOf = (number: number): number => (number < pilotStart ? 400 + 10 * (number % 3) : 480 + 10 * (number % 3));
const scrapOf = (number: number): number => (number < pilotStart ? 20 : 12);
/** The register runs evenly over each day. */
function register(time: number): number {
  const number = Math.floor((time + zoneOffset) / day);
  const whole = sum(daysOf(baselineStart, number).map(energyOf));
  return whole + (energyOf(number) * (time - startOf(number))) / day;
}

const [meter, unit] = [`${site}/energy/main`, `${site}/area/line/m1`];
const line = { code: 'line', name: name('line'), units: [{ code: 'm1', name: name('m1'), stateMap: 'machine' }] };
const plant = {
  areas: [{ code: 'area', name: name('area'), lines: [line] }],
  ...{ products: [], orders: [] },
  businessDayStart: '00:00',
  shifts: [{ code: 'all', name: name('all'), start: '00:00', end: '00:00' }],
  tariffs: [
    {
      ...{ code: 'tou', name: name('tou'), source: 'the test' },
      bands: [
        { band: 'peak', start: '18:00', end: '22:00' },
        { band: 'mid', start: '22:00', end: '18:00' },
      ],
    },
  ],
  pilot: {
    ...{ from: dateOf(pilotStart), to: dateOf(pilotEnd) },
    baseline: { from: dateOf(baselineStart), to: dateOf(pilotStart) },
  },
};

t.test('a pilot is held against a baseline that was imported', async (t) => {
  const half = hour / 2;
  const measured = { from: startOf(pilotStart), to: startOf(pilotEnd), everyUs: half, read: register };
  const hub = await preparePastHub(t, t.testdir(), { measured, plant });
  const child = await hub.start();
  const write = (file: string, lines: readonly string[]) => {
    writeFileSync(join(hub.dir, file), `${lines.join('\n')}\n`);
    return createHash('sha256')
      .update(readFileSync(join(hub.dir, file)))
      .digest('hex');
  };
  const counts = (days: readonly number[]) =>
    days.map(
      (number) =>
        `count,area/line/m1,${iso(startOf(number))},${iso(startOf(number + 1))},${piecesOf(number)},${scrapOf(number)},,,`,
    );
  const header = 'kind,asset,from,to,good,scrap,quantity,amount_irr,number';
  const bill = `bill,energy/main,${iso(startOf(baselineStart))},${iso(startOf(pilotStart))},,,${sum(before.map(energyOf))},9000000,b-7`;
  const rows = ['tag,time,value'];
  for (let time = startOf(baselineStart); time <= startOf(pilotStart); time += half) {
    rows.push(`${kwh},${iso(time)},${register(time)}`);
  }
  const files = {
    'historian.csv': write('historian.csv', rows),
    'before.csv': write('before.csv', [header, ...counts(before), bill]),
    'after.csv': write('after.csv', [header, ...counts(after)]),
  };
  const ids = new Map<string, string>();
  for (const file of Object.keys(files)) {
    const kind = file === 'historian.csv' ? [] : ['--entries'];
    const done = await hub.run('import', join(hub.dir, file), ...kind, '--json');
    const one = JSON.parse(done.out);
    // The last row of the register is the gateway's first sample.
    t.match(one, { state: 'done', outcome: { refused: {} } }, `${file} ${done.err}`);
    ids.set(one.id, file);
  }

  const month = `granularity=month&from=${dateOf(pilotStart)}&to=${dateOf(pilotEnd)}`;
  const read = async (kpi: string, asset: string): Promise<Json> =>
    (await hub.get(`/kpi-values?kpi=${kpi}&asset=${asset}&${month}`)).data[0];
  await eventually(
    () => Promise.all([read('pl.delta_kwh', meter), read('pl.delta_volume', unit)]),
    (found) => found.every((one) => one?.value != null && one.coverage === 1 && !one.provisional),
    'every day of both months is known',
  );

  const perDay = after.length / before.length;
  const [energy, pieces] = [energyOf, piecesOf].map((of) => ({
    before: sum(before.map(of)) * perDay,
    after: sum(after.map(of)),
  })) as [Periods, Periods];
  const scrapBefore = sum(before.map(scrapOf)) / sum(before.map((number) => scrapOf(number) + piecesOf(number)));
  const scrapAfter = sum(after.map(scrapOf)) / sum(after.map((number) => scrapOf(number) + piecesOf(number)));
  interface Periods {
    readonly before: number;
    readonly after: number;
  }
  const expected: [kpi: string, asset: string, value: number][] = [
    ['pl.delta_kwh', meter, energy.after - energy.before],
    ['pl.delta_pct_kwh', meter, energy.after / energy.before - 1],
    ['pl.delta_volume', unit, pieces.after - pieces.before],
    ['pl.delta_scrap', unit, scrapAfter - scrapBefore],
    ['pl.delta_pct_sec', meter, energy.after / pieces.after / (energy.before / pieces.before) - 1],
    ['pl.delta_share_peak', meter, 0],
  ];
  for (const [kpi, asset, value] of expected) {
    const found = await read(kpi, asset);
    t.ok(Math.abs(found?.value - value) < 1e-9 * Math.max(1, Math.abs(value)), `${kpi} ${found?.value} is ${value}`);
    t.match(found, {
      ...{ status: 'ok', coverage: 1, flags: [] },
      parameters: { days_before: before.length, days_after: after.length, method: 'bootstrap over days, 90 %' },
    });
    const [low, high] = found.bounds;
    t.ok(low <= value + 1e-9 && value <= high + 1e-9, `within its interval, ${low} to ${high}`);
  }
  const change = await read('pl.delta_pct_kwh', meter);
  t.ok(change.bounds[1] < 0, 'days differ by half, and the saving is not by chance');

  const told = async (kpi: string, asset: string): Promise<Json> =>
    hub.get(`/kpi-values/${encodeURIComponent((await read(kpi, asset)).id)}/lineage`);
  const lineage = await told('pl.delta_pct_sec', meter);
  t.same(
    lineage.imports.map(({ id, name, sha256, who, tags, entries }: Json) => [
      ids.get(id),
      name,
      sha256,
      who,
      tags,
      entries,
    ]),
    [
      ['historian.csv', 'historian.csv', files['historian.csv'], 'first-admin', [`${site}/${kwh}`], 0],
      ['before.csv', 'before.csv', files['before.csv'], 'first-admin', [], before.length],
      ['after.csv', 'after.csv', files['after.csv'], 'first-admin', [], after.length],
    ],
    'down to the files, with who brought them',
  );
  t.same(
    [lineage.imports[0].from, lineage.imports[0].to],
    [iso(startOf(baselineStart)), iso(startOf(pilotStart) - half)],
  );
  t.equal(lineage.entries.length, before.length + after.length, 'each count, and not the bill');
  t.ok(lineage.entries.every(({ content, author }: Json) => content.kind === 'count' && author === 'first-admin'));
  t.same(
    (await told('pl.delta_kwh', meter)).imports.map(({ name }: Json) => name),
    ['historian.csv'],
    'and no others',
  );
  const ofDay = await hub.get(
    `/kpi-values?kpi=en.kwh&asset=${meter}&granularity=day&from=${dateOf(pilotStart + 1)}&to=${dateOf(pilotStart + 2)}`,
  );
  const measuredOnly = await hub.get(`/kpi-values/${encodeURIComponent(ofDay.data[0].id)}/lineage`);
  t.same(
    [measuredOnly.value.value, measuredOnly.imports],
    [ofDay.data[0].value, []],
    'a day of the gateway rests on none',
  );

  const explained = await hub.run(
    'explain',
    'pl.delta_pct_sec',
    meter,
    '--granularity',
    'month',
    '--at',
    dateOf(pilotStart),
  );
  t.match(
    explained.out,
    new RegExp(
      `^ {2}historian\\.csv, by first-admin at \\S+: ${site}/${kwh}\n {4}SHA-256 ${files['historian.csv']}$`,
      'm',
    ),
    explained.err,
  );
  t.match(explained.out, new RegExp(`^ {2}before\\.csv, by first-admin at \\S+: ${before.length} entries$`, 'm'));

  // Somebody finds that the historian was of another meter.
  const [historian] = ids.keys();
  const asOf = new Date(Date.parse((await hub.get('/kpi-values?granularity=day')).meta.generated_at)).toISOString();
  t.match(await hub.run('import', 'undo', historian!, '--why', 'another meter'), { code: 0 });
  await eventually(
    () => read('pl.delta_kwh', meter),
    (found) => found.value === null && found.flags.includes('NO_BEFORE') === false && found.coverage < 0.5,
    'without it there is nothing to compare with',
  );
  t.same((await told('pl.delta_kwh', meter)).imports, []);
  const then = (await hub.get(`/kpi-values?kpi=pl.delta_kwh&asset=${meter}&${month}&as_of=${asOf}`)).data[0];
  t.ok(Math.abs(then.value - (energy.after - energy.before)) < 1e-6, 'as of then it is what it was');
  const thenBehind = await hub.get(`/kpi-values/${encodeURIComponent(then.id)}/lineage`);
  t.same(
    thenBehind.imports.map(({ name }: Json) => name),
    ['historian.csv'],
    'and rests on what it did',
  );
  await child.stop(5000);
});
