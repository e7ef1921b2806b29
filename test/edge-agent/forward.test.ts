/** The forward loop against a hub that misbehaves on purpose, over an uplink in memory; real brokers are in test/integration. */
import t from 'tap';
import { createForwarder, type ForwardOptions } from '../../edge-agent/forward/forward.ts';
import { createRetries } from '../../edge-agent/forward/retries.ts';
import type { Uplink, UplinkHandlers } from '../../edge-agent/forward/uplink.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { type Fingerprint, fingerprintOf } from '../../protocols/fingerprint.ts';
import { decodePayload, openFrame } from '../../protocols/frame.ts';
import type { Ack, Hello } from '../../protocols/messages.ts';
import { batchOf } from '../contract/buffer.ts';
import { createMemoryBuffer } from '../support/memory-buffer.ts';

type Seen =
  | { kind: 'connect' }
  | { kind: 'hello'; hello: Hello }
  | { kind: 'manifest'; revision: number }
  | { kind: 'data'; first: number; last: number; revision: number; reason?: string }
  | { kind: 'live'; first: number; tags: number[]; values: unknown[] };

/** A hub in memory. `onFrame` decides the answer; by default every frame in order is acknowledged. */
function createHub({ window = 8, manifestRevision = 1, through = 0 } = {}) {
  const seen: Seen[] = [];
  let handlers: UplinkHandlers | undefined;
  let end: ((error?: Error) => void) | undefined;
  const hub = {
    seen,
    through,
    boot: 'boot-1',
    epoch: '',
    mute: false,
    refuse: false,
    onFrame: undefined as ((bytes: Uint8Array, first: number) => boolean) | undefined,
    onHello: undefined as ((hello: Hello) => void) | undefined,
    /** What it has stored, by epoch; and what it would say of what it has not. */
    frames: new Map<string, Fingerprint[]>(),
    spreadMs: 0,
    take(bytes: Uint8Array) {
      const { epoch } = openFrame(bytes).header;
      const frame = fingerprintOf(bytes);
      hub.frames.set(epoch, [...(hub.frames.get(epoch) ?? []), frame]);
      hub.through = frame.last;
    },
    answer(kind: Ack['kind'], extra: Partial<Ack> = {}) {
      const ack = { epoch: hub.epoch, kind, through: hub.through, window, hubBoot: hub.boot, ...extra };
      setImmediate(() => handlers?.onAck(ack));
    },
    say: (online: boolean) => handlers?.onHubState({ online, hubBoot: hub.boot, spreadMs: hub.spreadMs }),
    cut: () => end?.(new ConnectionError('cut')),
    data: () => seen.flatMap((event) => (event.kind === 'data' ? [event.first] : [])),
  };
  const uplink: Uplink = {
    async connect(given) {
      seen.push({ kind: 'connect' });
      if (hub.refuse) throw new ConnectionError('refused');
      handlers = given;
      const { promise: closed, resolve } = Promise.withResolvers<Error | undefined>();
      end = resolve;
      setImmediate(() => hub.say(true));
      return {
        async hello(hello) {
          seen.push({ kind: 'hello', hello });
          hub.epoch = hello.epoch;
          hub.onHello?.(hello);
          const { compare: compared = [] } = hello;
          const stored = hub.frames.get(hello.epoch) ?? [];
          const frames = stored.filter(({ last }) => [hub.through, ...compared].includes(last));
          if (!hub.mute) hub.answer('welcome', { manifestRevision, frames, compared });
        },
        async manifest({ revision }) {
          seen.push({ kind: 'manifest', revision });
        },
        async data(bytes) {
          const { first, count, manifestRevision: revision } = openFrame(bytes).header;
          const last = first + count - 1;
          seen.push({ kind: 'data', first, last, revision });
          if (hub.mute || hub.onFrame?.(bytes, first)) return;
          if (first === hub.through + 1) hub.take(bytes);
          hub.answer(first > hub.through + 1 ? 'nack' : 'ack', first > hub.through + 1 ? { reason: 'gap' } : {});
        },
        async live(bytes) {
          const { header, payload } = openFrame(bytes);
          const { tags, values } = decodePayload(header, payload).samples;
          seen.push({ kind: 'live', first: header.first, tags: [...tags], values: [...values] });
        },
        closed,
        async [Symbol.asyncDispose]() {
          resolve(undefined);
        },
      };
    },
  };
  return { hub, uplink };
}

async function setUp(
  options: Parameters<typeof createHub>[0] &
    Pick<Partial<ForwardOptions>, 'ackTimeoutMs' | 'maxBytesInFlight' | 'pauseMs' | 'silenceMs' | 'newest'> & {
      frames?: number;
    } = {},
) {
  const { hub, uplink } = createHub(options);
  const buffer = createMemoryBuffer();
  hub.epoch = buffer.state().epoch;
  for (let i = 0; i < (options.frames ?? 0); i++) await buffer.append(batchOf(10, buffer.state().next));
  const problems: string[] = [];
  const note = (_: object, message: string) => void problems.push(message);
  const manifest = { revision: 1, site: 'demo/site', tags: [] };
  const forwarder = createForwarder({
    buffer,
    uplink,
    manifest,
    bootId: 'boot',
    version: '0',
    log: { info() {}, warn: note, error: note },
    ackTimeoutMs: options.ackTimeoutMs,
    maxBytesInFlight: options.maxBytesInFlight,
    pauseMs: options.pauseMs,
    silenceMs: options.silenceMs,
    newest: options.newest,
  });
  const stop = new AbortController();
  const fill = async (frames: number) => {
    for (let i = 0; i < frames; i++) await buffer.append(batchOf(10, buffer.state().next));
    forwarder.accepted();
  };
  return { hub, buffer, forwarder, problems, stop, fill, running: (signal = stop.signal) => forwarder.run(signal) };
}

async function until(condition: () => boolean, what: string, ms = 60_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

t.test('greets, sends what is buffered and what comes later, and releases what is acknowledged', async (t) => {
  const { hub, buffer, forwarder, stop, fill, running } = await setUp();
  await fill(20);
  const run = running();
  await until(() => forwarder.through === 200, 'backlog');
  await fill(1);
  await until(() => forwarder.through === 210, 'live');
  stop.abort();
  await run;
  t.same(
    hub.seen.slice(0, 2).map(({ kind }) => kind),
    ['connect', 'hello'],
  );
  t.same(
    hub.data(),
    Array.from({ length: 21 }, (_, i) => 1 + i * 10),
    'every frame once, in order',
  );
  t.match(buffer.state(), { acked: 210, frames: 0 });
});

t.test('sends the manifest before data when the hub does not hold its revision', async (t) => {
  const { hub, forwarder, stop, fill, running } = await setUp({ manifestRevision: 0 });
  await fill(1);
  const run = running();
  await until(() => forwarder.through === 10, 'data');
  stop.abort();
  await run;
  t.same(
    hub.seen.map(({ kind }) => kind),
    ['connect', 'hello', 'manifest', 'data'],
  );
});

t.test('a manifest that is announced goes out at once, and before the frames that name it', async (t) => {
  const { hub, buffer, forwarder, stop, running } = await setUp();
  const run = running();
  await until(() => forwarder.link === 'forwarding', 'forwarding');
  for (let revision = 2; revision <= 20; revision++) {
    forwarder.announce({ revision, site: 'demo/site', tags: [] });
    await buffer.append({ ...batchOf(10, buffer.state().next), manifestRevision: revision });
    forwarder.accepted();
    if (revision % 3 === 0) await until(() => forwarder.through === buffer.state().next - 1, 'settled');
  }
  await until(() => forwarder.through === 190, 'all');
  stop.abort();
  await run;
  let held = 1;
  for (const event of hub.seen) {
    if (event.kind === 'manifest') held = event.revision;
    if (event.kind === 'data') t.ok(event.revision <= held, `frame of ${event.revision}, manifest ${held}`);
  }
  t.equal(held, 20);
});

t.test('begins where the hub says it is', async (t) => {
  const { hub, buffer, forwarder, stop, running } = await setUp({ frames: 5 });
  for (const { bytes } of await buffer.peek(0, { frames: 3, bytes: 1e9 })) hub.take(bytes);
  const run = running();
  await until(() => forwarder.through === 50, 'the rest');
  stop.abort();
  await run;
  t.same(hub.data(), [31, 41]);
});

t.test('keeps no more in flight than window and bytes allow', async (t) => {
  for (const [options, most] of [
    [{ window: 3 }, 3],
    [{ window: 64, maxBytesInFlight: 400 }, 4],
  ] as const) {
    const { hub, stop, fill, running } = await setUp(options);
    hub.onFrame = () => true;
    await fill(30);
    const run = running();
    await until(() => hub.data().length > 0, 'first frame');
    await new Promise((resolve) => setTimeout(resolve, 100));
    t.ok(hub.data().length <= most, `${hub.data().length} frames of at most ${most} sent without an answer`);
    stop.abort();
    await run;
  }
});

t.test('a hub that refuses the identity is told apart from one that is away', async (t) => {
  const { hub, forwarder, stop, running } = await setUp();
  hub.mute = true;
  const run = running();
  await until(() => hub.seen.some(({ kind }) => kind === 'hello'), 'greeting');
  hub.answer('nack', { reason: 'identity' });
  await until(() => forwarder.lastError !== undefined, 'the refusal');
  t.match(forwarder.lastError, { name: 'ConnectionError', code: 'quarantine', message: /two gateways use its name/ });
  t.equal(forwarder.link, 'greeting');
  stop.abort();
  await run;
});

t.test('goes back to the last settled number after a nack', async (t) => {
  const { hub, forwarder, stop, fill, running } = await setUp();
  let lost = true;
  hub.onFrame = (_, first) => {
    if (first !== 21 || !lost) return false;
    lost = false;
    return true;
  };
  await fill(6);
  const run = running();
  await until(() => forwarder.through === 60, 'everything');
  stop.abort();
  await run;
  t.equal(hub.data().filter((first) => first === 21).length, 2, 'the lost frame was sent again');
});

t.test('greets again when no acknowledgement comes, and resends', async () => {
  const { hub, forwarder, stop, fill, running } = await setUp({ ackTimeoutMs: 100 });
  let silent = true;
  hub.onFrame = () => silent;
  await fill(3);
  const run = running();
  await until(() => hub.seen.filter(({ kind }) => kind === 'hello').length >= 2, 'second hello');
  silent = false;
  await until(() => forwarder.through === 30, 'everything');
  stop.abort();
  await run;
});

t.test('greets a hub that started anew, and sends nothing while it is offline', async (t) => {
  const { hub, forwarder, stop, fill, running } = await setUp();
  const run = running();
  await until(() => forwarder.link === 'forwarding', 'link');
  hub.say(false);
  await until(() => forwarder.link === 'waiting for hub', 'offline');
  await fill(2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.same(hub.data(), []);
  hub.boot = 'boot-2';
  hub.say(true);
  await until(() => forwarder.through === 20, 'everything');
  stop.abort();
  await run;
  t.equal(hub.seen.filter(({ kind }) => kind === 'hello').length, 2);
});

t.test('connects again after the connection is cut or refused', async (t) => {
  const { hub, forwarder, stop, fill, running } = await setUp();
  hub.refuse = true;
  await fill(2);
  const run = running();
  await until(() => hub.seen.length >= 2, 'second try');
  hub.refuse = false;
  await until(() => forwarder.through === 20, 'everything');
  hub.cut();
  await fill(1);
  await until(() => forwarder.through === 30, 'after the cut');
  // However often: what delivers has not failed. Waits that double would come to half a minute.
  const startedAt = performance.now();
  for (let cuts = 1; cuts <= 4; cuts++) {
    hub.cut();
    await fill(1);
    await until(() => forwarder.through === 30 + cuts * 10, `after ${cuts} more cuts`);
  }
  t.ok(performance.now() - startedAt < 15_000);
  stop.abort();
  await run;
});

t.test('a connection over which nothing is heard of the hub is made anew', async (t) => {
  for (const what of ['its answers', 'that it is there again'] as const) {
    const { hub, forwarder, stop, fill, running } = await setUp({ ackTimeoutMs: 20, silenceMs: 200 });
    const connects = () => hub.seen.filter(({ kind }) => kind === 'connect').length;
    if (what === 'its answers') hub.mute = true;
    await fill(1);
    const run = running();
    if (what !== 'its answers') {
      await until(() => forwarder.through === 10, 'forwarding');
      hub.say(false);
      await fill(1);
    }
    await until(() => connects() === 2, `a second connection without ${what}`);
    t.not(forwarder.link, 'connecting', 'it is the hub that is away');
    hub.mute = false;
    await until(() => forwarder.through === (what === 'its answers' ? 10 : 20), 'everything');
    stop.abort();
    await run;
  }
});

t.test('waits longer and longer while nothing comes of it, and no longer than a fleet of its size needs', (t) => {
  const longest = (spreadMs: number, failures: number) => {
    const retries = createRetries();
    for (let i = 0; i < failures; i++) retries.ended({ lastedMs: 10, delivered: false });
    return Math.max(...Array.from({ length: 300 }, () => retries.waitMs(spreadMs)));
  };
  for (const [spreadMs, most] of [
    [0, 60_000],
    [1000, 8000],
    [5000, 40_000],
    [25_000, 60_000],
  ] as const) {
    const [soon, late] = [longest(spreadMs, 0), longest(spreadMs, 30)];
    t.ok(soon <= 2 * Math.max(500, spreadMs), `${soon}`);
    t.ok(late > most * 0.9 && late <= most, `${late} of ${most}`);
  }
  const retries = createRetries();
  for (let i = 0; i < 9; i++) retries.ended({ lastedMs: 10, delivered: false });
  retries.ended({ lastedMs: 10, delivered: true });
  t.equal(retries.failures, 0, 'a connection that delivered has not failed, however short it was');
  t.end();
});

t.test(
  'begins a new epoch when the hub knows numbers that the buffer never gave, and sends what it has since',
  async (t) => {
    const { hub, buffer, forwarder, problems, stop, fill, running } = await setUp({ through: 500 });
    const { epoch } = buffer.state();
    hub.onHello = (greeted) => {
      if (greeted.epoch !== epoch) hub.through = 0;
    };
    await fill(3);
    const run = running();
    await until(() => forwarder.through === 30, 'everything in the new epoch');
    stop.abort();
    await run;
    t.not(buffer.state().epoch, epoch);
    t.match(problems.join(), /new epoch/);
    t.same(hub.data(), [1, 11, 21], 'from 1 and only then');
    t.ok(buffer.state().regressedAt);
  },
);

t.test(
  'an older copy of a buffer that has taken samples since sends these under other numbers, and no others',
  async (t) => {
    const { hub, buffer, forwarder, stop, fill, running } = await setUp({ frames: 2 });
    const { epoch } = buffer.state();
    for (const { bytes } of await buffer.peek(0, { frames: 2, bytes: 1e9 })) hub.take(bytes);
    hub.through = 25;
    hub.onHello = (greeted) => {
      if (greeted.epoch !== epoch) hub.through = 0;
    };
    const run = running();
    await fill(2);
    await until(() => buffer.state().epoch !== epoch && forwarder.through === 20, 'the two frames since');
    stop.abort();
    await run;
    t.same(hub.data(), [1, 11], 'numbers 21 to 25 of the hub are not those of this buffer');
  },
);

t.test('a hub that has gone back gets again what is still here', async (t) => {
  const { hub, buffer, forwarder, stop, fill, running } = await setUp();
  const run = running();
  hub.onFrame = (bytes) => {
    // Settled, and not told: the agent still holds it.
    if (fingerprintOf(bytes).last <= 20) return false;
    hub.take(bytes);
    return true;
  };
  await fill(5);
  await until(() => hub.through === 50, 'five frames');
  hub.onFrame = undefined;
  hub.through = 30;
  hub.answer('nack', { reason: 'hello' });
  await until(() => forwarder.through === 50, 'again');
  stop.abort();
  await run;
  t.same(hub.data().slice(-2), [31, 41]);
  t.equal(hub.seen.filter(({ kind }) => kind === 'hello').length, 2, 'after greeting it again');
  t.equal(buffer.state().acked, 50);
});

t.test('a hub that asks for what is here no more is greeted again, and told what there is', async (t) => {
  const { hub, buffer, forwarder, stop, fill, running } = await setUp({ frames: 5 });
  for (const { bytes } of await buffer.peek(0, { frames: 2, bytes: 1e9 })) hub.take(bytes);
  const told: number[] = [];
  hub.onHello = ({ minRetained }) => {
    told.push(minRetained);
    // What the greeting before this one said was true then.
    if (told.length === 1) void buffer.release(40);
    else hub.through = Math.max(hub.through, minRetained - 1);
  };
  const run = running();
  await fill(1);
  await until(() => forwarder.through === 60, 'everything that there is');
  stop.abort();
  await run;
  t.same(told, [1, 41]);
  t.same(hub.data(), [41, 51]);
});

t.test('a hub that goes back while it takes frames is greeted again', async (t) => {
  const { hub, forwarder, stop, fill, running } = await setUp();
  const run = running();
  await fill(2);
  await until(() => forwarder.through === 20, 'settled');
  // Every frame is too far ahead of what it knows, and it says no more than that.
  hub.through = 0;
  hub.onHello = ({ minRetained }) => {
    hub.through = minRetained - 1;
  };
  await fill(1);
  await until(() => forwarder.through === 30, 'everything');
  stop.abort();
  await run;
  t.equal(hub.seen.filter(({ kind }) => kind === 'hello').length, 2);
});

t.test('what a hub spreads is not hastened by new samples', async (t) => {
  const { hub, stop, fill, running } = await setUp();
  hub.spreadMs = 300;
  const { random } = Math;
  Math.random = () => 0.9;
  t.teardown(() => {
    Math.random = random;
  });
  const startedAt = performance.now();
  const run = running();
  while (!hub.seen.some(({ kind }) => kind === 'hello')) {
    await fill(1);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.ok(performance.now() - startedAt > 250, `greeted after ${Math.round(performance.now() - startedAt)} ms`);
  stop.abort();
  await run;
});

t.test(
  'who has lost the hub comes back within the time over which it spreads its agents, and not at once',
  async (t) => {
    const { hub, stop, running } = await setUp();
    hub.spreadMs = 1000;
    const { random } = Math;
    Math.random = () => 0;
    t.teardown(() => {
      Math.random = random;
    });
    const run = running();
    const connections = () => hub.seen.filter(({ kind }) => kind === 'connect').length;
    await until(() => hub.seen.some(({ kind }) => kind === 'hello'), 'hello');
    const lostAt = performance.now();
    hub.cut();
    await until(() => connections() === 2, 'the next connection');
    const awayMs = performance.now() - lostAt;
    // Twice the time, since the connection before was short; a fifth of it at least.
    t.ok(awayMs > 390 && awayMs < 20_000, `back after ${Math.round(awayMs)} ms`);
    stop.abort();
    await run;
  },
);

t.test('waits while the hub pauses, and greets it again when it forgets to say that the pause is over', async (t) => {
  const { hub, forwarder, stop, fill, running } = await setUp({ window: 0, pauseMs: 200 });
  await fill(3);
  const run = running();
  await until(() => forwarder.link === 'paused', 'pause');
  await until(() => hub.seen.filter(({ kind }) => kind === 'hello').length === 2, 'second hello');
  t.same(hub.data(), []);
  hub.answer('ack', { window: 4 });
  await until(() => forwarder.through === 30, 'everything');
  stop.abort();
  await run;
});

t.test('shows the newest values once a second while its backlog is old, and not when it is not', async (t) => {
  const sample = (tag: number, value: number) => ({ tag, time: 1, value, quality: 0, flags: 0 });
  const waiting = [[sample(1, 10), sample(2, 20)], [sample(2, 21)]];
  const newest = () => waiting.shift() ?? [];
  const { hub, forwarder, stop, fill, running } = await setUp({ newest });
  // What `batchOf` gives was accepted long ago.
  hub.onFrame = () => true;
  await fill(3);
  const run = running();
  await until(() => waiting.length === 0, 'two live frames');
  const live = hub.seen.filter((event) => event.kind === 'live');
  t.match(live, [
    { first: 1, tags: [1, 2], values: [10, 20] },
    { first: 1, tags: [2], values: [21] },
  ]);
  hub.onFrame = undefined;
  hub.through = 30;
  hub.answer('ack');
  await until(() => forwarder.through === 30, 'everything');
  waiting.push([sample(1, 11)]);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  t.equal(waiting.length, 1, 'nothing is shown that is stored as soon');
  stop.abort();
  await run;
});

t.test('a disk that fails holds nothing up but what is on it', async (t) => {
  const { hub, buffer, forwarder, problems, stop, fill, running } = await setUp();
  const { peek } = buffer;
  let fails = true;
  buffer.peek = async (...args) => {
    if (fails) throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_READ' });
    return await peek(...args);
  };
  await fill(2);
  const run = running();
  await until(() => problems.some((problem) => /the disk fails/.test(problem)), 'a failure');
  fails = false;
  await until(() => forwarder.through === 20, 'everything');
  stop.abort();
  await run;
  t.equal(hub.seen.filter(({ kind }) => kind === 'connect').length, 1, 'over the same connection');
});

t.test('believes no acknowledgement of another epoch, another boot or a lower number', async (t) => {
  const { hub, buffer, forwarder, stop, fill, running } = await setUp();
  const run = running();
  await fill(2);
  await until(() => forwarder.through === 20, 'settled');
  hub.onFrame = () => true;
  await fill(2);
  hub.answer('ack', { epoch: '0'.repeat(32), through: 40 });
  hub.answer('ack', { through: 5 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.equal(forwarder.through, 20);
  t.match(buffer.state(), { frames: 2, acked: 20 });
  stop.abort();
  await run;
});

t.test('ends quietly when it is stopped while it connects', async (t) => {
  const buffer = createMemoryBuffer();
  const uplink: Uplink = {
    connect: (_handlers, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  };
  const log = { info() {}, warn() {}, error() {} };
  const manifest = { revision: 1, site: 'demo/site', tags: [] };
  const forwarder = createForwarder({ buffer, uplink, manifest, bootId: 'boot', version: '0', log });
  const stop = new AbortController();
  const run = forwarder.run(stop.signal);
  stop.abort();
  await t.resolves(run);
});
