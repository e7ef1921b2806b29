/** Rows of files of the past, one by one: times, values, since when a tag is known, and files of Parquet. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { createKnownRuns, type HealthSample } from '../../hub/imports/known-runs.ts';
import { readCsv } from '../../hub/imports/read-csv.ts';
import { readValue } from '../../hub/imports/sample-row.ts';
import { parseInstant } from '../../hub/plant/time-text.ts';
import { sourceHealth } from '../../hub/rollup/samples/source-health.ts';
import { writeParquet } from '../../hub/store/duckdb/parquet.ts';
import { readParquet } from '../../hub/store/duckdb/read-parquet.ts';
import { openRowSorter } from '../../hub/store/duckdb/sort-rows.ts';

const never = new AbortController().signal;

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
