/** What an operator may write about Modbus devices, what it comes to, and what is said of mistakes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { parseYaml } from '../../config/load.ts';
import { type addressings, modiconNumber, placeOf } from '../../protocols/modbus/address.ts';
import { type ModbusConfig, modbusSourceSchema } from '../../protocols/modbus/config.ts';
import { tables } from '../../protocols/modbus/table.ts';
import { modbusTags } from '../../protocols/modbus/tags.ts';
import { fc } from '../support/drawn.ts';

type Input = Record<string, unknown>;
const entry = (devices: readonly Input[], more: Input = {}): Input => ({
  kind: 'modbus',
  id: 'plc',
  host: '127.0.0.1',
  devices,
  ...more,
});
const configOf = (devices: readonly Input[], more: Input = {}): ModbusConfig =>
  modbusSourceSchema.parse(entry(devices, more));
const holding = (path: string, address: number, more: Input = {}): Input => ({
  path,
  table: 'holding',
  address,
  format: 'uint16',
  ...more,
});

t.test('an address means the same place in every notation', async (t) => {
  const cases: [(typeof addressings)[number] | undefined, Input, [string, number]][] = [
    [undefined, { table: 'holding', address: 0 }, ['holding', 0]],
    ['zero-based', { table: 'holding', address: 40_001 }, ['holding', 40_001]],
    ['one-based', { table: 'input', address: 1 }, ['input', 0]],
    ['one-based', { table: 'input', address: 65_536 }, ['input', 65_535]],
    ['modicon', { address: 40_001 }, ['holding', 0]],
    ['modicon', { address: 400_001 }, ['holding', 0]],
    ['modicon', { address: 465_536 }, ['holding', 65_535]],
    ['modicon', { address: 49_999 }, ['holding', 9998]],
    ['modicon', { address: 30_101 }, ['input', 100]],
    ['modicon', { address: 10_001 }, ['discrete', 0]],
    ['modicon', { address: 100_017 }, ['discrete', 16]],
    ['modicon', { address: 1 }, ['coil', 0]],
    ['modicon', { table: 'holding', address: 40_001 }, ['holding', 0]],
  ];
  for (const [addressing, { table, address }, [expectedTable, expected]] of cases) {
    const place = placeOf({ table: table as 'holding', address: address as number }, addressing);
    t.same(place, { table: expectedTable, address: expected }, `${addressing} ${address}`);
  }
  fc.assert(
    fc.property(fc.constantFrom(...tables), fc.nat(65_535), (table, address) => {
      // A coil beyond 9999 has a six-digit number that begins with 0, which a number cannot.
      if (table === 'coil' && address >= 9999) return true;
      const place = placeOf({ address: Number(modiconNumber({ table, address })) }, 'modicon');
      return !('mistake' in place) && place.table === table && place.address === address;
    }),
  );
  t.equal(modiconNumber({ table: 'coil', address: 16 }), '00017');
});

t.test('an address that can be read in two ways is refused, and both are named', async (t) => {
  const cases: [(typeof addressings)[number] | undefined, Input, string, RegExp][] = [
    [
      undefined,
      { table: 'holding', address: 40_001 },
      'address',
      /did you mean address 0 of holding\? Then set addressing: modicon/,
    ],
    [undefined, { table: 'holding', address: 40_001 }, 'address', /on the wire, set addressing: zero-based/],
    [undefined, { table: 'input', address: 30_101 }, 'address', /address 100 of input/],
    [
      'zero-based',
      { table: 'holding', address: 400_001 },
      'address',
      /beyond the last address, 65535: did you mean address 0 of holding/,
    ],
    ['zero-based', { table: 'holding', address: 70_000 }, 'address', /beyond the last address, 65535$/],
    ['one-based', { table: 'holding', address: 0 }, 'address', /the first is 1.*zero-based/],
    [undefined, { address: 5 }, 'table', /say which table/],
    ['modicon', { table: 'input', address: 40_001 }, 'table', /40001 is in the table holding/],
    ['modicon', { address: 0 }, 'address', /0 is no Modicon number/],
    ['modicon', { address: 40_000 }, 'address', /no Modicon number/],
    ['modicon', { address: 20_001 }, 'address', /no Modicon number/],
    ['modicon', { address: 465_537 }, 'address', /no Modicon number/],
  ];
  for (const [addressing, { table, address }, key, mistake] of cases) {
    t.match(placeOf({ table: table as 'holding', address: address as number }, addressing), { key, mistake });
  }
  t.notOk('mistake' in placeOf({ table: 'input', address: 40_001 }, undefined), 'of another table it is only a number');
});

t.test('what is written for a device holds before what is written for the source', async (t) => {
  const [first, second] = configOf(
    [
      { unit: 1, tags: [{ path: 'a/b', address: 40_011, format: 'uint64' }] },
      {
        unit: 2,
        name: 'boiler',
        byteOrder: 'CDAB',
        addressing: 'one-based',
        timeoutMs: 200,
        pauseMs: 5,
        maxRegisters: 16,
        maxGap: 0,
        tags: [
          holding('a/c', 1, { format: 'uint64' }),
          holding('a/d', 5, { format: 'uint64', byteOrder: 'CDABGHEF' }),
          holding('a/e', 9, { format: 'float32' }),
          holding('a/f', 11),
          holding('a/g', 12, { byteOrder: 'DCBA' }),
          { path: 'a/h', table: 'coil', address: 1 },
        ],
      },
    ],
    { addressing: 'modicon', timeoutMs: 700, maxRegisters: 100, maxGap: 3, pauseMs: 1 },
  ).devices;
  t.match(first, { unit: 1, timeoutMs: 700, pauseMs: 1, maxRegisters: 100, maxGap: 3 });
  t.match(second, { unit: 2, name: 'boiler', timeoutMs: 200, pauseMs: 5, maxRegisters: 16, maxGap: 0 });
  t.same(
    [...first!.tags, ...second!.tags].map(({ table, address, format, byteOrder }) => [
      table,
      address,
      format,
      byteOrder,
    ]),
    [
      ['holding', 10, 'uint64', 'ABCDEFGH'],
      ['holding', 0, 'uint64', 'GHEFCDAB'],
      ['holding', 4, 'uint64', 'CDABGHEF'],
      ['holding', 8, 'float32', 'CDAB'],
      ['holding', 10, 'uint16', 'AB'],
      ['holding', 11, 'uint16', 'BA'],
      ['coil', 0, 'bit', 'AB'],
    ],
  );
});

t.test('four letters hold for values of every size', async (t) => {
  const formats = ['uint16', 'float32', 'uint64'];
  const expected = {
    ABCD: ['AB', 'ABCD', 'ABCDEFGH'],
    CDAB: ['AB', 'CDAB', 'GHEFCDAB'],
    BADC: ['BA', 'BADC', 'BADCFEHG'],
    DCBA: ['BA', 'DCBA', 'HGFEDCBA'],
  };
  for (const [byteOrder, orders] of Object.entries(expected)) {
    const ordersOf = (device: Input, tag: Input) => {
      const tags = formats.map((format, i) => holding(`a/${format}`, i * 4, { format, ...tag }));
      return configOf([{ unit: 1, tags, ...device }]).devices[0]!.tags.map((resolved) => resolved.byteOrder);
    };
    t.same(ordersOf({ byteOrder }, {}), orders, `${byteOrder} of the device`);
    t.same(ordersOf({ byteOrder: 'DCBA' }, { byteOrder }), orders, `${byteOrder} of the tag`);
  }
});

t.test('the configuration tells what is wrong where', async (t) => {
  const mistakes: [Input, Input, string, RegExp][] = [
    [{ path: 'a/b' }, {}, 'path', /"a\/b" is there twice/],
    [{ path: 'A/c' }, {}, 'path', /lower-case/],
    [{ role: 'health_lost' }, {}, 'role', /Invalid/],
    [{ table: undefined }, {}, 'table', /say which table/],
    [{ format: undefined }, {}, 'format', /say what the registers hold/],
    [{ format: 'bit' }, {}, 'bit', /which bit/],
    [{ table: 'coil' }, {}, 'format', /must be bit/],
    [{ table: 'coil', format: 'bit', bit: 1 }, {}, 'bit', /leave bit out/],
    [{ table: 'coil', format: undefined, byteOrder: 'AB' }, {}, 'byteOrder', /no byte order/],
    [{ bit: 1 }, {}, 'bit', /only format bit/],
    [{ format: 'bit', bit: 1, scale: 2 }, {}, 'scale', /cannot be scaled/],
    [{ format: 'string', length: 4, offset: 1 }, {}, 'offset', /cannot be scaled/],
    [{ scale: 0 }, {}, 'scale', /not be 0/],
    [{ scale: 2, values: { 0: 'off' } }, {}, 'scale', /is text/],
    [{ format: 'float64', address: 65_533 }, {}, 'address', /does not fit/],
    [{ format: 'float64' }, { maxRegisters: 2 }, 'format', /4 registers, more than the device's maxRegisters \(2\)/],
    [{ format: 'string' }, {}, 'length', /how many registers/],
    [{ format: 'string', length: 20 }, { maxRegisters: 16 }, 'length', /more than/],
    [{ length: 2 }, {}, 'length', /only a string/],
    [{ encoding: 'utf-8' }, {}, 'encoding', /only a string/],
    [{ byteOrder: 'ABCDEFGH' }, {}, 'byteOrder', /2 bytes long: AB or BA/],
    [{ format: 'float32', byteOrder: 'AB' }, {}, 'byteOrder', /4 bytes long: ABCD, CDAB, BADC or DCBA/],
    [{ format: 'uint64', byteOrder: 'BA' }, {}, 'byteOrder', /8 bytes long: ABCDEFGH/],
    [{ format: 'string', length: 4, byteOrder: 'GHEFCDAB' }, {}, 'byteOrder', /two characters .* AB or BA/],
    [{ byteOrder: 'ACBD' }, {}, 'byteOrder', /Invalid/],
    [{ bits: '7-4' }, {}, 'bits', /4-7/],
    [{ bits: '12-16' }, {}, 'bits', /0 to 15/],
    [{ bits: 'low' }, {}, 'bits', /like 4-7/],
    [{ format: 'int16', bits: '0-3' }, {}, 'bits', /uint16, uint32 or uint64/],
    [{ values: {} }, {}, 'values', /give a number/],
    [{ values: { on: 'x' } }, {}, 'values.on', /Invalid|whole number/],
    [{ format: 'float32', values: { 0: 'x' } }, {}, 'values', /whole number/],
    [{ format: 'bit', bit: 0, values: { 2: 'x' } }, {}, 'values', /0 or 1/],
    [{ invalid: 65_536 }, {}, 'invalid', /65536 is no uint16/],
    [{ format: 'int16', invalid: -32_769 }, {}, 'invalid', /is no int16/],
    [{ format: 'uint64', invalid: 2 ** 64 }, {}, 'invalid', /exact only in quotes/],
    [{ invalid: 0.5 }, {}, 'invalid', /is no uint16/],
    [{ format: 'float32', invalid: '0x123456789' }, {}, 'invalid', /longer than/],
    [{ format: 'bit', bit: 0, invalid: 1 }, {}, 'invalid', /no invalid number/],
    [{ invalid: 'none' }, {}, 'invalid', /a number, or "0x…" in quotes/],
    [{ values: { 0: 'off' }, counter: {} }, {}, 'counter', /only a number counts/],
    [{ report: { deadbandPercent: 5 } }, {}, 'report.deadbandPercent', /percent of what/],
  ];
  for (const [tag, device, path, message] of mistakes) {
    const tags = [holding('a/b', 0), { ...holding('a/c', 1), ...tag }];
    const issue = modbusSourceSchema.safeParse(entry([{ unit: 1, tags, ...device }])).error?.issues[0];
    t.equal(issue?.path.join('.'), `devices.0.tags.1.${path}`, JSON.stringify(tag));
    t.match(issue?.message, message);
  }
  t.doesNotThrow(() =>
    configOf([{ unit: 1, tags: [holding('a/b', 0, { report: { deadbandPercent: 5 }, range: [0, 10] })] }]),
  );
  for (const unit of [0, 248, 256]) t.throws(() => configOf([{ unit, tags: [holding('a/b', 0)] }]), /unit/);
});

t.test('a mistake is told with file, line and column', async (t) => {
  const yaml = `
kind: modbus
id: meter
host: 192.168.10.30
devices:
  - unit: 1
    tags:
      - path: energy/power
        table: holding
        address: 40001
        format: float32
`;
  t.throws(() => parseYaml(yaml, 'agent.yaml', modbusSourceSchema, {}), {
    path: 'agent.yaml:10:18',
    message: /devices.0.tags.0.address: 40001: did you mean address 0 of holding/,
  });
});

t.test('the JSON Schema for editors knows every key', async (t) => {
  const { properties } = z.toJSONSchema(modbusSourceSchema, { io: 'input' }) as {
    properties: Record<string, { items: { properties: Record<string, { items: { properties: object } }> } }>;
  };
  t.ok(['transport', 'host', 'serial', 'maxRegisters', 'maxGap', 'addressing'].every((key) => key in properties));
  const device = properties.devices!.items.properties;
  t.ok(['unit', 'name', 'byteOrder', 'intervalMs', 'timeoutMs', 'pauseMs', 'addressing'].every((key) => key in device));
  const tag = device.tags!.items.properties;
  const keys = [
    'table',
    'address',
    'format',
    'bit',
    'bits',
    'length',
    'encoding',
    'byteOrder',
    'values',
    'invalid',
    'scale',
  ];
  t.ok(
    keys.every((key) => key in tag),
    Object.keys(tag).join(),
  );
});

t.test('tags are declared with type, and with all that decides what is read', async (t) => {
  const declared = modbusTags(
    configOf([
      {
        unit: 255,
        intervalMs: 200,
        byteOrder: 'CDAB',
        tags: [
          holding('a/a', 0, { unit: 'pcs', role: 'count_total', counter: { modulus: 65_536 } }),
          holding('a/b', 10, { format: 'uint32', scale: 0.1, range: [0, 500] }),
          holding('a/c', 12, { values: { 0: 'stopped', 1: 'running' }, bits: '4-7' }),
          holding('a/d', 13, { format: 'bit', bit: 3 }),
          holding('a/e', 14, { format: 'string', length: 8 }),
          holding('a/f', 22, { format: 'int16', invalid: [0x8000, 0x7fff], offset: -40 }),
          { path: 'a/g', table: 'coil', address: 16 },
          { path: 'a/h', table: 'input', address: 9999, format: 'float64' },
        ],
      },
    ]),
  );
  t.same(
    declared.map(({ path, type, unit, role, intervalMs, counter, range }) => [
      path,
      type,
      unit,
      role,
      intervalMs,
      counter?.modulus,
      range,
    ]),
    [
      ['a/a', 'int', 'pcs', 'count_total', 200, 65_536, undefined],
      ['a/b', 'float', '', 'process', 200, undefined, [0, 500]],
      ['a/c', 'string', '', 'process', 200, undefined, undefined],
      ['a/d', 'bool', '', 'process', 200, undefined, undefined],
      ['a/e', 'string', '', 'process', 200, undefined, undefined],
      ['a/f', 'float', '', 'process', 200, undefined, undefined],
      ['a/g', 'bool', '', 'process', 200, undefined, undefined],
      ['a/h', 'float', '', 'process', 200, undefined, undefined],
    ],
  );
  t.same(
    declared.map(({ address }) => address),
    [
      'unit 255, holding 0 (40001), uint16 AB',
      'unit 255, holding 10 (40011), uint32 CDAB, ×0.1',
      'unit 255, holding 12 (40013), uint16 AB, bits 4-7, 0=stopped 1=running',
      'unit 255, holding 13 (40014), bit 3 AB',
      'unit 255, holding 14 (40015), string of 8 registers AB ascii',
      'unit 255, holding 22 (40023), int16 AB, not 32768 or 32767, -40',
      'unit 255, coil 16 (00017), bit',
      'unit 255, input 9999 (310000), float64 GHEFCDAB',
    ],
  );
  t.same(declared[4]!.inspect, { kind: 'modbus', unit: 255, table: 'holding', address: 14, count: 8 });
  t.same(declared[6]!.inspect, { kind: 'modbus', unit: 255, table: 'coil', address: 16, count: 1 });
});

t.test('whatever changes what is read changes the address', async (t) => {
  const addressOf = (tag: Input, device: Input = {}) =>
    modbusTags(configOf([{ unit: 1, tags: [holding('a/a', 4, { format: 'uint32', ...tag })], ...device }]))[0]!.address;
  const addresses = [
    addressOf({}),
    addressOf({ address: 5 }),
    addressOf({ table: 'input' }),
    addressOf({ format: 'int32' }),
    addressOf({ byteOrder: 'BADC' }),
    addressOf({}, { unit: 2 }),
    addressOf({}, { byteOrder: 'CDAB' }),
    addressOf({}, { addressing: 'one-based' }),
    addressOf({ scale: 2 }),
    addressOf({ offset: 2 }),
    addressOf({ bits: '0-3' }),
    addressOf({ invalid: 0 }),
    addressOf({ values: { 0: 'a' } }),
    addressOf({ values: { 1: 'a' } }),
    addressOf({ format: 'bit', bit: 1 }),
    addressOf({ format: 'bit', bit: 2 }),
    addressOf({ format: 'string', length: 2 }),
    addressOf({ format: 'string', length: 3 }),
    addressOf({ format: 'string', length: 3, encoding: 'latin1' }),
  ];
  t.equal(new Set(addresses).size, addresses.length, addresses.join('\n'));
  t.equal(addressOf({ unit: 'kW', report: { deadband: 2 } }), addresses[0]);
  t.equal(addressOf({ address: 5 }, { addressing: 'one-based' }), addresses[0]);
  t.equal(addressOf({}, { name: 'press', intervalMs: 5000 }), addresses[0]);
});

const readme = join(import.meta.dirname, '../../protocols/modbus/README.md');

t.test('the examples of the README are valid', async (t) => {
  const examples = [...readFileSync(readme, 'utf8').matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => yaml!);
  t.ok(examples.length > 0);
  for (const yaml of examples) t.ok(parseYaml(yaml, readme, z.array(modbusSourceSchema), {}).length > 0);
});

t.test('every test that the README names is there', async (t) => {
  for (const [, file, names] of readFileSync(readme, 'utf8').matchAll(/\]\(([^)]+\.test\.ts)\)((?:,? "[^"]+")+)/g)) {
    const source = readFileSync(join(readme, '..', file!), 'utf8');
    for (const [, name] of names!.matchAll(/"([^"]+)"/g)) t.ok(source.includes(name!), `${file}: ${name}`);
  }
});
