import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, connect as openSocket, type Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import modbusSerial from 'modbus-serial';
import t from 'tap';
import { parse } from 'yaml';
import { createScaledClock, systemClock } from '../../protocols/clock.ts';
import { byteOrders, type ModbusConfig, modbusSourceSchema, tables, wordsOf } from '../../protocols/modbus/config.ts';
import { decodeTag } from '../../protocols/modbus/decode.ts';
import { connectLink, type Link } from '../../protocols/modbus/link.ts';
import { maxBits, type PlannedTag, planReads, splitBlock } from '../../protocols/modbus/plan.ts';
import { createModbusSource } from '../../protocols/modbus/source.ts';
import { modbusTags } from '../../protocols/modbus/tags.ts';
import { createTimetable } from '../../protocols/modbus/timetable.ts';
import { isGood, quality, type Sample, shortestFloat32 } from '../../protocols/sample.ts';
import type { Reading, Source } from '../../protocols/source.ts';
import { type SourceFixture, sourceContract } from '../contract/source.ts';

const { ServerTCP } = modbusSerial;
type Input = Record<string, unknown>;

/** ServerTCP takes no port 0. */
let nextPort = 25_010;

const configOf = (devices: readonly Input[], more: Input = {}): ModbusConfig =>
  modbusSourceSchema.parse({ kind: 'modbus', id: 'plc', host: '127.0.0.1', devices, ...more });

function sourceOf(config: ModbusConfig, clock = systemClock): Source {
  const tagIds = new Map(modbusTags(config).map(({ path }, i) => [path, i + 1]));
  return createModbusSource(config, { tagIds, clock, log: { info() {}, warn() {} }, dataDir: '' });
}

const holding = (path: string, address: number, more: Input = {}): Input => ({
  path,
  table: 'holding',
  address,
  format: 'uint16',
  ...more,
});

// --- what is pure -------------------------------------------------------------------------------------------------

const formats = Object.keys(wordsOf) as (keyof typeof wordsOf)[];
const planned = (tag: Partial<PlannedTag>): PlannedTag => ({
  path: 'x',
  table: 'holding',
  address: 0,
  size: wordsOf[tag.format ?? 'uint16'],
  format: 'uint16',
  byteOrder: 'ABCD',
  bit: 0,
  ...tag,
});
const decodeHex = (hex: string, tag: Partial<PlannedTag>) => {
  const data = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const block = { table: tag.table ?? 'holding', address: 0, count: data.length / 2, tags: [] };
  return decodeTag(planned(tag), block, data);
};

t.test('decodes the bytes of the wire by their letters', async (t) => {
  const cases: [string, Partial<PlannedTag>, unknown][] = [
    ['12 34', { format: 'uint16' }, 0x1234],
    ['34 12', { format: 'uint16', byteOrder: 'DCBA' }, 0x1234],
    ['34 12', { format: 'uint16', byteOrder: 'BADC' }, 0x1234],
    ['12 34', { format: 'uint16', byteOrder: 'CDAB' }, 0x1234],
    ['ff fe', { format: 'int16' }, -2],
    ['42 f6 e9 79', { format: 'float32' }, 123.456],
    ['79 e9 f6 42', { format: 'float32', byteOrder: 'DCBA' }, 123.456],
    ['f6 42 79 e9', { format: 'float32', byteOrder: 'BADC' }, 123.456],
    ['e9 79 42 f6', { format: 'float32', byteOrder: 'CDAB' }, 123.456],
    ['ff ff ff ff', { format: 'uint32' }, 4294967295],
    ['00 20 00 00 00 00 00 01', { format: 'uint64' }, 9007199254740993n],
    ['00 01 00 00 00 00 00 20', { format: 'uint64', byteOrder: 'CDAB' }, 9007199254740993n],
    ['ff ff ff ff ff ff ff ff', { format: 'int64' }, -1],
    ['ff ff ff ff ff ff ff ff', { format: 'uint64' }, 18446744073709551615n],
    ['3f f8 00 00 00 00 00 00', { format: 'float64' }, 1.5],
    ['80 01', { format: 'bit', bit: 15 }, true],
    ['80 01', { format: 'bit', bit: 1 }, false],
    ['00 03', { format: 'uint16', scale: 0.1 }, 0.3],
    ['00 03', { format: 'uint16', scale: 0.25, offset: -40 }, -39.25],
    ['ff fb', { format: 'int16', scale: 10 }, -50],
    ['7f c0 00 00', { format: 'float32' }, null],
    ['7f 80 00 00', { format: 'float32' }, null],
    ['05', { table: 'coil', format: 'bit' }, true],
    ['05', { table: 'discrete', format: 'bit', address: 1 }, false],
    ['00 02', { table: 'coil', format: 'bit', address: 9 }, true],
  ];
  for (const [hex, tag, value] of cases) {
    const expected = { value, quality: value === null ? quality.badOutOfRange : quality.good };
    t.strictSame(decodeHex(hex, tag), expected, `${hex} as ${JSON.stringify(tag)}`);
  }
});

t.test('what is encoded by definition decodes to itself, in every format and byte order', async () => {
  const values: Record<string, [fc.Arbitrary<number | bigint>, (view: DataView, value: never) => void]> = {
    uint16: [fc.nat(0xffff), (view, value) => view.setUint16(0, value)],
    int16: [fc.integer({ min: -0x8000, max: 0x7fff }), (view, value) => view.setInt16(0, value)],
    uint32: [fc.nat(0xffffffff), (view, value) => view.setUint32(0, value)],
    int32: [fc.integer(), (view, value) => view.setInt32(0, value)],
    float32: [fc.float({ noNaN: true, noDefaultInfinity: true }), (view, value) => view.setFloat32(0, value)],
    uint64: [fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (view, value) => view.setBigUint64(0, value)],
    int64: [fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (view, value) => view.setBigInt64(0, value)],
    float64: [fc.double({ noNaN: true, noDefaultInfinity: true }), (view, value) => view.setFloat64(0, value)],
  };
  const anyCase = fc
    .constantFrom(...formats.filter((format) => format !== 'bit'))
    .chain((format) => fc.tuple(fc.constant(format), values[format]![0], fc.constantFrom(...byteOrders)));
  fc.assert(
    fc.property(anyCase, ([format, value, byteOrder]) => {
      const view = new DataView(new ArrayBuffer(wordsOf[format] * 2));
      values[format]![1](view, value as never);
      const words: Uint8Array[] = [];
      for (let i = 0; i < view.byteLength; i += 2) words.push(new Uint8Array(view.buffer.slice(i, i + 2)));
      if (byteOrder === 'BADC' || byteOrder === 'DCBA') for (const word of words) word.reverse();
      if (byteOrder === 'CDAB' || byteOrder === 'DCBA') words.reverse();
      const decoded = decodeHex(Buffer.concat(words).toString('hex'), { format, byteOrder }).value;
      if (format === 'float32')
        return Object.is(Math.fround(decoded as number), value) && decoded === shortestFloat32(value as number);
      if (typeof value === 'bigint')
        return (
          BigInt(decoded as bigint) === value && (typeof decoded === 'number') === Number.isSafeInteger(Number(value))
        );
      return Object.is(decoded, value);
    }),
    { numRuns: 5000 },
  );
});

const anyTag = fc
  .record({
    table: fc.constantFrom(...tables),
    format: fc.constantFrom(...formats),
    address: fc.nat(700),
    bit: fc.nat(15),
  })
  .map(({ table, format, address, bit }): Input => {
    if (table === 'coil' || table === 'discrete') return { table, address: address * 20, format: 'bit' };
    return { table, address, format, ...(format === 'bit' && { bit }) };
  });
const anyDevices = fc
  .array(fc.array(anyTag, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 3 })
  .map((devices) =>
    devices.map((tags, d) => ({ unit: d + 1, tags: tags.map((tag, i) => ({ ...tag, path: `d${d}/t${i}` })) })),
  );

t.test('a plan reads every tag once, within the limits of a reply and of gaps', async (t) => {
  fc.assert(
    fc.property(anyDevices, fc.integer({ min: 4, max: 125 }), fc.nat(124), (devices, maxRegisters, maxGap) => {
      const groups = planReads(configOf(devices, { maxRegisters, maxGap }));
      t.same(
        groups.flatMap(({ blocks }) => blocks.flatMap(({ tags }) => tags.map(({ path }) => path))).sort(),
        devices.flatMap(({ tags }) => tags.map(({ path }) => path)).sort(),
      );
      for (const block of groups.flatMap(({ blocks }) => blocks)) {
        const bits = block.table === 'coil' || block.table === 'discrete';
        if (block.count > (bits ? maxBits : maxRegisters)) return false;
        let end = block.address;
        for (const tag of block.tags) {
          if (tag.table !== block.table || tag.address < block.address) return false;
          if (tag.address - end > (bits ? maxGap * 16 : maxGap)) return false;
          end = Math.max(end, tag.address + tag.size);
        }
        if (end !== block.address + block.count) return false;
        const halves = splitBlock(block);
        if (
          halves &&
          (halves[0].tags.length + halves[1].tags.length !== block.tags.length || halves[0].tags.length === 0)
        )
          return false;
      }
      return true;
    }),
    { numRuns: 300 },
  );
  const [group] = planReads(configOf([{ unit: 1, tags: [20, 10, 1, 0].map((a) => holding(`r/${a}`, a)) }]));
  t.match(
    group!.blocks,
    [
      { address: 0, count: 11 },
      { address: 20, count: 1 },
    ],
    'a gap of 8 is read, one of 9 is not',
  );
});

t.test('a timetable keeps to whole multiples, counts what it skips, and gets over clock steps', async (t) => {
  const second = 1_000_000;
  const timetable = createTimetable([1000, 5000], 12.3 * second);
  t.same(timetable.take(12.3 * second), {
    at: 12 * second,
    due: [
      { group: 0, skipped: 0 },
      { group: 1, skipped: 0 },
    ],
  });
  t.equal(timetable.next, 13 * second);
  t.same(timetable.take(12.9 * second).due, [], 'a timer that is early');
  t.same(timetable.take(13 * second), { at: 13 * second, due: [{ group: 0, skipped: 0 }] });
  t.same(timetable.take(16.5 * second), {
    at: 16 * second,
    due: [
      { group: 0, skipped: 2 },
      { group: 1, skipped: 0 },
    ],
  });
  t.same(timetable.take(3.5 * second).due, [], 'the clock was set back');
  t.equal(timetable.next, 4 * second);
  t.same(timetable.take(4 * second).due, [{ group: 0, skipped: 0 }]);
});

t.test('the configuration tells what is wrong where', async (t) => {
  const mistakes: [Input, Input, string, RegExp][] = [
    [{}, {}, 'devices.0.tags.1.path', /"a\/b" is there twice/],
    [{ path: 'a/c', format: 'bit' }, {}, 'devices.0.tags.1.bit', /which bit/],
    [{ path: 'a/c', table: 'coil' }, {}, 'devices.0.tags.1.format', /must be bit/],
    [{ path: 'a/c', table: 'coil', format: 'bit', bit: 1 }, {}, 'devices.0.tags.1.bit', /leave bit out/],
    [{ path: 'a/c', bit: 1 }, {}, 'devices.0.tags.1.bit', /only format bit/],
    [{ path: 'a/c', format: 'bit', bit: 1, scale: 2 }, {}, 'devices.0.tags.1.format', /cannot be scaled/],
    [{ path: 'a/c', scale: 0 }, {}, 'devices.0.tags.1.scale', /not be 0/],
    [{ path: 'a/c', format: 'float64', address: 65533 }, {}, 'devices.0.tags.1.address', /does not fit/],
    [{ path: 'a/c', format: 'float64' }, { maxRegisters: 2 }, 'devices.0.tags.1.format', /more than maxRegisters/],
    [{ path: 'A/c' }, {}, 'devices.0.tags.1.path', /lower-case/],
    [{ path: 'a/c', role: 'health_lost' }, {}, 'devices.0.tags.1.role', /Invalid/],
  ];
  for (const [tag, more, path, message] of mistakes) {
    const devices = [{ unit: 1, tags: [holding('a/b', 0), { ...holding('a/b', 1), ...tag }] }];
    const result = modbusSourceSchema.safeParse({ kind: 'modbus', id: 'plc', host: 'h', devices, ...more });
    const issue = result.error?.issues[0];
    t.equal(issue?.path.join('.'), path);
    t.match(issue?.message, message);
  }
  for (const unit of [0, 248, 256]) t.throws(() => configOf([{ unit, tags: [holding('a/b', 0)] }]), /unit/);
  t.same(
    modbusTags(
      configOf([
        {
          unit: 255,
          intervalMs: 200,
          tags: [holding('a/b', 0, { unit: 'pcs', role: 'count_total', counter: { modulus: 65536 } })],
        },
        {
          unit: 1,
          tags: [holding('a/c', 0, { scale: 0.1 }), { path: 'a/d', table: 'coil', address: 0, format: 'bit' }],
        },
      ]),
    ).map(({ path, type, unit, role, intervalMs, counter }) => [path, type, unit, role, intervalMs, counter?.modulus]),
    [
      ['a/b', 'int', 'pcs', 'count_total', 200, 65536],
      ['a/c', 'float', '', 'process', 1000, undefined],
      ['a/d', 'bool', '', 'process', 1000, undefined],
    ],
  );
});

t.test('the sample in the README is valid', async () => {
  const readme = readFileSync(join(import.meta.dirname, '../../protocols/modbus/README.md'), 'utf8');
  modbusSourceSchema.parse(parse(readme.match(/```yaml\n(.*?)```/s)![1]!)[0]);
});

// --- against servers ----------------------------------------------------------------------------------------------

/** Registers by unit and address; what is not there is exception 2. */
type Image = Map<string, number>;
async function startServer(image: Image) {
  const register = (address: number, unit: number): number => {
    const value = image.get(`${unit}/${address}`);
    if (value === undefined) throw Object.assign(new Error(), { modbusErrorCode: 2 });
    return value;
  };
  const port = nextPort++;
  const vector = {
    getHoldingRegister: register,
    getInputRegister: register,
    getCoil: (a: number, u: number) => register(a, u) === 1,
  };
  const server = new ServerTCP(vector, { host: '127.0.0.1', port, unitID: 255 });
  await once(server, 'initialized');
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

/** One line is told the driver, whichever server speaks it: unit 1 has registers 0 to 3, unit 2 has 0. */
const contractConfig = (port: number): ModbusConfig =>
  configOf(
    [
      { unit: 1, intervalMs: 50, tags: [0, 1, 2, 3].map((a) => holding(`a/r${a}`, a)).concat(holding('a/absent', 4)) },
      { unit: 2, intervalMs: 100, tags: [holding('b/r0', 0)] },
    ],
    { port, timeoutMs: 200 },
  );
const contractFixture = {
  sourceAt: (port: number) => sourceOf(contractConfig(port)),
  tagIds: [1, 2, 3, 4, 5, 6],
  written: 1,
  absent: 5,
  silenceMs: 5000,
};

sourceContract(t, 'modbus', async (): Promise<SourceFixture> => {
  const image: Image = new Map(['1/0', '1/1', '1/2', '1/3', '2/0'].map((key) => [key, 0]));
  const server = await startServer(image);
  return {
    ...contractFixture,
    port: server.port,
    write: (value) => image.set('1/0', value),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
});

/** A server of raw bytes: told the request, the test writes what it likes to the socket. */
interface Request {
  readonly transaction: number;
  readonly unit: number;
  readonly code: number;
  readonly address: number;
  readonly count: number;
}
async function startScript(answer: (request: Request, socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      for (let at = 0; at + 12 <= bytes.length; at += 12) {
        answer(
          {
            transaction: bytes.readUInt16BE(at),
            unit: bytes[at + 6]!,
            code: bytes[at + 7]!,
            address: bytes.readUInt16BE(at + 8),
            count: bytes.readUInt16BE(at + 10),
          },
          socket,
        );
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function replyTo(
  { transaction, unit, code }: Pick<Request, 'transaction' | 'unit' | 'code'>,
  pdu: readonly number[],
): Buffer {
  const reply = Buffer.alloc(8 + pdu.length);
  reply.writeUInt16BE(transaction, 0);
  reply.writeUInt16BE(2 + pdu.length, 4);
  reply[6] = unit;
  reply[7] = code;
  reply.set(pdu, 8);
  return reply;
}
const registers = (values: readonly number[]): number[] => [
  values.length * 2,
  ...values.flatMap((v) => [v >> 8, v & 0xff]),
];
const exception = (request: Request, code: number): Buffer =>
  replyTo({ ...request, code: request.code | 0x80 }, [code]);
const consecutive = ({ address, count }: Request): number[] => Array.from({ length: count }, (_, i) => address + i);

async function take(source: Source, enough: (readings: readonly Reading[]) => boolean): Promise<Reading[]> {
  const stop = new AbortController();
  const readings: Reading[] = [];
  for await (const reading of source.read(stop.signal)) {
    readings.push(reading);
    if (enough(readings)) stop.abort();
  }
  return readings;
}
const samplesOf = (readings: readonly Reading[], tag: number): Sample[] =>
  readings.flatMap(({ samples }) => samples.filter((sample) => sample.tag === tag));

t.test('one refused address costs its own tag only, and is not asked again in every round', async (t) => {
  const asked: number[][] = [];
  await using server = await startScript((request, socket) => {
    asked.push([request.address, request.count]);
    const refused = request.address <= 5 && 5 < request.address + request.count;
    socket.write(refused ? exception(request, 2) : replyTo(request, registers(consecutive(request))));
  });
  const tags = [0, 1, 2, 3, 4, 5, 6, 7].map((a) => holding(`a/r${a}`, a));
  const config = configOf([{ unit: 1, intervalMs: 20, tags }], { port: server.port });
  const readings = await take(sourceOf(config), ({ length }) => length === 3);
  for (const { samples, slots } of readings) {
    t.same(
      samples.map(({ value }) => value),
      [0, 1, 2, 3, 4, null, 6, 7],
    );
    t.equal(samples[5]!.quality, quality.badNodeIdUnknown);
    t.match(slots, { good: 7, bad: 1 });
  }
  t.same(
    asked.slice(0, 7),
    [
      [0, 8],
      [0, 4],
      [4, 4],
      [4, 2],
      [4, 1],
      [5, 1],
      [6, 2],
    ],
    'the block is halved',
  );
  t.same(
    asked.slice(7, 10),
    [
      [0, 4],
      [4, 1],
      [6, 2],
    ],
    'and its pieces remembered',
  );
});

t.test('exceptions become qualities, of the tags of their block alone', async (t) => {
  const expected = {
    1: quality.badNodeIdUnknown,
    3: quality.badNodeIdUnknown,
    4: quality.badDeviceFailure,
    6: quality.badCommunicationError,
    10: quality.badNotConnected,
    11: quality.badNotConnected,
    99: quality.badDeviceFailure,
  };
  await using server = await startScript((request, socket) => {
    socket.write(
      request.unit === 200 ? replyTo(request, registers(consecutive(request))) : exception(request, request.unit),
    );
  });
  const units = [...Object.keys(expected).map(Number), 200];
  const config = configOf(
    units.map((unit) => ({ unit, tags: [holding(`u${unit}/r`, 7)] })),
    { port: server.port },
  );
  const [first] = await take(sourceOf(config), () => true);
  t.same(
    first!.samples.map((sample) => sample.quality),
    [...Object.values(expected), quality.good],
  );
});

t.test('a unit that is silent is Bad and left alone, and the others go on over a new connection', async (t) => {
  let toDead = 0;
  await using server = await startScript((request, socket) => {
    if (request.unit === 2) toDead++;
    else socket.write(replyTo(request, registers(consecutive(request))));
  });
  const devices = [1, 2, 3].map((unit) => ({
    unit,
    intervalMs: 50,
    tags: [holding(`u${unit}/a`, 0), holding(`u${unit}/b`, 500)],
  }));
  const source = sourceOf(configOf(devices, { port: server.port, timeoutMs: 100 }));
  const start = performance.now();
  const readings = await take(source, () => performance.now() - start > 900);
  t.equal(toDead, 1, 'one timeout, then it is left alone');
  for (const tag of [3, 4]) t.ok(samplesOf(readings, tag).every((sample) => sample.quality === quality.badTimeout));
  for (const tag of [1, 2, 5, 6]) t.ok(samplesOf(readings, tag).every((sample) => isGood(sample.quality)));
  t.ok(readings.length > 10, 'the others keep their rate');
});

t.test('every slot of every tag ends good, bad or skipped, whatever the server needs for an answer', async (t) => {
  await using server = await startScript((request, socket) => {
    setTimeout(() => socket.write(replyTo(request, registers(consecutive(request)))), 70);
  });
  const config = configOf(
    [
      { unit: 1, intervalMs: 20, tags: [holding('a/fast', 0), holding('a/fast2', 1)] },
      { unit: 1, intervalMs: 100, tags: [holding('a/slow', 9)] },
    ],
    { port: server.port },
  );
  const readings = await take(sourceOf(config), ({ length }) => length === 8);
  const total = readings.reduce((sum, { slots }) => sum + slots!.good + slots!.bad + slots!.skipped, 0);
  const skipped = readings.reduce((sum, { slots }) => sum + slots!.skipped, 0);
  const rounds = (intervalUs: number, of: readonly Reading[]) =>
    Math.floor(of.at(-1)!.through / intervalUs) - Math.floor(of[0]!.through / intervalUs) + 1;
  const withSlow = readings.filter((reading) => samplesOf([reading], 3).length > 0);
  t.ok(skipped > 0);
  t.equal(total, rounds(20_000, readings) * 2 + rounds(100_000, withSlow));
  for (const { through } of readings) t.equal(through % 20_000, 0, 'rounds are aligned to the clock');
});

t.test('intervals follow the clock of the process, time-outs do not', async (t) => {
  await using server = await startScript((request, socket) => {
    socket.write(replyTo(request, registers(consecutive(request))));
  });
  const clock = createScaledClock({ startMs: 1.7e12, wallStartMs: Date.now(), speed: 50 });
  const config = configOf([{ unit: 1, intervalMs: 2000, tags: [holding('a/r', 0)] }], { port: server.port });
  const start = performance.now();
  const readings = await take(sourceOf(config, clock), ({ length }) => length === 6);
  const wallMs = performance.now() - start;
  t.ok(wallMs > 120 && wallMs < 1000, `6 rounds of 2 s took ${wallMs} ms of wall time`);
  t.ok(samplesOf(readings, 1).every(({ time }) => Math.abs(time - clock.now()) < 60e6));
});

const poison = ({ count }: Request): number[] => Array.from({ length: count }, () => 0xdead);
/** What a faulty server or line may send, given the request and the right values. */
const faults: Record<string, (request: Request, values: readonly number[]) => readonly Buffer[]> = {
  none: (request, values) => [replyTo(request, registers(values))],
  inPieces: (request, values) => [...replyTo(request, registers(values))].map((byte) => Buffer.of(byte)),
  twice: (request, values) => [replyTo(request, registers(values)), replyTo(request, registers(poison(request)))],
  exception: (request) => [exception(request, 4)],
  wrongUnit: (request) => [replyTo({ ...request, unit: request.unit + 1 }, registers(poison(request)))],
  wrongFunction: (request) => [replyTo({ ...request, code: 4 }, registers(poison(request)))],
  tooShort: (request) => [replyTo(request, registers(poison(request).slice(1)))],
  tooLong: (request) => [replyTo(request, registers([...poison(request), 0xdead]))],
  wrongByteCount: (request) => [replyTo(request, [0xf0, ...registers(poison(request)).slice(1)])],
  noData: (request) => [replyTo(request, [0])],
  otherTransaction: (request) => [
    replyTo({ ...request, transaction: request.transaction + 1 }, registers(poison(request))),
  ],
  wrappedTransaction: (request) => [
    replyTo({ ...request, transaction: request.transaction + 256 }, registers(poison(request))),
  ],
  noAnswer: () => [],
  garbage: (request) => [Buffer.from(poison(request).flatMap((word, i) => [word, request.address, 0, i, word]))],
  hugeLength: (request) => [replyTo(request, registers(poison(request))).fill(0xff, 4, 6)],
  noLength: (request) => [replyTo(request, registers(poison(request))).fill(0, 4, 6)],
};
const rightAnswers = ['none', 'inPieces', 'twice'];

t.test('no faulty reply, and no late one, ever becomes a value', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const lanes = 16;
  const perLane = 200;
  const counts = { right: 0, refused: 0, missed: 0 };
  const lane = async (sequence: readonly string[]) => {
    let serial = 0;
    let fault = 'none';
    await using server = await startScript((request, socket) => {
      // The right values say which request they answer, so that the data of an older one cannot pass for new.
      const values = Array.from({ length: request.count }, () => serial);
      const pieces = faults[fault]!(request, values);
      for (const piece of pieces) socket.write(piece);
      if (pieces.length === 0) setTimeout(() => socket.write(replyTo(request, registers(values))), 60);
    });
    const stop = new AbortController();
    const address = { host: '127.0.0.1', port: server.port, timeoutMs: 50 };
    // On a busy machine 50 ms may be too short to connect; then it is tried again, here and below.
    const connect = (): Promise<Link> => connectLink(address, stop.signal).catch(connect);
    const link = await connect();
    for (fault of sequence) {
      serial++;
      const reply = await link
        .request(7, { table: 'holding', address: serial, count: 1 + (serial % 9), tags: [] })
        .catch(() => ({ kind: 'silence' as const }));
      if (reply.kind === 'data') {
        const words = Array.from({ length: reply.data.length / 2 }, (_, i) => reply.data.readUInt16BE(i * 2));
        const isRight = words.length === 1 + (serial % 9) && words.every((word) => word === serial);
        if (!isRight || !rightAnswers.includes(fault))
          t.fail(`request ${serial}, ${fault}: got ${words} (seed ${seed})`);
        counts.right++;
      } else {
        if (reply.kind === 'exception' && fault !== 'exception') t.fail(`request ${serial}, ${fault}: an exception`);
        counts.refused++;
        if (rightAnswers.includes(fault)) counts.missed++;
      }
    }
    link.close();
  };
  const anyFault = fc.constantFrom(...Object.keys(faults));
  await Promise.all(
    Array.from({ length: lanes }, (_, i) => lane(fc.sample(anyFault, { numRuns: perLane, seed: seed + i }))),
  );
  t.equal(counts.right + counts.refused, lanes * perLane);
  t.ok(counts.right > 300 && counts.refused > 2000, JSON.stringify(counts));
});

// --- a server that is not of our making ---------------------------------------------------------------------------

const python = '/usr/bin/python3';
const pymodbusServer = `
import os, sys, threading
from pymodbus.server import StartTcpServer
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
unit = lambda size: ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, [0] * size), zero_mode=True)
context = ModbusServerContext(slaves={1: unit(4), 2: unit(1)}, single=False)
def commands():
    for line in sys.stdin:
        context[1].setValues(3, 0, [int(line)])
    os._exit(0)
threading.Thread(target=commands, daemon=True).start()
StartTcpServer(context=context, address=("127.0.0.1", int(sys.argv[1])))
`;
const hasPymodbus = spawnSync(python, ['-c', 'import pymodbus.server']).status === 0;
const isRequired = process.env.PAYESH_REQUIRE_COUNTERPARTS === '1';

if (hasPymodbus || isRequired) {
  sourceContract(t, 'modbus against pymodbus', async (): Promise<SourceFixture> => {
    const port = nextPort++;
    const child = spawn(python, ['-c', pymodbusServer, String(port)], { stdio: ['pipe', 'ignore', 'inherit'] });
    await untilAccepts(port, child);
    return {
      ...contractFixture,
      port,
      write: (value) => child.stdin.write(`${value}\n`),
      async [Symbol.asyncDispose]() {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      },
    };
  });
} else
  t.test(
    'modbus against pymodbus',
    { skip: 'python3-pymodbus, with python3-serial-asyncio, is not installed' },
    async () => {},
  );

async function untilAccepts(port: number, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + 15_000; ; await systemClock.sleep(20)) {
    const socket = openSocket(port, '127.0.0.1');
    const isUp = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return;
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('pymodbus did not start');
  }
}
