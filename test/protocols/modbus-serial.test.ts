/** Modbus over serial lines: their times, their faults, and the contract of a source. */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SerialPort } from 'serialport';
import t from 'tap';
import { systemClock } from '../../protocols/clock.ts';
import { modbusConnectionSchema } from '../../protocols/modbus/connection-config.ts';
import { inspectRegisters, scanUnits } from '../../protocols/modbus/explore.ts';
import { connectLink } from '../../protocols/modbus/link.ts';
import { lineTimes } from '../../protocols/modbus/serial.ts';
import type { Source } from '../../protocols/source.ts';
import { type SourceFixture, sourceContract } from '../contract/source.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { dataReply, type Script, serve, wordsReply } from '../support/modbus-faulty-server.ts';
import { modbusSource } from '../support/modbus-source.ts';
import { freePort } from '../support/ports.ts';
import { requirePymodbusOrSkip, startPymodbus } from '../support/pymodbus.ts';
import { openSerialPair } from '../support/serial-pair.ts';

const never = new AbortController().signal;
const line = (path: string, more: object = {}) =>
  modbusConnectionSchema.parse({ transport: 'rtu', serial: { path, parity: 'none', baudRate: 19_200 }, ...more });
const one = { table: 'holding', address: 5, count: 1 } as const;

t.test('a character has start, data, parity and stop bits, and frames lie 3.5 of them apart', async (t) => {
  const line = { path: 'x', baudRate: 9600, parity: 'even', dataBits: 8, stopBits: 1 } as const;
  const { characterMs, silenceMs } = lineTimes(line);
  t.match([characterMs.toFixed(3), silenceMs.toFixed(3)], ['1.146', '4.010']);
  t.equal(lineTimes({ ...line, parity: 'none', baudRate: 20_000 }).characterMs, 0.5);
  t.equal(lineTimes({ ...line, baudRate: 115_200 }).silenceMs, 1.75, 'above 19200 baud it is fixed');
});

t.test('a line that is not there is a ConnectionError that says so', async (t) => {
  const asked = connectLink(line('/dev/no-such-line'), never);
  await t.rejects(asked, { name: 'ConnectionError', message: /rtu:\/\/\/dev\/no-such-line/, cause: /No such file/ });
});

/** A scripted device at the far end of a line. */
async function startDevice(path: string, script: Script): Promise<AsyncDisposable> {
  const port = new SerialPort({ path, baudRate: 19_200 });
  await once(port, 'open');
  serve(port, 'rtu', script);
  return { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => port.close(() => resolve())) };
}

t.test('a serial line', async (t) => {
  const socat = requireOrSkip(t, 'socat');
  if (!socat) return;

  t.test('has 3.5 characters of silence between frames, however fast the device answers', async (t) => {
    await using pair = await openSerialPair(socat, t.testdir());
    const gaps: number[] = [];
    let answeredAt = 0;
    await using _ = await startDevice(pair.far, (request, peer) => {
      if (answeredAt) gaps.push(performance.now() - answeredAt);
      peer.write(wordsReply('rtu', request, [1]));
      answeredAt = performance.now();
    });
    const config = line(pair.near, { serial: { path: pair.near, parity: 'none', baudRate: 1200 } });
    const link = await connectLink(config, never);
    for (let i = 0; i < 10; i++) await link.request(1, one, config);
    link.close();
    const { silenceMs } = lineTimes(config.serial!);
    t.ok(gaps.length === 9 && gaps.every((gap) => gap >= silenceMs), `${Math.min(...gaps)} of ${silenceMs} ms`);
  });

  t.test('is drained after a timeout, so that the late reply meets no later request', async (t) => {
    await using pair = await openSerialPair(socat, t.testdir());
    let lateMs = 0;
    await using _ = await startDevice(pair.far, (request, peer) => {
      const reply = wordsReply('rtu', request, [request.address]);
      if (lateMs === 0) peer.write(reply);
      else {
        // In pieces, as a slow line delivers it.
        setTimeout(() => peer.write(reply.subarray(0, 3)), lateMs);
        setTimeout(() => peer.write(reply.subarray(3)), lateMs + 15);
      }
    });
    const link = await connectLink(line(pair.near), never);
    const timing = { timeoutMs: 200, pauseMs: 0 };
    for (const late of [210, 250, 340]) {
      lateMs = late;
      t.equal((await link.request(1, { ...one, address: late }, timing)).kind, 'silence');
      lateMs = 0;
      // Of the same unit, and of the next one on the line.
      for (const unit of [late % 2, 1]) {
        const reply = await link.request(unit, one, timing);
        t.strictSame(reply.kind === 'data' && reply.data, Buffer.from([0, 5]), `after one of ${late} ms`);
      }
    }
    link.close();
  });

  t.test('that never falls silent gives no values, and recovers when it does', async (t) => {
    await using pair = await openSerialPair(socat, t.testdir());
    let babble: NodeJS.Timeout | undefined;
    await using _ = await startDevice(pair.far, (request, peer) => {
      if (babble) return;
      peer.write(dataReply('rtu', request, Buffer.from([0, 5])));
    });
    const far = new SerialPort({ path: pair.far, baudRate: 19_200, lock: false });
    await once(far, 'open');
    babble = setInterval(() => far.write(Buffer.from('0103020005', 'hex')), 10);
    const link = await connectLink(line(pair.near), never);
    const timing = { timeoutMs: 200, pauseMs: 0 };
    t.not((await link.request(1, one, timing)).kind, 'data');
    const startedAt = performance.now();
    t.not((await link.request(2, one, timing)).kind, 'data');
    t.ok(performance.now() - startedAt < 20_000, 'and does not wait for ever');
    clearInterval(babble);
    babble = undefined;
    t.equal((await link.request(3, one, timing)).kind, 'data');
    link.close();
    await new Promise<void>((resolve) => far.close(() => resolve()));
  });

  t.test('is not shared with another program, and is free again after it was closed', async (t) => {
    await using pair = await openSerialPair(socat, t.testdir());
    const link = await connectLink(line(pair.near), never);
    await t.rejects(connectLink(line(pair.near), never), { cause: /in use by another program/ });
    link.close();
    await systemClock.sleep(50);
    (await connectLink(line(pair.near), never)).close();
  });
});

t.test('pymodbus', async (t) => {
  const socat = requireOrSkip(t, 'socat');
  if (!socat || !requirePymodbusOrSkip(t)) return;

  for (const transport of ['tcp', 'udp', 'rtu-over-tcp', 'rtu'] as const) {
    t.test(`is read over ${transport}: every table, refusals, and units that are not there`, async (t) => {
      const pair = transport === 'rtu' ? await openSerialPair(socat, t.testdir()) : undefined;
      const port = await freePort();
      await using server = await startPymodbus(transport, pair?.far ?? port);
      await server.write(4711);
      await systemClock.sleep(50);
      const config = pair
        ? line(pair.near, { timeoutMs: 300 })
        : modbusConnectionSchema.parse({ transport, host: '127.0.0.1', port, timeoutMs: 300 });
      const inspect = (table: 'holding' | 'input' | 'coil' | 'discrete', address: number, count: number) =>
        inspectRegisters(config, { kind: 'modbus', unit: 1, table, address, count }, never);

      t.same((await inspect('holding', 0, 2)).words, [4711, 0]);
      const inputs = Array.from({ length: 125 }, (_, i) => 1000 + i);
      t.same((await inspect('input', 0, 125)).words, inputs);
      t.same((await inspect('coil', 0, 10)).words, [1, 0, 1, 1, 0, 1, 1, 0, 1, 1]);
      t.equal((await inspect('coil', 0, 2000)).words.length, 2000);
      t.same((await inspect('discrete', 1, 9)).words, [1, 0, 1, 0, 1, 0, 1, 0, 1]);
      t.match(await inspect('holding', 3, 2), { words: [], exception: 2 });
      const units = await Array.fromAsync(scanUnits(config, [1, 2, 3], never));
      t.same(
        units.map(({ answer }) => answer),
        ['data', 'data', 'silence'],
      );
      await pair?.[Symbol.asyncDispose]();
    });
  }
});

t.test('the contract of a source over a serial line', async (t) => {
  const socat = requireOrSkip(t, 'socat');
  if (!socat || !requirePymodbusOrSkip(t)) return;

  const dir = t.testdir();
  const makeFixture = async (): Promise<SourceFixture> => {
    const port = await freePort();
    const server = await startPymodbus('rtu-over-tcp', port);
    const own = join(dir, String(port));
    mkdirSync(own);
    return {
      port,
      sourceAt: (tcpPort) => behindLine(socat, own, tcpPort),
      tagIds: [1, 2, 3, 4, 5, 6],
      written: 1,
      write: (value) => server.write(value),
      absent: 5,
      inspect: { kind: 'modbus', unit: 1, table: 'holding', address: 0, count: 4 },
      silenceMs: 5000,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  };
  sourceContract(t, 'modbus rtu', makeFixture, 4);
});

/** The driver at a line whose other end is a TCP port. A new line each time: it breaks when that connection does. */
function behindLine(socat: string, dir: string, tcpPort: number): Source {
  const holding = (path: string, address: number) => ({ path, table: 'holding', address, format: 'uint16' });
  const devices = [
    { unit: 1, intervalMs: 50, tags: [0, 1, 2, 3].map((a) => holding(`a/r${a}`, a)).concat(holding('a/absent', 4)) },
    { unit: 2, intervalMs: 100, tags: [holding('b/r0', 0)] },
  ];
  const sourceOn = (path: string): Source => {
    const serial = { path, parity: 'none', baudRate: 115_200 };
    return modbusSource({ transport: 'rtu', host: undefined, serial, timeoutMs: 200, devices });
  };
  let source = sourceOn('/dev/null');
  return {
    id: 'plc',
    async *read(signal) {
      await using pair = await openSerialPair(socat, dir, tcpPort);
      source = sourceOn(pair.near);
      yield* source.read(signal);
    },
    inspect: (request, signal) => source.inspect(request, signal),
  };
}
