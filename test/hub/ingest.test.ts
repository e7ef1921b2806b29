/** Frames in, samples settled: the ledger, validation, the group-commit loop and the proof, over a real ledger and a store in memory. */
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { hubSchema } from '../../hub/config.ts';
import { createArrivals } from '../../hub/ingest/arrivals.ts';
import { createGreeter } from '../../hub/ingest/greet.ts';
import { createIdentities } from '../../hub/ingest/identity.ts';
import { createIngest, type Ingest } from '../../hub/ingest/ingest.ts';
import { createLink } from '../../hub/ingest/link.ts';
import { createOwnership } from '../../hub/ingest/ownership.ts';
import { replayDeadLetters } from '../../hub/ingest/replay.ts';
import { spreadOf } from '../../hub/ingest/spread.ts';
import { createSurplus } from '../../hub/ingest/surplus.ts';
import { createWindows } from '../../hub/ingest/windows.ts';
import { importAgent } from '../../hub/ledger/imported.ts';
import { collectTags } from '../../hub/ledger/known-tags.ts';
import type { KnownTag, Ledger } from '../../hub/ledger/ledger.ts';
import { openLedgerReader } from '../../hub/ledger/open-reader.ts';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { streamNumberOf } from '../../hub/ledger/stream-number.ts';
import { createLatestValues } from '../../hub/live/latest.ts';
import { openStore } from '../../hub/store/open.ts';
import type { StoreBatch, StoreRejection } from '../../hub/store/store.ts';
import { systemClock } from '../../protocols/clock.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { encodePayload, sealFrame, toColumns } from '../../protocols/frame.ts';
import { sealGap } from '../../protocols/gap.ts';
import { encodeManifest, type Manifest, type ManifestTag } from '../../protocols/manifest.ts';
import {
  type Ack,
  ackSchema,
  encodeMessage,
  type Hello,
  type HubAnnouncement,
  parseMessage,
} from '../../protocols/messages.ts';
import type { SampleValue } from '../../protocols/sample.ts';
import { agentTopic } from '../../protocols/topics.ts';
import { fc } from '../support/drawn.ts';

const epoch = 'ab'.repeat(16);
const number = streamNumberOf('a1', epoch);
const now = 1_790_000_000_000_000;
const quiet = { info() {}, warn() {}, error() {} };
const tag = (id: number, type: ManifestTag['type']): ManifestTag => ({
  id,
  path: `line/unit/tag-${id}`,
  type,
  unit: '',
  role: 'process',
  source: 'plc',
  intervalMs: 1000,
});
const hello = { epoch, bootId: 'b', minRetained: 1, next: 1, acked: 0, manifestRevision: 1, version: '0' };
const manifest: Manifest = {
  epoch,
  revision: 1,
  site: 'demo/site',
  tags: [tag(1, 'float'), tag(2, 'int'), tag(3, 'string')],
};

function frame(first: number, values: readonly [tag: number, value: SampleValue][], { at = now, revision = 1 } = {}) {
  const samples = values.map(([id, value], i) => ({
    tag: id,
    time: at + i,
    value,
    quality: value === null ? 0x80000000 : 0,
    flags: 0,
  }));
  const header = { epoch, first, count: values.length, acceptedAt: now, manifestRevision: revision };
  return sealFrame(header, encodePayload(toColumns(samples)));
}

const emptyStore = {
  kind: 'duckdb' as const,
  account: async () => ({ highest: new Map(), lost: [], gone: new Map() }),
  reader: {
    samplesByNumber: async () => ({ numbers: [], samples: toColumns([]) }),
    countNumbers: async () => ({ points: 0, distinct: 0, min: null, max: null }),
  },
};

/** A hub without broker and HTTP: messages in, answers out, a store that does what it is told. */
function createHub(t: Test, file = join(t.testdir(), 'ledger.db'), { elsewhere = 0 } = {}) {
  const ledger = openSqliteLedger(file);
  t.teardown(() => ledger[Symbol.dispose]());
  const stored = new Map<string, SampleValue>();
  const order: string[] = [];
  const state = { fail: 0, reject: [] as number[] };
  const writer = {
    fill: (batch: StoreBatch) => writer.write([batch]),
    async write(batches: readonly StoreBatch[]): Promise<StoreRejection[]> {
      if (state.fail > 0) {
        state.fail -= 1;
        throw new ConnectionError('store away');
      }
      order.push('store');
      const rejections = [];
      for (const { stream, numbers, samples } of batches) {
        for (const [i, number] of numbers.entries()) {
          if (state.reject.includes(number)) rejections.push({ stream, number, reason: 'field type conflict' });
          else stored.set(`${stream}/${number}`, samples.values[i]!);
        }
      }
      return rejections;
    },
  };
  const answers: Ack[] = [];
  const arrivals = createArrivals(1_000_000);
  const stop = new AbortController();
  const identities = createIdentities({ ledger, now: () => now, log: quiet });
  const ownership = createOwnership({ hub: 'ingest', partitions: { of: 1, own: [0] }, generation: 0, log: quiet });
  const windows = createWindows({
    most: 8,
    maxBytes: 1_000_000,
    heldBytes: () => arrivals.bytes,
    isBlocked: () => ingest.blocked !== undefined,
  });
  const shown: (readonly SampleValue[])[] = [];
  let letGo = 0;
  const surplus = createSurplus({ ledger, store: emptyStore, now: () => now });
  const link = createLink({
    ledger,
    arrivals,
    ownership,
    windows,
    hubBoot: 'boot',
    now: () => now,
    publish(_topic, payload) {
      const ack = parseMessage(ackSchema, payload)!;
      order.push(`${ack.kind} ${ack.through}`);
      answers.push(ack);
    },
    onHello: (agent, hello) => greetAgent(agent, hello),
    onLive: (_stream, { values }) => void shown.push(values),
    onLetGo: () => void letGo++,
    log: quiet,
  });
  const greetAgent = createGreeter({
    ledger,
    identities,
    store: emptyStore,
    settledElsewhere: () => elsewhere,
    frameAt: ledger.frameAt,
    follow() {},
    owns: ownership.owns,
    reply: link.reply,
    fault: link.fault,
    now: () => now,
    signal: stop.signal,
    log: quiet,
  });
  const ingest: Ingest = createIngest({
    arrivals,
    identities,
    ownership,
    ledger,
    writer,
    surplus,
    now: () => now,
    reply: link.reply,
    onSettled() {},
    onRoom: link.resume,
    log: quiet,
  });
  const running = ingest.run(stop.signal);
  t.teardown(async () => {
    stop.abort();
    await running;
  });
  const send = (leaf: 'up/hello' | 'up/manifest' | 'up/data' | 'up/live', body: object | Uint8Array) =>
    link.handle(agentTopic('a1', leaf), body instanceof Uint8Array ? body : encodeMessage(body as Hello));
  const greet = () => {
    void send('up/hello', hello);
    void send('up/manifest', encodeManifest(manifest));
  };
  return { file, ledger, link, ingest, stored, writer, order, answers, state, send, greet, shown, letGo: () => letGo };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`never: ${what}`);
}

t.test('a frame is stored, then in the ledger, then acknowledged; the welcome says where to begin', async (t) => {
  const hub = createHub(t);
  hub.greet();
  t.match(hub.answers[0], { kind: 'welcome', through: 0, manifestRevision: 0, window: 8, hubBoot: 'boot' });
  void hub.send(
    'up/data',
    frame(1, [
      [1, 1.5],
      [2, 7],
      [3, 'on'],
    ]),
  );
  void hub.send('up/data', frame(4, [[1, null]]));
  await until(() => hub.answers.some(({ through }) => through === 4), 'ack');
  t.same([...hub.stored.values()], [1.5, 7, 'on', null]);
  t.ok(
    hub.order.indexOf('store') < hub.order.findIndex((step) => step.startsWith('ack')),
    'stored before acknowledged',
  );
  t.match(hub.ledger.streams(), [{ through: 4, samples: 4, deadLetters: 0, agent: 'a1' }]);
  void hub.send('up/hello', hello);
  t.match(hub.answers.at(-1), { kind: 'welcome', through: 4, manifestRevision: 1 });
});

t.test('what is left of a damaged buffer whose tags are lost is listed, not waited for', async (t) => {
  const hub = createHub(t);
  void hub.send('up/hello', { ...hello, next: 3, manifestRevision: 0, final: true });
  t.match(hub.answers[0], { kind: 'welcome', through: 0 });
  void hub.send(
    'up/data',
    frame(1, [
      [1, 1.5],
      [2, 7],
    ]),
  );
  await until(() => hub.answers.some(({ kind, through }) => kind === 'ack' && through === 2), 'ack');
  t.equal(hub.stored.size, 0);
  t.match(hub.ledger.deadLetters(number, 0, 9), [{ number: 1, reason: /tag/ }, { number: 2 }]);
});

t.test('a repeated frame is acknowledged again and not written, one too far ahead is refused', async (t) => {
  const hub = createHub(t);
  hub.greet();
  void hub.send(
    'up/data',
    frame(1, [
      [2, 1],
      [2, 2],
    ]),
  );
  await until(() => hub.stored.size === 2, 'stored');
  const writes = hub.order.filter((step) => step === 'store').length;
  void hub.send(
    'up/data',
    frame(1, [
      [2, 1],
      [2, 2],
    ]),
  );
  await until(() => hub.ingest.counts.repeated === 1, 'repeated');
  t.equal(hub.order.filter((step) => step === 'store').length, writes);
  t.match(hub.answers.at(-1), { kind: 'ack', through: 2 });
  void hub.send('up/data', frame(9, [[2, 9]]));
  await until(() => hub.answers.at(-1)?.kind === 'nack', 'nack');
  t.match(hub.answers.at(-1), { kind: 'nack', through: 2, reason: 'gap' });
});

t.test(
  'a sample off its type, of an unknown tag or an impossible time is listed with its number; the rest is stored',
  async (t) => {
    const hub = createHub(t);
    hub.greet();
    void hub.send(
      'up/data',
      frame(1, [
        [1, 'text'],
        [2, 1.5],
        [9, 1],
        [3, 'fine'],
        [2, 2n ** 60n],
      ]),
    );
    void hub.send('up/data', frame(6, [[2, 1]], { at: 1000 }));
    await until(() => hub.answers.some(({ through }) => through === 6), 'ack');
    t.same(
      [...hub.stored.entries()],
      [
        [`${number}/4`, 'fine'],
        [`${number}/5`, 2n ** 60n],
      ],
    );
    t.same(
      hub.ledger.deadLetters(number, 0, 10).map(({ number, reason, value }) => [number, reason, value]),
      [
        [1, 'not of type float', 'string:text'],
        [2, 'not of type int', 'number:1.5'],
        [3, 'unknown tag', 'number:1'],
        [6, 'time out of range', 'number:1'],
      ],
    );
    t.match(hub.ledger.streams(), [{ samples: 2, deadLetters: 4 }]);
  },
);

t.test('what the store refuses for good becomes a dead letter in the same step', async (t) => {
  const hub = createHub(t);
  hub.state.reject = [2];
  hub.greet();
  void hub.send(
    'up/data',
    frame(1, [
      [2, 1],
      [2, 2],
      [2, 3],
    ]),
  );
  await until(() => hub.answers.some(({ through }) => through === 3), 'ack');
  t.match(hub.ledger.deadLetters(number, 0, 10), [{ number: 2, reason: 'store: field type conflict' }]);
});

t.test('nothing is acknowledged while the store is away, and everything when it is back', async (t) => {
  const hub = createHub(t);
  hub.greet();
  hub.state.fail = 3;
  void hub.send('up/data', frame(1, [[2, 1]]));
  await until(() => hub.ingest.blocked !== undefined, 'blocked');
  t.equal(hub.ledger.streams()[0]!.through, 0);
  t.notOk(hub.answers.some(({ kind }) => kind === 'ack'));
  await until(() => hub.answers.some(({ through }) => through === 1), 'ack');
  t.equal(hub.ingest.blocked, undefined);
});

t.test(
  'greetings and manifests wait for a ledger that takes nothing now; no frame is acknowledged before it does',
  async (t) => {
    const hub = createHub(t);
    const other = new Database(hub.file);
    other.exec('BEGIN IMMEDIATE');
    hub.greet();
    t.match(hub.answers, [{ kind: 'welcome', through: 0 }]);
    void hub.send('up/data', frame(1, [[2, 1]]));
    await until(() => hub.ingest.blocked?.startsWith('the ledger') === true, 'blocked');
    void hub.send('up/hello', hello);
    t.match(hub.answers.at(-1), { kind: 'welcome', window: 0 });
    other.exec('ROLLBACK');
    other.close();
    await until(() => hub.answers.some(({ kind, through }) => kind === 'ack' && through === 1), 'ack');
    using reopened = openSqliteLedger(hub.file);
    t.same(reopened.streams(), hub.ledger.streams());
    t.same(reopened.tags(), hub.ledger.tags());
  },
);

t.test('what agents say of themselves is durable a moment later, with one commit for all', async (t) => {
  const file = join(t.testdir(), 'ledger.db');
  using ledger = openSqliteLedger(file);
  for (let i = 0; i < 500; i++) ledger.greet(`a${i}`, hello, now);
  using before = openLedgerReader(file);
  t.equal(before.streams().length, 0);
  await until(() => before.streams().length === 500, 'saved');
  ledger.greet('a0', { ...hello, epoch: 'cd'.repeat(16) }, now);
  t.match(ledger.gaps(streamNumberOf('a0', epoch)), [{ first: 1, last: null }]);
  ledger.settle([{ gap: { stream: streamNumberOf('a0', epoch), first: 1, last: 5, reason: 'evicted' }, at: now }], now);
  t.match(
    before.gaps(streamNumberOf('a0', epoch)),
    [
      { first: 1, last: 5 },
      { first: 6, last: null },
    ],
    'what was under way when a stream was closed moves its unknown end',
  );
});

t.test('damaged frames are refused, unreadable ones are listed number by number, and the hub goes on', async (t) => {
  const hub = createHub(t);
  hub.greet();
  const good = frame(1, [[2, 1]]);
  const flipped = Buffer.from(good);
  flipped[60]! ^= 1;
  void hub.send('up/data', flipped);
  t.match(hub.answers.at(-1), { kind: 'nack', through: 0, reason: 'crc' });
  void hub.send('up/data', Buffer.from('hello'));
  t.match(hub.answers.at(-1), { kind: 'nack', reason: 'length' });
  void hub.send(
    'up/data',
    sealFrame({ epoch, first: 1, count: 3, acceptedAt: now, manifestRevision: 1 }, Buffer.from('not zstd')),
  );
  await until(() => hub.answers.some(({ through }) => through === 3), 'ack');
  t.same(
    hub.ledger.deadLetters(number, 0, 10).map(({ number, reason }) => [number, reason]),
    [1, 2, 3].map((number) => [number, 'frame: decode']),
  );
  void hub.send('up/hello', Buffer.from('{"epoch":1}'));
  void hub.send('up/manifest', Buffer.from('[]'));
  void hub.link.handle('payesh/v1/a/UPPER/up/data', good);
  t.same(Object.fromEntries(hub.link.faults), { crc: 1, length: 1, hello: 1, manifest: 1, topic: 1 });
});

t.test('of a history that is not its own an agent hears nothing but a welcome', async (t) => {
  const hub = createHub(t);
  hub.greet();
  void hub.send('up/data', frame(1, [[2, 1]]));
  await until(() => hub.answers.some(({ through }) => through === 1), 'ack');
  hub.ledger.declareGap(number, 3, 'found in the store', now, true);
  const flipped = Buffer.from(frame(4, [[2, 1]]));
  flipped[60]! ^= 1;
  for (const sent of [flipped, frame(1, [[2, 1]]), frame(4, [[2, 1]])]) {
    const told = hub.answers.length;
    void hub.send('up/data', sent);
    await until(() => hub.answers.length > told, 'an answer');
    t.match(hub.answers.at(-1), { kind: 'nack', through: 0, reason: 'hello' });
  }
  void hub.send('up/hello', hello);
  t.match(hub.answers.at(-1), { kind: 'welcome', through: 3 });
  hub.ledger.rewind(number, 1);
  void hub.send('up/data', frame(2, [[2, 1]]));
  await until(() => hub.answers.at(-1)!.kind === 'ack', 'an ack');
  t.match(hub.answers.at(-1), { through: 2 }, 'what went back is forgotten, and so is that');
});

t.test('a frame of a manifest that the hub does not hold is sent back for it', async (t) => {
  const hub = createHub(t);
  void hub.send('up/hello', hello);
  void hub.send('up/data', frame(1, [[2, 1]]));
  await until(() => hub.answers.at(-1)?.reason === 'manifest', 'nack');
  void hub.send('up/manifest', encodeManifest(manifest));
  void hub.send('up/data', frame(1, [[2, 1]]));
  await until(() => hub.answers.some(({ kind, through }) => kind === 'ack' && through === 1), 'ack');
});

t.test(
  'the ledger keeps streams, manifests and numbers over a restart, and a new epoch closes the old stream',
  async (t) => {
    const file = join(t.testdir(), 'ledger.db');
    const hub = createHub(t, file);
    hub.greet();
    void hub.send(
      'up/data',
      frame(1, [
        [2, 1],
        [1, 2],
      ]),
    );
    await until(() => hub.answers.some(({ through }) => through === 2), 'ack');
    using reopened = openSqliteLedger(file);
    t.same(reopened.streams(), hub.ledger.streams());
    t.same(reopened.tags(), hub.ledger.tags());
    t.equal(reopened.tags()[0]!.path, 'demo/site/line/unit/tag-1');
    t.throws(
      () =>
        reopened.settle(
          [{ batch: { ...reopened.batches(number, 0, 1)[0]!, first: 7, last: 8 }, deadLetters: [] }],
          now,
        ),
      /does not follow/,
    );
    const next = reopened.greet('a1', { ...hello, epoch: 'cd'.repeat(16) }, now);
    t.not(next.number, number);
    t.ok(Number.isSafeInteger(number) && number > 0, 'the number follows from agent and epoch');
    t.equal(reopened.streams()[0]!.closedAt, now);
  },
);

t.test(
  'numbers that an agent let go before the ledger knew them are a declared gap, and the stream goes on',
  async (t) => {
    const hub = createHub(t);
    void hub.send('up/hello', { ...hello, minRetained: 11, next: 12, acked: 10 });
    void hub.send('up/manifest', encodeManifest(manifest));
    await until(() => hub.answers.length > 0, 'welcome');
    t.match(hub.answers[0], { kind: 'welcome', through: 10 });
    t.match(hub.ledger.gaps(number), [{ first: 1, last: 10, reason: 'released before the ledger knew' }]);
    void hub.send('up/data', frame(11, [[2, 1]]));
    await until(() => hub.answers.some(({ through }) => through === 11), 'ack');
  },
);

t.test('while the hub holds enough bytes, whoever delivers waits', async (t) => {
  const arrivals = createArrivals(100);
  const arrival = {
    agent: 'a',
    header: { epoch, first: 1, count: 1, acceptedAt: now, manifestRevision: 1, codec: 1 },
    payload: Buffer.alloc(60),
  };
  t.equal(arrivals.put(arrival), undefined);
  const held = arrivals.put(arrival);
  t.type(held, Promise);
  await arrivals.take(1000, AbortSignal.timeout(1000));
  await held;
  t.equal(arrivals.bytes, 0);
});

t.test('small groups follow each other at a pace; a large one, or one after a rest, waits for nothing', async (t) => {
  const stop = new AbortController();
  const paced = (paceMs: number) => {
    const arrivals = createArrivals(1_000_000, paceMs);
    const header = { epoch, first: 1, acceptedAt: now, manifestRevision: 1, codec: 1 };
    return {
      put: (agent: string, count: number) => {
        void arrivals.put({ agent, header: { ...header, count }, payload: Buffer.alloc(60) });
      },
      taken: async () => (await arrivals.take(100_000, stop.signal)).map(({ agent }) => agent),
    };
  };
  const quick = paced(5);
  quick.put('a', 1);
  t.same(await quick.taken(), ['a'], 'the first is taken at once');
  quick.put('b', 1);
  t.same(await quick.taken(), ['b'], 'a small one when it is due');

  const slow = paced(60_000);
  slow.put('a', 1);
  await slow.taken();
  const next = slow.taken();
  slow.put('b', 8000);
  t.equal(await Promise.race([next, turn('waiting')]), 'waiting');
  slow.put('c', 200);
  t.same(await next, ['b', 'c'], 'or as soon as many wait');
  const last = slow.taken();
  slow.put('d', 1);
  stop.abort();
  t.same(await last, [], 'nobody waits for the pace at the end');
});

t.test('a store that another ledger has filled is refused, with what to do', async (t) => {
  const dir = t.testdir({ samples: {} });
  const open = (ledgerId: string) =>
    openStore({
      config: hubSchema.shape.store.parse({}),
      dir: join(dir, 'samples'),
      ledgerId,
      secret: undefined,
      clock: systemClock,
      log: quiet,
    });
  await (await open('one'))[Symbol.asyncDispose]();
  await (await open('one'))[Symbol.asyncDispose]();
  await t.rejects(open('two'), { name: 'ConfigError', hint: /same backup/ });
});

t.test(
  'a gap that is declared while a frame is being stored ends nothing: the agent sends again from there',
  async (t) => {
    const hub = createHub(t);
    hub.greet();
    hub.state.fail = 1;
    void hub.send('up/data', frame(1, [[2, 1]]));
    await until(() => hub.ingest.blocked !== undefined, 'blocked');
    void hub.send('up/hello', { ...hello, minRetained: 11, next: 20, acked: 10 });
    await until(() => hub.answers.some(({ kind, through }) => kind === 'ack' && through === 10), 'ack of the gap');
    void hub.send('up/data', frame(11, [[2, 1]]));
    await until(() => hub.answers.some(({ through }) => through === 11), 'the stream goes on');
  },
);

t.test('a hello that cannot be true is refused', async (t) => {
  const hub = createHub(t);
  void hub.send('up/hello', { ...hello, minRetained: 50, next: 20, acked: 10 });
  void hub.send('up/hello', { ...hello, minRetained: 1, next: 20, acked: 20 });
  t.same(Object.fromEntries(hub.link.faults), { hello: 2 });
  t.same(hub.ledger.streams(), []);
});

t.test(
  'numbers that come again with another content put their agent in quarantine: nothing more is taken',
  async (t) => {
    const hub = createHub(t);
    hub.greet();
    void hub.send('up/data', frame(1, [[2, 1]]));
    await until(() => hub.stored.size === 1, 'stored');
    void hub.send('up/data', frame(1, [[2, 7]]));
    await until(() => hub.answers.at(-1)?.kind === 'nack', 'nack');
    t.match(hub.answers.at(-1), { kind: 'nack', through: 1, reason: 'identity' });
    void hub.send('up/data', frame(2, [[2, 2]]));
    await until(() => hub.ingest.counts.refused === 2, 'refused');
    void hub.send('up/hello', hello);
    t.match(hub.answers.at(-1), { kind: 'nack', reason: 'identity' }, 'no welcome');
    t.same([...hub.stored.values()], [1]);
    t.match([...hub.ledger.quarantines().keys()], ['a1']);

    t.ok(hub.ledger.endQuarantine('a1'));
    void hub.send('up/hello', hello);
    t.match(hub.answers.at(-1), { kind: 'welcome', through: 1 });
    void hub.send('up/data', frame(2, [[2, 2]]));
    await until(() => hub.stored.size === 2, 'taken again');
  },
);

t.test('a repeated frame that cannot be read is damage, not a copy', async (t) => {
  const hub = createHub(t);
  hub.greet();
  void hub.send('up/data', frame(1, [[2, 1]]));
  await until(() => hub.stored.size === 1, 'stored');
  const header = { epoch, first: 1, count: 1, acceptedAt: now, manifestRevision: 1 };
  void hub.send('up/data', sealFrame(header, Buffer.from('not zstd')));
  await until(() => hub.ingest.counts.repeated === 1, 'repeated');
  t.equal(hub.ledger.quarantines().size, 0);
  void hub.send('up/data', frame(2, [[2, 2]]));
  await until(() => hub.stored.size === 2, 'taken');
});

t.test('a copy is put in quarantine also while the ledger takes nothing, and the hub lives', async (t) => {
  const hub = createHub(t);
  hub.greet();
  void hub.send('up/data', frame(1, [[2, 1]]));
  await until(() => hub.stored.size === 1, 'stored');
  const other = new Database(hub.file);
  other.exec('BEGIN IMMEDIATE');
  void hub.send('up/data', frame(1, [[2, 7]]));
  await until(() => hub.answers.at(-1)?.reason === 'identity', 'nack');
  void hub.send('up/hello', hello);
  t.match(hub.answers.at(-1), { kind: 'nack', reason: 'identity' });
  other.exec('ROLLBACK');
  other.close();
  using reader = openLedgerReader(hub.file);
  await until(() => reader.quarantines().size === 1, 'durable once the disk takes it');
});

t.test(
  'an older process that has heard what came after a newer one is a copy; a quarantine outlives the hub',
  async (t) => {
    const file = join(t.testdir(), 'ledger.db');
    const hub = createHub(t, file);
    const greet = (bootId: string, heard?: number) => void hub.send('up/hello', { ...hello, bootId, heard });
    const heard = () => hub.answers.at(-1)!.answer;
    greet('first');
    t.match(hub.answers.at(-1), { kind: 'welcome' });
    const old = heard();
    for (const bootId of ['second', 'third']) {
      greet(bootId);
      t.match(hub.answers.at(-1), { kind: 'nack', reason: 'hello' }, 'it may be an older one, long on its way');
      greet(bootId, heard());
      t.match(hub.answers.at(-1), { kind: 'welcome' });
    }
    greet('second', old);
    greet('zeroth');
    greet('third');
    t.match(hub.answers.at(-1), { kind: 'welcome' });
    t.equal(hub.ledger.quarantines().size, 0, 'restarts are no copies, nor is what was long on its way');
    greet('second', heard());
    t.match(hub.answers.at(-1), { kind: 'nack', reason: 'identity' });
    hub.ledger[Symbol.dispose]();
    t.equal(createHub(t, file).ledger.quarantines().size, 1);
  },
);

t.test('tags are as the open stream declares them, also where a closed one is younger', async (t) => {
  const hub = createHub(t);
  hub.greet();
  const other = 'cd'.repeat(16);
  void hub.send('up/hello', { ...hello, epoch: other, bootId: 'c', heard: 1 });
  void hub.send(
    'up/manifest',
    encodeManifest({ ...manifest, epoch: other, tags: [{ ...tag(9, 'int'), path: 'line/unit/tag-1' }] }),
  );
  const currentId = () => hub.ledger.tags().find(({ path }) => path === 'demo/site/line/unit/tag-1')!.current.id;
  t.equal(currentId(), 9);
  void hub.send('up/hello', { ...hello, bootId: 'd', heard: 2 });
  t.equal(currentId(), 1);
});

t.test('the tags of many agents follow each change of one of them, as if all were collected anew', async (t) => {
  const agents = ['a1', 'a2', importAgent('1')];
  const one = fc.record({ agent: fc.constantFrom(...agents), epoch: fc.constantFrom('ab', 'cd') });
  const does = fc.constantFrom('greet', 'declare', 'settle', 'withdraw', 'look' as const);
  const changes = fc.array(fc.tuple(does, one), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(changes, (changes) => {
      using ledger = openSqliteLedger(':memory:');
      const inOrder = (tags: readonly KnownTag[]) =>
        [...tags].sort((a, b) => (`${a.agent} ${a.path}` < `${b.agent} ${b.path}` ? -1 : 1));
      for (const [at, [what, { agent, epoch: pair }]] of changes.entries()) {
        const epoch = pair.repeat(16);
        const stream = ledger.stream(agent, epoch) ?? ledger.greet(agent, { ...hello, epoch }, now + at);
        const { number, through, manifestRevision: revision } = stream;
        if (what === 'greet') ledger.greet(agent, { ...hello, epoch }, now + at);
        else if (what === 'declare')
          ledger.keepManifest(number, { ...manifest, epoch, revision: at + 1, tags: [tag(1 + (at % 3), 'int')] }, now);
        else if (what === 'settle') {
          const times = { minTime: now + at, maxTime: now + at, acceptedAt: now + at };
          const batch = { stream: number, first: through + 1, last: through + 1, contentHash: '', ...times };
          ledger.settle([{ batch, manifestRevision: revision, deadLetters: [] }], now + at);
        } else if (what === 'withdraw') ledger.withdraw(number, now + at);
        else t.same(inOrder(ledger.tags()), inOrder(collectTags(ledger.declared())));
      }
    }),
    { numRuns: 100 },
  );
});

t.test('a tag was measured from the first frame of its manifest to the first that retires it', async (t) => {
  const hub = createHub(t);
  hub.greet();
  const at = (seconds: number) => now - 3600e6 + seconds * 1e6;
  const sealed = (first: number, revision: number, acceptedAt: number) => {
    const payload = encodePayload(toColumns([{ tag: 2, time: acceptedAt, value: 1, quality: 0, flags: 0 }]));
    return sealFrame({ epoch, first, count: 1, acceptedAt, manifestRevision: revision }, payload);
  };
  const retired = (one: ManifestTag) => ({ ...one, retired: true as const });
  const livesOf = (ledger: Pick<Ledger, 'tags'>, id: number) =>
    ledger.tags().flatMap(({ keys }) => keys.flatMap(({ tag, lives }) => (tag === id ? lives : [])));
  const forever = Number.POSITIVE_INFINITY;

  void hub.send('up/data', sealed(1, 1, at(1)));
  await until(() => hub.answers.at(-1)?.through === 1, 'ack');
  t.same(livesOf(hub.ledger, 1), [{ start: at(1), end: forever }]);
  // The agent was away meanwhile: of the second revision there are frames, and nobody has its manifest.
  const tags = [retired(tag(1, 'float')), tag(2, 'int'), tag(3, 'string'), retired(tag(4, 'int')), tag(5, 'int')];
  void hub.send('up/hello', { ...hello, manifestRevision: 3 });
  void hub.send('up/manifest', encodeManifest({ ...manifest, revision: 3, tags }));
  t.same(livesOf(hub.ledger, 1), [{ start: at(1), end: forever }], 'not before its frames are there');
  void hub.send('up/data', sealed(2, 2, at(10)));
  void hub.send('up/data', sealed(3, 3, at(20)));
  await until(() => hub.answers.at(-1)?.through === 3, 'ack');
  const expected = [
    [{ start: at(1), end: at(20) }],
    [{ start: at(1), end: forever }],
    [{ start: at(10), end: at(20) }],
    [{ start: at(10), end: forever }],
  ];
  const found = (ledger: Pick<Ledger, 'tags'>) => [1, 2, 4, 5].map((id) => livesOf(ledger, id));
  t.same(found(hub.ledger), expected);
  hub.ledger.rewind(number, 1);
  void hub.send('up/data', sealed(2, 2, at(10)));
  await until(() => hub.answers.at(-1)?.through === 2, 'ack');
  t.same(found(hub.ledger), expected, 'settled again, it is as it was');
  t.match(hub.ledger.amendments(0), [{ stream: number, rewoundTo: 1 }]);

  const other = 'cd'.repeat(16);
  void hub.send('up/hello', { ...hello, epoch: other, bootId: 'c', heard: 1 });
  void hub.send('up/manifest', encodeManifest({ ...manifest, epoch: other }));
  const payload = encodePayload(toColumns([{ tag: 2, time: at(60), value: 1, quality: 0, flags: 0 }]));
  void hub.send(
    'up/data',
    sealFrame({ epoch: other, first: 1, count: 1, acceptedAt: at(60), manifestRevision: 1 }, payload),
  );
  await until(() => hub.answers.at(-1)?.epoch === other && hub.answers.at(-1)?.kind === 'ack', 'ack');
  t.same(livesOf(hub.ledger, 5), [{ start: at(10), end: at(60) }], 'an epoch ends where the next begins');
  using reopened = openSqliteLedger(hub.file);
  t.same(reopened.tags(), hub.ledger.tags());
});

t.test(
  'a gap is settled at its place, in the transaction of the frames around it, and can repeat what is settled',
  async (t) => {
    const hub = createHub(t);
    hub.greet();
    const gap = (first: number, count: number, reason = 'evicted') =>
      sealGap({ epoch, first, count, acceptedAt: now - 1 }, { reason, from: now - 9, to: now - 5 });
    void hub.send('up/data', frame(1, [[2, 1]]));
    void hub.send('up/data', gap(2, 4_000_000_000));
    void hub.send('up/data', frame(4_000_000_002, [[2, 7]]));
    await until(() => hub.answers.some(({ through }) => through === 4_000_000_002), 'ack');
    t.match(hub.ledger.gaps(number), [
      { first: 2, last: 4_000_000_001, reason: 'evicted', at: now - 1, from: now - 9, to: now - 5 },
    ]);
    t.match(hub.ledger.streams(), [{ samples: 2, deadLetters: 0 }]);
    t.match(hub.ingest.counts, { frames: 3, samples: 2, gapNumbers: 4_000_000_000, groups: 1 });
    void hub.send('up/data', gap(4_000_000_000, 10, 'corrupt'));
    await until(() => hub.answers.some(({ through }) => through === 4_000_000_009), 'ack of the rest');
    t.match(hub.ledger.gaps(number)[1], { first: 4_000_000_003, last: 4_000_000_009, reason: 'corrupt' });
    using reopened = openSqliteLedger(hub.file);
    t.same(reopened.streams(), hub.ledger.streams());
  },
);

t.test('values for screens are shown and not stored; those that no frame could hold are left out', async (t) => {
  const hub = createHub(t);
  hub.greet();
  void hub.send(
    'up/live',
    frame(1, [
      [2, 42],
      [9, 1],
      [1, 'text'],
    ]),
  );
  t.same(hub.shown, [[42]]);
  void hub.send('up/live', Buffer.from('nonsense'));
  void hub.send('up/live', sealGap({ epoch, first: 1, count: 1, acceptedAt: now }, { reason: 'evicted' }));
  t.match(Object.fromEntries(hub.link.faults), { live: 2 });
  t.equal(hub.ledger.streams()[0]!.through, 0);
});

t.test('a stream that goes back is accounted for up to a frame, and its agent sends the rest again', async (t) => {
  const hub = createHub(t);
  hub.greet();
  for (const first of [1, 3, 5])
    void hub.send(
      'up/data',
      frame(first, [
        [2, first],
        [3, first === 5 ? 1 : 'x'],
      ]),
    );
  await until(() => hub.answers.some(({ through }) => through === 6), 'ack');
  t.match(hub.ledger.streams(), [{ through: 6, samples: 5, deadLetters: 1 }]);
  t.equal(hub.ledger.rewind(number, 5), 4, 'number 5 is in the middle of a frame');
  t.match(hub.ledger.streams(), [{ through: 4, samples: 4, deadLetters: 0, lastAcceptedAt: now }]);
  t.same(hub.ledger.deadLetters(number, 0, 10), []);
  t.equal(hub.ledger.rewind(number, 99), 4, 'never forward');
  void hub.send('up/hello', hello);
  t.match(hub.answers.at(-1), { kind: 'welcome', through: 4 });
  void hub.send('up/data', frame(5, [[2, 5]]));
  await until(() => hub.answers.some(({ kind, through }) => kind === 'ack' && through === 5), 'sent again');
  using reopened = openSqliteLedger(hub.file);
  t.same(reopened.streams(), hub.ledger.streams());
});

t.test('a verdict outlives going back: what was listed stays listed, what was replayed is stored again', async (t) => {
  const hub = createHub(t);
  void hub.send('up/hello', hello);
  const declare = (revision: number, tags: ManifestTag[]) =>
    void hub.send('up/manifest', encodeManifest({ ...manifest, revision, tags }));
  declare(1, [tag(1, 'float')]);
  const late = frame(5, [[1, 7]], { at: now + 2 * 86_400_000_000 });
  void hub.send(
    'up/data',
    frame(1, [
      [1, 1],
      [2, 2],
      [3, 'x'],
      [1, 4],
    ]),
  );
  void hub.send('up/data', late);
  await until(() => hub.answers.some(({ through }) => through === 5), 'ack');
  const listed = () => hub.ledger.deadLetters(number, 0, 9).map((letter) => [letter.number, letter.reason]);
  const judgedFirst = [
    [2, 'unknown tag'],
    [3, 'unknown tag'],
    [5, 'time out of range'],
  ];
  t.same(listed(), judgedFirst);
  declare(2, manifest.tags as ManifestTag[]);
  const store = {
    writer: { write: hub.writer.write, fill: (batch: StoreBatch) => hub.writer.write([batch]) },
    reader: {} as never,
  };
  const replay = () =>
    replayDeadLetters({ ledger: hub.ledger, store }, number, new Set([3, 5]), new AbortController().signal);
  t.same(await replay(), { stored: 1, remaining: { 'time out of range': 1 } }, 'held against the time of acceptance');
  t.equal(hub.ledger.rewind(number, 0), 0);
  t.same(listed(), []);
  t.match(hub.ledger.streams(), [{ samples: 0, deadLetters: 0 }]);
  const writes = hub.stored.size;
  void hub.send(
    'up/data',
    frame(1, [
      [1, 1],
      [2, 2],
      [3, 'x'],
      [1, 4],
    ]),
  );
  void hub.send('up/data', late);
  await until(() => hub.ledger.streams()[0]!.through === 5, 'sent again');
  t.same(listed(), [judgedFirst[0], judgedFirst[2]], 'though its tag is known by now');
  t.match(hub.ledger.streams(), [{ samples: 3, deadLetters: 2 }]);
  t.equal(hub.stored.size, writes);
  using reopened = openSqliteLedger(hub.file);
  t.same(reopened.streams(), hub.ledger.streams());
  reopened.rewind(number, 0);
  reopened.declareGap(number, 5, 'gone', now);
  t.same(reopened.verdicts(number, 1, 9), [], 'a gap has no other reasons in it');
});

t.test(
  'closing a stream leaves a gap of unknown end, unless it is complete; one that drains is opened again',
  async (t) => {
    const hub = createHub(t);
    hub.greet();
    void hub.send('up/data', frame(1, [[2, 1]]));
    await until(() => hub.answers.some(({ through }) => through === 1), 'ack');
    const other = { ...hello, epoch: 'cd'.repeat(16) };
    void hub.send('up/hello', other);
    t.match(hub.ledger.gaps(number), [{ first: 2, last: null, reason: 'closed before it was known to be drained' }]);
    void hub.send('up/hello', { ...hello, next: 3, final: true });
    t.same(hub.ledger.gaps(number), []);
    t.match(hub.answers.at(-1), { kind: 'welcome', through: 1 });
    void hub.send('up/data', frame(2, [[2, 2]]));
    await until(() => hub.answers.some(({ kind, through }) => kind === 'ack' && through === 2), 'drained');
    void hub.send('up/hello', other);
    t.same(hub.ledger.gaps(number), [], 'nothing was ever added to it, and all of it is settled');
  },
);

t.test('a hub takes its own agents only, and lets go of what another claims with a higher generation', async (t) => {
  const hub = createHub(t);
  hub.greet();
  const hear = (name: string, state: Partial<HubAnnouncement>) =>
    void hub.link.handle(
      `payesh/v1/hub/${name}/state`,
      encodeMessage({
        online: true,
        hubBoot: 'other',
        spreadMs: 0,
        partitions: { of: 1, own: [0] },
        generation: 0,
        ...state,
      }),
    );
  hear('ingest', { generation: 9 });
  hear('other', { generation: 9, online: false });
  hear('zulu', {});
  hear('other', { generation: 9, partitions: { of: 2, own: [0] } });
  t.equal(hub.letGo(), 0, 'itself, one that is away, a later name, another division');
  void hub.send('up/hello', { ...hello, hubBoot: 'another hub' });
  t.equal(hub.answers.length, 1, 'a greeting of another hub is not answered');
  hub.state.fail = 1;
  void hub.send('up/data', frame(1, [[2, 1]]));
  await until(() => hub.ingest.blocked !== undefined, 'the store is away');
  hear('other', { generation: 1 });
  t.equal(hub.letGo(), 1);
  await until(() => hub.stored.size === 1, 'what was being stored is stored: a rewrite for the new owner');
  void hub.send('up/hello', hello);
  void hub.send('up/data', frame(1, [[2, 1]]));
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(hub.answers.length, 1, 'nothing is acknowledged');
  t.equal(hub.ledger.streams()[0]!.through, 0, 'and nothing of it is in the ledger');
});

t.test('where another ledger has settled a stream, it goes on from there', async (t) => {
  const hub = createHub(t, undefined, { elsewhere: 10 });
  void hub.send('up/hello', { ...hello, minRetained: 8, next: 12, acked: 9 });
  t.match(hub.answers[0], { kind: 'welcome', through: 10 });
  t.match(hub.ledger.streams(), [{ through: 10, expired: 10, inherited: 10, samples: 0 }]);
  t.same(hub.ledger.gaps(number), []);
});

t.test(
  'a stream that comes home goes on behind what the other hub has settled; nothing is declared lost',
  async (t) => {
    const file = join(t.testdir(), 'ledger.db');
    const before = createHub(t, file);
    before.greet();
    void before.send('up/data', frame(1, [[2, 1]]));
    await until(() => before.answers.some(({ through }) => through === 1), 'ack');
    before.ledger[Symbol.dispose]();
    const hub = createHub(t, file, { elsewhere: 10 });
    void hub.send('up/hello', { ...hello, minRetained: 8, next: 12, acked: 7 });
    t.match(hub.answers[0], { kind: 'welcome', through: 10 });
    t.same(hub.ledger.gaps(number), []);
    t.same(hub.ledger.elsewhere(number), [{ first: 2, last: 10 }]);
    void hub.send('up/data', frame(11, [[2, 1]]));
    await until(() => hub.answers.some(({ through }) => through === 11), 'ack');
    t.match(hub.ledger.streams(), [{ through: 11, expired: 0, inherited: 0, samples: 2 }]);
    using reopened = openSqliteLedger(file);
    t.same(reopened.streams(), hub.ledger.streams());
    t.equal(hub.ledger.rewind(number, 9), 1, 'not into what is another ledger’s');
  },
);

t.test('the earliest time beyond a number is told, whoever asks in between and whatever goes back', async (t) => {
  using ledger = openSqliteLedger(join(t.testdir(), 'ledger.db'));
  const { number: stream } = ledger.greet('a1', hello, now);
  const times = [50, 60, 20, 70, 80, 30, 90, 95, 10, 99];
  const settleUpTo = (count: number) => {
    const { through } = ledger.streams()[0]!;
    const frames = times.slice(through, count).map((time, i) => {
      const at = { minTime: time, maxTime: time + 1, acceptedAt: now };
      const batch = { stream, first: through + i + 1, last: through + i + 1, contentHash: '00', ...at };
      return { batch, deadLetters: [] };
    });
    ledger.settle(frames, now);
  };
  const ask = (number: number) => ledger.earliestAfter(stream, number);
  const wanted = (number: number) => Math.min(...times.slice(number, ledger.streams()[0]!.through));
  for (let settled = 0, read = 0; settled < times.length; read = settled) {
    settled += 2;
    settleUpTo(settled);
    t.equal(ask(read), wanted(read), `beyond ${read} of ${settled}`);
    if (settled % 4 === 0) t.equal(ask(1), wanted(1), 'somebody else');
  }
  t.equal(ask(10), Number.POSITIVE_INFINITY);
  ledger.rewind(stream, 6);
  settleUpTo(8);
  t.equal(ask(6), 90);
  settleUpTo(10);
  t.equal(ask(6), 10, 'what was answered is not taken for read');
});

t.test('agents are asked to spread by how many there are, imports and closed streams not counted', async (t) => {
  using ledger = openSqliteLedger(join(t.testdir(), 'ledger.db'));
  const epochOf = (i: number) => i.toString(16).padStart(32, '0');
  for (let i = 0; i < 300; i++) ledger.greet(`a${i}`, { ...hello, epoch: epochOf(i) }, now);
  ledger.greet('a0', { ...hello, epoch: epochOf(1000) }, now);
  ledger.greet(importAgent(epochOf(2000)), { ...hello, epoch: epochOf(2000) }, now);
  t.same([spreadOf(ledger, 1000), spreadOf(ledger, 2000)], [1500, 2000]);
});

t.test('epochs that only greet, and revisions of a manifest, are remembered up to a number', async (t) => {
  const hub = createHub(t);
  hub.greet();
  void hub.send('up/data', frame(1, [[2, 1]]));
  await until(() => hub.answers.some(({ through }) => through === 1), 'ack');
  for (let i = 0; i < 200; i++) hub.ledger.greet('a1', { ...hello, epoch: i.toString(16).padStart(32, '0') }, now + i);
  const { length } = hub.ledger.streams();
  t.ok(length > 60 && length < 70, `${length} streams`);
  t.ok(hub.ledger.stream('a1', epoch), 'one of which something is settled is never forgotten');
  for (let revision = 2; revision < 300; revision++)
    hub.ledger.keepManifest(number, { ...manifest, revision, tags: manifest.tags.slice(0, 2) }, now);
  hub.ledger.gapCount(number);
  const db = new Database(hub.file, { readonly: true });
  t.same(db.prepare('SELECT count(*) FROM stream').pluck().get(), length);
  t.same(db.prepare('SELECT count(*), max(revision) FROM manifest').raw().get(), [100, 299]);
  db.close();
  using reopened = openSqliteLedger(hub.file);
  t.equal(reopened.streams().length, length);
  t.equal(reopened.tagsOf(number).size, 2);
});

t.test('windows share what the hub may hold; a pause is ended as soon as there is room', async (t) => {
  const at = { held: 0, blocked: false, now: 0 };
  const windows = createWindows({
    most: 64,
    maxBytes: 64_000_000,
    heldBytes: () => at.held,
    isBlocked: () => at.blocked,
    now: () => at.now,
  });
  t.equal(windows.of('a', 'e'), 64);
  for (let i = 0; i < 1000; i++) windows.arrived(`agent-${i}`, 32_000);
  at.now += 2000;
  t.equal(windows.of('a', 'e'), 1, 'a thousand agents with frames of 32 kB');
  at.now += 20_000;
  t.equal(windows.of('a', 'e'), 64, 'they are gone');
  at.held = 50_000_000;
  t.equal(windows.of('a', 'e'), 0);
  t.equal(windows.resumed().size, 0);
  at.held = 1000;
  at.blocked = true;
  t.equal(windows.of('b', 'f'), 0);
  t.equal(windows.resumed().size, 0);
  at.blocked = false;
  t.same(Object.fromEntries(windows.resumed()), { a: 'e', b: 'f' });
  t.equal(windows.paused, 0);
});

t.test('an agent that was told to pause while the store was away is told to go on', async (t) => {
  const hub = createHub(t);
  hub.greet();
  hub.state.fail = 1;
  void hub.send('up/data', frame(1, [[2, 1]]));
  await until(() => hub.ingest.blocked !== undefined, 'blocked');
  void hub.send('up/hello', hello);
  t.match(hub.answers.at(-1), { kind: 'welcome', window: 0 });
  await until(() => hub.answers.at(-1)?.kind === 'ack', 'the store is back');
  t.match(hub.answers.at(-1), { through: 1, window: 8 });
});

t.test('screens do not run through history: what came late counts once its stream has caught up', async (t) => {
  const clock = { now: () => now, wallMs: (ms: number) => ms };
  const known = {
    agent: 'a1',
    path: 'p',
    current: tag(2, 'int'),
    keys: [{ stream: 5, tag: 2, declared: tag(2, 'int'), lives: [] }],
  };
  const latest = createLatestValues(() => [known], clock);
  const columns = (time: number, value: number) => toColumns([{ tag: 2, time, value, quality: 0, flags: 0 }]);
  const minutesAgo = (minutes: number) => now - minutes * 60_000_000;
  latest.update(5, columns(minutesAgo(90), 1), minutesAgo(90));
  t.equal(latest.of(known), undefined, 'too late');
  latest.show(5, columns(minutesAgo(2), 7));
  t.match(latest.of(known), { value: 7, stored: false });
  latest.update(5, columns(minutesAgo(80), 2), minutesAgo(80));
  t.match(latest.since(0), [{ value: 7, stored: false }], 'older never replaces newer');
  latest.update(5, columns(minutesAgo(2), 7), minutesAgo(2));
  latest.update(5, toColumns([]), now);
  t.match(latest.since(0), [{ value: 7, stored: true }], 'caught up');
});
