/** Modbus against every fault that a reply can have: the right data or none. */
import t from 'tap';
import { systemClock } from '../../protocols/clock.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { modbusConnectionSchema } from '../../protocols/modbus/connection-config.ts';
import { connectLink } from '../../protocols/modbus/link.ts';
import { isGood, type Sample } from '../../protocols/sample.ts';
import { seed } from '../support/drawn.ts';
import {
  dataReply,
  type Fault,
  faultsOf,
  play,
  startScriptedServer,
  wordsReply,
} from '../support/modbus-faulty-server.ts';
import { type FuzzOptions, hurlFaults } from '../support/modbus-fuzz.ts';
import { modbusSource, take } from '../support/modbus-source.ts';

const span = { table: 'holding', address: 16, count: 4 } as const;
const timing = { timeoutMs: 150, pauseMs: 0 };
/** Where an answer has to come, on a busy machine too. */
const patient = { timeoutMs: 2000, pauseMs: 0 };
const never = new AbortController().signal;
const address = (transport: string, port: number) =>
  modbusConnectionSchema.parse({ transport, host: '127.0.0.1', port, timeoutMs: 1000 });
const right = Buffer.from('0001000200030004', 'hex');
const wrong = Buffer.from('dead'.repeat(4), 'hex');

for (const [transport, framing] of [
  ['tcp', 'mbap'],
  ['rtu-over-tcp', 'rtu'],
] as const) {
  t.test(
    `${transport}: each fault by itself gives the right data or none, and the request after it the right data`,
    async (t) => {
      for (const [name, fault] of Object.entries<Fault>(faultsOf(framing))) {
        let isFaulty = true;
        let seed = 1;
        const random = () => {
          seed = (seed * 16_807) % 2_147_483_647;
          return seed / 2_147_483_647;
        };
        await using server = await startScriptedServer(framing, (request, peer) => {
          const context = { framing, request, right, wrong, timeoutMs: timing.timeoutMs, random };
          play(isFaulty ? fault.pieces(context) : [dataReply(framing, request, right)], peer);
        });
        const link = await connectLink(address(transport, server.port), never);
        const reply = await link.request(7, span, timing).catch((error) => {
          t.ok(error instanceof ConnectionError, name);
          return { kind: 'lost' as const };
        });
        if (reply.kind === 'data') t.ok(fault.mayGiveData && reply.data.equals(right), name);
        else t.ok(!fault.mayGiveData || name === 'late', `${name}: ${reply.kind}`);
        t.equal(reply.kind === 'exception', name === 'exception', name);
        isFaulty = false;
        const next = await link.request(7, span, patient);
        t.strictSame(next.kind === 'data' && next.data, right, `after ${name}`);
        link.close();
      }
    },
  );
}

t.test('no faulty reply, no late one and none of another request ever becomes a value', async (t) => {
  const runs: Pick<FuzzOptions, 'transport' | 'inProcess' | 'requests'>[] = [
    { transport: 'tcp', inProcess: false, requests: 6000 },
    { transport: 'udp', inProcess: false, requests: 2000 },
    { transport: 'rtu-over-tcp', inProcess: false, requests: 6000 },
    { transport: 'tcp', inProcess: true, requests: 3000 },
    { transport: 'rtu', inProcess: true, requests: 3000 },
  ];
  for (const run of runs) {
    const { right, refused, missed, wrong } = await hurlFaults({ ...run, lanes: 120, timeoutMs: 60, seed });
    t.same(wrong, [], `seed ${seed}`);
    t.equal(right + refused, run.requests);
    // On a busy machine some of what is right comes too late.
    t.ok(
      right + missed > run.requests / 50,
      `${run.transport}: ${right} of ${run.requests} were right, ${missed} missed`,
    );
  }
});

const wordAt = (address: number): number => (address * 257) & 0xffff;

t.test('a device that answers later and later makes Bad values, never those of another register', async (t) => {
  let asked = 0;
  await using server = await startScriptedServer('rtu', (request, peer) => {
    const words = Array.from({ length: request.count }, (_, i) => wordAt(request.address + i));
    setTimeout(() => peer.write(wordsReply('rtu', request, words)), 3 * asked++);
  });
  const tags = Array.from({ length: 10 }, (_, i) => ({
    path: `a/r${i}`,
    table: 'holding',
    address: i * 100,
    format: 'uint16',
  }));
  const source = modbusSource({
    transport: 'rtu-over-tcp',
    port: server.port,
    timeoutMs: 100,
    devices: [{ unit: 1, intervalMs: 50, tags }],
  });
  const samples: Sample[] = [];
  const seen = { good: 0, bad: 0 };
  for (const start = performance.now(); performance.now() - start < 5000; ) {
    await take(source, (readings) => {
      samples.push(...readings.at(-1)!.samples);
      return performance.now() - start > 5000;
    }).catch((error) => t.ok(error instanceof ConnectionError));
  }
  for (const { tag, value, quality } of samples) {
    seen[isGood(quality) ? 'good' : 'bad']++;
    if (value !== (isGood(quality) ? wordAt((tag - 1) * 100) : null)) t.fail(`register ${tag} has ${value}`);
  }
  t.ok(seen.good > 10 && seen.bad > 0 && asked > 35, JSON.stringify({ ...seen, asked }));
});

t.test('what comes while nobody waits is not the reply to the next request', async (t) => {
  await using server = await startScriptedServer('rtu', (request, peer) => {
    peer.write(dataReply('rtu', request, right));
    setTimeout(() => peer.write(dataReply('rtu', request, wrong)), 5);
  });
  const link = await connectLink(address('rtu-over-tcp', server.port), never);
  for (let i = 0; i < 10; i++) {
    const reply = await link.request(7, span, patient);
    t.strictSame(reply.kind === 'data' && reply.data, right);
    await systemClock.sleep(150);
  }
  t.ok(server.connections > 5, 'each time a new connection was taken');
  link.close();
});
