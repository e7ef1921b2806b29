/** Commissioning at the agent: what counts as the same, what would make it the same, and sheets that last. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadAgentFile } from '../../config/agent-file.ts';
import { withTagChanges } from '../../config/edit-tag.ts';
import { parseSpreadsheet } from '../../config/spreadsheet.ts';
import { tagsOf } from '../../edge-agent/acquire/sources.ts';
import { openCommissioningBook } from '../../edge-agent/commissioning/book.ts';
import { type Comparable, compare } from '../../edge-agent/commissioning/compare.ts';
import { readDisplay } from '../../edge-agent/commissioning/display.ts';
import { commissioningKey } from '../../edge-agent/commissioning/key.ts';
import { readingsOf } from '../../edge-agent/commissioning/readings.ts';
import { suggest, suggestionText } from '../../edge-agent/commissioning/suggest.ts';
import { changedSince, type TagChoice, walkTags } from '../../edge-agent/commissioning/tags.ts';
import { convert } from '../../edge-agent/commissioning/units.ts';
import { beginWalk, resumeWalk, sheetsOf } from '../../edge-agent/commissioning/walk.ts';
import { agentSchema } from '../../edge-agent/config/schema.ts';
import type { TagReport } from '../../edge-agent/status/report.ts';
import { faultOfSheet, maxSheetRows, publicKeyOf } from '../../protocols/commissioning.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { kwhRow, newKey, sheetTime, signedSheet, temperatureRow } from '../support/commissioning.ts';
import { fc } from '../support/drawn.ts';

t.test('a display is read as it is written in Iran and in Europe', async (t) => {
  const readings: Record<string, number[]> = {
    '231.4': [231.4],
    '۲۳۱٫۴': [231.4],
    '٢٣١٫٤': [231.4],
    '۲۳۱/۴': [231.4],
    '231,4': [231.4],
    '1,234': [1234, 1.234],
    '1,234,567': [1_234_567],
    '1.234.567,8': [1_234_567.8],
    '۱٬۲۳۴٬۵۶۷': [1_234_567],
    '12 345.6': [12_345.6],
    '0012345': [12_345],
    '-5.0': [-5],
    '−5': [-5],
    '5-': [-5],
    '1.5e3': [1500],
    '\u200f231.4\u200f': [231.4],
    Execute: [],
    '': [],
    '1.2.3': [],
  };
  for (const [typed, values] of Object.entries(readings)) {
    t.same(
      readDisplay(typed).numbers.map(({ value }) => value),
      values,
      typed,
    );
  }
  t.match(readDisplay('231.4 kW'), { numbers: [{ step: 0.1 }], unit: 'kW' });
  t.match(readDisplay('۵۴ درجه'), { numbers: [{ value: 54, step: 1 }], unit: 'درجه' });
  t.match(readDisplay('-5 °C'), { numbers: [{ value: -5 }], unit: '°C' });
});

t.test('units of the same quantity are converted, and others are not compared', async (t) => {
  const inUnit = (value: number, from: string, to: string) => {
    const { factor, offset } = convert(from, to)!;
    return Number((value * factor + offset).toPrecision(10));
  };
  t.equal(inUnit(1.5, 'MWh', 'kWh'), 1500);
  t.equal(inUnit(1, 'KWH', 'kWh'), 1);
  t.equal(inUnit(212, '°F', '°C'), 100);
  t.equal(inUnit(100, '°C', '°F'), 212);
  t.equal(inUnit(273.15, 'K', '°C'), 0);
  t.equal(inUnit(7, 'bar', 'kPa'), 700);
  t.equal(inUnit(95, '%', '1'), 0.95);
  t.equal(inUnit(60, 'l/min', 'm³/h'), 3.6);
  t.equal(inUnit(2, 'کیلووات‌ساعت', 'kWh'), 2);
  t.equal(inUnit(3, 'widgets', 'widgets'), 3, 'the same unit, whatever it is');
  t.equal(convert('kW', 'kWh'), undefined);
  t.equal(convert('mw', 'kW'), undefined, 'a capital that decides is not guessed');
});

const kw: Comparable = { type: 'float', unit: 'kW', scale: 1, counts: false };
const kwh: Comparable = { type: 'int', unit: 'kWh', scale: 0.1, counts: true, modulus: 2 ** 32 };
const agrees = (tag: Comparable, displayed: string, values: (number | string | boolean | null)[], percent = 0) =>
  compare(tag, { values, displayed, tolerancePercent: percent }).agrees;

t.test('a display that rounds or cuts to its digits agrees, and nothing further off does', async (t) => {
  t.equal(agrees(kw, '231.4', [231.36]), true, 'rounded');
  t.equal(agrees(kw, '231.4', [231.49]), true, 'cut');
  t.equal(agrees(kw, '231', [231.49]), true);
  t.equal(agrees(kw, '231.4', [231.6]), false);
  t.equal(agrees(kw, '231.4', [233], 1), true, 'within one percent');
  t.equal(agrees(kw, '0.2314 MW', [231.4]), true, 'in another unit');
  t.equal(agrees(kw, '1,234', [1234]), true);
  t.equal(agrees(kw, '1,234', [1.234]), true, 'either way of reading the comma');
  t.equal(agrees(kw, '231.4', [null]), false);
  t.equal(agrees(kw, 'Execute', [6]), null, 'only a person can tell');
  fc.assert(
    fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.integer({ min: 0, max: 4 }), (value, digits) => {
      const shown = value.toFixed(digits);
      return agrees(kw, shown, [value]) === true && agrees(kw, shown, [value + 3 * 10 ** -digits]) === false;
    }),
  );
});

t.test('a counter that moves on while somebody reads it agrees, over its roll-over too', async (t) => {
  t.equal(agrees(kwh, '123456.7', [1_234_560, 1_234_571]), true);
  t.equal(agrees(kwh, '123455.0', [1_234_560, 1_234_571]), false, 'it never goes back');
  t.equal(agrees(kwh, '429496729.4', [2 ** 32 - 3, 2]), true);
  t.equal(agrees({ ...kwh, scale: 1, modulus: 65_536 }, '1', [65_534, 2]), true);
  t.equal(agrees({ ...kwh, scale: 1, modulus: 65_536 }, '30000', [65_534, 2]), false);
  t.equal(agrees({ ...kwh, scale: 1 }, '9007199254740993', ['9007199254740993']), true, 'beyond what a double holds');
});

t.test('switches and texts agree in both languages', async (t) => {
  const bool: Comparable = { type: 'bool', unit: '', scale: 1, counts: false };
  t.equal(agrees(bool, 'روشن', [true]), true);
  t.equal(agrees(bool, 'off', [true]), false);
  t.equal(agrees(bool, 'sideways', [true]), null);
  const text: Comparable = { type: 'string', unit: '', scale: 1, counts: false };
  t.equal(agrees(text, ' batch  ۱۲ ', ['BATCH 12']), true);
  t.equal(agrees(text, 'E-4', ['E-5']), false);
});

t.test('what differs by a power of ten, a unit or a sign is told so', async (t) => {
  const hint = (tag: Comparable, displayed: string, value: number) =>
    compare(tag, { values: [value], displayed, tolerancePercent: 0 }).hint;
  t.match(hint(kw, '2314', 231.4), /10 times more/);
  t.match(hint(kw, '-231.4', 231.4), /sign/);
  t.match(hint(kw, '0.2314', 231.4), /if the display shows MW/);
  t.match(hint(kw, '54 °C', 231.4), /cannot be compared/);
  t.equal(hint(kw, '95', 231.4), undefined);
});

t.test('a wrong byte order is found by what the display shows, before any other format', async (t) => {
  const words = [...new Uint16Array(new Uint8Array(new Float32Array([231.4]).buffer).buffer)];
  // Low word first on the wire: CDAB.
  const seen = { values: [4.17e-8], displayed: '231.4', tolerancePercent: 1 };
  const found = suggest(kw, { format: 'float32', byteOrder: 'ABCD', scale: undefined, offset: undefined }, words, seen);
  t.match(found[0], { changes: [{ key: 'byteOrder', from: 'ABCD', to: 'CDAB' }] });
  t.match(suggestionText(found[0]!), /^byteOrder: CDAB gives 231\.4/);
  t.ok(found.every(({ changes }) => changes.every(({ to }) => to !== 'ABCD')));

  const right = { format: 'float32', byteOrder: 'CDAB', scale: undefined, offset: undefined } as const;
  t.same(suggest(kw, right, words, seen), [], 'the device says it already: the agent is only late');

  const registers = { format: 'uint16', byteOrder: 'AB', scale: 0.1, offset: undefined } as const;
  const scaled = suggest({ ...kw, type: 'float' }, registers, [2314], {
    values: [231.4],
    displayed: '23.14',
    tolerancePercent: 0,
  });
  t.match(scaled[0], { changes: [{ key: 'scale', from: '0.1', to: '0.01' }], value: 23.14 });
  const counted = suggest(kwh, { ...registers, scale: undefined }, [1234], {
    values: [1234],
    displayed: '12.34',
    tolerancePercent: 0,
  });
  t.match(counted[0], { changes: [{ key: 'counter.scale', from: '0.1', to: '0.01' }] });
});

t.test('a correction changes one key of agent.yaml and leaves every other line as it was', async (t) => {
  const file = join(import.meta.dirname, '../../config/demo/agent-packaging.yaml');
  const before = readFileSync(file, 'utf8').split('\n');
  const changes = [
    { key: 'byteOrder', to: 'CDAB' },
    { key: 'counter.scale', to: '0.01' },
  ];
  const after = withTagChanges(before.join('\n'), 'energy/main/kwh', changes)!.split('\n');
  const changed = after.filter((line, i) => line !== before[i]);
  t.equal(after.length, before.length);
  t.equal(changed.length, 1);
  t.match(changed[0], /energy\/main\/kwh.*scale: 0\.01.*byteOrder: CDAB/);
  t.equal(withTagChanges(before.join('\n'), 'no/such/tag', changes), undefined);
  const commented = 'tags:\n  # the meter\n  - path: a/b # here\n    scale: 10 # CT\n';
  t.equal(withTagChanges(commented, 'a/b', [{ key: 'scale', to: '0.1' }]), commented.replace('10', '0.1'));
});

t.test(
  'a walk visits what the agent has, in the order of the configuration, and then what was found by browsing',
  async (t) => {
    const file = join(import.meta.dirname, '../../config/demo/agent-packaging.yaml');
    const { config } = loadAgentFile(file, { PAYESH_DATA: '/nowhere' }, agentSchema);
    const declared = config.sources.flatMap((source) => tagsOf(source).map((tag) => ({ ...tag, source: source.id })));
    const report = (path: string, source: string, address: string, commissioned = false): TagReport => ({
      ...{ id: 1, path, source, address, type: 'float', unit: '' },
      commissioned: commissioned ? { at: 1, by: 'Sara', sheet: 'a' } : undefined,
    });
    const found = report('found/speed', 'cnc', 'nsu=urn:x;s=speed');
    const running = ({ path, source, address, type, unit, counter }: (typeof declared)[number]): TagReport => ({
      ...report(path, source, address),
      ...{ type, unit, scale: counter?.scale },
    });
    const reports = [found, ...declared.toReversed().map(running)];
    const paths = (choice: TagChoice) => walkTags(reports, config, choice).map(({ path }) => path);
    t.same(paths({}), [...declared.map(({ path }) => path), 'found/speed']);
    t.same(paths({ tag: 'energy/**', source: 'utilities' }).length, 6);
    const [kwh] = walkTags(reports, config, { tag: 'energy/main/kwh' });
    t.match(kwh, { scale: 0.1, counts: true, modulus: 2 ** 32, registers: { format: 'uint32', byteOrder: 'CDAB' } });
    t.match(walkTags([found], config, {})[0], { inspect: { kind: 'opcua', node: 'nsu=urn:x;s=speed' }, counts: false });
    const done = reports.map((each) => ({ ...each, commissioned: { at: 1, by: 'Sara', sheet: 'a' } }));
    t.same(
      walkTags([found, ...done.slice(1)], config, { onlyMissing: true }).map(({ path }) => path),
      ['found/speed'],
    );

    t.same(changedSince(reports, config), []);
    t.same(
      changedSince(
        reports.map((each) => (each.path === kwh!.path ? { ...each, address: 'other' } : each)),
        config,
      ),
      ['energy/main/kwh'],
    );
    for (const change of [{ unit: 'MWh' }, { scale: 1 }, { type: 'float' as const }])
      t.same(
        changedSince(
          reports.map((each) => (each.path === kwh!.path ? { ...each, ...change } : each)),
          config,
        ),
        ['energy/main/kwh'],
      );
  },
);

t.test('readings come from a spreadsheet of Iran or of Europe, and a mistake names its row', async (t) => {
  const parse = (text: string) => readingsOf(parseSpreadsheet(text, 'walk.csv').rows, 'walk.csv');
  const expected = [
    { path: 'a/b', displayed: '۲۳۱٫۴', unit: 'kW', note: '' },
    { path: 'a/c', displayed: '', unit: '', note: 'panel is dark' },
  ];
  for (const separator of [',', ';', '\t', '؛']) {
    const lines = ['Path,Displayed,unit,note', 'a/b,۲۳۱٫۴,kW,', ',,,', 'a/c,,,panel is dark'];
    t.same(parse(`\ufeff${lines.join('\r\n').replaceAll(',', separator)}\r\n`), expected, separator);
  }
  t.match(parse('path;displayed\na/b;231,4\n'), [{ displayed: '231,4' }]);
  const mistakes: Record<string, RegExp> = {
    'path,shown\na/b,1\n': /unknown column "shown"/,
    'path,unit\na/b,kW\n': /column is missing/,
    '': /column is missing/,
    'path,displayed\nA B,1\n': /"A B" is no tag path/,
    'path,displayed\na/b,1\na/b,2\n': /"a\/b" is there twice/,
    'path,displayed\n"a/b,1\n': /double quote is wrong/,
    'path,displayed\na/b,231,4\n': /"4" stands in a column without a name/,
    'path,displayed,unit,note\na/b,231,4,kW\n': /"4" is no unit/,
  };
  for (const [csv, message] of Object.entries(mistakes)) t.throws(() => parse(csv), { message });
  t.throws(
    () => parse('path,displayed\na/b,1\n\na/b,2\n'),
    new ConfigError('"a/b" is there twice', { path: 'walk.csv:4', hint: 'Keep one of the two.' }),
  );
});

t.test('the key of an agent is made once, and is for nobody else to read', async (t) => {
  const dir = t.testdir();
  const first = commissioningKey(dir);
  t.equal(publicKeyOf(commissioningKey(dir)), publicKeyOf(first));
  const file = join(dir, 'commissioning/key.pem');
  t.equal(statSync(file).mode & 0o777, 0o600);
  writeFileSync(file, 'nonsense');
  t.throws(() => commissioningKey(dir), { name: 'ConfigError', path: file });
});

t.test('the book says who accepted a tag, for as long as it is read in the same way', async (t) => {
  const dir = t.testdir();
  const book = openCommissioningBook(dir);
  const site = 'sahand/machining-plant';
  t.equal(book.of(site, temperatureRow), undefined);
  const signed = signedSheet(newKey());
  book.keep(signed);
  const proof = { at: sheetTime, by: 'سارا احمدی', sheet: signed.hash };
  t.same(book.of(site, temperatureRow), proof);
  t.same(book.of(site, kwhRow), proof);
  t.equal(book.of('sahand/another-plant', temperatureRow), undefined, 'another site');
  for (const change of [
    { address: `${temperatureRow.address}x` },
    { type: 'int' as const },
    { unit: '°F' },
    { source: 'cnc-2' },
    { scale: 0.1 },
  ])
    t.equal(book.of(site, { ...temperatureRow, ...change }), undefined, `another ${Object.keys(change)}`);

  const again = openCommissioningBook(dir);
  t.same(again.of(site, temperatureRow), proof, 'after a new start');
  t.same(again.find(signed.hash.slice(0, 6)), signed);
  const rejected = { ...temperatureRow, verdict: 'rejected' as const };
  again.keep(signedSheet(newKey(), { finishedAt: sheetTime + 1, rows: [rejected] }));
  t.equal(again.of(site, temperatureRow), undefined, 'rejected later');
});

t.test('a running agent finds a sheet that the command has written', async (t) => {
  const dir = t.testdir();
  const running = openCommissioningBook(dir);
  openCommissioningBook(dir).keep(signedSheet(newKey()));
  while (!running.of('sahand/machining-plant', temperatureRow)) await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(running.sheets().length, 1);
});

t.test('a sheet that is not as it was signed counts for nothing, and is named', async (t) => {
  const dir = t.testdir();
  const signed = signedSheet(newKey());
  openCommissioningBook(dir).keep(signed);
  const file = join(dir, 'commissioning/sheets', `${signed.hash}.json`);
  writeFileSync(file, readFileSync(file, 'utf8').replace('54.25', '60.25'));
  writeFileSync(join(dir, 'commissioning/sheets', `${'0'.repeat(64)}.json`), '{ half');
  const book = openCommissioningBook(dir);
  t.equal(book.of('sahand/machining-plant', temperatureRow), undefined);
  t.equal(book.damaged().length, 2);
  t.same(book.sheets(), []);
});

t.test('a walk goes on where it was left off, answers can be taken back, and it ends as signed sheets', async (t) => {
  const dir = t.testdir();
  t.equal(resumeWalk(dir), undefined);
  const walk = beginWalk(dir, { name: 'Sara' }, sheetTime);
  walk.answer(temperatureRow);
  walk.answer({ ...kwhRow, verdict: 'rejected' });
  walk.answer(kwhRow);
  const resumed = resumeWalk(dir)!;
  t.same(resumed.rows, [temperatureRow, kwhRow], 'the last answer for a tag counts');
  t.equal(resumed.undo()?.path, kwhRow.path);
  t.same(resumeWalk(dir)!.rows, [temperatureRow]);

  const key = newKey();
  const about = {
    ...{ agent: 'machining', site: 'sahand/machining-plant', agentVersion: '1', finishedAt: sheetTime },
    ...{ config: { version: 1, hash: 'c'.repeat(64) }, publicKey: publicKeyOf(key) },
  };
  const rows = Array.from({ length: maxSheetRows + 1 }, (_, i) => ({ ...temperatureRow, path: `a/t-${i}` }));
  const sheets = sheetsOf({ technician: { name: 'Sara' }, startedAt: sheetTime, rows }, about, key);
  t.same(
    sheets.map(({ sheet }) => sheet.rows.length),
    [maxSheetRows, 1],
  );
  t.same(sheets.map(faultOfSheet), [undefined, undefined]);
  resumed.forget();
  t.equal(resumeWalk(dir), undefined);
  mkdirSync(join(dir, 'commissioning'), { recursive: true });
  writeFileSync(join(dir, 'commissioning/walk.json'), '{');
  t.throws(() => resumeWalk(dir), { name: 'ConfigError' });
  t.same(
    readdirSync(join(dir, 'commissioning')).filter((name) => name.endsWith('.new')),
    [],
  );
});
