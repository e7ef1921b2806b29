/** What crosses the wire: frames, messages, topics, and the clock that stamps them. A stranger's bytes never crash it. */
import { isDeepStrictEqual } from 'node:util';
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import t from 'tap';
import { createScaledClock, parseClock, systemClock } from '../../protocols/clock.ts';
import { RejectedError } from '../../protocols/errors.ts';
import {
  codec,
  decodePayload,
  encodeContent,
  encodePayload,
  type FrameHeader,
  frameHeaderBytes,
  maxFrameBytes,
  maxFrameSamples,
  openFrame,
  sealFrame,
  toColumns,
} from '../../protocols/frame.ts';
import { type FrameGap, gapReasons, isGap, maxGapNumbers, readGap, sealGap } from '../../protocols/gap.ts';
import { manifestSchema } from '../../protocols/manifest.ts';
import {
  ackSchema,
  encodeMessage,
  type Hello,
  helloSchema,
  hubStateSchema,
  parseMessage,
} from '../../protocols/messages.ts';
import { fitsType, normaliseInteger, quality, type Sample, shortestFloat32 } from '../../protocols/sample.ts';
import { agentIdPattern, agentTopic, hubStateTopic, parseAgentTopic } from '../../protocols/topics.ts';
import { fc } from '../support/drawn.ts';

const header = {
  epoch: '00112233445566778899aabbccddeeff',
  first: 1,
  acceptedAt: 1_700_000_000_000_000,
  manifestRevision: 3,
};
const seal = (samples: readonly Sample[], changes: Partial<FrameHeader> = {}) =>
  sealFrame({ ...header, count: samples.length, ...changes }, encodePayload(toColumns(samples)));
const open = (bytes: Uint8Array) => {
  const { header, payload } = openFrame(bytes);
  return { header, ...decodePayload(header, payload) };
};
/** A frame whose header and checksum are right, around any content. */
const sealContent = (content: string | Uint8Array, count = 1) =>
  sealFrame({ ...header, count }, zstdCompressSync(content));
/** Opens, or says why not; anything but a RejectedError is a bug. */
const attempt = (bytes: Uint8Array): string => {
  try {
    open(bytes);
    return 'opened';
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    return error.reason;
  }
};

const goodValue = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map(normaliseInteger),
  fc.boolean(),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('', '\ud800', '\u0000', '__proto__', '{"t":[]}', 'دمای تنور'),
);
const goodQuality = fc.oneof(
  fc.constant(0),
  fc.constantFrom(quality.uncertain, 0x40920000),
  fc.integer({ min: 0, max: 0x7fffffff }),
);
const sampleBase = {
  tag: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 0xffffffff })),
  time: fc.oneof(fc.integer({ min: 1_700_000_000_000_000, max: 1_700_000_010_000_000 }), fc.maxSafeNat()),
  flags: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xff })),
};
const anySample: fc.Arbitrary<Sample> = fc.oneof(
  fc.record({ ...sampleBase, value: goodValue, quality: goodQuality }),
  fc.record({ ...sampleBase, value: fc.constant(null), quality: fc.integer({ min: 0x80000000, max: 0xffffffff }) }),
);

const example: Sample[] = [
  { tag: 7, time: 1_700_000_000_000_000, value: 21.5, quality: 0, flags: 0 },
  { tag: 3, time: 1_700_000_000_250_000, value: true, quality: quality.uncertain, flags: 16 },
  { tag: 9, time: 1_699_999_999_999_999, value: 18446744073709551615n, quality: 0, flags: 0 },
  { tag: 4294967295, time: 0, value: null, quality: quality.badTimeout, flags: 5 },
  { tag: 1, time: Number.MAX_SAFE_INTEGER, value: 'روشن', quality: 0, flags: 0 },
];

t.test('samples of every type come out of a frame as they went in', async (t) => {
  const frame = seal(example, { first: 41 });
  const { header: read, samples, content } = open(frame);
  t.same(read, { ...header, first: 41, count: 5, codec: 1 });
  t.same(samples, toColumns(example));
  t.equal(content.toString(), encodeContent(samples), 'the content is the canonical text');
  t.equal(attempt(new Uint8Array(frame)), 'opened', 'any Uint8Array will do');
});

t.test('any samples come out as they went in, and equal samples have equal content', async () => {
  fc.assert(
    fc.property(
      fc.array(anySample, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - maxFrameSamples }),
      fc.integer({ min: 0, max: 0xffffffff }),
      (samples, first, manifestRevision) => {
        const opened = open(seal(samples, { first, manifestRevision }));
        return (
          isDeepStrictEqual(opened.samples, toColumns(samples)) &&
          opened.header.first === first &&
          opened.header.manifestRevision === manifestRevision &&
          encodeContent(opened.samples) === opened.content.toString()
        );
      },
    ),
    { numRuns: 500 },
  );
});

t.test('the largest frame passes, and a larger one cannot be made', async (t) => {
  const many = Array.from({ length: maxFrameSamples }, (_, i) => ({
    tag: 1 + (i % 2 ? 4_000_000_000 : i),
    time: 1_700_000_000_000_000 + i * 31_536_000_000,
    value: i % 3 ? -1.2345678901234567e-100 / (i + 1) : null,
    quality: i % 3 ? 0x40920000 + i : quality.badTimeout,
    flags: i % 256,
  }));
  t.equal(attempt(seal(many)), 'opened', 'numbers at their worst');
  t.throws(() => seal(many.map((sample) => ({ ...sample, quality: 0, value: 'x'.repeat(4096) }))), {
    name: 'RejectedError',
    reason: 'length',
  });
  const noise = many.slice(0, 1000).map((sample, i) => ({ ...sample, quality: 0, value: noiseText(i, 600) }));
  t.throws(() => seal(noise), { name: 'RejectedError', reason: 'length' }, 'nor one whose payload does not compress');
  t.equal(attempt(seal(noise.slice(0, 300))), 'opened');
});

t.test('any single byte that is wrong is noticed', async (t) => {
  const frame = seal(example);
  const missed: number[] = [];
  for (let i = 0; i < frame.length; i++) {
    for (let mask = 1; mask < 256; mask++) {
      frame[i]! ^= mask;
      if (attempt(frame) === 'opened') missed.push(i);
      frame[i]! ^= mask;
    }
  }
  t.same(missed, []);
  t.equal(attempt(frame), 'opened');
});

t.test('a frame that is cut, or has something behind it, is refused', async (t) => {
  const frame = seal(example);
  for (let length = 0; length < frame.length; length++) {
    if (attempt(frame.subarray(0, length)) !== 'length') t.fail(`cut at ${length}`);
  }
  t.equal(attempt(Buffer.concat([frame, Buffer.alloc(1)])), 'length');
  t.equal(attempt(Buffer.concat([frame, frame])), 'length');
  t.equal(attempt(Buffer.alloc(maxFrameBytes + 1)), 'length');
});

t.test('every fault has its word', async (t) => {
  const edited = (edit: (frame: Buffer) => void) => {
    const frame = seal(example);
    edit(frame);
    frame.writeUInt32LE(crc32(frame.subarray(frameHeaderBytes), crc32(frame.subarray(0, 52))), 52);
    return attempt(frame);
  };
  t.equal(
    edited((frame) => frame.write('HSYP')),
    'magic',
  );
  t.equal(
    edited((frame) => frame.writeUInt8(2, 4)),
    'version',
  );
  t.equal(
    edited((frame) => frame.writeUInt8(9, 5)),
    'codec',
  );
  t.equal(
    edited((frame) => frame.writeUInt32LE(0, 40)),
    'count',
  );
  t.equal(
    edited((frame) => frame.writeUInt32LE(maxFrameSamples + 1, 40)),
    'count',
  );
  t.equal(
    edited((frame) => frame.writeUInt32LE(4, 40)),
    'count',
    'fewer than it holds',
  );
  t.equal(
    edited((frame) => frame.writeBigUInt64LE(0n, 24)),
    'number',
  );
  t.equal(
    edited((frame) => frame.writeBigUInt64LE(2n ** 53n - 5n, 24)),
    'number',
    'the last would not be exact',
  );
  t.equal(
    edited((frame) => frame.writeBigUInt64LE(2n ** 53n, 32)),
    'time',
  );
  t.equal(
    edited((frame) => frame.fill(0, frameHeaderBytes)),
    'decode',
  );
});

t.test('a gap of any size comes out of its frame as it went in, and its bytes never change', async () => {
  const time = fc.integer({ min: 0, max: 1_800_000_000_000_000 });
  const anyGap: fc.Arbitrary<FrameGap> = fc.oneof(
    fc.constantFrom('evicted', 'corrupt', 'of-another-time').map((reason) => ({ reason })),
    fc
      .record({ reason: fc.constantFrom('evicted', 'corrupt'), from: time, lengthUs: fc.nat() })
      .map(({ reason, from, lengthUs }) => ({ reason, from, to: from + lengthUs })),
  );
  fc.assert(
    fc.property(
      anyGap,
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - maxGapNumbers }),
      fc.integer({ min: 1, max: maxGapNumbers }),
      (gap, first, count) => {
        const place = { epoch: header.epoch, first, count, acceptedAt: header.acceptedAt };
        const frame = sealGap(place, gap);
        const opened = openFrame(frame);
        return (
          isGap(opened.header) &&
          isDeepStrictEqual(opened.header, { ...place, manifestRevision: 0, codec: codec.gap }) &&
          isDeepStrictEqual(readGap(opened.payload), gap) &&
          frame.equals(sealGap(place, gap))
        );
      },
    ),
    { numRuns: 500 },
  );
});

t.test('a gap is never read as samples, and one that does not say why is one all the same', async (t) => {
  const gap = sealGap({ ...header, count: 5 }, { reason: gapReasons.evicted });
  t.equal(attempt(gap), 'codec');
  t.notOk(isGap(openFrame(seal(example)).header));
  const told = (payload: string | Uint8Array) => readGap(Buffer.from(payload));
  for (const payload of ['', 'null', '[]', '5', '{', '{"reason":7}', '{"reason":"Not a word"}', '\xff'])
    t.same(told(payload), { reason: 'unknown' }, payload);
  t.same(told(`{"reason":"evicted","z":"${'x'.repeat(2000)}"}`), { reason: 'unknown' }, 'nor is anything large read');
  t.same(told('{"reason":"evicted","from":5,"to":4}'), { reason: 'evicted' }, 'times that run backwards are none');
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => typeof readGap(bytes).reason === 'string'));
  const damaged = Buffer.from(gap);
  damaged[40]! ^= 1;
  t.equal(attempt(damaged), 'crc', 'how many are gone is checked');
});

t.test('content that says something else than samples is refused', async (t) => {
  const valid = { t: [1], g: [1], v: [1] };
  const cases: Record<string, unknown> = {
    'not an object': 5,
    null: null,
    'a list': [],
    'no columns': {},
    'a column too few': { t: [1], g: [1] },
    'columns of other lengths': { ...valid, v: [1, 2] },
    'a time before 1970': { ...valid, t: [-1] },
    'a time that is no integer': { ...valid, t: [1.5] },
    'a time that is null': { ...valid, t: [null] },
    'a time that is true': { ...valid, t: [true] },
    'a time that is text': { ...valid, t: ['1'] },
    'a tag beyond u32': { ...valid, g: [2 ** 32] },
    'a value that is a list': { ...valid, v: [[1]] },
    'a value that is an object': { ...valid, v: [{}] },
    'null that is Good': { ...valid, v: [null] },
    'a value that is Bad': { ...valid, q: [[0, quality.bad]] },
    'a quality of no sample': { ...valid, q: [[1, 5]] },
    'a negative index': { ...valid, q: [[-1, 5]] },
    'a quality beyond u32': { ...valid, q: [[0, 2 ** 32]] },
    'a quality that is text': { ...valid, q: [[0, '5']] },
    'qualities that are no list': { ...valid, q: 7 },
    'flags beyond a byte': { ...valid, f: [[0, 256]] },
    'large integers that are no list': { ...valid, x: {} },
    'a large integer that is small': { ...valid, x: [[0, '0000000000000001']] },
    'a large integer that a double holds': { ...valid, x: [[0, '9007199254740991']] },
    'an integer beyond 64 bits': { ...valid, x: [[0, '18446744073709551616']] },
    'an integer below 64 bits': { ...valid, x: [[0, '-9223372036854775809']] },
    'a large integer that is a number': { ...valid, x: [[0, 9007199254740992]] },
  };
  t.equal(attempt(sealContent(JSON.stringify(valid))), 'opened');
  for (const [name, content] of Object.entries(cases)) {
    t.not(attempt(sealContent(JSON.stringify(content))), 'opened', name);
  }
  t.not(attempt(sealContent('{"t":[1],"g":[1],"v":[1e999]}')), 'opened', 'infinity');
  t.not(attempt(sealContent('{"t":[1,1],"g":[1,0],"v":[1,1],"q":[[1,0],[0,5]]}', 2)), 'opened', 'indexes that fall');
  t.not(attempt(sealContent(Buffer.from([0xff, 0xfe]))), 'opened', 'no text');
});

t.test('a bomb is refused quickly and without being blown up', async (t) => {
  const limit = 1024 * 1024;
  const wide = '{"t":[1],"g":[1],"v":[0],"z":[';
  const bombs: Record<string, Buffer> = {
    '200 MB of zeros': zstdCompressSync(Buffer.alloc(200 * limit), { params: { [constants.ZSTD_c_windowLog]: 27 } }),
    'half a million lists, one in the other': zstdCompressSync('['.repeat(limit / 2) + ']'.repeat(limit / 2)),
    'the same in a column': zstdCompressSync(
      `{"t":[1],"g":[1],"v":${'['.repeat(limit / 2 - 20)}${']'.repeat(limit / 2 - 20)}}`,
    ),
    'a third of a million objects': zstdCompressSync(`${wide}${'{},'.repeat(limit / 3 - 30)}{}]}`),
    'changes of quality without end': zstdCompressSync(
      `{"t":[1],"g":[1],"v":[0],"q":[${'[0,0],'.repeat(limit / 6 - 30)}[0,0]]}`,
    ),
  };
  for (const [name, payload] of Object.entries(bombs)) {
    const frame = sealFrame({ ...header, count: 1 }, payload);
    const before = process.memoryUsage().rss;
    const started = performance.now();
    attempt(frame);
    const tookMs = performance.now() - started;
    const grownMb = (process.memoryUsage().rss - before) / 1e6;
    t.ok(tookMs < 10_000 && grownMb < 100, `${name}: ${tookMs.toFixed()} ms, ${grownMb.toFixed()} MB`);
  }
});

t.test('a hundred thousand hostile frames are refused or opened, and nothing else', async (t) => {
  const random = createRandom(0x5eed);
  const valid = seal(example);
  const texts = ['null', '[]', '{}', '-1', '1e999', '"x"', 'true', '[[0,1]]', '18446744073709551616', '{"t":[1]}'];
  const content = encodeContent(toColumns(example));
  const outcomes = new Map<string, number>();
  for (let i = 0; i < 100_000; i++) {
    let frame: Buffer;
    switch (i % 4) {
      case 0:
        frame = random.bytes(random.below(200));
        break;
      case 1: {
        frame = Buffer.from(valid);
        for (let edits = 1 + random.below(4); edits > 0; edits--) frame[random.below(frame.length)] = random.below(256);
        break;
      }
      case 2: {
        // Wrong bytes under a right checksum reach what lies behind it.
        frame = Buffer.from(valid);
        for (let edits = 1 + random.below(4); edits > 0; edits--)
          frame[40 + random.below(frame.length - 40)] = random.below(256);
        frame.writeUInt32LE(frame.length - frameHeaderBytes, 48);
        frame.writeUInt32LE(crc32(frame.subarray(frameHeaderBytes), crc32(frame.subarray(0, 52))), 52);
        break;
      }
      default: {
        const at = random.below(content.length);
        const cut = random.below(6);
        const text = content.slice(0, at) + texts[random.below(texts.length)] + content.slice(at + cut);
        frame = sealContent(text, 1 + random.below(6));
      }
    }
    const outcome = attempt(frame);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  t.comment(Object.fromEntries(outcomes));
  for (const reason of ['length', 'crc', 'decode', 'count', 'opened'])
    t.ok(outcomes.get(reason)! > 10, `${reason} was reached`);
});

t.test('a message with any one bit changed is no message', async (t) => {
  const ack = { epoch: header.epoch, kind: 'ack', through: 1234, window: 64, hubBoot: 'b' } as const;
  const bytes = encodeMessage(ack);
  t.same(parseMessage(ackSchema, bytes), ack);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    if (parseMessage(ackSchema, damaged) !== undefined) t.fail(`bit ${bit} changed, and it was believed`);
  }
});

t.test('no bytes of a stranger throw out of parseMessage, and only what fits its schema comes out', async (t) => {
  const schemas = [helloSchema, ackSchema, hubStateSchema, manifestSchema];
  const hello = {
    epoch: header.epoch,
    bootId: 'b',
    minRetained: 1,
    next: 2,
    acked: 0,
    manifestRevision: 1,
    version: '0.1.0',
  };
  const signed = (message: object) => encodeMessage(message as Hello);
  t.same(parseMessage(helloSchema, signed(hello)), hello);
  t.equal(parseMessage(helloSchema, signed({ ...hello, extra: 1 })), undefined);
  t.equal(parseMessage(helloSchema, signed({ ...hello, next: 2 ** 53 })), undefined, 'a number that is not exact');
  t.equal(parseMessage(helloSchema, Buffer.from(JSON.stringify(hello))), undefined, 'no checksum');
  t.equal(parseMessage(helloSchema, Buffer.alloc(0)), undefined);
  t.equal(parseMessage(helloSchema, Buffer.alloc(16 * 1024 * 1024 + 1, ' ')), undefined);
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({
        epoch: fc.constant(header.epoch),
        kind: fc.constant('ack'),
        through: fc.anything(),
        window: fc.anything(),
      })
      .map((message) =>
        signed(JSON.parse(JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? String(value) : value)))),
      ),
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      for (const schema of schemas) {
        const message = parseMessage<unknown>(schema, bytes);
        if (message !== undefined && !schema.safeParse(message).success) return false;
      }
      return true;
    }),
    { numRuns: 3000 },
  );
});

t.test('a topic that was built is parsed, and no other is', async (t) => {
  const agentId = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/);
  const leaf = fc.constantFrom('up/hello', 'up/manifest', 'up/data', 'up/live', 'down/ack' as const);
  fc.assert(
    fc.property(agentId, leaf, (agent, leaf) => {
      const parsed = parseAgentTopic(agentTopic(agent, leaf));
      return parsed?.agent === agent && parsed.leaf === leaf;
    }),
  );
  const places = [
    ['payesh', 'PAYESH'],
    ['v1', 'v2'],
    ['a', 'b', ''],
    ['agent-1', 'Agent', 'a-', '+', ''],
    ['up', 'down'],
    ['data', 'ack', '#'],
  ];
  for (const parts of places.reduce<string[][]>(
    (all, words) => all.flatMap((head) => words.map((word) => [...head, word])),
    [[]],
  )) {
    const topic = parts.join('/');
    const known = ['payesh/v1/a/agent-1/up/data', 'payesh/v1/a/agent-1/down/ack'].includes(topic);
    if ((parseAgentTopic(topic) !== undefined) !== known) t.fail(topic);
  }
  for (const topic of ['', '/', 'payesh/v1/a/agent-1/up', 'payesh/v1/a/agent-1/up/data/', hubStateTopic('ingest')]) {
    t.equal(parseAgentTopic(topic), undefined, topic);
  }
  t.notOk(agentIdPattern.test('x'.repeat(65)));
});

t.test('numbers keep their exact value, and floats the text that a technician typed', async (t) => {
  t.equal(shortestFloat32(Math.fround(0.1)), 0.1);
  t.equal(normaliseInteger(9007199254740992n), 9007199254740992n);
  t.equal(normaliseInteger(9007199254740991n), 9007199254740991);
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (value) => {
      const short = shortestFloat32(value);
      return Math.fround(short) === value && String(short).length <= String(value).length;
    }),
    { numRuns: 5000 },
  );
  fc.assert(fc.property(fc.bigInt(), (value) => BigInt(normaliseInteger(value)) === value));
  t.ok(fitsType(2n ** 63n, 'int') && !fitsType(1.5, 'int') && !fitsType(2 ** 53, 'int'));
  t.ok(fitsType(1.5, 'float') && !fitsType(Number.NaN, 'float') && !fitsType('1', 'float') && fitsType(null, 'bool'));
});

t.test('the system clock follows a step of the time of day, and counts microseconds between', async (t) => {
  const realNow = Date.now;
  t.teardown(() => {
    Date.now = realNow;
  });
  const isNear = (expectedMs: number) => Math.abs(systemClock.now() / 1000 - expectedMs) <= 2;
  t.ok(isNear(Date.now()));
  for (const stepMs of [-7_200_000, 3 * 86_400_000, -Date.now()]) {
    Date.now = () => realNow() + stepMs;
    t.ok(isNear(Date.now()), `after a step of ${stepMs} ms`);
  }
  Date.now = realNow;
  t.ok(isNear(Date.now()));
  let last = systemClock.now();
  const seen = new Set<number>();
  for (let i = 0; i < 10_000; i++) {
    const now = systemClock.now();
    if (!Number.isInteger(now) || now < last) t.fail(`${now} after ${last}`);
    seen.add(now % 1000);
    last = now;
  }
  t.ok(seen.size > 50, 'not only whole milliseconds');
});

t.test('a scaled clock runs at its speed from its start, and several agree', async (t) => {
  const wallStartMs = Date.now() - 1000;
  const text = `1700000000000:${wallStartMs}:60`;
  const clocks = [parseClock(text), createScaledClock({ startMs: 1_700_000_000_000, wallStartMs, speed: 60 })];
  const [first, second, third] = [...clocks, clocks[0]!].map((clock) => clock.now());
  t.ok(first! >= 1_700_000_060_000_000 && first! < 1_700_000_600_000_000, 'a minute after a second');
  t.ok(first! <= second! && second! <= third!);
  t.equal(clocks[0]!.wallMs(60_000), 1000);
  const started = performance.now();
  await clocks[0]!.sleep(12_000);
  const tookMs = performance.now() - started;
  t.ok(tookMs > 190 && tookMs < 8000, `12 s in 200 ms, and not in 12 s: ${tookMs} ms`);
  await t.rejects(clocks[0]!.sleep(1e6, AbortSignal.abort(new Error('enough'))));
  t.equal(parseClock(undefined), systemClock);
  for (const bad of ['x', '1:2', '1:2:0', '1:2:-1', 'a:2:3', '1:2:Infinity'])
    t.throws(() => parseClock(bad), RangeError, bad);
});

interface Random {
  below(limit: number): number;
  bytes(length: number): Buffer;
}

/** mulberry32: the same inputs on every run. */
function createRandom(seed: number): Random {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { below, bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))) };
}

/** Text that does not compress. */
function noiseText(seed: number, length: number): string {
  return createRandom(seed).bytes(length).toString('base64');
}
