/** From OPC UA values to samples: types, times, and nothing that is made up. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataType, DataValue, type StatusCode, StatusCodes, VariantArrayType } from 'node-opcua';
import t from 'tap';
import { createItem, measure } from '../../protocols/opcua/item.ts';
import { createSieve } from '../../protocols/opcua/sieve.ts';
import { timeOf } from '../../protocols/opcua/time.ts';
import { elementsOf, type Measured, measuredOf, type Wanted } from '../../protocols/opcua/value.ts';
import { fitsType, flag, isBad, quality, type Sample, type TagType } from '../../protocols/sample.ts';
import { fc } from '../support/drawn.ts';

/** A value of a golden case: as OPC UA has it, where JSON cannot say it with a word of its own. */
interface Value {
  readonly dataType: keyof typeof DataType;
  readonly value: unknown;
  readonly array?: true;
  readonly matrix?: readonly number[];
  readonly status?: string;
}
interface Expected {
  readonly value: unknown;
  readonly status: string;
  readonly overflow?: boolean;
}

const statuses = StatusCodes as unknown as Record<string, StatusCode>;

function plain(value: unknown): unknown {
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Number.POSITIVE_INFINITY;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if ('bigint' in value) return BigInt(value.bigint as string);
  if ('hex' in value) return Buffer.from(value.hex as string, 'hex');
  if ('hexOf' in value) return Buffer.alloc(value.hexOf as number, 0xab);
  return value;
}

const encode = ({ dataType, value, array, matrix, status = 'Good' }: Value): DataValue =>
  new DataValue({
    value: {
      dataType: DataType[dataType],
      arrayType: matrix ? VariantArrayType.Matrix : array ? VariantArrayType.Array : VariantArrayType.Scalar,
      ...(matrix && { dimensions: [...matrix] }),
      value: dataType === 'DateTime' ? new Date(value as string) : plain(value),
    },
    statusCode: statuses[status],
  });

const decode = ({ value, status, overflow = false }: Expected): Measured => {
  const decoded = plain(value);
  return {
    value: (Buffer.isBuffer(decoded) ? decoded.toString('hex') : decoded) as Measured['value'],
    quality: statuses[status]!.value,
    overflow,
  };
};

const fixtures = join(import.meta.dirname, '../fixtures/opcua');
for (const name of readdirSync(fixtures)) {
  t.test(`golden: ${name.replaceAll('-', ' ')}`, async (t) => {
    const read = (file: string) => JSON.parse(readFileSync(join(fixtures, name, file), 'utf8'));
    const { wanted: given, elements, values } = read('input.json');
    const wanted: Wanted = { ...given, names: given.names && new Map(given.names) };
    for (const [i, expected] of read('expected.json').entries()) {
      const value = values[i] as Value;
      const dataValue = encode(value) as never;
      const message = `${JSON.stringify(value.value)?.slice(0, 50)} ${value.status ?? ''}`;
      if (elements) t.strictSame(elementsOf(dataValue, elements, wanted), expected.map(decode), message);
      else t.strictSame(measuredOf(dataValue, wanted), decode(expected), message);
    }
  });
}

t.test('whatever comes, a sample fits the declared type, and Bad never carries a value', async () => {
  const numeric = fc.oneof(fc.double(), fc.integer());
  const values = fc.oneof(
    fc.record({ dataType: fc.constantFrom(DataType.Double, DataType.Float), value: numeric }),
    fc.record({
      dataType: fc.constantFrom(DataType.Int32, DataType.Int16, DataType.Byte),
      value: fc.integer({ min: 0, max: 200 }),
    }),
    fc.record({
      dataType: fc.constantFrom(DataType.Int64, DataType.UInt64),
      arrayType: fc.constant(VariantArrayType.Scalar),
      value: fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)),
    }),
    fc.record({ dataType: fc.constant(DataType.String), value: fc.option(fc.string()) }),
    fc.record({ dataType: fc.constant(DataType.Boolean), value: fc.boolean() }),
    fc.record({
      dataType: fc.constant(DataType.ByteString),
      value: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    }),
    fc.record({ dataType: fc.constant(DataType.DateTime), value: fc.date({ noInvalidDate: true }) }),
    fc.record({
      dataType: fc.constant(DataType.Int32),
      arrayType: fc.constant(VariantArrayType.Array),
      value: fc.array(fc.integer({ min: 0, max: 9 })),
    }),
  );
  const types = fc.constantFrom<TagType>('float', 'int', 'bool', 'string');
  const codes = fc.constantFrom(StatusCodes.Good, StatusCodes.BadDeviceFailure, StatusCodes.UncertainLastUsableValue);
  const indices = fc.option(fc.array(fc.nat(9), { minLength: 1, maxLength: 3 }), { nil: undefined });
  fc.assert(
    fc.property(values, types, codes, indices, (value, type, statusCode, index) => {
      const dataValue = new DataValue({ value: value as never, statusCode: statusCode as never });
      const all = [measuredOf(dataValue as never, { type, index }), ...elementsOf(dataValue as never, 3, { type })];
      return all.every((one) => fitsType(one.value, type) && isBad(one.quality) === (one.value === null));
    }),
  );
});

const now = 1_790_000_000_000_000;
const at = (us: number) => new Date(us / 1000);
const given = { origin: 'source', receivedAt: now, maxSkewUs: 5_000_000 } as const;
const suspect = flag.timeFromGateway | flag.clockSuspect;

t.test('a sample bears the time that is wanted, unless that cannot be', async (t) => {
  const cases: [string, Parameters<typeof timeOf>, [number, number]][] = [
    ['to the µs', [{ sourceTimestamp: at(now - 5000), sourcePicoseconds: 123_400_000 }, given], [now - 5000 + 123, 0]],
    ['else of the server', [{ serverTimestamp: at(now - 1000) }, given], [now - 1000, flag.timeFromServer]],
    ['else of the gateway', [{}, given], [now, flag.timeFromGateway]],
    ['1601 is none', [{ sourceTimestamp: new Date('1601-01-01') }, given], [now, flag.timeFromGateway]],
    ['within the skew ahead', [{ sourceTimestamp: at(now + 5e6) }, given], [now + 5e6, 0]],
    ['further ahead', [{ sourceTimestamp: at(now + 6e6) }, given], [now, suspect]],
    [
      'the server is wanted',
      [
        { sourceTimestamp: at(now - 7000), serverTimestamp: at(now - 1000) },
        { ...given, origin: 'server' },
      ],
      [now - 1000, flag.timeFromServer],
    ],
    [
      'the gateway is wanted',
      [{ sourceTimestamp: at(now - 7000) }, { ...given, origin: 'gateway' }],
      [now, flag.timeFromGateway],
    ],
    [
      'an old first value',
      [{ sourceTimestamp: at(now - 9e9) }, { ...given, firstSince: now - 1e6 }],
      [now - 1e6, flag.timeFromGateway],
    ],
    [
      'a first value that is new',
      [{ sourceTimestamp: at(now - 1000) }, { ...given, firstSince: now - 1e6 }],
      [now - 1000, 0],
    ],
    [
      'queued, but not handed over before',
      [{ sourceTimestamp: at(now - 9e6) }, { ...given, notBefore: now - 8e6 }],
      [now - 9e6, 0],
    ],
    [
      'before what was handed over',
      [{ sourceTimestamp: at(now - 9e6) }, { ...given, notBefore: now - 1e6 }],
      [now, suspect],
    ],
    [
      'a clock at 2000-01-01',
      [{ sourceTimestamp: new Date('2000-01-01') }, { ...given, notBefore: now - 1e6 }],
      [now, suspect],
    ],
  ];
  for (const [name, args, [time, flags]] of cases) t.same(timeOf(...args), { time, flags }, name);
});

t.test(
  'whatever a source says of the time, a sample is within the skew of what can be, or bears the gateway’s',
  async () => {
    const offset = fc.integer({ min: -1e9, max: 1e9 });
    fc.assert(
      fc.property(
        offset,
        offset,
        fc.nat(1e8),
        fc.constantFrom('source', 'server', 'gateway'),
        (source, server, age, origin) => {
          const stamps = { sourceTimestamp: at(now + source * 1000), serverTimestamp: at(now + server * 1000) };
          const { time, flags } = timeOf(stamps, { ...given, origin, notBefore: now - age });
          const isGateway = Boolean(flags & flag.timeFromGateway);
          return isGateway ? time === now : time <= now + 5e6 && time >= now - age - 5e6;
        },
      ),
    );
  },
);

function itemOf(more: object, mode: 'poll' | 'subscribe' = 'subscribe') {
  const report = { mode: 'change', deadband: 0, deadbandPercent: 0, heartbeatMs: 60_000 } as const;
  const tag = { path: 'a/b', node: 'nsu=u;s=b', type: 'float', unit: '', role: 'process', report, ...more } as never;
  return createItem(
    tag,
    [7],
    { time: 'source', maxSkewMs: 5000 },
    { mode, samplingIntervalMs: 100, history: false, historyDays: 7 },
  );
}
const valueAt = (value: number, us: number, status = StatusCodes.Good as StatusCode) =>
  new DataValue({ value: { dataType: DataType.Double, value }, statusCode: status, sourceTimestamp: at(us) }) as never;

t.test(
  'a value that is polled again and has not changed keeps its time; a clock that stands still is found out',
  async (t) => {
    const item = itemOf({}, 'poll');
    const samples: Sample[] = [];
    const poll = (value: number, us: number, receivedAt: number, status?: StatusCode) => {
      measure(item, valueAt(value, us, status), { receivedAt, firstSince: now - 1e6 }, samples);
      const { time, flags } = samples.at(-1)!;
      return [time, flags];
    };
    t.same(poll(1, now - 9e9, now), [now - 1e6, flag.timeFromGateway], 'the first, older than the session');
    t.same(poll(1, now - 9e9, now + 10e6), [now - 1e6, flag.timeFromGateway], 'unchanged: as it was');
    t.same(poll(2, now + 14e6, now + 15e6), [now + 14e6, 0], 'changed');
    t.same(poll(2, now + 14e6, now + 99e6), [now + 14e6, 0], 'unchanged');
    t.same(poll(3, now + 14e6, now + 110e6), [now + 110e6, suspect], 'another value of the same time');
    t.same(
      poll(4, now - 9e9, now + 120e6, StatusCodes.BadDeviceFailure)[1],
      flag.timeFromGateway,
      'Bad: no word on the clock',
    );
    t.same(poll(4, now + 111e6, now + 130e6), [now + 130e6, flag.timeFromGateway], 'good again, not before it was Bad');
    t.same(poll(4, now + 111e6, now + 140e6), [now + 130e6, flag.timeFromGateway], 'unchanged: as it was');
    t.same(poll(5, now + 141e6, now + 142e6), [now + 141e6, 0], 'changed');
  },
);

t.test('the server’s queue overflowed: the sample says so', async (t) => {
  const samples: Sample[] = [];
  const occasion = { receivedAt: now, firstSince: now - 1e6, notBefore: now - 1e6 };
  t.equal(
    measure(itemOf({}), valueAt(1, now - 1000, StatusCodes.GoodWithOverflowBit as never), occasion, samples),
    true,
  );
  t.match(samples, [{ tag: 7, time: now - 1000, value: 1, quality: quality.good, flags: flag.queueOverflow }]);
});

t.test('what the server does not filter is filtered here', async (t) => {
  const sieve = createSieve(2, false);
  const passed = [0, 1, 2, 3, 3.9, 4, 1].filter((value) => sieve.passes(value, quality.good));
  t.same(passed, [0, 2, 4, 1]);
  t.ok(sieve.passes(null, quality.bad), 'another quality');
  t.notOk(sieve.passes(null, quality.bad));
  const status = createSieve(0, true);
  t.same(
    [
      [1, 0],
      [2, 0],
      [3, quality.uncertain],
      [4, quality.uncertain],
    ].map(([v, q]) => status.passes(v!, q!)),
    [true, false, true, false],
  );
});
