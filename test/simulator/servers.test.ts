/** The demo factory as the world sees it, read by real clients, and its truth log. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import modbusSerial from 'modbus-serial';
import { OPCUACertificateManager } from 'node-opcua';
import {
  AttributeIds,
  ClientMonitoredItem,
  type ClientSession,
  ClientSubscription,
  DataType,
  type DataValue,
  MessageSecurityMode,
  OPCUAClient,
  SecurityPolicy,
  TimestampsToReturn,
} from 'node-opcua-client';
import t from 'tap';
import type { Clock } from '../../protocols/clock.ts';
import { createFactory } from '../../protocols/simulator/factory.ts';
import type { Signal } from '../../protocols/simulator/factory-record.ts';
import { encodeWords, registerMap, wordsOf } from '../../protocols/simulator/register-map.ts';
import { startSimulator } from '../../protocols/simulator/run.ts';
import { openTruth } from '../../protocols/simulator/truth.ts';

const startUs = Date.parse('2026-11-23T13:48:00+03:30') * 1000;

/** Stands still until the test moves it. */
function createHandClock(): Clock & { time: number } {
  const clock = {
    time: startUs,
    speed: 1,
    now: () => clock.time,
    sleep: (ms: number, signal?: AbortSignal) => delay(ms, undefined, { signal }),
    wallMs: (ms: number) => ms,
  };
  return clock;
}

const clock = createHandClock();
const dir = t.testdir();
const simulator = await startSimulator({
  seed: 7,
  clock,
  host: '127.0.0.1',
  opcuaPort: 0,
  linePort: 0,
  utilitiesPort: 0,
  dataDir: join(dir, 'data'),
});
t.teardown(() => simulator.stop());
const signals = simulator.factory.signals();
const machining = signals.filter(({ plant }) => plant === 'sahand/machining-plant');

const pass = (seconds: number): void => {
  clock.time += seconds * 1e6;
  simulator.factory.advanceTo(clock.time);
};

const clientCertificates = new OPCUACertificateManager({
  rootFolder: join(dir, 'client'),
  automaticallyAcceptUnknownCertificate: true,
});

async function withSession(
  run: (session: ClientSession, nodeId: (path: string) => string) => Promise<void>,
  security = { securityMode: MessageSecurityMode.None, securityPolicy: SecurityPolicy.None },
): Promise<void> {
  const client = OPCUAClient.create({
    ...security,
    clientCertificateManager: clientCertificates,
    connectionStrategy: { maxRetry: 0 },
    endpointMustExist: false,
  });
  await client.withSessionAsync(simulator.opcua, async (session) => {
    const namespace = (await session.readNamespaceArray()).indexOf('urn:payesh:demo-factory');
    await run(session, (path) => `ns=${namespace};s=${path.replaceAll('/', '.')}`);
  });
}

t.test('an OPC UA client reads every tag with its value, type and the time of its last change', async (t) => {
  pass(90);
  await withSession(async (session, nodeId) => {
    const values = await session.read(
      machining.map(({ path }) => ({ nodeId: nodeId(path), attributeId: AttributeIds.Value })),
    );
    t.equal(values.length, 3 * 8 + 5);
    const types: { [name: string]: DataType } = {
      state: DataType.Int32,
      mode: DataType.Int32,
      'count-total': DataType.UInt16,
      'count-good': DataType.UInt16,
      'count-scrap': DataType.UInt16,
      'spindle-load': DataType.Float,
      temperature: DataType.Double,
      alarm: DataType.String,
      kwh: DataType.Double,
      kvarh: DataType.Double,
      power: DataType.Float,
      'reactive-power': DataType.Float,
      'power-factor': DataType.Float,
    };
    for (const [index, { path, value, time }] of machining.entries()) {
      const read = values[index]!;
      const type = types[path.split('/').at(-1)!]!;
      t.equal(read.value.dataType, type, path);
      t.equal(read.value.value, type === DataType.Float ? Math.fround(Number(value)) : value, path);
      t.equal(read.sourceTimestamp!.getTime() * 1000, time, path);
    }
  });
});

t.test('an OPC UA client reads over an encrypted channel too, and may not write', async (t) => {
  await withSession(
    async (session, nodeId) => {
      const path = 'machining/line-1/cnc-2/count-total';
      const read = await session.read({ nodeId: nodeId(path), attributeId: AttributeIds.Value });
      t.equal(read.value.value, machining.find((signal) => signal.path === path)!.value);
      const status = await session.write({
        nodeId: nodeId(path),
        attributeId: AttributeIds.Value,
        value: { value: { dataType: DataType.UInt16, value: 1 } },
      });
      t.equal(status.name, 'BadNotWritable');
    },
    { securityMode: MessageSecurityMode.SignAndEncrypt, securityPolicy: SecurityPolicy.Basic256Sha256 },
  );
});

t.test(
  'a subscription gets every change with its exact time, and samples of 50 ms',
  { timeout: 120_000 },
  async (t) => {
    const path = 'machining/line-1/cnc-1/spindle-load';
    const truth: [number, number][] = [];
    const stopListening = simulator.factory.listen({
      changed: (signal) => {
        if (signal.plant === 'sahand/machining-plant' && signal.path === path) {
          truth.push([signal.time, Math.fround(Number(signal.value))]);
        }
      },
    });
    await withSession(async (session, nodeId) => {
      const subscription = ClientSubscription.create(session, {
        requestedPublishingInterval: 100,
        requestedLifetimeCount: 100,
        requestedMaxKeepAliveCount: 5,
        maxNotificationsPerPublish: 1000,
        publishingEnabled: true,
      });
      const monitor = async (samplingInterval: number) => {
        const seen: [number, number][] = [];
        const item = ClientMonitoredItem.create(
          subscription,
          { nodeId: nodeId(path), attributeId: AttributeIds.Value },
          { samplingInterval, queueSize: 1000, discardOldest: true },
          TimestampsToReturn.Both,
        );
        item.on('changed', (read: DataValue) => seen.push([read.sourceTimestamp!.getTime() * 1000, read.value.value]));
        await once(item, 'initialized');
        return { item, seen };
      };
      const everyChange = await monitor(0);
      const sampled = await monitor(50);
      t.equal(everyChange.item.result!.revisedSamplingInterval, 0);
      t.equal(sampled.item.result!.revisedSamplingInterval, 50);
      while (everyChange.seen.length === 0 || sampled.seen.length === 0) await delay(20);
      // What was there before the first step is the initial value.
      truth.unshift(everyChange.seen[0]!);
      for (let step = 0; step < 10; step++) {
        pass(4.3);
        await delay(120);
      }
      while (everyChange.seen.length < truth.length) await delay(20);
      t.ok(truth.length > 30, `${truth.length} changes`);
      t.same(everyChange.seen, truth);
      await delay(200);
      t.ok(sampled.seen.length >= 8, `${sampled.seen.length} samples`);
      t.ok(sampled.seen.every(([time, value]) => truth.some((one) => one[0] === time && one[1] === value)));
      t.same(sampled.seen.at(-1), truth.at(-1));
      await subscription.terminate();
    });
    stopListening();
  },
);

type ModbusClient = InstanceType<typeof modbusSerial.default>;

async function withModbus(server: 'line' | 'utilities', run: (client: ModbusClient) => Promise<void>): Promise<void> {
  const { host, port } = simulator.modbus[server === 'line' ? 0 : 1]!;
  const client = new modbusSerial.default();
  client.setTimeout(20_000);
  await client.connectTCP(host, { port });
  await run(client);
  await new Promise<void>((resolve) => client.close(() => resolve()));
}

/** Decodes as a client does that knows nothing of the simulator's encoder. */
function decode(type: string, wordOrder: string, words: number[]): number {
  const bytes = Buffer.alloc(4);
  const [high, low] = wordOrder === 'ABCD' ? words : words.toReversed();
  bytes.writeUInt16BE(high!, 0);
  bytes.writeUInt16BE(low ?? 0, 2);
  if (type === 'u16') return words[0]!;
  if (type === 'i16') return Buffer.from([words[0]! >> 8, words[0]! & 255]).readInt16BE();
  return type === 'u32' ? bytes.readUInt32BE() : bytes.readFloatBE();
}

t.test('a Modbus client reads every register as the factory has it, holding and input alike', async (t) => {
  const shownAt = (path: string): number =>
    Number(signals.find((one: Signal) => one.plant === 'aras/packaging-plant' && one.path === path)!.value);
  for (const seconds of [0, 200]) {
    pass(seconds);
    for (const { server, unitId, wordOrder, registers } of registerMap) {
      await withModbus(server, async (client) => {
        client.setID(unitId);
        for (const { address, type, path } of registers) {
          const holding = await client.readHoldingRegisters(address, wordsOf(type));
          const input = await client.readInputRegisters(address, wordsOf(type));
          t.same(input.data, holding.data);
          const value = shownAt(path);
          t.equal(decode(type, wordOrder, holding.data), type === 'f32' ? Math.fround(value) : value, path);
        }
      });
    }
  }
  t.same(
    registerMap.flatMap(({ registers }) => registers.map(({ path }) => path)).toSorted(),
    signals.flatMap(({ plant, path }) => (plant === 'aras/packaging-plant' ? [path] : [])).toSorted(),
    'and every tag of the plant has a register',
  );
});

t.test('a block is one instant: total is good and scrap in every read', async (t) => {
  await withModbus('line', async (client) => {
    client.setID(3);
    for (let read = 0; read < 30; read++) {
      clock.time += 777_000;
      const { data } = await client.readHoldingRegisters(0, 7);
      const [total, good, scrap] = [1, 3, 5].map((at) => decode('u32', 'CDAB', data.slice(at, at + 2)));
      t.equal(total, (good! + scrap!) % 2 ** 32);
      const latest = simulator.factory.latest().findLast(({ type }) => type === 'energy')!;
      t.ok(clock.time - latest.t < 1e6, 'the factory has come up to now');
    }
  });
});

t.test('what is not mapped is exception 2, a unit that is not there exception 11, too much exception 3', async (t) => {
  await withModbus('line', async (client) => {
    client.setID(2);
    for (const [address, length] of [
      [4, 1],
      [3, 2],
      [0, 102],
      [65535, 1],
    ] as const) {
      await t.rejects(client.readHoldingRegisters(address, length), /exception 2/, `${address} + ${length}`);
    }
    await t.rejects(client.readHoldingRegisters(0, 126), /exception 3/);
    await t.rejects(client.readCoils(0, 1), /exception 1/);
    await t.rejects(client.writeRegister(1, 5), /exception 1/);
    await t.rejects(client.writeRegisters(1, [5, 6]), /exception 1/);
    client.setID(9);
    await t.rejects(client.readHoldingRegisters(0, 1), /exception 11/);
    client.setID(2);
    await t.resolves(client.readHoldingRegisters(0, 4), 'and the connection is still good');
  });
});

t.test('words are encoded as their order says', async (t) => {
  t.same(encodeWords('u32', 'ABCD', 0x01020304), [0x0102, 0x0304]);
  t.same(encodeWords('u32', 'CDAB', 0x01020304), [0x0304, 0x0102]);
  t.same(encodeWords('f32', 'ABCD', 123.456), [0x42f6, 0xe979]);
  t.same(encodeWords('i16', 'CDAB', -2), [0xfffe]);
});

t.test('both register tables say what the map says', async (t) => {
  const map = registerMap.flatMap(({ server, unitId, wordOrder, registers }) =>
    registers.map(({ address, type, path }) =>
      [server, unitId, address, type, wordsOf(type) === 2 ? wordOrder : '', path].join(' '),
    ),
  );
  for (const file of ['register-map.ts', 'README.md']) {
    const text = readFileSync(new URL(`../../protocols/simulator/${file}`, import.meta.url), 'utf8');
    const rows = text.split('\n').filter((line) => /^( \* )?\| (line|utilities) /.test(line));
    const table = rows.map((row) =>
      row
        .replaceAll('`', '')
        .split('|')
        .slice(1, 7)
        .map((cell) => cell.trim())
        .join(' '),
    );
    t.same(table, map, file);
  }
});

t.test('the truth log holds the start and every event, and stands on disk after a second', async (t) => {
  const file = join(t.testdir(), 'deep', 'truth.ndjson');
  const factory = createFactory({ seed: 2, startUs });
  const read = () =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const expected: unknown[] = [];
  const truth = openTruth(file, factory);
  const { units, extraCurtailments: curtailments } = factory;
  expected.push({ type: 'header', format: 1, seed: 2, startUs, curtailments, units }, ...factory.latest());
  t.same(read(), expected);
  factory.listen({ happened: (event) => expected.push(event) });
  factory.advanceTo(startUs + 10e6);
  await delay(1200);
  t.same(read(), expected);
  factory.advanceTo(startUs + 1200e6);
  truth.close();
  t.same(read(), expected);
});
