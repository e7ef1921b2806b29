/** What Modbus puts on the wire: reads only, as planned, and no connection is held up by another. */
import { duplexPair } from 'node:stream';
import t from 'tap';
import { systemClock } from '../../protocols/clock.ts';
import { ConnectionError, RejectedError } from '../../protocols/errors.ts';
import { modbusConnectionSchema } from '../../protocols/modbus/connection-config.ts';
import type { Outcome } from '../../protocols/modbus/exchange.ts';
import { inspectRegisters, scanUnits } from '../../protocols/modbus/explore.ts';
import { crc16, type FramingKind } from '../../protocols/modbus/frame.ts';
import { connectLink, type Link } from '../../protocols/modbus/link.ts';
import { createPatience } from '../../protocols/modbus/patience.ts';
import { createPort } from '../../protocols/modbus/port.ts';
import { createStreamTransport } from '../../protocols/modbus/transport-stream.ts';
import { connectUdp } from '../../protocols/modbus/transport-udp.ts';
import { createUnit } from '../../protocols/modbus/unit.ts';
import { isGood, quality } from '../../protocols/sample.ts';
import { fc } from '../support/drawn.ts';
import {
  dataReply,
  exceptionReply,
  type Request,
  type Script,
  startScriptedServer,
  startScriptedUdpServer,
  wordsReply,
} from '../support/modbus-faulty-server.ts';
import { modbusSource, samplesOf, take } from '../support/modbus-source.ts';
import { undisturbed } from '../support/undisturbed.ts';

const never = new AbortController().signal;
const address = (transport: string, port: number, more: object = {}) =>
  modbusConnectionSchema.parse({ transport, host: '127.0.0.1', port, ...more });
const words = ({ address, count }: Request): number[] => Array.from({ length: count }, (_, i) => address + i);
const answerAll: Script = (request, peer) => {
  if (request.code > 2) peer.write(wordsReply(peer.framing, request, words(request)));
  else peer.write(dataReply(peer.framing, request, Buffer.alloc(Math.ceil(request.count / 8), 0b1010_0101)));
};
const holding = (path: string, address: number) => ({ path, table: 'holding', address, format: 'uint16' });
const registers = (reply: Outcome) =>
  reply.kind === 'data'
    ? Array.from({ length: reply.data.length / 2 }, (_, i) => reply.data.readUInt16BE(i * 2))
    : reply.kind;

// --- what leaves ---------------------------------------------------------------------------------------------------

/** Everything that modbus-serial can be asked to send, writing included, and bytes of one's own. */
const anyOrder = fc.oneof(
  fc.record({
    method: fc.constantFrom(
      ...(['writeFC1', 'writeFC2', 'writeFC3', 'writeFC4', 'writeFC5', 'writeFC6', 'writeFC15', 'writeFC16'] as const),
      ...(['writeFC17', 'writeFC20', 'writeFC22', 'writeFC23', 'writeFC43', 'writeCustomFC'] as const),
    ),
    args: fc.array(fc.oneof(fc.nat(0xffff), fc.nat(255), fc.array(fc.nat(255), { maxLength: 20 }), fc.boolean()), {
      maxLength: 6,
    }),
  }),
  fc.record({ method: fc.constant('raw' as const), args: fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.boolean()) }),
);

/** As untyped as an order may come. */
type AnyClient = Record<string, (...args: unknown[]) => void> & { readonly _port: { write(bytes: Buffer): void } };

function order(anyClient: unknown, { method, args }: { method: string; args: readonly unknown[] }): void {
  const client = anyClient as AnyClient;
  try {
    if (method === 'raw') {
      const [bytes, withCrc] = args as [Uint8Array, boolean];
      const crc = crc16(bytes, 0, bytes.length);
      client._port.write(Buffer.from(withCrc ? [...bytes, crc & 0xff, crc >> 8] : bytes));
    } else client[method]!(...args, () => {});
  } catch {
    // Refused, here or by the library.
  }
}

/** Whether these bytes are read requests and nothing else. */
function areReads(bytes: Buffer, framing: FramingKind): boolean {
  const size = framing === 'mbap' ? 12 : 8;
  if (bytes.length % size !== 0) return false;
  for (let at = 0; at < bytes.length; at += size) {
    const code = bytes[at + (framing === 'mbap' ? 7 : 1)]!;
    if (code < 1 || code > 4 || (framing === 'mbap' && bytes.readUInt32BE(at + 2) !== 6)) return false;
  }
  return true;
}

const events = { onBytes() {}, onGarbage() {}, onDoubt() {} };
for (const framing of ['mbap', 'rtu'] as const) {
  t.test(`${framing}: whatever the library is told, only the function codes 1 to 4 reach the stream`, async (t) => {
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyOrder, { maxLength: 20 }), async (orders) => {
        const [near, far] = duplexPair();
        const out: Buffer[] = [];
        far.on('data', (bytes) => out.push(bytes));
        const transport = createStreamTransport(near, { framing, name: 'x', close: () => near.destroy() });
        const { client } = createPort(transport, events);
        for (const one of orders) {
          order(client, one);
          await new Promise((resolve) => setImmediate(resolve));
        }
        const bytes = Buffer.concat(out);
        sent += bytes.length;
        near.destroy();
        return areReads(bytes, framing);
      }),
      { numRuns: 1000 },
    );
    t.ok(sent > 0, 'and reads do');
  });
}

t.test('udp: whatever the library is told, only the function codes 1 to 4 become datagrams', async (t) => {
  const out: Request[] = [];
  await using server = await startScriptedUdpServer((request) => out.push(request));
  const { port } = server;
  const transport = await connectUdp({ host: '127.0.0.1', port, timeoutMs: 1000, name: 'x' }, never);
  const { client } = createPort(transport, events);
  for (const one of fc.sample(anyOrder, 500)) order(client, one);
  await systemClock.sleep(50);
  t.ok(out.length > 20 && out.every(({ code }) => code >= 1 && code <= 4));
  transport.close();
});

t.test('whatever is configured, each table is read by its own function code and nothing else is sent', async (t) => {
  const codes = { coil: 1, discrete: 2, holding: 3, input: 4 };
  const anyTag = fc.record({ table: fc.constantFrom('coil', 'discrete', 'holding', 'input'), address: fc.nat(60_000) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyTag, { minLength: 1, maxLength: 12 }),
      fc.constantFrom('tcp', 'rtu-over-tcp'),
      async (tags, transport) => {
        const seen = new Set<number>();
        await using server = await startScriptedServer(transport === 'tcp' ? 'mbap' : 'rtu', (request, peer) => {
          seen.add(request.code);
          if (request.address % 7 === 0) peer.write(exceptionReply(peer.framing, request, 2));
          else answerAll(request, peer);
        });
        const isBits = (table: string) => table === 'coil' || table === 'discrete';
        const source = modbusSource({
          transport,
          port: server.port,
          devices: [
            {
              unit: 1,
              addressing: 'zero-based',
              tags: tags.map((tag, i) => ({ ...tag, path: `a/t${i}`, format: isBits(tag.table) ? 'bit' : 'uint16' })),
            },
          ],
        });
        await take(source, () => true);
        t.same(seen, new Set(tags.map(({ table }) => codes[table as keyof typeof codes])));
      },
    ),
    { numRuns: 40 },
  );
});

// --- transports ----------------------------------------------------------------------------------------------------

const startTransport = (transport: string, script: Script) =>
  transport === 'udp'
    ? startScriptedUdpServer(script)
    : startScriptedServer(transport === 'tcp' ? 'mbap' : 'rtu', script);

for (const transport of ['tcp', 'udp', 'rtu-over-tcp']) {
  t.test(`${transport}: reads all four tables up to their longest reply`, async (t) => {
    await using server = await startTransport(transport, answerAll);
    const link = await connectLink(address(transport, server.port), never);
    const timing = { timeoutMs: 1000, pauseMs: 0 };
    for (const table of ['holding', 'input'] as const) {
      const reply = await link.request(255, { table, address: 300, count: 125 }, timing);
      t.same(
        registers(reply),
        Array.from({ length: 125 }, (_, i) => 300 + i),
      );
    }
    for (const table of ['coil', 'discrete'] as const) {
      const reply = await link.request(1, { table, address: 0, count: 2000 }, timing);
      t.equal(reply.kind === 'data' && reply.data.toString('hex'), 'a5'.repeat(250));
    }
    link.close();
  });
}

t.test('where nothing listens it is a ConnectionError that says where', async (t) => {
  await t.rejects(connectLink(address('tcp', 1), never), { name: 'ConnectionError', message: /tcp:\/\/127.0.0.1:1/ });
  const link = await connectLink(address('udp', 1), never);
  const asked = link.request(1, { table: 'holding', address: 0, count: 1 }, { timeoutMs: 2000, pauseMs: 0 });
  await t.rejects(asked, ConnectionError, 'over UDP with the first request');
  await t.rejects(connectLink(address('tcp', 1), AbortSignal.abort()), ConnectionError);
  const unknown = modbusConnectionSchema.parse({ transport: 'udp', host: 'no-such-host.invalid', port: 502 });
  await t.rejects(connectLink(unknown, never), ConnectionError);
});

// --- time-outs and connections -------------------------------------------------------------------------------------

const one = { table: 'holding', address: 5, count: 1 } as const;

t.test('tcp: one timeout keeps the connection and its late reply is dropped, two in a row give it up', async (t) => {
  let isSilent = false;
  let sendLate = () => {};
  await using server = await startScriptedServer('mbap', (request, peer) => {
    const late = sendLate;
    sendLate = () => {};
    if (isSilent) sendLate = () => peer.write(wordsReply('mbap', request, [0xdead]));
    else {
      late();
      answerAll(request, peer);
    }
  });
  const link = await connectLink(address('tcp', server.port), never);
  const ask = async (answers: boolean) => {
    isSilent = !answers;
    return link.request(1, one, { timeoutMs: answers ? 10_000 : 50, pauseMs: 0 });
  };
  for (let i = 0; i < 5; i++) {
    t.equal((await ask(false)).kind, 'silence');
    if (i % 2) {
      // It comes while nothing is asked; otherwise it comes before the reply to the next request.
      sendLate();
      sendLate = () => {};
      await systemClock.sleep(40);
    }
    t.same(registers(await ask(true)), [5]);
  }
  t.equal(server.connections, 1);
  t.equal((await ask(false)).kind, 'silence');
  t.equal((await ask(false)).kind, 'silence');
  t.same(registers(await ask(true)), [5]);
  t.equal(server.connections, 2);
  link.close();
});

t.test('rtu-over-tcp: after one timeout a new connection is taken, and the silent unit is given time', async (t) => {
  let isSilent = true;
  const asked: number[] = [];
  await using server = await startScriptedServer('rtu', (request, peer) => {
    asked.push(performance.now());
    if (!isSilent) answerAll(request, peer);
  });
  const link = await connectLink(address('rtu-over-tcp', server.port), never);
  const ask = () => link.request(1, one, { timeoutMs: 400, pauseMs: 0 });
  t.equal((await ask()).kind, 'silence');
  isSilent = false;
  t.same(registers(await ask()), [5]);
  t.equal(server.connections, 2);
  t.ok(asked[1]! - asked[0]! >= 795, "what comes up to a second timeout later is nobody's");
  link.close();
});

t.test('a server that closes idle connections costs new connections, and no Bad value', async (t) => {
  await using server = await startScriptedServer('mbap', (request, peer) => {
    answerAll(request, peer);
    setTimeout(() => peer.end('close'), 20);
  });
  const source = modbusSource({
    port: server.port,
    devices: [{ unit: 1, intervalMs: 100, tags: [holding('a/r', 3)] }],
  });
  const readings = await take(source, ({ length }) => length >= 10);
  t.ok(samplesOf(readings, 1).every(({ value }) => value === 3));
  t.ok(server.connections >= 8);
});

t.test('a connection that breaks under a request is made anew and asked again, but not a fresh one', async (t) => {
  let toBreak = 0;
  await using server = await startScriptedServer('mbap', (request, peer) => {
    if (toBreak-- > 0) peer.end('reset');
    else answerAll(request, peer);
  });
  const link = await connectLink(address('tcp', server.port), never);
  const ask = () => link.request(1, one, { timeoutMs: 500, pauseMs: 0 });
  t.same(registers(await ask()), [5]);
  toBreak = 1;
  t.same(registers(await ask()), [5]);
  toBreak = 2;
  t.equal(registers(await ask()), 'closed', 'which is an answer too');
  t.same(registers(await ask()), [5]);
  link.close();
});

t.test('a pause is kept between a reply and the next request, and each device has its own timeout', async (t) => {
  const asked: { unit: number; at: number }[] = [];
  await using server = await startScriptedServer('mbap', (request, peer) => {
    asked.push({ unit: request.unit, at: performance.now() });
    if (request.unit === 2) setTimeout(() => answerAll(request, peer), 750);
    else answerAll(request, peer);
  });
  const source = modbusSource({
    port: server.port,
    timeoutMs: 500,
    devices: [
      { unit: 1, intervalMs: 1000, pauseMs: 40, tags: [0, 200, 400].map((a) => holding(`a/r${a}`, a)) },
      { unit: 2, intervalMs: 1000, timeoutMs: 2500, tags: [holding('b/r', 0)] },
    ],
  });
  const [first] = await take(source, () => true);
  t.ok(first!.samples.every((sample) => isGood(sample.quality)));
  const toOne = asked.filter(({ unit }) => unit === 1);
  for (const [i, { at }] of toOne.entries()) if (i > 0) t.ok(at - toOne[i - 1]!.at >= 39);
});

// --- scheduling ----------------------------------------------------------------------------------------------------

t.test(
  'a unit that is silent is asked again after 1, 2, 4 and up to 60 s, and one bad reply is no silence',
  async (t) => {
    let nowMs = 1000;
    const { now } = performance;
    performance.now = () => nowMs;
    t.teardown(() => {
      performance.now = now;
    });
    let reply: Outcome = { kind: 'silence' };
    const askedAt: number[] = [];
    const link: Link = {
      hasIds: true,
      async request() {
        askedAt.push(nowMs / 1000);
        return { ...reply, sentAtMs: nowMs, heardAtMs: nowMs };
      },
      listenMs: 0,
      doubts: async () => new Set(),
      close() {},
    };
    const unit = createUnit(
      1,
      link,
      systemClock,
      createPatience(() => false),
    );
    const timing = { timeoutMs: 500, pauseMs: 0 };
    for (; nowMs < 200_000; nowMs += 500) await unit.ask(one, timing);
    t.same(askedAt, [1, 2, 4, 8, 16, 32, 64, 124, 184]);

    reply = { kind: 'data', data: Buffer.alloc(2) };
    nowMs = 300_000;
    await unit.ask(one, timing);
    askedAt.length = 0;
    reply = { kind: 'garbage' };
    for (let i = 0; i < 5; i++) await unit.ask(one, timing);
    t.equal(askedAt.length, 2);

    const slow = createUnit(
      2,
      link,
      systemClock,
      createPatience(() => false),
    );
    reply = { kind: 'silence' };
    askedAt.length = 0;
    for (; nowMs < 306_000; nowMs += 500) await slow.ask(one, { timeoutMs: 4000, pauseMs: 0 });
    t.same(askedAt, [300, 304], 'never sooner than its timeout');
  },
);

t.test('many blocks at a long interval do not hold up a few at a short one', async (t) => {
  // How many slow ones have come since the last fast one: an order, so that a busy machine does not count.
  const between = [0];
  await using server = await startScriptedServer('mbap', (request, peer) => {
    if (request.unit === 1) between.push(0);
    else between[between.length - 1]! += 1;
    setTimeout(() => answerAll(request, peer), 15);
  });
  const slow = Array.from({ length: 40 }, (_, i) => holding(`b/r${i}`, i * 200));
  const source = modbusSource({
    port: server.port,
    devices: [
      { unit: 2, intervalMs: 2000, tags: slow },
      { unit: 1, intervalMs: 100, tags: [holding('a/r', 0)] },
    ],
  });
  const start = performance.now();
  const readings = await take(source, () => performance.now() - start > 5000);
  // Held up, a fast one would see all forty pass; five or six of them take a short interval.
  t.ok(between.length > 10 && Math.max(...between) < 30, between.join());
  t.ok(
    between.some((blocks) => blocks > 0),
    'there was something to hold them up',
  );
  t.equal(
    readings.reduce((sum, { slots }) => sum + slots!.bad, 0),
    0,
  );
  for (const [i, { through }] of readings.entries()) {
    t.ok(i === 0 || through >= readings[i - 1]!.through, 'never falls');
    const times = readings.slice(i + 1).flatMap(({ samples }) => samples.map(({ time }) => time));
    t.ok(
      times.every((time) => time > through),
      'what is through has been handed over',
    );
  }
});

/** Share of the scheduled rounds that a source reads in so long. */
async function share(port: number, ms: number): Promise<number> {
  const source = modbusSource({ port, devices: [{ unit: 1, intervalMs: 50, tags: [holding('a/r', 0)] }] });
  const start = performance.now();
  const readings = await take(source, () => performance.now() - start > ms);
  const sum = (of: 'good' | 'skipped') => readings.reduce((total, { slots }) => total + slots![of], 0);
  return sum('good') / (sum('good') + sum('skipped'));
}

t.test('a device that hangs changes the rate of other connections by no more than 2 %', async (t) => {
  await using live = await startScriptedServer('mbap', answerAll);
  await using hanging = await startScriptedServer('mbap', () => {});
  const alone = await share(live.port, 3000);
  const stop = new AbortController();
  const read = async () => {
    const source = modbusSource({
      port: hanging.port,
      timeoutMs: 100,
      devices: [1, 2, 3, 4].map((unit) => ({ unit, intervalMs: 50, tags: [holding(`u${unit}/r`, 0)] })),
    });
    while (!stop.signal.aborted) {
      await (async () => {
        for await (const _ of source.read(stop.signal));
      })().catch((error) => t.ok(error instanceof ConnectionError));
    }
  };
  const other = read();
  const beside = await share(live.port, 3000);
  stop.abort();
  await other;
  t.ok(beside >= alone * 0.98, `${alone} of its rounds alone, ${beside} beside it`);
});

t.test('behind one gateway a silent unit costs the others one timeout per back-off', async (t) => {
  let toDead = 0;
  await using server = await startScriptedServer('mbap', (request, peer) => {
    if (request.unit === 2) toDead++;
    else answerAll(request, peer);
  });
  const source = modbusSource({
    port: server.port,
    timeoutMs: 200,
    devices: [1, 2].map((unit) => ({
      unit,
      intervalMs: 50,
      tags: [holding(`u${unit}/a`, 0), holding(`u${unit}/b`, 500)],
    })),
  });
  const readings = await undisturbed(150, () => {
    toDead = 0;
    const start = performance.now();
    return take(source, () => performance.now() - start > 5000);
  });
  t.equal(toDead, 4, 'one block at 0 and 2.4 s, the other one at 1.2 and 4.6 s');
  const ofLive = samplesOf(readings, 1);
  t.ok(ofLive.every((sample) => isGood(sample.quality)));
  t.ok(samplesOf(readings, 3).every((sample) => sample.quality === quality.badTimeout));
  // 100 rounds, of which 4 timeouts of 200 ms may take 4 each.
  t.ok(ofLive.length >= 80, `${ofLive.length} rounds`);
});

// --- looking -------------------------------------------------------------------------------------------------------

t.test('a running source is asked between its rounds, over its own connection', async (t) => {
  await using server = await startScriptedServer('mbap', (request, peer) => {
    if (request.unit === 9) return;
    if (request.address === 900) peer.write(exceptionReply('mbap', request, 2));
    else answerAll(request, peer);
  });
  const source = modbusSource({ port: server.port, devices: [{ unit: 1, intervalMs: 20, tags: [holding('a/r', 3)] }] });
  const registersOf = (more: object) =>
    source.inspect({ kind: 'modbus', unit: 1, table: 'holding', address: 40, count: 2, ...more }, never);
  await t.rejects(registersOf({}), ConnectionError, 'before it is connected');

  let questions: Promise<void> | undefined;
  let isDone = false;
  const readings = await take(source, () => {
    questions ??= (async () => {
      const before = systemClock.now();
      const seen = await registersOf({});
      t.match(seen, { kind: 'modbus', words: [40, 41], exception: undefined });
      t.ok(seen.kind === 'modbus' && seen.sentAt >= before && seen.answeredAt >= seen.sentAt);
      t.match(await registersOf({ table: 'coil', count: 11 }), { words: [1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1] });
      t.match(await registersOf({ address: 900 }), { words: [], exception: 2 });
      await t.rejects(registersOf({ count: 126 }), RejectedError);
      await t.rejects(registersOf({ address: 65_535 }), RejectedError);
      await t.rejects(source.inspect({ kind: 'opcua', node: 'i=1' }, never), RejectedError);
      await t.rejects(
        source.inspect({ kind: 'modbus', unit: 1, table: 'input', address: 0, count: 1 }, AbortSignal.abort()),
      );
      const many = await Promise.allSettled(Array.from({ length: 6 }, () => registersOf({})));
      t.equal(many.filter(({ status }) => status === 'rejected').length, 2, 'a few at a time');
      await t.rejects(registersOf({ unit: 9 }), { name: 'ConnectionError', message: /unit 9 did not answer/ });
    })().finally(() => {
      isDone = true;
    });
    return isDone;
  });
  await questions;
  t.ok(readings.length > 1 && samplesOf(readings, 1).every(({ value }) => value === 3), 'its values are its own');
  t.equal(server.connections, 1);
  await t.rejects(registersOf({}), ConnectionError, 'after it has ended');
});

t.test(
  'without a running source, registers are read and units looked for over a connection that is closed',
  async (t) => {
    const open = new Set<unknown>();
    await using server = await startScriptedServer('mbap', (request, peer) => {
      open.add(peer);
      if (request.unit === 1) answerAll(request, peer);
      else if (request.unit === 4) peer.write(exceptionReply('mbap', request, 1));
    });
    const config = address('tcp', server.port, { timeoutMs: 60 });
    const seen = await inspectRegisters(
      config,
      { kind: 'modbus', unit: 1, table: 'input', address: 7, count: 3 },
      never,
    );
    t.same(seen.words, [7, 8, 9]);
    const units = await Array.fromAsync(scanUnits(config, [1, 2, 3, 4, 5], never));
    t.same(
      units.map(({ unit, answer, exception }) => [unit, answer, exception]),
      [
        [1, 'data', undefined],
        [2, 'silence', undefined],
        [3, 'silence', undefined],
        [4, 'exception', 1],
        [5, 'silence', undefined],
      ],
    );
    t.ok(units[1]!.ms >= 59);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 30);
    await t.rejects(Array.fromAsync(scanUnits(config, [2], stop.signal)), ConnectionError, 'and can be stopped');
  },
);
