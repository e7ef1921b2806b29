/** Imports: rows of files one by one, times, values, since when a tag is known, files of Parquet, and whose turn it is. */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { openAccess } from '../../hub/access/access.ts';
import { hubSchema } from '../../hub/config.ts';
import { createEntries } from '../../hub/entries/entries.ts';
import { againstStore } from '../../hub/imports/against-store.ts';
import type { Import } from '../../hub/imports/import.ts';
import { openImports } from '../../hub/imports/imports.ts';
import { createKnownRuns, type HealthSample } from '../../hub/imports/known-runs.ts';
import { readCsv } from '../../hub/imports/read-csv.ts';
import { readValue } from '../../hub/imports/sample-row.ts';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { parseInstant } from '../../hub/plant/time-text.ts';
import { siteTags } from '../../hub/rollup/samples/site-tags.ts';
import { sourceHealth } from '../../hub/rollup/samples/source-health.ts';
import { writeParquet } from '../../hub/store/duckdb/parquet.ts';
import { readParquet } from '../../hub/store/duckdb/read-parquet.ts';
import { openRowSorter } from '../../hub/store/duckdb/sort-rows.ts';
import { openStore } from '../../hub/store/open.ts';
import { systemClock } from '../../protocols/clock.ts';
import { fc } from '../support/drawn.ts';
import { createMemorySite } from '../support/memory-site.ts';

const never = new AbortController().signal;
const epoch = 'ab'.repeat(16);
const at = (text: string): number => Date.parse(text) * 1000;

t.test('an instant in either calendar, with an offset or by the wall, in all three sets of digits', async (t) => {
  const at = Date.parse('2025-07-07T06:00:00+03:30') * 1000;
  for (const text of [
    '2025-07-07T06:00:00+03:30',
    '2025-07-07T02:30:00Z',
    '2025-07-07T02:30Z',
    '2025-07-07 06:00',
    '1404-04-16T06:00:00+0330',
    '1404-04-16T02:30:00Z',
    '۱۴۰۴/۰۴/۱۶ ۰۶:۰۰',
    '١٤٠٤/٠٤/١٦ ٠٦:٠٠:٠٠',
    ' 1404/4/16 06:00:00.000 ',
  ]) {
    t.equal(parseInstant(text, 'Asia/Tehran'), at, text);
  }
  t.equal(parseInstant('2025-07-07T02:30:00.123456Z', 'Asia/Tehran'), at + 123_456);
  t.equal(parseInstant('۱۴۰۴/۰۴/۱۶ ۰۶:۰۰:۰۰٫۵', 'Asia/Tehran'), at + 500_000);
  t.equal(parseInstant('1404-04-16', 'Asia/Tehran'), at - 6 * 3600e6);
  t.equal(parseInstant('2022-03-22 00:30', 'Asia/Tehran'), undefined, 'a clock change left it out');
  for (const text of [
    '',
    'now',
    '1404-13-01',
    '2025-02-30T00:00Z',
    '2025-07-07T25:00Z',
    '2025-07-07T06:00+99:00',
    '1.5',
  ]) {
    t.equal(parseInstant(text, 'Asia/Tehran'), undefined, text);
  }
});

t.test('a value is of its type, or none', async (t) => {
  t.equal(readValue('۱۲٫۵', 'float'), 12.5);
  t.equal(readValue('-1e3', 'float'), -1000);
  t.equal(readValue('9007199254740993', 'int'), 9007199254740993n);
  t.equal(readValue('7.0', 'int'), 7);
  t.equal(readValue('TRUE', 'bool'), true);
  t.equal(readValue('0', 'bool'), false);
  t.equal(readValue('متن', 'string'), 'متن');
  for (const [text, type] of [
    ['1,5', 'float'],
    ['1e999', 'float'],
    ['NaN', 'float'],
    ['0x10', 'int'],
    ['7.5', 'int'],
    ['99999999999999999999', 'int'],
    ['2', 'bool'],
  ] as const) {
    t.equal(readValue(text, type), undefined, `${text} is no ${type}`);
  }
});

t.test(
  'a tag is known between rows that are new and no further apart than a value holds, and nowhere else',
  async () => {
    const rows = fc.array(
      fc.record({ gap: fc.integer({ min: 1, max: 20 }), kind: fc.constantFrom('new', 'new', 'known', 'cut') }),
      {
        minLength: 1,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(rows, (steps) => {
        const hold = 10;
        const health: HealthSample[] = [];
        const runs = createKnownRuns(hold, (sample) => health.push(sample));
        const expected = new Set<number>();
        let [time, last] = [0, undefined as { time: number; kind: string } | undefined];
        for (const { gap, kind } of steps) {
          time += gap;
          if (kind === 'cut') {
            runs.cut(1);
            last = undefined;
            continue;
          }
          runs.row(1, time, kind === 'new');
          if (last && time - last.time <= hold && (kind === 'new' || last.kind === 'new')) {
            for (let at = last.time; at < time; at++) expected.add(at);
          }
          last = { time, kind };
        }
        runs.end();
        const track = (kind: HealthSample['kind']) => {
          const own = health.filter((sample) => sample.kind === kind);
          return {
            times: own.map((one) => one.time),
            values: own.map(({ value }) => value),
            qualities: own.map(() => 0),
          };
        };
        const { known } = sourceHealth(track('session'), track('through'));
        const found = new Set<number>();
        for (const { start, end } of known) for (let at = start; at < end; at++) found.add(at);
        return found.size === expected.size && [...found].every((at) => expected.has(at));
      }),
    );
  },
);

t.test('a row in time that was measured is none the less so where it is looked at alone', async (t) => {
  const memory = createMemorySite('a/site');
  memory.tag('kwh');
  const [minute, from] = [60e6, at('2025-07-07T00:00:00Z')];
  memory.session('plc', from, from + 10 * minute, { down: true });
  for (let i = 0; i <= 10; i++) memory.sample('kwh', from + i * minute, i);
  const tag = siteTags('a/site', memory.tags()).get('a/site/kwh');
  const row = (time: number, value: number) => ({ line: 1, tag: 0, time, value, quality: 0 });
  const rows = [
    ...[row(from - minute, 0), row(from + minute / 2, 0), row(from + minute, 1), row(from + 2 * minute, 7)],
    ...[row(from + 2.5 * minute, 7), row(from + 11 * minute, 0)],
  ];
  const told = (rows: Parameters<typeof againstStore>[0]) => againstStore(rows, () => tag, memory.store, never);
  const together = await told(rows);
  t.same(await Promise.all(rows.map(async (one) => (await told([one]))[0])), together);
  t.same(
    together.map((verdict) => (verdict === 'new' ? 'new' : [verdict.kind, verdict.stored.value])),
    ['new', ['measured', 0], ['known', 1], ['contradicts', 2], ['measured', 2], 'new'],
  );
});

t.test('an import that fails is tried again later, and holds up no other', async (t) => {
  const dir = t.testdir();
  using access = openAccess(join(dir, 'access.db'));
  using ledger = openSqliteLedger(join(dir, 'ledger.db'));
  const clock = { ...systemClock, now: () => at('2025-07-08T00:00:00Z') };
  const quiet = { info() {}, warn() {}, error() {} };
  const place = {
    config: hubSchema.parse({ dataDir: dir }).store,
    dir: join(dir, 'samples'),
    ledgerId: ledger.id,
    secret: undefined,
  };
  await using store = await openStore({ ...place, clock, log: quiet });
  const hello = { epoch, bootId: 'b', minRetained: 1, next: 1, acked: 0, manifestRevision: 1, version: '0' };
  const { number } = ledger.greet('gateway', hello, clock.now());
  const tag = {
    id: 1,
    path: 'energy/main/kwh',
    type: 'float',
    unit: 'kWh',
    role: 'kwh_import',
    source: 'm',
    intervalMs: 60_000,
  } as const;
  ledger.keepManifest(number, { epoch, revision: 1, site: 'a/site', tags: [tag] }, clock.now());
  const entries = createEntries({ log: access.entries, plants: () => [], hasCounters: () => false, clock });
  const imports = openImports({
    ...{
      dir: join(dir, 'imports'),
      log: access.imports,
      ledger,
      tags: ledger.tags,
      store,
      entries,
      clock,
      logger: quiet,
    },
    ...{ zoneOf: () => 'Asia/Tehran', deleted: () => undefined, maxAgeMs: 1e12 },
  });
  const end = new AbortController();
  const running = imports.run(end.signal);
  const send = async (name: string, ...rows: string[]) => {
    const bytes = Buffer.from(['tag,time,value', ...rows].join('\n'));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const request = { kind: 'samples', format: 'csv', site: 'a/site', name, bytes: bytes.length, sha256 } as const;
    const { id } = imports.begin({ ...request, holdUs: 3.6e9, rowsGuessed: 0 }, false, 'an engineer');
    await imports.receive(id, 0, bytes);
    return id;
  };
  const until = async (id: string, holds: (one: Import) => boolean) => {
    while (!holds(imports.get(id)!)) await delay(10);
  };
  const isDone = ({ state }: Import) => state === 'done';
  const first = await send('first.csv', 'energy/main/kwh,2025-07-07 06:00,1');
  await until(first, isDone);
  // A disk gave up half of it.
  const frames = join(dir, 'imports', first, 'frames');
  renameSync(frames, `${frames}.away`);
  access.imports.keep({ ...imports.get(first)!, state: 'writing', endedAt: null });
  const second = await send(
    'second.csv',
    'energy/main/kwh,2025-07-07 07:00,2',
    'energy/main/kwh,2025-07-07 07:00,۳',
    'x,2025-07-07,1',
  );
  await until(second, isDone);
  t.match(imports.get(first), { state: 'writing' });
  // Of two, either may come first.
  while (!/tried again in \d+ s/.test(imports.progress(first).step.en)) await delay(10);
  t.match(imports.progress(first).step.fa, /دوباره/);
  t.match(await imports.refused(second, 0, 10), [
    { line: 4, kind: 'unknown tag', reason: { en: /no tag of the site/, fa: /تگ این کارخانه نیست/ } },
    { line: 3, kind: 'twice', reason: { en: /line 2/, fa: /سطر ۲/ } },
  ]);
  renameSync(`${frames}.away`, frames);
  await until(first, isDone);
  end.abort();
  await running;
});

t.test('rows come out by time, tag and line, whatever their order; nothing is left on the disk', async (t) => {
  const file = join(t.testdir(), 'sorting');
  {
    await using sorter = await openRowSorter(file);
    const rows = Array.from({ length: 5000 }, (_, i) => {
      const at = { line: i + 1, tag: (i * 7) % 3, time: (i * 7919) % 1009 };
      return { ...at, text: i % 5 === 0 ? null : `${i}`, quality: i % 5 === 0 ? 0x80000000 : 0 };
    });
    await sorter.add(rows);
    const found = [];
    for await (const page of sorter.sorted(never)) found.push(...page);
    t.same(
      found,
      [...rows].sort((a, b) => a.time - b.time || a.tag - b.tag || a.line - b.line),
    );
  }
  t.throws(() => readFileSync(file), { code: 'ENOENT' });
});

t.test('Parquet is read as text that says the same; what is no table says so', async (t) => {
  const dir = t.testdir();
  const file = join(dir, 'a.parquet');
  const columns = [
    { name: 'Tag', type: 'text' },
    { name: 'time', type: 'time' },
    { name: 'value', type: 'number' },
    { name: 'quality', type: 'integer' },
  ] as const;
  const at = Date.parse('2025-07-07T02:30:00Z') * 1000;
  await writeParquet(
    file,
    columns,
    (async function* () {
      yield [
        ['x/y', at + 123_456, 0.1, 0],
        ['x/z', at, null, 2147483648],
      ];
    })(),
    never,
  );
  const rows = [];
  for await (const page of readParquet(file, ['tag', 'time', 'value', 'quality'], never)) rows.push(...page);
  t.match(rows, [
    { tag: 'x/y', value: '0.1' },
    { tag: 'x/z', quality: '2147483648' },
  ]);
  t.equal(parseInstant(rows[0]!.time!, 'Asia/Tehran'), at + 123_456);
  t.notOk('value' in rows[1]!);

  const read = async (text: string) => {
    const csv = join(dir, 'a.csv');
    writeFileSync(csv, text);
    const found = [];
    for await (const row of readCsv(csv, ['tag', 'time'], never)) found.push(row);
    return found;
  };
  t.same(await read('\ufeffTag\tTime\tvalue\na\tb\t\n\n"c"\td\te\n'), [
    { line: 2, cells: { tag: 'a', time: 'b' } },
    { line: 4, cells: { tag: 'c', time: 'd', value: 'e' } },
  ]);
  await t.rejects(read('name,time\na,b\n'), { message: /no column tag/ });
  await t.rejects(read('tag,time\n"a,b\n'), { message: /mend its quotes/ });
});
