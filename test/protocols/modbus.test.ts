/** Modbus devices as a source: what becomes of tags, rounds and units, against real servers. */
import { once } from 'node:events';
import modbusSerial from 'modbus-serial';
import t from 'tap';
import { createScaledClock, systemClock } from '../../protocols/clock.ts';
import { quality } from '../../protocols/sample.ts';
import { createTimetable } from '../../protocols/timetable.ts';
import { type SourceFixture, sourceContract } from '../contract/source.ts';
import {
  exceptionReply,
  type Request,
  type Script,
  startScriptedServer,
  wordsReply,
} from '../support/modbus-faulty-server.ts';
import { modbusSource, samplesOf, take } from '../support/modbus-source.ts';
import { freePort } from '../support/ports.ts';
import { requirePymodbusOrSkip, startPymodbus } from '../support/pymodbus.ts';

const { ServerTCP } = modbusSerial;

const holding = (path: string, address: number) => ({ path, table: 'holding', address, format: 'uint16' });
const consecutive = ({ address, count }: Request): number[] => Array.from({ length: count }, (_, i) => address + i);
const answer: Script = (request, peer) => peer.write(wordsReply('mbap', request, consecutive(request)));

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

// --- against servers ----------------------------------------------------------------------------------------------

/** Registers by unit and address; what is not there is exception 2. */
type Image = Map<string, number>;
async function startServer(image: Image) {
  const register = (address: number, unit: number): number => {
    const value = image.get(`${unit}/${address}`);
    if (value === undefined) throw Object.assign(new Error(), { modbusErrorCode: 2 });
    return value;
  };
  // ServerTCP takes no port 0.
  const port = await freePort();
  const vector = {
    getHoldingRegister: register,
    getInputRegister: register,
    getCoil: (a: number, u: number) => register(a, u) === 1,
  };
  const server = new ServerTCP(vector, { host: '127.0.0.1', port, unitID: 255 });
  await once(server, 'initialized');
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

/** The driver is told the same of either server: unit 1 has registers 0 to 3, unit 2 has 0. */
const contractFixture = {
  sourceAt: (port: number) =>
    modbusSource({
      port,
      timeoutMs: 200,
      devices: [
        {
          unit: 1,
          intervalMs: 50,
          tags: [0, 1, 2, 3].map((a) => holding(`a/r${a}`, a)).concat(holding('a/absent', 4)),
        },
        { unit: 2, intervalMs: 100, tags: [holding('b/r0', 0)] },
      ],
    }),
  tagIds: [1, 2, 3, 4, 5, 6],
  written: 1,
  absent: 5,
  inspect: { kind: 'modbus', unit: 1, table: 'holding', address: 0, count: 4 } as const,
  silenceMs: 5000,
};

const scriptedFixture = async (): Promise<SourceFixture> => {
  const image: Image = new Map(['1/0', '1/1', '1/2', '1/3', '2/0'].map((key) => [key, 0]));
  const server = await startServer(image);
  return {
    ...contractFixture,
    port: server.port,
    write(value) {
      image.set('1/0', value);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};
sourceContract(t, 'modbus', scriptedFixture, 4);

t.test('one refused address costs its own tag only, and is not asked again in every round', async (t) => {
  const asked: number[][] = [];
  await using server = await startScriptedServer('mbap', (request, peer) => {
    asked.push([request.address, request.count]);
    const refused = request.address <= 5 && 5 < request.address + request.count;
    peer.write(refused ? exceptionReply('mbap', request, 2) : wordsReply('mbap', request, consecutive(request)));
  });
  const tags = [0, 1, 2, 3, 4, 5, 6, 7].map((a) => holding(`a/r${a}`, a));
  const source = modbusSource({ port: server.port, devices: [{ unit: 1, intervalMs: 20, tags }] });
  const readings = await take(source, ({ length }) => length === 3);
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
  await using server = await startScriptedServer('mbap', (request, peer) => {
    peer.write(
      request.unit === 200
        ? wordsReply('mbap', request, consecutive(request))
        : exceptionReply('mbap', request, request.unit),
    );
  });
  const units = [...Object.keys(expected).map(Number), 200];
  const devices = units.map((unit) => ({ unit, tags: [holding(`u${unit}/r`, 7)] }));
  const [first] = await take(modbusSource({ port: server.port, devices }), () => true);
  t.same(
    first!.samples.map((sample) => sample.quality),
    [...Object.values(expected), quality.good],
  );
});

t.test('every slot of every tag ends good, bad or skipped, whatever the server needs for an answer', async (t) => {
  await using server = await startScriptedServer('mbap', (request, peer) => {
    setTimeout(() => peer.write(wordsReply('mbap', request, consecutive(request))), 70);
  });
  const source = modbusSource({
    port: server.port,
    devices: [
      { unit: 1, intervalMs: 20, tags: [holding('a/fast', 0), holding('a/fast2', 1)] },
      { unit: 1, intervalMs: 100, tags: [holding('a/slow', 9)] },
    ],
  });
  const startedAt = systemClock.now();
  const readings = await take(source, ({ length }) => length === 12);
  const endedAt = systemClock.now();
  const total = readings.reduce((sum, { slots }) => sum + slots!.good + slots!.bad + slots!.skipped, 0);
  const skipped = readings.reduce((sum, { slots }) => sum + slots!.skipped, 0);
  const slotsDue = (from: number, to: number) => {
    const rounds = (intervalUs: number) => Math.floor(to / intervalUs) - Math.floor(from / intervalUs);
    return rounds(20_000) * 2 + rounds(100_000);
  };
  t.ok(skipped > 0);
  const known = slotsDue(readings[0]!.through, readings.at(-1)!.through);
  const atMost = slotsDue(startedAt, endedAt) + 3;
  t.ok(total >= known && total <= atMost, `${total} of ${known} to ${atMost}`);
  for (const { through } of readings) t.equal(through % 20_000, 0, 'rounds are aligned to the clock');
});

t.test('intervals follow the clock of the process, time-outs do not', async (t) => {
  await using server = await startScriptedServer('mbap', answer);
  const clock = createScaledClock({ startMs: 1.7e12, wallStartMs: Date.now(), speed: 50 });
  const devices = [{ unit: 1, intervalMs: 2000, tags: [holding('a/r', 0)] }];
  const start = performance.now();
  const readings = await take(modbusSource({ port: server.port, devices }, clock), ({ length }) => length === 6);
  const wallMs = performance.now() - start;
  t.ok(wallMs > 120 && wallMs < 6000, `6 rounds of 2 s took ${wallMs} ms of wall time`);
  t.ok(samplesOf(readings, 1).every(({ time }) => Math.abs(time - clock.now()) < 60e6));
});

// --- a server that is not of our making ---------------------------------------------------------------------------

t.test('modbus against pymodbus', async (t) => {
  if (!requirePymodbusOrSkip(t)) return;
  const makeFixture = async (): Promise<SourceFixture> => {
    const port = await freePort();
    const server = await startPymodbus('tcp', port);
    return {
      ...contractFixture,
      port,
      write: (value) => server.write(value),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  };
  sourceContract(t, 'modbus', makeFixture, 4);
});
