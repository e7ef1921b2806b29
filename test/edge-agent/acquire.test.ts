/** From a source's readings to accepted samples: sampler, health tags, acceptance, supervision, configuration. */
import t from 'tap';
import { startAcceptor } from '../../edge-agent/acquire/accept.ts';
import { createSourceHealth, healthDeclarations } from '../../edge-agent/acquire/health.ts';
import { createSampler, reportingOf } from '../../edge-agent/acquire/sampler.ts';
import { retryMs, type SourceState, superviseSource } from '../../edge-agent/acquire/supervise.ts';
import { openTagBook } from '../../edge-agent/acquire/tag-book.ts';
import { systemClock } from '../../protocols/clock.ts';
import { ConfigError, ConnectionError } from '../../protocols/errors.ts';
import { decodePayload, openFrame } from '../../protocols/frame.ts';
import { flag, quality, type Sample, type SampleValue } from '../../protocols/sample.ts';
import type { Reading } from '../../protocols/source.ts';
import type { TagDeclaration } from '../../protocols/tag-config.ts';
import { createMemoryBuffer } from '../support/memory-buffer.ts';

const second = 1_000_000;
const start = 1_790_000_000 * second;
const sample = (tag: number, at: number, value: SampleValue, code = 0): Sample => ({
  tag,
  time: start + at * second,
  value,
  quality: code,
  flags: 0,
});
const quiet = { info() {}, warn() {}, error() {} };
const never = new AbortController().signal;
const diskFull = () => Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
const now = () => start;
const onChange = (deadband = 0) => ({ mode: 'change' as const, deadband, heartbeatMs: 60_000 });

async function samplesIn(buffer: ReturnType<typeof createMemoryBuffer>) {
  const frames = await buffer.peek(0, { frames: 1000, bytes: 1e9 });
  return frames.flatMap(({ bytes }) => {
    const { header, payload } = openFrame(bytes);
    const { samples } = decodePayload(header, payload);
    return samples.tags.map((tag, i) => ({ tag, time: samples.times[i]!, value: samples.values[i]! }));
  });
}

t.test(
  'the sampler reports a change of value or quality, and an unchanged value when its heartbeat is due',
  async (t) => {
    const sampler = createSampler(new Map([[1, onChange()]]), now);
    const kept = sampler.take([
      sample(1, 0, 5),
      sample(1, 1, 5),
      sample(1, 2, 6),
      sample(1, 3, null, quality.badTimeout),
      sample(1, 4, null, quality.badTimeout),
      sample(1, 5, 6),
      sample(1, 64, 6),
      sample(1, 65, 6),
    ]);
    t.same(
      kept.map(({ time, value, flags }) => [(time - start) / second, value, flags]),
      [
        [0, 5, 0],
        [2, 6, 0],
        [3, null, 0],
        [5, 6, 0],
        [65, 6, flag.heartbeat],
      ],
    );
    sampler.reset();
    t.equal(sampler.take([sample(1, 66, 6)]).length, 1, 'a new session reports everything again');
  },
);

t.test('since when a tag is bad is known however often it is read', async (t) => {
  const sampler = createSampler(new Map([[1, onChange()]]), now);
  const since = (at: number, code: number) => {
    sampler.take([sample(1, at, code >>> 31 ? null : 5, code)], start + at * second);
    return (sampler.latest(1)!.since - start) / second;
  };
  t.equal(since(1, quality.good), 1);
  t.equal(since(2, quality.badTimeout), 2);
  t.equal(since(3, quality.badTimeout), 2);
  t.equal(since(4, quality.badOutOfRange), 2, 'another reason, and still bad');
  sampler.reset();
  t.equal(since(5, quality.badTimeout), 2, 'over a new session');
  t.equal(since(6, quality.good), 6);
});

t.test('a deadband holds back small changes until they add up', async (t) => {
  const sampler = createSampler(new Map([[1, onChange(1)]]), now);
  const values = [10, 10.5, 10.9, 11, 11.4, 9.9].map((value, i) => sample(1, i, value));
  t.same(
    sampler.take(values).map(({ value }) => value),
    [10, 11, 9.9],
  );
});

t.test('a deadband in percent is of the tag’s range, and the larger of both counts', async (t) => {
  const report = { mode: 'change', deadband: 1, deadbandPercent: 5, heartbeatMs: 60_000 } as const;
  t.equal(reportingOf({ report, range: [-100, 100] }).deadband, 10);
  t.equal(reportingOf({ report, range: [0, 10] }).deadband, 1);
  t.equal(reportingOf({ report }).deadband, 1, 'without a range it is for the source, which may know one');
});

t.test('a deadband holds for integers that no double holds, too', async (t) => {
  const sampler = createSampler(new Map([[1, onChange(10)]]), now);
  const values = [2n ** 63n, 2n ** 63n + 9n, 2n ** 63n + 10n];
  t.same(
    sampler.take(values.map((value, i) => sample(1, i, value))).map(({ value }) => value),
    [2n ** 63n, 2n ** 63n + 10n],
  );
});

t.test(
  'a heartbeat is a measurement with its own time; a value that was not measured again is not repeated',
  async (t) => {
    const sampler = createSampler(new Map([[1, onChange()]]), now);
    // A polled node whose own time stands still, as of a sensor that has stopped.
    t.equal(sampler.take(Array.from({ length: 200 }, () => sample(1, 0, 5))).length, 1);
    t.match(sampler.take([sample(1, 60, 5)]), [{ time: start + 60 * second, flags: flag.heartbeat }]);
    // A clock that was set back by an hour.
    t.match(sampler.take([sample(1, -3540, 5), sample(1, -3539, 5)]), [{ time: start - 3540 * second }]);
  },
);

t.test('samples of history pass as they are, and leave what is live alone', async (t) => {
  const sampler = createSampler(new Map([[1, onChange(5)]]), now);
  sampler.take([sample(1, 100, 10)], start);
  const old = [3, 3, 3.1].map((value, i) => ({ ...sample(1, i, value), flags: flag.historical }));
  t.same(sampler.take(old), old);
  t.match(sampler.latest(1), { sample: { value: 10 }, measuredAt: start });
  t.same(sampler.take([sample(1, 101, 11)]), [], 'compared with the live value');
});

t.test('the word of an overflow is never held back', async (t) => {
  const sampler = createSampler(new Map([[1, onChange(5)]]), now);
  const overflown = { ...sample(1, 1, 10), flags: flag.queueOverflow };
  t.same(sampler.take([sample(1, 0, 10), overflown]), [sample(1, 0, 10), overflown]);
});

t.test('more tags leave those that are known as they were', async (t) => {
  const sampler = createSampler(new Map([[1, onChange()]]), now);
  sampler.take([sample(1, 0, 5), sample(2, 0, 5)]);
  sampler.addTags(
    new Map([
      [1, onChange()],
      [2, onChange()],
    ]),
  );
  t.same(
    sampler.take([sample(1, 1, 5), sample(2, 1, 5)]).map(({ tag }) => tag),
    [2],
  );
  t.match(sampler.latest(1), { sample: { time: start + second } }, 'the newest measurement, reported or not');
  t.equal(sampler.latest(3), undefined);
});

t.test('what a frame cannot carry is Bad without a value, and Bad never carries one', async (t) => {
  const sampler = createSampler(new Map([1, 2, 3, 4, 5].map((tag) => [tag, onChange()])), now);
  const kept = sampler.take([
    sample(1, 0, Number.NaN),
    sample(2, 0, Number.POSITIVE_INFINITY),
    sample(3, 0, 'x'.repeat(5000)),
    sample(4, 0, 17, quality.badNotConnected),
    sample(5, 0, 'half a pair \ud800'),
  ]);
  t.same(
    kept.map((one) => [one.value, one.quality]),
    [...Array(3).fill([null, quality.badOutOfRange]), [null, quality.badNotConnected], [null, quality.badOutOfRange]],
  );
});

t.test(
  'health says up after the first reading, tells the watermark now and then, and says down at the end',
  async (t) => {
    const declared = healthDeclarations('plc', 5000);
    const ids = new Map(declared.map(({ path }, i) => [path, i + 1]));
    const nameOf = (tag: number) => declared[tag - 1]!.role;
    const health = createSourceHealth('plc', ids, 5000);
    const read = (at: number): Reading => ({
      samples: [],
      through: start + at * second,
      slots: { good: 10, bad: 1, skipped: 0 },
    });
    const first = health.after(read(0), start);
    t.same([nameOf(first[0]!.tag), first[0]!.value], ['health_session', true]);
    t.same(health.after(read(1), start + second), [], 'not every time');
    const later = health.after(read(5), start + 5 * second);
    t.same(
      later.map(({ tag, value }) => [nameOf(tag), value]),
      [
        ['health_through', start + 5 * second],
        ['health_slots_good', 30],
        ['health_slots_bad', 3],
        ['health_slots_skipped', 0],
        ['health_lost', 0],
      ],
    );
    t.not(health.after(read(6), start - 7200 * second).length, 0, 'a clock that was set back silences nothing');
    const ended = health.ended(start + 6 * second);
    t.same([nameOf(ended.at(-1)!.tag), ended.at(-1)!.value], ['health_session', false]);
    t.same(health.ended(start + 7 * second), [], 'once');
  },
);

t.test('acceptance gathers for its interval, or until a frame is full, and keeps the order', async (t) => {
  const buffer = createMemoryBuffer();
  const acceptor = startAcceptor({
    buffer,
    manifestRevision: 1,
    now: () => start,
    intervalMs: 50,
    maxSamples: 100,
    log: quiet,
    giveUp: never,
  });
  const all = Array.from({ length: 250 }, (_, i) => sample(1, i, i));
  await acceptor.add(all.slice(0, 30));
  t.equal(buffer.state().next, 1, 'not yet');
  await acceptor.add(all.slice(30));
  await acceptor.flush();
  t.equal(acceptor.accepted, 250);
  t.same(
    (await samplesIn(buffer)).map(({ value }) => value),
    all.map(({ value }) => value),
  );
  t.ok(buffer.state().frames <= 3, `${buffer.state().frames} frames`);
  await acceptor[Symbol.asyncDispose]();
});

t.test('samples too large for one frame go into several', async (t) => {
  const buffer = createMemoryBuffer();
  const acceptor = startAcceptor({
    buffer,
    manifestRevision: 1,
    now: () => start,
    intervalMs: 10,
    log: quiet,
    giveUp: never,
  });
  const noise = () =>
    Array.from({ length: 300 }, () => Math.random().toString(36).slice(2))
      .join('')
      .slice(0, 3000);
  await acceptor.add(Array.from({ length: 400 }, (_, i) => sample(1, i, noise())));
  await acceptor.flush();
  t.ok(buffer.state().frames > 1, `${buffer.state().frames} frames`);
  const kept = await samplesIn(buffer);
  t.same(
    kept.map(({ time }) => (time - start) / second),
    Array.from({ length: 400 }, (_, i) => i),
    'all of them, in order, their times untouched',
  );
});

t.test('two samples of one tag, one microsecond and one number modulo 1000 are kept apart', async (t) => {
  const buffer = createMemoryBuffer();
  const acceptor = startAcceptor({
    buffer,
    manifestRevision: 1,
    now: () => start,
    intervalMs: 10,
    log: quiet,
    giveUp: never,
  });
  const samples = Array.from({ length: 1001 }, (_, i) => (i % 1000 === 0 ? sample(1, 0, i) : sample(2, i, i)));
  await acceptor.add(samples);
  await acceptor.flush();
  const times = (await samplesIn(buffer)).filter(({ tag }) => tag === 1).map(({ time }) => time);
  t.same(times, [start, start + 1]);
});

t.test('a clock that stands still makes no two samples of a tag the same point', async (t) => {
  const buffer = createMemoryBuffer();
  const acceptor = startAcceptor({ buffer, manifestRevision: 1, now, intervalMs: 10, log: quiet, giveUp: never });
  const samples = Array.from({ length: 4000 }, (_, i) => (i % 3 === 0 ? sample(1, 0, i) : sample(2, i, i)));
  await acceptor.add(samples);
  await acceptor.flush();
  const points = (await samplesIn(buffer)).map(({ tag, time }, i) => `${tag} ${time} ${(i + 1) % 1000}`);
  t.equal(new Set(points).size, 4000);
});

t.test('while the buffer takes nothing, sources wait, and nothing is lost or reordered', async (t) => {
  const buffer = createMemoryBuffer();
  let failures = 2;
  const acceptor = startAcceptor({
    buffer: {
      ...buffer,
      append: (chunk) => (failures-- > 0 ? Promise.reject(diskFull()) : buffer.append(chunk)),
    },
    manifestRevision: 1,
    now: () => start,
    intervalMs: 10,
    maxSamples: 10,
    maxWaiting: 20,
    log: quiet,
    giveUp: never,
  });
  for (let i = 0; i < 100; i += 10) {
    await acceptor.add(Array.from({ length: 10 }, (_, k) => sample(1, i + k, i + k)));
    t.ok(acceptor.waiting <= 20, 'bounded');
  }
  await acceptor.flush();
  t.same(
    (await samplesIn(buffer)).map(({ value }) => value),
    Array.from({ length: 100 }, (_, i) => i),
  );
});

t.test('a stop does not wait for ever for a disk that stays full, and says what was never accepted', async (t) => {
  const buffer = createMemoryBuffer();
  const giveUp = new AbortController();
  const acceptor = startAcceptor({
    buffer: { ...buffer, append: () => Promise.reject(diskFull()) },
    manifestRevision: 1,
    now,
    intervalMs: 10,
    maxSamples: 10,
    maxWaiting: 20,
    log: quiet,
    giveUp: giveUp.signal,
  });
  const adding = acceptor.add(Array.from({ length: 50 }, (_, i) => sample(1, i, i)));
  setTimeout(() => giveUp.abort(), 50);
  await adding;
  await acceptor.flush();
  t.equal(acceptor.waiting, 50);
  await acceptor.add([sample(1, 51, 51)]);
  await acceptor[Symbol.asyncDispose]();
});

t.test('a buffer that fails otherwise than by being full ends the agent, so that it is started anew', async (t) => {
  const buffer = createMemoryBuffer();
  const acceptor = startAcceptor({
    buffer: { ...buffer, append: () => Promise.reject(new Error('the buffer is closed')) },
    manifestRevision: 1,
    now,
    intervalMs: 10,
    log: quiet,
    giveUp: never,
  });
  await acceptor.add([sample(1, 0, 0)]);
  await t.rejects(acceptor.failed, /closed/);
  await acceptor[Symbol.asyncDispose]();
});

t.test('chunks bear the newest time of each tag with history, and the revision that describes them', async (t) => {
  const buffer = createMemoryBuffer();
  const acceptor = startAcceptor({
    buffer,
    manifestRevision: 1,
    keepsHistory: new Set([1, 3]),
    now,
    intervalMs: 10,
    log: quiet,
    giveUp: never,
  });
  const suspect = { ...sample(3, 50, 1), flags: flag.clockSuspect };
  await acceptor.add([sample(1, 5, 1), sample(1, 3, 2), sample(2, 9, 1), suspect]);
  await acceptor.flush();
  acceptor.describedBy(2);
  await acceptor.add([sample(1, 4, 1)]);
  await acceptor.flush();
  t.same([1, 2, 3].map(buffer.acceptedUntil), [start + 5 * second, undefined, undefined]);
  const frames = await buffer.peek(0, { frames: 10, bytes: 1e9 });
  t.same(
    frames.map(({ bytes }) => openFrame(bytes).header.manifestRevision),
    [1, 2],
  );
});

t.test('what an operator must mend keeps a source down, and says why', async (t) => {
  const stop = new AbortController();
  const states: SourceState[] = [];
  const errors: object[] = [];
  const declared = healthDeclarations('plc', 5000);
  const ids = new Map(declared.map(({ path }, i) => [path, i + 100]));
  let attempts = 0;
  await superviseSource(
    {
      source: {
        id: 'plc',
        async *read() {
          if (++attempts < 3) throw new ConfigError('the key cannot be read', { path: 'own.pem', hint: 'chmod' });
          yield { samples: [], through: start };
          stop.abort();
        },
        inspect: () => Promise.reject(new ConnectionError('not asked')),
      },
      sampler: createSampler(new Map(), now),
      health: createSourceHealth('plc', ids, 5000),
      acceptor: { add: async () => {} },
      clock: { ...systemClock, now: () => start },
      log: { ...quiet, error: (fields) => void errors.push(fields) },
      onState: (state) => void states.push(state),
    },
    stop.signal,
  );
  t.match(errors, [{ source: 'plc', at: 'own.pem', hint: 'chmod' }], 'once');
  t.equal(errors.length, 1);
  t.match(states, [
    { state: 'connecting', since: start },
    { state: 'down', error: /key/, retryAt: Number },
    { state: 'down', error: /key/, retryAt: undefined },
    { state: 'down', error: /key/, retryAt: Number },
    { state: 'down', error: /key/, retryAt: undefined },
    { state: 'up', error: undefined },
  ]);
});

t.test('tags are announced before anybody learns their ids, and found ones give way to configured ones', async (t) => {
  const buffer = createMemoryBuffer();
  const announced: number[] = [];
  const tag = (path: string, address: string): TagDeclaration => ({
    path,
    type: 'int',
    unit: '',
    role: 'process',
    intervalMs: 1000,
    report: { mode: 'change', deadband: 0, deadbandPercent: 0, heartbeatMs: 60_000 },
    address,
    inspect: { kind: 'opcua', node: address },
    history: path.endsWith('/old'),
  });
  const book = await openTagBook({
    buffer,
    site: 'demo/site',
    sources: [{ id: 'plc', tags: [tag('a/one', 'n1')] }],
    healthIntervalMs: 5000,
    announce: ({ revision }) => void announced.push(revision),
    log: quiet,
  });
  t.equal(book.registered.revision, 1);
  const found = await book.declareFound('plc', [tag('a/one', 'other'), tag('a/old', 'n2'), tag('health/x', 'n3')]);
  t.same([...found.keys()], ['a/old'], 'one path is one tag, and what is the agent’s own stays so');
  t.same(announced, [2]);
  t.same([...book.keepsHistory], [found.get('a/old')]);
  const first = book.ids.get('a/one');
  await book.declareFound('plc', [tag('a/old', 'n2')]);
  t.same(announced, [2], 'the same again is no news');

  const other = { id: 'meter', tags: [tag('a/old', 'm1')] };
  await book.configure('demo/site', [{ id: 'plc', tags: [tag('a/one', 'n1')] }, other], new Set());
  t.equal(book.ids.get('a/one'), first);
  t.same(
    book.tagsOf('plc').map(({ path }) => path),
    ['a/one'],
  );
  await book.configure('demo/site', [{ id: 'plc', tags: [tag('a/one', 'n9')] }], new Set(['plc']));
  t.not(book.ids.get('a/one'), first, 'another address is another tag');
  await book.configure('demo/other-site', [{ id: 'plc', tags: [tag('a/one', 'n9')] }], new Set());
  t.same(announced, [2, 3, 4, 5], 'another site alone is news');
});

t.test('a lost source is tried again, and every session begins with everything and ends with a word', async (t) => {
  const declared = healthDeclarations('plc', 5000);
  const ids = new Map(declared.map(({ path }, i) => [path, i + 100]));
  const session = ids.get('health/plc/session')!;
  const taken: Sample[] = [];
  const stop = new AbortController();
  let sessions = 0;
  await superviseSource(
    {
      source: {
        id: 'plc',
        async *read() {
          sessions += 1;
          yield { samples: [sample(1, sessions, 42)], through: start };
          if (sessions === 2) return stop.abort();
          throw new ConnectionError('gone');
        },
        inspect: () => Promise.reject(new ConnectionError('not asked')),
      },
      sampler: createSampler(new Map([[1, onChange()]]), now),
      health: createSourceHealth('plc', ids, 5000),
      acceptor: { add: async (samples) => void taken.push(...samples) },
      clock: systemClock,
      log: quiet,
    },
    stop.signal,
  );
  t.same(
    taken.filter(({ tag }) => tag === 1 || tag === session).map(({ value }) => value),
    [42, true, false, 42, true, false],
  );
});

t.test('however long a source was away, it is tried again within seconds', async (t) => {
  for (const awayMs of [0, 599_999, 600_000, 3e9, Number.POSITIVE_INFINITY]) {
    const waits = [0, 1, 2, 5, 20, 2000].map((failures) => retryMs(failures, awayMs));
    t.ok(
      waits.every((ms) => ms >= 500 && ms <= (awayMs < 600_000 ? 3000 : 8000)),
      `${awayMs}: ${waits}`,
    );
    t.ok(waits[0]! <= 1000);
  }
});

t.test('a session that ends knows no more than the clock says, and the next begins from there', async (t) => {
  const ids = new Map(healthDeclarations('plc', 5000).map(({ path }, i) => [path, i + 100]));
  const health = createSourceHealth('plc', ids, 5000);
  const through = (samples: readonly Sample[]) =>
    samples.find(({ tag }) => tag === ids.get('health/plc/through'))?.value;
  t.equal(through(health.after({ samples: [], through: 9_000 }, 10_000)), 9_000);
  t.equal(through(health.ended(5_000)), 5_000, 'the clock was set back');
  t.equal(through(health.after({ samples: [], through: 5_500 }, 6_000)), 5_500);
});

t.test('a driver that fails on what a device sends is tried again, and told once', async (t) => {
  const stop = new AbortController();
  const errors: object[] = [];
  const ids = new Map(healthDeclarations('plc', 5000).map(({ path }, i) => [path, i + 100]));
  let attempts = 0;
  await superviseSource(
    {
      source: {
        id: 'plc',
        async *read() {
          if (++attempts < 3) throw new TypeError('undefined is no number');
          yield { samples: [], through: start };
          stop.abort();
        },
        inspect: () => Promise.reject(new ConnectionError('not asked')),
      },
      sampler: createSampler(new Map(), now),
      health: createSourceHealth('plc', ids, 5000),
      acceptor: { add: async () => {} },
      clock: systemClock,
      log: { ...quiet, error: (fields) => void errors.push(fields) },
    },
    stop.signal,
  );
  t.equal(attempts, 3);
  t.match(errors, [{ source: 'plc', err: { message: 'undefined is no number' } }]);
  t.equal(errors.length, 1);
});
