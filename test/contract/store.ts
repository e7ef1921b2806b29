/** What every TelemetryStore must do; DuckDB and InfluxDB both run it. */
import assert from 'node:assert/strict';
import type { Test } from 'tap';
import type { SeriesQuery, StoreBatch, TelemetryStore } from '../../hub/store/store.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { encodeContent, toColumns } from '../../protocols/frame.ts';
import { flag, quality, type Sample, type SampleValue } from '../../protocols/sample.ts';
import { fc } from '../support/drawn.ts';

export interface OpenedStore {
  readonly store: TelemetryStore;
  /** Kills what holds the data, without ceremony, and opens it again. */
  restart(): Promise<TelemetryStore>;
  /** Makes the store unusable until the function it gives is called; absent where the machine does not allow it. */
  takeAway?(): Promise<() => Promise<void>>;
}

/** A new, empty store that ends with the test. `away` asks for `takeAway`. */
export type OpenStore = (t: Test, options?: { away?: boolean }) => Promise<OpenedStore>;

const second = 1_000_000;
/** Some Monday, in µs. */
const start = 1_795_996_800 * second;
const calm = new AbortController().signal;

/** Samples as a batch, numbered one after the other. */
export function batchOf(stream: number, first: number, samples: readonly Sample[]): StoreBatch {
  return { stream, numbers: samples.map((_, index) => first + index), samples: toColumns(samples) };
}

const sampleOf = (tag: number, time: number, value: SampleValue): Sample => ({
  tag,
  time,
  value,
  quality: 0,
  flags: 0,
});

/** Counting samples of one tag, one a second. */
export const counting = (tag: number, count: number, from = start): Sample[] =>
  Array.from({ length: count }, (_, index) => sampleOf(tag, from + index * second, index));

async function valuesOf(store: TelemetryStore, query: Partial<SeriesQuery> = {}): Promise<readonly SampleValue[]> {
  const keys = [{ stream: 1, tag: 1 }];
  const [points] = await store.reader.series({ keys, from: start, to: start + 1000 * second, ...query }, calm);
  return points!.values;
}

const everyValue: readonly SampleValue[] = [
  0,
  0.1,
  -1.5,
  5e-324,
  Number.MAX_VALUE,
  1e21,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  9007199254740993n,
  -9007199254740993n,
  9223372036854775807n,
  -9223372036854775808n,
  9223372036854775808n,
  18446744073709551615n,
  true,
  false,
  '',
  'plain',
  'پایش ۱۲۳ 🏭',
  'two\nlines\r\n',
  'a "quoted" word',
  'ends with a backslash \\',
  '\\"',
  "it's; DROP DATABASE plant --",
  'a,b=c d',
  'tab\tand nul \u0000.',
];

export function storeContract(t: Test, name: string, open: OpenStore): void {
  t.test(`${name}: every kind of value is read back exactly as it was written`, async (t) => {
    const { store } = await open(t);
    const samples = everyValue.map((value, index) => sampleOf(1, start + index * second, value));
    t.same(await store.writer.write([batchOf(1, 1, samples)], calm), []);
    t.strictSame(await valuesOf(store), everyValue);
    const minusZero = await store.writer.write([batchOf(1, 100, [sampleOf(1, start + 500 * second, -0)])], calm);
    t.same(minusZero, []);
    t.ok(Object.is((await valuesOf(store, { limit: 1 }))[0], 0), 'minus zero is zero, as on the wire');
  });

  t.test(`${name}: quality, flags and missing values are read back exactly`, async (t) => {
    const { store } = await open(t);
    const bits = flag.timeFromGateway | flag.clockSuspect | flag.queueOverflow | flag.heartbeat;
    const samples: Sample[] = [
      { tag: 1, time: start, value: null, quality: quality.badTimeout, flags: 0 },
      { tag: 1, time: start + 1, value: 2, quality: quality.uncertain, flags: bits },
      { tag: 1, time: start + 2, value: null, quality: 0xffffffff, flags: 255 },
      { tag: 1, time: start + 3, value: 'x', quality: 0, flags: 1 },
    ];
    await store.writer.write([batchOf(1, 1, samples)], calm);
    const [points] = await store.reader.series({ keys: [{ stream: 1, tag: 1 }], from: start, to: start + 10 }, calm);
    t.strictSame(points, {
      times: samples.map((sample) => sample.time),
      values: samples.map((sample) => sample.value),
      qualities: samples.map((sample) => sample.quality),
      flags: samples.map((sample) => sample.flags),
      numbers: [1, 2, 3, 4],
    });
  });

  t.test(`${name}: whatever is written has the same canonical content when it is read by number`, async (t) => {
    const { store } = await open(t);
    let stream = 0;
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.maxSafeInteger(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).filter((big) => !Number.isSafeInteger(Number(big))),
      fc.boolean(),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.string({ unit: fc.constantFrom('\\', '"', '\n', ',', ' ', '=', "'", 'é'), maxLength: 12 }),
    );
    const sample = fc.record({
      tag: fc.constantFrom(1, 2, 0xffffffff),
      time: fc.integer({ min: start, max: start + 600 * second }),
      value,
      quality: fc.constantFrom(0, 0, quality.uncertain),
      flags: fc.integer({ min: 0, max: 255 }),
    });
    const property = fc.asyncProperty(fc.array(sample, { minLength: 1, maxLength: 50 }), async (samples) => {
      const batch = batchOf(++stream, 1 + stream * 1000, samples);
      assert.deepEqual(await store.writer.write([batch], calm), []);
      const span = { from: start, to: start + 600 * second };
      const read = await store.reader.samplesByNumber(
        { stream, first: batch.numbers[0]!, last: batch.numbers.at(-1)!, ...span },
        calm,
      );
      assert.deepEqual(read.numbers, batch.numbers);
      assert.equal(encodeContent(read.samples), encodeContent(batch.samples));
    });
    await t.resolves(fc.assert(property, { numRuns: 60 }));
  });

  t.test(`${name}: what is written again, wholly, in part or overlapping, is stored once`, async (t) => {
    const { store } = await open(t);
    const samples = counting(1, 300);
    const piece = (first: number, last: number) => batchOf(1, first, samples.slice(first - 1, last));
    const count = () => store.reader.countNumbers(1, 1, 300, calm);
    await store.writer.write([piece(1, 200)], calm);
    await store.writer.write([piece(1, 200)], calm);
    await store.writer.write([piece(50, 120)], calm);
    t.same(await count(), { points: 200, distinct: 200, min: 1, max: 200 });
    await store.writer.write([piece(150, 250), piece(240, 300)], calm);
    t.same(await count(), { points: 300, distinct: 300, min: 1, max: 300 });
    t.strictSame(
      await valuesOf(store),
      samples.map((sample) => sample.value),
    );
    t.same(await store.reader.countNumbers(1, 100, 149, calm), { points: 50, distinct: 50, min: 100, max: 149 });
  });

  t.test(`${name}: holes can be filled long after, each once, also under the largest stream number`, async (t) => {
    const { store } = await open(t);
    const stream = 2 ** 48;
    const samples = counting(1, 10);
    const some = (numbers: readonly number[]): StoreBatch => ({
      stream,
      numbers,
      samples: toColumns(numbers.map((number) => samples[number - 1]!)),
    });
    await store.writer.write([some([1, 2, 4, 6, 7, 8, 10])], calm);
    for (let i = 0; i < 2; i++) t.same(await store.writer.fill(some([3, 4, 9]), calm), []);
    t.match(await store.reader.countNumbers(stream, 1, 10, calm), { points: 9, distinct: 9 });
    await store.writer.write([some([3, 9])], calm);
    const [points] = await store.reader.series(
      { keys: [{ stream, tag: 1 }], from: start, to: start + 1000 * second },
      calm,
    );
    t.same(points!.numbers, [1, 2, 3, 4, 6, 7, 8, 9, 10]);
  });

  t.test(`${name}: numbers with holes stay holes`, async (t) => {
    const { store } = await open(t);
    const samples = toColumns(counting(1, 4));
    await store.writer.write([{ stream: 1, numbers: [1, 2, 7, 9], samples }], calm);
    t.same(await store.reader.countNumbers(1, 1, 10, calm), { points: 4, distinct: 4, min: 1, max: 9 });
    t.same(await store.reader.countNumbers(1, 3, 6, calm), { points: 0, distinct: 0, min: null, max: null });
  });

  t.test(
    `${name}: a point is counted by its number, years away in time as well, and a second one is told`,
    async (t) => {
      const { store } = await open(t);
      const year = 365 * 86_400 * second;
      await store.writer.write([batchOf(1, 1, counting(1, 3))], calm);
      await store.writer.write([batchOf(1, 4, counting(1, 1, start - year))], calm);
      t.match(await store.reader.countNumbers(1, 1, 9, calm), { points: 4, distinct: 4, max: 4 });
      t.equal(await store.reader.firstAmong(1, [[4, 9]], calm), 4);
      await store.writer.write([batchOf(1, 2, counting(1, 1, start - 2 * year))], calm);
      const { points, distinct, double } = await store.reader.countNumbers(1, 1, 9, calm);
      t.equal(distinct, 4);
      // A store that has no order by number takes it, and names it.
      if (points > distinct) t.same({ points, double }, { points: 5, double: 2 });
    },
  );

  t.test(`${name}: it finds the first number that is stored among thousands of runs`, async (t) => {
    const { store } = await open(t);
    await store.writer.write([batchOf(1, 1, counting(1, 100)), batchOf(1, 20_000, counting(2, 5))], calm);
    const first = (runs: [number, number][]) => store.reader.firstAmong(1, runs, calm);
    const odd = Array.from({ length: 9000 }, (_, index): [number, number] => [101 + index * 2, 101 + index * 2]);
    t.equal(await first([]), undefined);
    t.equal(await first(odd), undefined);
    t.equal(await first([...odd, [20_003, 20_100]]), 20_003);
    t.equal(await first([[0, 0], [60, 70], ...odd, [20_001, 20_001]]), 60);
    t.equal(await store.reader.firstAmong(2, [[1, 30_000]], calm), undefined, 'of that stream only');
  });

  t.test(
    `${name}: samples of one tag in the same microsecond are all kept, in the order of their numbers`,
    async (t) => {
      const { store } = await open(t);
      const same = (first: number, values: number[]) =>
        batchOf(
          1,
          first,
          values.map((value) => sampleOf(1, start, value)),
        );
      await store.writer.write([same(998, [1, 2, 3, 4])], calm);
      t.strictSame(await valuesOf(store), [1, 2, 3, 4], 'also where the number passes a thousand');
      t.strictSame(await valuesOf(store, { limit: 1 }), [4]);
      t.strictSame(await valuesOf(store, { limit: 3 }), [2, 3, 4]);
      const later = { from: start + 1, to: start + 2, withPrevious: true };
      t.strictSame(await valuesOf(store, later), [4]);
      const earlier = { from: start - 2, to: start, withNext: true };
      t.strictSame(await valuesOf(store, earlier), [1]);
    },
  );

  t.test(`${name}: a window is half-open, and its neighbours come when they are asked for`, async (t) => {
    const { store } = await open(t);
    await store.writer.write([batchOf(1, 1, counting(1, 10))], calm);
    const window = { from: start + 3 * second, to: start + 6 * second };
    t.strictSame(await valuesOf(store, window), [3, 4, 5]);
    t.strictSame(await valuesOf(store, { ...window, withPrevious: true }), [2, 3, 4, 5]);
    t.strictSame(await valuesOf(store, { ...window, withNext: true }), [3, 4, 5, 6]);
    t.strictSame(await valuesOf(store, { ...window, withPrevious: true, withNext: true }), [2, 3, 4, 5, 6]);
    t.strictSame(await valuesOf(store, { ...window, limit: 2 }), [4, 5], 'a limit keeps the latest');
    t.strictSame(await valuesOf(store, { ...window, limit: 4, withPrevious: true, withNext: true }), [3, 4, 5, 6]);
    const year = 365 * 86_400 * second;
    const long = { from: start + year, to: start + year + 1, withPrevious: true, withNext: true };
    t.strictSame(await valuesOf(store, long), [9], 'the last value holds however long ago it was');
    t.strictSame(
      await valuesOf(store, { from: start - year, to: start - year + 1, withPrevious: true, withNext: true }),
      [0],
    );
    t.strictSame(await valuesOf(store, { from: start, to: start, withPrevious: true, withNext: true }), [0]);
  });

  t.test(`${name}: late and unordered samples are read in the order of time`, async (t) => {
    const { store } = await open(t);
    const order = [5, 1, 3, 2, 4, 0];
    const samples = order.map((at) => sampleOf(1, start + at * second, at));
    await store.writer.write([batchOf(1, 1, samples.slice(0, 3))], calm);
    await store.writer.write([batchOf(1, 4, samples.slice(3))], calm);
    const [points] = await store.reader.series(
      { keys: [{ stream: 1, tag: 1 }], from: start, to: start + 9 * second },
      calm,
    );
    t.strictSame(points!.values, [0, 1, 2, 3, 4, 5]);
    t.strictSame(points!.numbers, [6, 2, 4, 3, 5, 1]);
    t.strictSame(await valuesOf(store, { from: start + 3 * second, withPrevious: true, limit: 3 }), [3, 4, 5]);
    const run = { stream: 1, first: 2, last: 5, from: start, to: start + 5 * second };
    const read = await store.reader.samplesByNumber(run, calm);
    t.strictSame(read.numbers, [2, 3, 4, 5]);
    t.strictSame(read.samples.values, [1, 3, 2, 4]);
    t.strictSame(read.samples.tags, [1, 1, 1, 1]);
  });

  t.test(`${name}: many streams and tags do not mix`, async (t) => {
    const { store } = await open(t);
    const streams = Array.from({ length: 200 }, (_, index) => index + 1);
    const batches = streams.map((stream) => {
      const samples = [1, 2, 3].flatMap((tag) => [
        sampleOf(tag, start + tag, stream * 10 + tag),
        sampleOf(tag, start + 9, tag),
      ]);
      return batchOf(stream, 1, samples);
    });
    t.same(await store.writer.write(batches, calm), []);
    const keys = streams.flatMap((stream) => [
      { stream, tag: 3 },
      { stream, tag: 1 },
    ]);
    const series = await store.reader.series({ keys, from: start, to: start + 5 }, calm);
    t.strictSame(
      series.map(({ values }) => values),
      keys.map(({ stream, tag }) => [stream * 10 + tag]),
    );
    const twice = [keys[0]!, keys[0]!];
    const latest = await store.reader.series({ keys: twice, from: start, to: start + 10, limit: 1 }, calm);
    t.strictSame(
      latest.map(({ values }) => values),
      [[3], [3]],
      'a key that is asked for twice is answered twice',
    );
  });

  t.test(`${name}: where there is nothing, the answer is empty`, async (t) => {
    const { store } = await open(t);
    const nothing = { times: [], values: [], qualities: [], flags: [], numbers: [] };
    const query = { keys: [{ stream: 9, tag: 9 }], from: start, to: start + 1, withPrevious: true, withNext: true };
    t.same(await store.reader.series(query, calm), [nothing]);
    t.same(await store.reader.series({ ...query, keys: [] }, calm), []);
    t.same(await store.reader.countNumbers(9, 1, 100, calm), { points: 0, distinct: 0, min: null, max: null });
    const run = { stream: 9, first: 1, last: 10, from: start, to: start + 1 };
    const columns = { tags: [], times: [], values: [], qualities: [], flags: [] };
    t.same(await store.reader.samplesByNumber(run, calm), { numbers: [], samples: columns });
    t.same(await store.writer.write([], calm), []);
    t.same(await store.writer.write([{ stream: 1, numbers: [], samples: columns }], calm), []);
    t.same(store.health(), { ok: true });
  });

  t.test(`${name}: a text that is not Unicode is rejected, and the samples around it are stored`, async (t) => {
    const { store } = await open(t);
    const samples = [sampleOf(1, start, 'a'), sampleOf(1, start + 1, 'b\ud800'), sampleOf(1, start + 2, 'c')];
    const rejections = await store.writer.write([batchOf(1, 1, samples)], calm);
    t.match(rejections, [{ stream: 1, number: 2, reason: /Unicode/ }]);
    t.strictSame(await valuesOf(store), ['a', 'c']);
    t.same(await store.reader.countNumbers(1, 1, 3, calm), { points: 2, distinct: 2, min: 1, max: 3 });
  });

  t.test(`${name}: what was acknowledged survives a kill, and numbering goes on after it`, async (t) => {
    const opened = await open(t);
    const samples = counting(1, 3000);
    await opened.store.writer.write([batchOf(1, 1, samples.slice(0, 2000))], calm);
    const store = await opened.restart();
    t.same(await store.reader.countNumbers(1, 1, 3000, calm), { points: 2000, distinct: 2000, min: 1, max: 2000 });
    await store.writer.write([batchOf(1, 1001, samples.slice(1000))], calm);
    t.same(await store.reader.countNumbers(1, 1, 3000, calm), { points: 3000, distinct: 3000, min: 1, max: 3000 });
  });

  t.test(
    `${name}: while the store is away writes are ConnectionErrors, and it works again when it is back`,
    async (t) => {
      const { store, takeAway } = await open(t, { away: true });
      if (!takeAway) return t.plan(0, 'the store cannot be taken away on this machine');
      const samples = counting(1, 60_000);
      await store.writer.write([batchOf(1, 1, samples.slice(0, 10))], calm);
      const bringBack = await takeAway();
      await t.rejects(store.writer.write([batchOf(1, 11, samples.slice(10))], calm), ConnectionError);
      t.match(store.health(), { ok: false, reason: /./ });
      await bringBack();
      t.same(await store.writer.write([batchOf(1, 11, samples.slice(10))], calm), []);
      t.same(store.health(), { ok: true });
      const whole = { points: 60_000, distinct: 60_000, min: 1, max: 60_000 };
      t.same(await store.reader.countNumbers(1, 1, 100_000, calm), whole);
    },
  );

  t.test(`${name}: an aborted verb rejects with the signal's reason and harms nothing`, async (t) => {
    const { store } = await open(t);
    const reason = new Error('not wanted any more');
    const aborted = AbortSignal.abort(reason);
    const key = { stream: 1, tag: 1 };
    await t.rejects(store.writer.write([batchOf(1, 1, counting(1, 10))], aborted), reason);
    await t.rejects(store.reader.series({ keys: [key], from: start, to: start + 1 }, aborted), reason);
    await t.rejects(store.reader.countNumbers(1, 1, 10, aborted), reason);
    await t.rejects(
      store.reader.samplesByNumber({ stream: 1, first: 1, last: 1, from: 0, to: start }, aborted),
      reason,
    );
    t.same(await store.writer.write([batchOf(1, 1, counting(1, 10))], calm), []);
    t.equal((await valuesOf(store)).length, 10);
    t.same(store.health(), { ok: true });
  });
}
