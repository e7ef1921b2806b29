/** Tables of tags, secrets and versions: what a technician writes with a spreadsheet, and what is kept of it. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadAgentFile } from '../config/agent-file.ts';
import { readAgentText } from '../config/agent-text.ts';
import { createSecretReader } from '../config/secrets.ts';
import { agentJsonSchema, agentSchema } from '../edge-agent/config/schema.ts';
import { configHash, openConfigVersions } from '../edge-agent/config/versions.ts';
import { ConfigError } from '../protocols/errors.ts';

const yaml = (device: string, more = ''): string => `agent: a
site: b/c
dataDir: data
broker: { url: mqtt://hub, password: { file: password } }
sources:
  - kind: modbus
    id: meters
    host: 192.168.1.5
    devices:
      - unit: 1
        ${device}
${more}`;

function load(t: Test, table: string | Uint8Array, text = yaml('tagsFile: meters.csv')) {
  const dir = t.testdir();
  writeFileSync(join(dir, 'agent.yaml'), text);
  writeFileSync(join(dir, 'meters.csv'), table);
  const loaded = loadAgentFile(join(dir, 'agent.yaml'), {}, agentSchema);
  const [source] = loaded.config.sources;
  return { ...loaded, tags: source?.kind === 'modbus' ? source.devices.flatMap(({ tags }) => tags) : [] };
}

function mistake(t: Test, table: string | Uint8Array, text?: string): ConfigError {
  try {
    load(t, table, text);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no mistake was found');
}

t.test('a table is read as the tags that it says, nested keys and numbers and all', async (t) => {
  const { tags, files } = load(
    t,
    'path,table,address,format,counter.modulus,range.0,range.1,report.deadband,values.0,values.1\n' +
      'a/kwh,holding,10,uint32,65536,,,,,\n' +
      'a/power,holding,12,float32,,0,"100",0.5,,\n' +
      'a/state,holding,0x20,uint16,,,,,stopped,"runs, well"\n',
  );
  t.match(tags, [
    { path: 'a/kwh', address: 10, counter: { modulus: 65_536, scale: 1 } },
    { path: 'a/power', range: [0, 100], report: { deadband: 0.5 } },
    { path: 'a/state', address: 32, values: { 0: 'stopped', 1: 'runs, well' } },
  ]);
  t.match(files, [{ name: 'meters.csv', text: /^path,table/ }]);
});

t.test('rows are appended to the tags that stand in the YAML', async (t) => {
  const text = yaml('tags: [{ path: a/first, table: coil, address: 1 }]', '        tagsFile: meters.csv\n');
  const { tags } = load(t, 'path,table,address\na/second,coil,2\n', text);
  t.same(
    tags.map(({ path }) => path),
    ['a/first', 'a/second'],
  );
});

t.test(
  'what Excel writes is read: a byte order mark, semicolons, tabs, empty rows, its own separator line',
  async (t) => {
    for (const table of [
      '\ufeffpath;table;address;unit\r\na/b;coil;1;°C\r\n;;;\r\n\r\na/c;coil;2;"m³;h"\r\n',
      'path\ttable\taddress\tunit\na/b\tcoil\t1\t°C\na/c\tcoil\t2\tm³;h\n',
      'sep=;\r\npath;table;address;unit\r\na/b;coil;1;°C\r\na/c;coil;2;"m³;h"',
    ]) {
      t.match(load(t, table).tags, [
        { path: 'a/b', address: 1, unit: '°C' },
        { path: 'a/c', address: 2, unit: 'm³;h' },
      ]);
    }
  },
);

t.test('a mistake in a table names file, row and column', async (t) => {
  const head = 'path,table,address,format,scale\n';
  const good = 'a/b,holding,1,uint16,\n';
  const cases: [rows: string, at: string, message: RegExp, hint: RegExp][] = [
    [`${good}a/c,holding,x,uint16,\n`, ':3 column "address"', /"x" is not a number/, /number alone/],
    [`${good}a/c,holding,۱۲,uint16,\n`, ':3 column "address"', /not a number/, /digits 0 to 9/],
    [`${good}a/c,holding,2,uint16,"0,1"\n`, ':3 column "scale"', /not a number/, /with a point/],
    [`${good}a/c,holding,,uint16,\n`, ':3 column "address"', /address: is missing/, /number/],
    [`${good}a/c,holding,2,uint17,\n`, ':3 column "format"', /format/, /Allowed: uint16/],
    [`${good}a/c,holding,65536,uint16,\n`, ':3 column "address"', /last address/, /./],
    [`${good}A/c,holding,2,uint16,\n`, ':3 column "path"', /lower-case/, /./],
    [`${good}a/c,holding,2,uint16,1,and more\n`, ':3', /without a name/, /double quotes/],
    [`${good}a/c,holding,"2,uint16,1\n`, ':3', /double quote/, /written twice/],
    [`${good}\n${good}`, ':4 column "path"', /"a\/b" is there twice/, /meters\.csv:2 column "path"/],
  ];
  for (const [rows, at, message, hint] of cases) {
    const error = mistake(t, head + rows);
    t.ok(error.path.endsWith(`meters.csv${at}`), error.path);
    t.match(error, { message, hint });
  }
  t.match(mistake(t, 'path,table,adress\na/b,coil,1\n'), {
    message: 'unknown column "adress"',
    path: /meters\.csv:1 column "adress"$/,
    hint: /Did you mean "address"/,
  });
  t.match(mistake(t, 'path,path\na,b\n'), { message: 'the column "path" is there twice' });
  t.match(mistake(t, Buffer.from('path\n\xe3\xe4\n', 'latin1')), { message: /UTF-8/, hint: /Excel/ });
  t.match(mistake(t, '', yaml('tagsFile: none.csv')), {
    message: /cannot read none\.csv/,
    path: /agent\.yaml:11:\d+$/,
  });
});

t.test('all mistakes of a list are told at once, and of very many the first twenty', async (t) => {
  const head = 'path,table,address,format\n';
  const told = (error: ConfigError) =>
    [error, ...error.others].map(({ message, path }) => [message, path.split('/').at(-1)]);
  t.same(told(mistake(t, `${head}a/b,holding,one,float32\na/c,holding,2,float32\na/d,holding,3:4,uint16\n`)), [
    ['"one" is not a number', 'meters.csv:2 column "address"'],
    ['"3:4" is not a number', 'meters.csv:4 column "address"'],
  ]);
  t.same(told(mistake(t, `${head}A B,holding,1,float32\na/c,holdin,2,float99\n`)), [
    ['path: must be lower-case words joined by /', 'meters.csv:2 column "path"'],
    ['table: is none of the known values', 'meters.csv:3 column "table"'],
    ['format: is none of the known values', 'meters.csv:3 column "format"'],
  ]);
  const wrongKinds = yaml('tagsFile: meters.csv').replace('broker:', 'brokr:').replace('modbus', 'modbs');
  t.match(mistake(t, `${head}a/b,coil,1,\n`, wrongKinds), {
    message: 'unknown key "brokr"',
    others: [{ message: 'sources.0.kind: is none of the known values', hint: 'Allowed: opcua, modbus.' }],
  });
  const twice = mistake(t, `${head}a/b,coil,1,\na/b,coil,2,\na/b,coil,3,\n`);
  t.equal(twice.others.length, 1);
  const many = mistake(t, head + Array.from({ length: 100 }, (_, i) => `a/t-${i},coil,x,\n`).join(''));
  t.equal(many.others.length, 20);
  t.match(many.others.at(-1), { message: '80 more mistakes in the same file', path: /meters\.csv$/ });
});

t.test('a list is read in the characters that it was saved in', async (t) => {
  const { decodeSpreadsheet } = await import('../config/spreadsheet.ts');
  const bytes = (text: string, high: Record<string, number>) =>
    Uint8Array.from([...text], (char) => high[char] ?? char.charCodeAt(0));
  t.same(decodeSpreadsheet(bytes('°C,m³/h,دما', { '°': 0xb0, '³': 0xb3, د: 0xcf, م: 0xe3, ا: 0xc7 })), {
    charset: 'windows-1256',
    text: '°C,m³/h,دما',
  });
  t.same(decodeSpreadsheet(bytes('°C,Kälte,Öl', { '°': 0xb0, ä: 0xe4, Ö: 0xd6 })), {
    charset: 'windows-1252',
    text: '°C,Kälte,Öl',
  });
  t.same(decodeSpreadsheet(Buffer.from('\ufeffpath\tدما', 'utf16le')), { charset: 'utf-16le', text: 'path\tدما' });
  t.same(decodeSpreadsheet(Buffer.from('\ufeff°C')), { charset: 'utf-8', text: '\ufeff°C' });
});

t.test('a cell is corrected in place, and every other byte of the list stays', async (t) => {
  const { withCellChanges } = await import('../config/edit-table.ts');
  const list = '\ufeffsep=;\r\npath;unit;byteOrder\r\n\r\n"a/b";"°C; x";ABCD\r\na/c;kW\r\n';
  const order = [{ key: 'byteOrder', to: 'CDAB' }];
  t.equal(withCellChanges(list, 'a/b', order), list.replace('"a/b"', 'a/b').replace('ABCD', 'CDAB'));
  t.equal(withCellChanges(list, 'a/c', order), list.replace('a/c;kW', 'a/c;kW;CDAB'));
  t.equal(
    withCellChanges('path,address\na/b,1\na/c,2', 'a/c', [{ key: 'counter.scale', to: '0.01' }]),
    'path,address,counter.scale\na/b,1\na/c,2,0.01',
  );
  t.equal(withCellChanges(list, 'a/d', order), undefined);
});

t.test('one path is one tag, whether in YAML or table, of one source or another; both places are named', async (t) => {
  const inline = yaml('tags: [{ path: a/b, table: coil, address: 1 }]', '        tagsFile: meters.csv\n');
  t.match(mistake(t, 'path,table,address\na/b,coil,2\n', inline), {
    path: /meters\.csv:2 column "path"$/,
    hint: /agent\.yaml:11:\d+\. One path is one tag/,
  });
  const twice = yaml(
    'tagsFile: meters.csv',
    `  - kind: opcua
    id: plc
    endpoint: opc.tcp://plc:4840
    groups: [{ tags: [{ path: a, node: "nsu=urn:x;s=a", type: int, elements: 3 }] }]
`,
  );
  t.match(mistake(t, 'path,table,address\na/2,coil,2\n', twice), { message: /"a\/2" is also a tag of meters/ });
  t.match(mistake(t, 'path,table,address\nhealth/x,coil,2\n'), { message: /kept for what the agent says of itself/ });
});

t.test('a secret comes from where the file says, and never stands in it', async (t) => {
  const dir = t.testdir({ password: 'open sesame\n', empty: '\n', token: 'abc' });
  const read = createSecretReader({ PASSWORD: 'from the environment', CREDENTIALS_DIRECTORY: dir });
  t.equal(read({ file: join(dir, 'password') }), 'open sesame');
  t.equal(read({ env: 'PASSWORD' }), 'from the environment');
  t.equal(read({ credential: 'token' }), 'abc');
  t.throws(() => read({ file: join(dir, 'none') }), { name: 'ConfigError', message: /not there/, hint: /0600/ });
  t.throws(() => read({ file: join(dir, 'empty') }), { name: 'ConfigError', message: /empty/ });
  t.throws(() => read({ env: 'OTHER' }), { name: 'ConfigError', message: /OTHER/ });
  t.throws(() => createSecretReader({})({ credential: 'token' }), {
    name: 'ConfigError',
    hint: /LoadCredential=token/,
  });

  const inline = yaml('tagsFile: meters.csv').replace('{ file: password }', 'hunter2');
  const error = mistake(t, 'path,table,address\na/b,coil,1\n', inline);
  t.match(error, {
    message: /^broker\.password: say where the secret is/,
    path: /agent\.yaml:4:\d+$/,
    hint: /file of its own/,
  });
  t.notMatch(`${error.message} ${error.hint}`, /hunter2/, 'and is not repeated');
});

t.test('every version is kept with its tables, the same content once, and the last twenty', async (t) => {
  const versions = openConfigVersions(t.testdir());
  const content = (n: number) => ({
    text: `agent: a${n}\n`,
    files: [
      { name: '../lists/m.csv', text: `path\n${n}\n` },
      { name: 'm.csv', text: 'path\n' },
    ],
  });
  t.equal(versions.keep(content(1), 1000).number, 1);
  t.equal(versions.keep(content(1), 2000).number, 1);
  for (let n = 2; n <= 25; n++) t.equal(versions.keep(content(n), n * 1000).number, n);
  t.equal(versions.keep(content(24), 26_000).number, 26, 'an older one is a new version');
  t.same(
    versions.list().map(({ number }) => number),
    Array.from({ length: 20 }, (_, i) => 26 - i),
  );
  t.match(versions.read(26), { at: 26_000, hash: configHash(content(24)), ...content(24) });
  t.equal(versions.read(3), undefined);
});

t.test('a byte order mark is kept for Excel, and makes no other version', async (t) => {
  const list = 'path,table,address\na/b,coil,1\n';
  const dir = t.testdir({ 'agent.yaml': yaml('tagsFile: meters.csv'), 'meters.csv': `\ufeff${list}` });
  const file = join(dir, 'agent.yaml');
  const loaded = loadAgentFile(file, {}, agentSchema);
  t.equal(loaded.files[0]!.text, `\ufeff${list}`);
  const loose = readAgentText(file, {});
  t.equal(configHash(loose), configHash(loaded), 'as the agent and as the commands read it');
  writeFileSync(join(dir, 'meters.csv'), list);
  t.equal(configHash(readAgentText(file, {})), configHash(loaded));
});

t.test('a version whose writing was cut short is none', async (t) => {
  const dir = t.testdir();
  const versions = openConfigVersions(dir);
  versions.keep({ text: 'a: 1\n', files: [] }, 1);
  mkdirSync(join(dir, 'config', '.new-1'));
  mkdirSync(join(dir, 'config', '0002'));
  t.same(
    versions.list().map(({ number }) => number),
    [1],
  );
  t.equal(versions.keep({ text: 'a: 2\n', files: [] }, 2).number, 3);
  t.ok(readdirSync(join(dir, 'config')).includes('0003'));
});

t.test('however broken the file is, its texts and its data folder are found, to go back from', async (t) => {
  const dir = t.testdir({ 'agent.yaml': `${yaml('tagsFile: meters.csv')}sources: [\n`, 'meters.csv': 'path\n' });
  t.match(readAgentText(join(dir, 'agent.yaml'), {}), {
    dataDir: 'data',
    text: /sources: \[\n$/,
    files: [{ name: 'meters.csv', text: 'path\n' }],
  });
});

t.test('the JSON Schema has a sentence for every key, and allows a table wherever tags may stand', async (t) => {
  interface Node {
    properties?: Record<string, Node>;
    required?: string[];
    description?: string;
  }
  const places: Node[] = [];
  const silent: string[] = [];
  const visit = (node: unknown, path: string) => {
    if (typeof node !== 'object' || node === null) return;
    const { properties } = node as Node;
    if (properties?.tags) places.push(node as Node);
    for (const [key, inner] of Object.entries(properties ?? {})) if (!inner.description) silent.push(`${path}.${key}`);
    for (const [key, inner] of Object.entries(node)) visit(inner, key === 'properties' ? path : `${path}.${key}`);
  };
  visit(agentJsonSchema(), '');
  t.equal(places.length, 2, 'groups and devices');
  for (const place of places) {
    t.ok(place.properties!.tagsFile);
    t.notOk(place.required?.includes('tags'));
  }
  t.same(silent, []);
});
