/** Which requests a configuration leads to, whether they are as few as can be, and what they ask of the line. */

import t from 'tap';
import { type ModbusConfig, modbusSourceSchema } from '../../protocols/modbus/config.ts';
import { type Block, planReads, splitBlock } from '../../protocols/modbus/plan.ts';
import { planReport } from '../../protocols/modbus/plan-report.ts';
import { isBitTable, tables } from '../../protocols/modbus/table.ts';
import { fc } from '../support/drawn.ts';

type Input = Record<string, unknown>;
const configOf = (devices: readonly Input[], more: Input = {}): ModbusConfig =>
  modbusSourceSchema.parse({
    kind: 'modbus',
    id: 'plc',
    host: '127.0.0.1',
    addressing: 'zero-based',
    devices,
    ...more,
  });
const holding = (address: number, more: Input = {}): Input => ({
  path: `r/${address}`,
  table: 'holding',
  address,
  format: 'uint16',
  ...more,
});
const blocksOf = (config: ModbusConfig): Block[] => planReads(config).flatMap(({ blocks }) => blocks);
const spans = (blocks: readonly Block[]) => blocks.map(({ address, count }) => [address, count]);

/** Formats of one, two, four and more registers, bits of the same register, coils. */
const anyTag = (addresses: number) =>
  fc
    .record({
      table: fc.constantFrom(...tables),
      kind: fc.constantFrom('uint16', 'float32', 'uint64', 'bit', 'string'),
      address: fc.nat(addresses),
      bit: fc.nat(15),
      length: fc.integer({ min: 1, max: 10 }),
    })
    .map(({ table, kind, address, bit, length }): Input => {
      if (isBitTable(table)) return { table, address: address * 20 };
      return { table, address, format: kind, ...(kind === 'bit' && { bit }), ...(kind === 'string' && { length }) };
    });
const anyDevices = fc
  .array(fc.array(anyTag(700), { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 3 })
  .map((devices) =>
    devices.map((tags, d) => ({ unit: d + 1, tags: tags.map((tag, i) => ({ ...tag, path: `d${d}/t${i}` })) })),
  );
const anyLimits = fc.record({ maxRegisters: fc.integer({ min: 10, max: 125 }), maxGap: fc.nat(124) });

t.test(
  'a plan reads every tag once, within the limits of a reply and of gaps, and nothing beside the tags',
  async (t) => {
    fc.assert(
      fc.property(anyDevices, anyLimits, (devices, limits) => {
        const groups = planReads(configOf(devices, limits));
        t.same(
          groups.flatMap(({ blocks }) => blocks.flatMap(({ tags }) => tags.map(({ path }) => path))).sort(),
          devices.flatMap(({ tags }) => tags.map(({ path }) => path)).sort(),
        );
        for (const block of groups.flatMap(({ blocks }) => blocks)) {
          const perRegister = isBitTable(block.table) ? 16 : 1;
          if (block.count > limits.maxRegisters * perRegister || block.address !== block.tags[0]!.address) return false;
          let end = block.address;
          for (const tag of block.tags) {
            if (tag.table !== block.table || tag.address < block.address) return false;
            if (tag.address - end > limits.maxGap * perRegister) return false;
            end = Math.max(end, tag.address + tag.size);
          }
          if (end !== block.address + block.count) return false;
        }
        return true;
      }),
      { numRuns: 300 },
    );
  },
);

/** Fewest blocks of all ways to part the tags, each block within both limits. */
function fewestRequests(tags: readonly { address: number; size: number }[], maxCount: number, maxGap: number): number {
  const fits = (members: readonly { address: number; size: number }[]): boolean => {
    const covered = new Set(
      members.flatMap(({ address, size }) => Array.from({ length: size }, (_, i) => address + i)),
    );
    const sorted = [...covered].sort((a, b) => a - b);
    return (
      sorted.at(-1)! - sorted[0]! < maxCount && sorted.every((at, i) => i === 0 || at - sorted[i - 1]! - 1 <= maxGap)
    );
  };
  let fewest = tags.length;
  const part = (next: number, groups: (typeof tags)[number][][]): void => {
    if (next === tags.length) {
      if (groups.length < fewest && groups.every(fits)) fewest = groups.length;
      return;
    }
    // No cut by size here: a group that does not fit yet may be bridged by a later tag.
    for (const group of groups) {
      group.push(tags[next]!);
      part(next + 1, groups);
      group.pop();
    }
    if (groups.length + 1 < fewest) {
      groups.push([tags[next]!]);
      part(next + 1, groups);
      groups.pop();
    }
  };
  part(0, []);
  return fewest;
}

t.test('no other way of parting the tags needs fewer requests', async () => {
  fc.assert(
    fc.property(
      fc.array(anyTag(40), { minLength: 1, maxLength: 7 }),
      fc.integer({ min: 10, max: 24 }),
      fc.nat(6),
      (tags, maxRegisters, maxGap) => {
        const named = tags.map((tag, i) => ({ ...tag, table: 'holding', path: `t/${i}` }));
        const registers = named.map((tag) => ({ format: 'uint16', ...tag }));
        const blocks = blocksOf(configOf([{ unit: 1, tags: registers }], { maxRegisters, maxGap }));
        return (
          blocks.length ===
          fewestRequests(
            blocks.flatMap((block) => block.tags),
            maxRegisters,
            maxGap,
          )
        );
      },
    ),
    { numRuns: 1500 },
  );
});

t.test('10,000 registers in 20 devices take at most 1.1 times as many requests as their number demands', async (t) => {
  const formats = ['uint16', 'float32', 'uint64', 'uint32', 'int16'] as const;
  const sizes = { uint16: 1, float32: 2, uint64: 4, uint32: 2, int16: 1 };
  // Not 500 each: where 125 falls within a value, no plan can fill a reply to the last register.
  const registers = Array.from({ length: 20 }, (_, d) => (d % 2 === 0 ? 480 : 520));
  const devices = registers.map((count, d) => {
    const tags: Input[] = [];
    for (let address = 0, i = 0; address < count; i++) {
      const format = formats[i % formats.length]!;
      tags.push({ path: `d${d}/r${address}`, table: 'holding', address: address + d * 10, format });
      address += sizes[format];
    }
    return { unit: d + 1, tags };
  });
  const requests = blocksOf(configOf(devices)).length;
  const lowerBound = registers.reduce((sum, count) => sum + Math.ceil(count / 125), 0);
  t.ok(requests <= 1.1 * lowerBound, `${requests} requests, at least ${lowerBound} are needed`);
});

t.test('tags share a request by interval and limits, whatever entry of the device they stand in', async (t) => {
  const groups = planReads(
    configOf(
      [
        { unit: 1, name: 'press', tags: [holding(20), holding(10), holding(1), holding(0)] },
        { unit: 1, intervalMs: 5000, timeoutMs: 300, pauseMs: 20, tags: [holding(2)] },
        { unit: 1, tags: [holding(3), holding(29, { format: 'bit', bit: 1, path: 'r/29a' })] },
        { unit: 2, maxGap: 0, maxRegisters: 2, tags: [holding(4), holding(5), holding(6), holding(8)] },
      ],
      { timeoutMs: 700 },
    ),
  );
  t.same(
    groups.map(({ unit, intervalMs, timeoutMs, pauseMs, blocks }) => [
      unit,
      intervalMs,
      timeoutMs,
      pauseMs,
      spans(blocks),
    ]),
    [
      [
        1,
        1000,
        700,
        0,
        [
          [0, 11],
          [20, 10],
        ],
      ],
      [1, 5000, 300, 20, [[2, 1]]],
      [
        2,
        1000,
        700,
        0,
        [
          [4, 2],
          [6, 1],
          [8, 1],
        ],
      ],
    ],
    'a gap of 8 is read, one of 9 is not',
  );
});

// --- what a device refuses ----------------------------------------------------------------------------------------

t.test('halving ends at each tag alone, and a value stays with its tag', async () => {
  fc.assert(
    fc.property(anyDevices, anyLimits, fc.func(fc.nat(0xffff)), (devices, limits, registerAt) => {
      const config = configOf(devices, limits);
      const inParts = (block: Block): Block[] => {
        const halves = splitBlock(block);
        return halves ? halves.flatMap(inParts) : [block];
      };
      const read = (block: Block): [string, unknown][] => {
        const bits = isBitTable(block.table);
        const data = Buffer.alloc(bits ? Math.ceil(block.count / 8) : block.count * 2);
        for (let i = 0; i < block.count; i++) {
          const value = registerAt(block.table, block.address + i);
          if (!bits) data.writeUInt16BE(value, i * 2);
          else data[i >> 3]! |= (value & 1) << (i & 7);
        }
        return block.tags.map((tag) => [tag.path, tag.decode(data, tag.address - block.address)]);
      };
      for (const block of blocksOf(config)) {
        const parts = inParts(block);
        const whole = new Map(read(block));
        const pieced = parts.flatMap(read);
        if (pieced.length !== whole.size || pieced.some(([path, value]) => !Object.is(whole.get(path), value)))
          return false;
        for (const part of parts) {
          if (part.tags.some(({ address, size }) => address !== part.address || size !== part.count)) return false;
        }
      }
      return true;
    }),
    { numRuns: 200 },
  );
});

t.test('a block is cut at the widest gap near its middle, or in the middle', async (t) => {
  const halvesOf = (addresses: readonly number[]) =>
    spans(splitBlock(blocksOf(configOf([{ unit: 1, tags: addresses.map((a) => holding(a)) }]))[0]!) ?? []);
  t.same(halvesOf([0, 1, 2, 3, 4, 5, 6, 7]), [
    [0, 4],
    [4, 4],
  ]);
  t.same(
    halvesOf([0, 1, 2, 3, 9, 10]),
    [
      [0, 4],
      [9, 2],
    ],
    'what lies in between may not be there',
  );
  t.same(
    halvesOf([0, 2, 4, 6, 8, 10, 12, 20]),
    [
      [0, 7],
      [8, 13],
    ],
    'but not far from the middle',
  );
  t.same(halvesOf([5]), []);
  const bits = [0, 1, 2, 3].map((bit) => holding(7, { path: `b/${bit}`, format: 'bit', bit }));
  t.equal(
    splitBlock(blocksOf(configOf([{ unit: 1, tags: bits }]))[0]!),
    undefined,
    'bits of one register stay together',
  );
});

// --- the report ---------------------------------------------------------------------------------------------------

t.test('the report tells requests, bytes and the time of the line', async (t) => {
  const devices = [
    { unit: 1, intervalMs: 500, tags: Array.from({ length: 10 }, (_, a) => holding(a)) },
    {
      unit: 2,
      tags: [
        { path: 'c/0', table: 'coil', address: 3 },
        { path: 'c/1', table: 'coil', address: 12 },
      ],
    },
  ];
  const tcp = planReport(configOf(devices));
  t.same(tcp.groups, [
    { unit: 1, intervalMs: 500, requests: [{ table: 'holding', address: 0, count: 10, tags: 10, bytes: 12 + 29 }] },
    { unit: 2, intervalMs: 1000, requests: [{ table: 'coil', address: 3, count: 10, tags: 2, bytes: 12 + 11 }] },
  ]);
  t.equal(tcp.requestsPerS, 3);
  t.equal(tcp.bytesPerS, 2 * 41 + 23);
  t.ok(Math.abs(tcp.msPerS - (3 * 5 + (105 * 8) / 100_000)) < 1e-9, '5 ms to answer, and the bytes at 100 Mbit/s');
  t.equal(tcp.utilisation, tcp.msPerS / 1000);
  t.same([tcp.problems, tcp.warnings], [[], []]);
  t.ok(tcp.assumptions.length > 0);

  const serial = { path: '/dev/ttyUSB0', baudRate: 9600 };
  const rtu = planReport(configOf(devices, { transport: 'rtu', host: undefined, serial, pauseMs: 10 }));
  t.equal(rtu.bytesPerS, 2 * (8 + 25) + 8 + 7);
  // Eleven bits a character; at least 10 ms until the answer, and the pause is longer than 3.5 characters.
  t.ok(Math.abs(rtu.msPerS - ((81 * 11) / 9.6 + 3 * 10 + 3 * 10)) < 1e-9);
});

t.test('a line that cannot carry its requests is refused, one that hardly can is warned of', async (t) => {
  const serial = { path: '/dev/ttyUSB0', baudRate: 9600 };
  const rtu = { transport: 'rtu', host: undefined, serial };
  const devices = (units: number, more: Input = {}): Input[] =>
    Array.from({ length: units }, (_, u) => ({
      unit: u + 1,
      tags: Array.from({ length: 125 }, (_, a) => holding(a, { path: `u${u}/r${a}` })),
      ...more,
    }));
  // 263 characters of 11 bits and two silences take 309 ms.
  const result = modbusSourceSchema.safeParse({ kind: 'modbus', id: 'line', ...rtu, devices: devices(4) });
  t.match(result.error?.issues, [
    {
      path: ['devices'],
      message: 'serial line /dev/ttyUSB0 needs 1.3 s of every second: raise intervalMs or baudRate',
    },
  ]);
  t.same(planReport(configOf(devices(3), rtu)).warnings, []);
  t.match(planReport(configOf(devices(32, { intervalMs: 10_000 }), rtu)).warnings, [
    'serial line /dev/ttyUSB0 is expected to need 1.1 s of every second: reads will be skipped',
  ]);
  t.throws(
    () => configOf(devices(3), { pauseMs: 400 }),
    /needs 1\.2 s of every second for its pauses alone: raise intervalMs or lower pauseMs/,
  );

  const alike = (units: number) =>
    Array.from({ length: units }, (_, u) => ({
      unit: u + 1,
      tags: Array.from({ length: 22 / units }, (_, a) => holding(a * 100, { path: `u${u}/r${a}` })),
    }));
  const fast = { ...rtu, serial: { ...serial, baudRate: 115_200 } };
  t.match(
    planReport(configOf(alike(1), fast)).warnings,
    [/needs 1\.1 s of every second to tell replies of one unit apart/],
    'it is listened for 50 ms between replies that are alike',
  );
  t.same(planReport(configOf(alike(2), fast)).warnings, [], 'and another unit is read meanwhile');
  t.same(planReport(configOf(alike(1))).warnings, [], 'over TCP they have ids');
});
