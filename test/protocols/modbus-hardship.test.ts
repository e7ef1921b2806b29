/** Devices, lines and gateways as they are in plants: what they do to values, to times, and to the units beside them. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import t from 'tap';
import { type Clock, systemClock } from '../../protocols/clock.ts';
import { isGood, quality, type Sample } from '../../protocols/sample.ts';
import type { Reading, Source } from '../../protocols/source.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import {
  exceptionReply,
  type Request,
  type Script,
  type ScriptedServer,
  serve,
  startScriptedServer,
  wordsReply,
} from '../support/modbus-faulty-server.ts';
import { modbusSource, samplesOf, take } from '../support/modbus-source.ts';
import { openSerialPair } from '../support/serial-pair.ts';
import { undisturbed } from '../support/undisturbed.ts';

t.jobs = 8;

const wordAt = (address: number): number => (address * 257 + 1) & 0xffff;
const wordsOf = ({ address, count }: Request): number[] => Array.from({ length: count }, (_, i) => wordAt(address + i));
const answer: Script = (request, peer) => peer.write(wordsReply(peer.framing, request, wordsOf(request)));
const holding = (address: number, path = `a/r${address}`) => ({ path, table: 'holding', address, format: 'uint16' });

/** Readings for so long, of however many sessions. */
async function readFor(source: Source, ms: number): Promise<Reading[]> {
  const readings: Reading[] = [];
  const startedAt = performance.now();
  while (performance.now() - startedAt < ms) {
    await take(source, (soFar) => {
      readings.push(soFar.at(-1)!);
      return performance.now() - startedAt > ms;
    }).catch(() => systemClock.sleep(20));
  }
  return readings;
}

const shareGood = (samples: readonly Sample[]): number =>
  samples.filter((sample) => isGood(sample.quality)).length / samples.length;

// --- values ---------------------------------------------------------------------------------------------------------

for (const transport of ['rtu-over-tcp', 'rtu'] as const) {
  t.test(`${transport}: a reply that comes twice is never the value of another block`, async (t) => {
    const socat = transport === 'rtu' ? requireOrSkip(t, 'socat') : '';
    if (socat === undefined) return;
    let repeats = 0;
    // A line carries one thing at a time: the repeat first, and the reply to what was asked meanwhile behind it.
    let busyUntil = 0;
    const script: Script = (request, peer) => {
      const reply = wordsReply('rtu', request, wordsOf(request));
      const say = (afterMs: number) => {
        busyUntil = Math.max(busyUntil, performance.now() + afterMs);
        setTimeout(() => peer.write(reply), busyUntil - performance.now());
      };
      say(2);
      if (++repeats % 3 === 0) say([1, 5, 15, 35][repeats % 4]!);
    };
    const pair = transport === 'rtu' ? await openSerialPair(socat!, t.testdir()) : undefined;
    await using device = pair ? await startDevice(pair.far, script) : await startScriptedServer('rtu', script);
    const source = modbusSource({
      transport,
      ...('port' in device
        ? { port: device.port }
        : { host: undefined, serial: { path: pair!.near, parity: 'none', baudRate: 115_200 } }),
      timeoutMs: 300,
      devices: [
        { unit: 1, intervalMs: 100, tags: [0, 100, 200, 300, 400].map((a) => holding(a)) },
        { unit: 2, intervalMs: 100, tags: [0, 100].map((a) => holding(a, `b/r${a}`)) },
      ],
    });
    const samples = (await readFor(source, 4000)).flatMap((reading) => reading.samples);
    const addresses = [0, 100, 200, 300, 400, 0, 100];
    for (const { tag, value, quality } of samples) {
      if (value !== (isGood(quality) ? wordAt(addresses[tag - 1]!) : null)) t.fail(`tag ${tag} has ${value}`);
    }
    t.ok(repeats > 20 && shareGood(samples) > 0.5, `${repeats} requests, ${shareGood(samples)} good`);
    await pair?.[Symbol.asyncDispose]();
  });
}

for (const latencyMs of [15, 100]) {
  t.test(
    `a repeat that comes later, from a device that needs ${latencyMs} ms, makes Bad values and no others`,
    async (t) => {
      let asked = 0;
      await using server = await startScriptedServer('rtu', (request, peer) => {
        const reply = wordsReply('rtu', request, wordsOf(request));
        setTimeout(() => peer.write(reply), latencyMs);
        // Taken for the reply to the next request, whose own comes behind it, and so on to the end of the round.
        if (++asked % 7 === 1) setTimeout(() => peer.write(reply), latencyMs + 65);
      });
      const tags = [0, 100, 200, 300, 400].map((a) => holding(a));
      const devices = [{ unit: 1, intervalMs: 1000, tags }];
      const source = modbusSource({ transport: 'rtu-over-tcp', port: server.port, devices });
      const samples = (await readFor(source, 8000)).flatMap((reading) => reading.samples);
      for (const { tag, value, quality } of samples) {
        if (value !== (isGood(quality) ? wordAt((tag - 1) * 100) : null)) t.fail(`tag ${tag} has ${value}`);
      }
      t.ok(asked > 30 && shareGood(samples) < 1, `${asked} requests, ${shareGood(samples)} good`);
    },
  );
}

async function startDevice(path: string, script: Script): Promise<AsyncDisposable | ScriptedServer> {
  const { SerialPort } = await import('serialport');
  const port = new SerialPort({ path, baudRate: 115_200 });
  await once(port, 'open');
  serve(port, 'rtu', script);
  return { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => port.close(() => resolve())) };
}

// --- times ----------------------------------------------------------------------------------------------------------

t.test(
  'the time of a value lies between the arrival of its own request and the reply, whatever it waited for',
  async (t) => {
    const seen: { unit: number; from: number; to: number }[] = [];
    await using server = await startScriptedServer('mbap', (request, peer) => {
      const from = systemClock.now();
      // Unit 9 is what a person asks for, and slow.
      setTimeout(
        () => {
          seen.push({ unit: request.unit, from, to: systemClock.now() });
          answer(request, peer);
        },
        request.unit === 9 ? 250 : 5,
      );
    });
    const source = modbusSource({ port: server.port, devices: [{ unit: 1, intervalMs: 100, tags: [holding(1)] }] });
    const readings = await take(source, (soFar) => {
      const request = { kind: 'modbus', unit: 9, table: 'holding', address: 0, count: 1 } as const;
      source.inspect(request, new AbortController().signal).then(
        (found) => {
          const asked = seen.filter(({ unit }) => unit === 9).at(-1)!;
          if (found.kind === 'modbus') t.ok(found.sentAt <= asked.from && found.sentAt > asked.from - 50_000, 'sent');
        },
        () => {},
      );
      return soFar.length === 8;
    });
    for (const { time } of samplesOf(readings, 1)) {
      const isBetween = seen.some(({ unit, from, to }) => unit === 1 && time > from - 40_000 && time < to + 40_000);
      t.ok(isBetween, 'within its own request');
    }
  },
);

t.test('a long reply is of the time at which it began', async (t) => {
  const began: number[] = [];
  await using server = await startScriptedServer('rtu', (request, peer) => {
    const reply = wordsReply('rtu', request, wordsOf(request));
    began.push(systemClock.now());
    peer.write(reply.subarray(0, 3));
    setTimeout(() => peer.write(reply.subarray(3)), 600);
  });
  const source = modbusSource({
    transport: 'rtu-over-tcp',
    port: server.port,
    devices: [{ unit: 1, intervalMs: 500, tags: [holding(1)] }],
  });
  const readings = await take(source, ({ length }) => length === 3);
  for (const [i, { time }] of samplesOf(readings, 1).entries()) t.ok(Math.abs(time - began[i]!) < 300_000);
});

t.test(
  'a clock that is set while a request is under way makes no time that was neither before nor after',
  async (t) => {
    const hour = 3_600_000_000;
    let aheadUs = -10 * hour;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadUs };
    let asked = 0;
    await using server = await startScriptedServer('mbap', (request, peer) => {
      if (++asked === 3) aheadUs = 0;
      if (asked === 6) aheadUs = -hour;
      setTimeout(() => answer(request, peer), 5);
    });
    const source = modbusSource(
      { port: server.port, devices: [{ unit: 1, intervalMs: 50, tags: [holding(1)] }] },
      clock,
    );
    const readings = await take(source, ({ length }) => length === 10);
    for (const { time } of samplesOf(readings, 1)) {
      const offsets = [-10 * hour, 0, -hour].map((offset) => Math.abs(time - systemClock.now() - offset));
      t.ok(Math.min(...offsets) < 5_000_000, `${Math.min(...offsets) / hour} h off`);
    }
  },
);

t.test(
  'a round that is due after the clock was set comes at its new time, not when the old sleep is over',
  async (t) => {
    let aheadUs = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadUs };
    await using server = await startScriptedServer('mbap', answer);
    const device = { unit: 1, intervalMs: 3_600_000, tags: [holding(1)] };
    const startedAt = performance.now();
    await take(modbusSource({ port: server.port, devices: [device] }, clock), ({ length }) => {
      if (length === 1)
        setTimeout(() => {
          aheadUs = 3_600_000_000;
        }, 100);
      return length === 2;
    });
    t.ok(performance.now() - startedAt < 60_000, 'not after its hour');
  },
);

// --- recovery -------------------------------------------------------------------------------------------------------

t.test('a device that refuses its addresses while it starts is read soon after it has', async (t) => {
  let readyAt = 0;
  await using server = await startScriptedServer('mbap', (request, peer) => {
    readyAt ||= performance.now() + 2000;
    if (performance.now() < readyAt) peer.write(exceptionReply('mbap', request, 2));
    else answer(request, peer);
  });
  const tags = [1, 2, 3, 4, 200].map((a) => holding(a));
  const source = modbusSource({ port: server.port, devices: [{ unit: 1, intervalMs: 100, tags }] });
  const startedAt = performance.now();
  await take(
    source,
    (soFar) =>
      soFar.at(-1)!.samples.every((sample) => isGood(sample.quality)) || performance.now() - startedAt > 20_000,
  );
  t.ok(performance.now() - readyAt < 6000, `${performance.now() - readyAt} ms after it was ready`);
});

t.test(
  'a device that closes after each reply and needs a moment to listen again is read without a break',
  async (t) => {
    let server: Server | undefined;
    let port = 0;
    const listen = async () => {
      server = createServer((socket) => {
        serve(socket, 'mbap', (request, peer) => {
          answer(request, peer);
          peer.end('close');
          if (!server!.listening) return;
          server!.close();
          setTimeout(() => void listen(), 100);
        });
      }).listen(port, '127.0.0.1');
      await once(server, 'listening');
      port = (server.address() as { port: number }).port;
    };
    await listen();
    const source = modbusSource({ port, devices: [{ unit: 1, intervalMs: 200, tags: [holding(1), holding(100)] }] });
    const readings = await take(source, ({ length }) => length === 8);
    t.equal(shareGood(readings.flatMap(({ samples }) => samples)), 1);
    await systemClock.sleep(150);
    server!.close();
  },
);

// --- neighbours -----------------------------------------------------------------------------------------------------

t.test('a unit at which the gateway closes the connection costs the others nothing but new connections', async (t) => {
  await using server = await startScriptedServer('mbap', (request, peer) => {
    if (request.unit === 1) peer.end('close');
    else answer(request, peer);
  });
  const devices = [1, 2, 3].map((unit) => ({ unit, intervalMs: 50, tags: [holding(1, `u${unit}/r`)] }));
  const readings = await take(modbusSource({ port: server.port, devices }), ({ length }) => length === 30);
  t.equal(shareGood(samplesOf(readings, 2)), 1);
  t.equal(shareGood(samplesOf(readings, 3)), 1);
  t.ok(samplesOf(readings, 1).every((sample) => sample.quality === quality.badNotConnected));
  t.ok(server.connections < 12, `${server.connections} connections`);
});

const silentAt =
  (address: number): Script =>
  (request, peer) => {
    const isAsked = request.address <= address && address < request.address + request.count;
    if (!isAsked) answer(request, peer);
  };

t.test('an address that is never answered costs its own tag, and its unit a timeout now and then', async (t) => {
  await using server = await startScriptedServer('mbap', silentAt(3));
  const tags = [0, 1, 2, 3, 4, 5, 500, 900].map((a) => holding(a));
  const source = modbusSource({
    port: server.port,
    timeoutMs: 60,
    devices: [{ unit: 1, intervalMs: 50, tags }],
  });
  const readings = await undisturbed(50, () => readFor(source, 8000));
  const late = readings.slice(readings.length >> 1).flatMap(({ samples }) => samples);
  for (const [i] of tags.entries()) {
    const share = shareGood(late.filter(({ tag }) => tag === i + 1));
    t.ok(i === 3 ? share === 0 : share > 0.95, `tag ${i + 1}: ${share} good in the second half`);
  }
  const elsewhere = readings.flatMap(({ samples }) => samples).filter(({ tag }) => tag > 6);
  t.ok(shareGood(elsewhere) > 0.95, `${shareGood(elsewhere)} of its other blocks were good all the time`);
});

t.test('where it is the only block of its unit, too', async (t) => {
  await using server = await startScriptedServer('mbap', silentAt(3));
  const tags = [0, 1, 2, 3, 4, 5].map((a) => holding(a));
  const source = modbusSource({
    port: server.port,
    timeoutMs: 60,
    devices: [1, 2].map((unit) => ({ unit, intervalMs: 50, tags: unit === 1 ? tags : [holding(8, 'b/r')] })),
  });
  const readings = await undisturbed(50, () => readFor(source, 8000));
  const late = readings.slice((readings.length * 3) >> 2).flatMap(({ samples }) => samples);
  for (const [i] of tags.entries()) {
    const share = shareGood(late.filter(({ tag }) => tag === i + 1));
    t.ok(i === 3 ? share === 0 : share > 0.95, `tag ${i + 1}: ${share} good at the end`);
  }
});

t.test('many silent units neither hold up the first reading nor take the line from the one that answers', async (t) => {
  await using server = await startScriptedServer('mbap', (request, peer) => {
    if (request.unit === 7 || request.unit === 20) answer(request, peer);
  });
  const devices = Array.from({ length: 20 }, (_, i) => ({
    unit: i + 1,
    intervalMs: 100,
    tags: [holding(1, `u${i + 1}/r`)],
  }));
  const source = modbusSource({ port: server.port, timeoutMs: 200, devices });
  const { readings, firstAfterMs } = await undisturbed(150, async () => {
    const startedAt = performance.now();
    let firstAfterMs = 0;
    const readings = await take(source, () => {
      firstAfterMs ||= performance.now() - startedAt;
      return performance.now() - startedAt > 10_000;
    });
    return { readings, firstAfterMs };
  });
  t.ok(firstAfterMs < 3600, `${firstAfterMs} ms until the first reading`);
  t.equal(new Set(readings[0]!.samples.map(({ tag }) => tag)).size, 20, 'which has a sample of every tag');
  t.equal(readings[0]!.samples.find(({ tag }) => tag === 20)!.quality, quality.badWaitingForInitialData);
  const rounds = samplesOf(readings, 7).length;
  t.ok(rounds > 45, `unit 7 was read in ${rounds} of 65 rounds since then`);
  t.ok(samplesOf(readings, 7).every((sample) => isGood(sample.quality)));
  t.ok(
    samplesOf(readings, 20).some((sample) => isGood(sample.quality)),
    'and who had no turn has one later',
  );
  const lags = readings.map(({ samples, through }) => Math.max(...samples.map(({ time }) => time)) - through);
  t.ok(Math.max(...lags.slice(1)) < 1_500_000, `what is through lags ${Math.max(...lags.slice(1)) / 1000} ms at most`);
});

t.test('a unit that falls silent and comes back is read again within its back-off', async (t) => {
  let isAway = false;
  await using server = await startScriptedServer('mbap', (request, peer) => {
    if (!(isAway && request.unit === 2)) answer(request, peer);
  });
  const devices = [1, 2].map((unit) => ({
    unit,
    intervalMs: 50,
    tags: [1, 300, 600].map((a) => holding(a, `u${unit}/r${a}`)),
  }));
  const source = modbusSource({ port: server.port, timeoutMs: 100, devices });
  const readings = await undisturbed(80, () => {
    const startedAt = performance.now();
    const at = () => performance.now() - startedAt;
    return take(source, () => {
      isAway = at() > 500 && at() < 3000;
      return at() > 7000;
    });
  });
  const last = readings.slice(-10).flatMap(({ samples }) => samples);
  t.equal(shareGood(last), 1, 'all of its blocks');
  t.ok(shareGood(samplesOf(readings, 1)) > 0.95);
});
