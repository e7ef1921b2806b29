/** Registers → values. The encoder of these tests is written from the definitions, not from the decoder. */

import t from 'tap';
import { type ByteOrder, orders16, orders32, orders64 } from '../../protocols/modbus/byte-order.ts';
import { createDecoder, type TagEncoding } from '../../protocols/modbus/decoder.ts';
import { decodingsOf } from '../../protocols/modbus/decodings.ts';
import { encodings, formats, sizeOf } from '../../protocols/modbus/format.ts';
import { fitsType, type SampleValue, shortestFloat32 } from '../../protocols/sample.ts';
import { fc, seed } from '../support/drawn.ts';
import { fuzzModbus } from '../support/modbus-decoder-fuzz.ts';

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const decode = (hex: string, tag: Partial<TagEncoding>, at = 0): SampleValue => {
  const bytes = bytesOf(hex);
  const byteOrder = 'ABCDEFGH'.slice(0, Math.min(bytes.length, 8)) as ByteOrder;
  return createDecoder({ table: 'holding', format: 'uint16', byteOrder, ...tag })(bytes, at);
};

t.test('the letters of a byte order are the bytes of the wire in their order, A the most significant', async (t) => {
  // 0xA0…, 0xB1…: every byte of the value tells its letter.
  const byteOfLetter = (letter: string) => 0x10 * (letter.charCodeAt(0) - 0x40) + 1;
  for (const orders of [orders16, orders32, orders64]) {
    const format = ({ 2: 'uint16', 4: 'uint32', 8: 'uint64' } as const)[orders[0]!.length as 2 | 4 | 8];
    const value = BigInt(`0x${Buffer.from([...orders[0]!].map(byteOfLetter)).toString('hex')}`);
    for (const byteOrder of orders) {
      const wire = Buffer.from([...byteOrder].map(byteOfLetter)).toString('hex');
      t.equal(BigInt(decode(wire, { format, byteOrder }) as number), value, `${byteOrder} ${wire}`);
    }
    t.equal(new Set(orders).size, 2 ** Math.log2(orders[0]!.length), 'all orders of so many swaps');
  }
});

t.test('decodes the bytes of the wire', async (t) => {
  const cases: [string, Partial<TagEncoding>, SampleValue][] = [
    ['1234', { format: 'uint16' }, 0x1234],
    ['3412', { format: 'uint16', byteOrder: 'BA' }, 0x1234],
    ['fffe', { format: 'int16' }, -2],
    ['42f6 e979', { format: 'float32' }, 123.456],
    ['79e9 f642', { format: 'float32', byteOrder: 'DCBA' }, 123.456],
    ['f642 79e9', { format: 'float32', byteOrder: 'BADC' }, 123.456],
    ['e979 42f6', { format: 'float32', byteOrder: 'CDAB' }, 123.456],
    ['ffffffff', { format: 'uint32' }, 4294967295],
    ['ffffffff', { format: 'int32' }, -1],
    ['0020000000000001', { format: 'uint64' }, 9007199254740993n],
    ['0001 0000 0000 0020', { format: 'uint64', byteOrder: 'GHEFCDAB' }, 9007199254740993n],
    ['0000 0020 0001 0000', { format: 'uint64', byteOrder: 'CDABGHEF' }, 9007199254740993n],
    ['0000 0001 0020 0000', { format: 'uint64', byteOrder: 'EFGHABCD' }, 9007199254740993n],
    ['ffffffffffffffff', { format: 'int64' }, -1],
    ['ffffffffffffffff', { format: 'uint64' }, 18446744073709551615n],
    ['ffdfffffffffffff', { format: 'int64' }, -9007199254740993n],
    ['3ff8000000000000', { format: 'float64' }, 1.5],
    ['3c00', { format: 'float16' }, 1],
    ['2e66', { format: 'float16' }, 0.1],
    ['fc00', { format: 'float16' }, null],
    ['7fc00000', { format: 'float32' }, null],
    ['7f800000', { format: 'float32' }, null],
    ['7ff0000000000000', { format: 'float64' }, null],
    ['1234', { format: 'bcd16' }, 1234],
    ['9999', { format: 'bcd16' }, 9999],
    ['12a4', { format: 'bcd16' }, null],
    ['12345678', { format: 'bcd32' }, 12345678],
    ['5678 1234', { format: 'bcd32', byteOrder: 'CDAB' }, 12345678],
    ['1234567f', { format: 'bcd32' }, null],
    ['8001', { format: 'bit', bit: 15 }, true],
    ['8001', { format: 'bit', bit: 1 }, false],
    ['8001', { format: 'bit', bit: 8, byteOrder: 'BA' }, true],
    ['05', { table: 'coil', format: 'bit' }, true],
    ['00a5', { format: 'uint16', bits: '4-7' }, 10],
    ['8000', { format: 'uint16', bits: '15..15' }, 1],
    ['ff000000', { format: 'uint32', bits: '24-31' }, 255],
    ['8000000000000001', { format: 'uint64', bits: '63-63' }, 1],
    ['fffffffffffffffe', { format: 'uint64', bits: '1-63' }, 9223372036854775807n],
    ['0003', { format: 'uint16', scale: 0.1 }, 0.3],
    ['0003', { format: 'uint16', scale: 0.25, offset: -40 }, -39.25],
    ['fffb', { format: 'int16', scale: 10 }, -50],
    ['0007', { format: 'uint16', offset: 1 }, 8],
    ['0020000000000001', { format: 'uint64', scale: 0.001 }, 9007199254740.992],
    ['7fefffffffffffff', { format: 'float64', scale: 10 }, null],
  ];
  for (const [hex, tag, value] of cases) t.strictSame(decode(hex, tag), value, `${hex} as ${JSON.stringify(tag)}`);
  t.equal(decode('00', { table: 'discrete', format: 'bit' }, 0), false);
  t.equal(decode('0002', { table: 'coil', format: 'bit' }, 9), true, 'bit 9 is the second of the second byte');
  t.equal(decode('0001 0002 0003', { byteOrder: 'AB' }, 2), 3, 'the third register');
});

t.test('what a device sends for "no value" is none, written as a number or as the bits of the registers', async (t) => {
  const cases: [string, Partial<TagEncoding>, SampleValue][] = [
    ['8000', { format: 'int16', invalid: [0x8000] }, null],
    ['8000', { format: 'int16', invalid: [-32768] }, null],
    ['8001', { format: 'int16', invalid: [0x8000] }, -32767],
    ['7fff', { format: 'int16', invalid: [0x8000, 0x7fff] }, null],
    ['ffff', { format: 'uint16', invalid: [65535], scale: 0.1 }, null],
    ['fffe', { format: 'uint16', invalid: [65535], scale: 0.1 }, 6553.4],
    ['ffffffff', { format: 'int32', invalid: ['0xffffffff'] }, null],
    ['ffffffffffffffff', { format: 'uint64', invalid: ['0xffffffffffffffff'] }, null],
    ['8000000000000000', { format: 'int64', invalid: ['-9223372036854775808'] }, null],
    ['c61c3c00', { format: 'float32', invalid: [-9999] }, null],
    ['c61c3c00', { format: 'float32', invalid: ['-9999'] }, null],
    ['447a199a', { format: 'float32', invalid: [1000.4] }, null],
    ['44c35000', { format: 'float32', invalid: ['0x44c35000'] }, null],
    ['9999', { format: 'bcd16', invalid: [9999] }, null],
    ['9999', { format: 'bcd16', invalid: ['0x9999'] }, null],
    ['00ff', { format: 'uint16', invalid: [0xff], bits: '0-3' }, null],
  ];
  for (const [hex, tag, value] of cases) t.strictSame(decode(hex, tag), value, `${hex} as ${JSON.stringify(tag)}`);
});

t.test('a number with names is its name, and one without is no value', async (t) => {
  const values = { 0: 'stopped', 1: 'running', '-2': 'failed', '18446744073709551615': 'all ones' };
  t.equal(decode('0001', { values }), 'running');
  t.equal(decode('0002', { values }), null);
  t.equal(decode('fffe', { format: 'int16', values }), 'failed');
  t.equal(decode('ffffffffffffffff', { format: 'uint64', values }), 'all ones');
  t.equal(decode('0010', { bits: '4-7', values }), 'running');
  t.equal(decode('01', { table: 'coil', format: 'bit', values: { 0: 'open', 1: 'closed' } }), 'closed');
  t.equal(decode('0000', { format: 'bit', bit: 3, values: { 1: 'closed' } }), null);
});

t.test('a text ends at its first NUL, spaces at its end are cut, and what is no text is no value', async (t) => {
  const text = (characters: string | Buffer, tag: Partial<TagEncoding> = {}) => {
    const bytes = Buffer.from(characters as string);
    return decode(bytes.toString('hex'), { format: 'string', byteOrder: 'AB', length: bytes.length / 2, ...tag });
  };
  t.equal(text('PM5300  '), 'PM5300');
  t.equal(text('PM5300\0\0'), 'PM5300');
  t.equal(text('A\0rest of an older text '), 'A');
  t.equal(text('\0\0\0\0'), '');
  t.equal(text('MP3500', { byteOrder: 'BA' }), 'PM5300');
  t.equal(text('odd', { length: 2 }), 'odd', 'a reply that is too short cannot throw');
  t.equal(text(Buffer.of(0x42, 0xfc)), null, 'no ASCII');
  t.equal(text(Buffer.of(0x42, 0xfc), { encoding: 'latin1' }), 'Bü');
  t.equal(text('پمپ ۱ ', { encoding: 'utf-8' }), 'پمپ ۱');
  t.equal(text(Buffer.of(0x42, 0xfc), { encoding: 'utf-8' }), null);
  t.equal(text('A\x07B '), null, 'control characters are no text');
  t.equal(text(Buffer.alloc(8, 0xff)), null);
});

// --- for all values -----------------------------------------------------------------------------------------------

const bcd = (value: number, digits: number) => BigInt(`0x${String(value).padStart(digits, '0')}`);
const floatBits = (bytes: 4 | 8, value: number): bigint => {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeFloatBE(value);
  else buffer.writeDoubleBE(value);
  return BigInt(`0x${buffer.toString('hex')}`);
};
/** Sign, 5 bits of exponent biased by 15, 10 of fraction (IEEE 754 binary16). */
const float16Of = (bits: number): number => {
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  const size = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
};

/** Of a format: any value, and its bits. */
type Encoder = [fc.Arbitrary<number | bigint>, (value: never) => bigint];
const encoders: Record<string, Encoder> = {
  uint16: [fc.nat(0xffff), (value: number) => BigInt(value)],
  int16: [fc.integer({ min: -0x8000, max: 0x7fff }), (value: number) => BigInt.asUintN(16, BigInt(value))],
  uint32: [fc.nat(0xffffffff), (value: number) => BigInt(value)],
  int32: [fc.integer(), (value: number) => BigInt.asUintN(32, BigInt(value))],
  uint64: [fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value: bigint) => value],
  int64: [fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value: bigint) => BigInt.asUintN(64, value)],
  float32: [fc.float({ noNaN: true, noDefaultInfinity: true }), (value: number) => floatBits(4, value)],
  float64: [fc.double({ noNaN: true, noDefaultInfinity: true }), (value: number) => floatBits(8, value)],
  bcd16: [fc.nat(9999), (value: number) => bcd(value, 4)],
  bcd32: [fc.nat(99_999_999), (value: number) => bcd(value, 8)],
};
const anyEncoded = fc.constantFrom(...Object.keys(encoders)).chain((format) => {
  const orders = ({ 1: orders16, 2: orders32, 4: orders64 } as const)[
    sizeOf({ format: format as 'uint16' }) as 1 | 2 | 4
  ];
  return fc.tuple(fc.constant(format as 'uint16'), encoders[format]![0], fc.constantFrom<ByteOrder>(...orders));
});

t.test('what is encoded by definition decodes to itself, in every format and byte order, 64 bits exactly', async () => {
  fc.assert(
    fc.property(anyEncoded, fc.nat(3), ([format, value, byteOrder], at) => {
      const bits = encoders[format]![1](value as never);
      const significant = Buffer.from(bits.toString(16).padStart(byteOrder.length * 2, '0'), 'hex');
      const wire = Buffer.from([...byteOrder].map((letter) => significant[letter.charCodeAt(0) - 0x41]!));
      const decoded = createDecoder({ table: 'input', format, byteOrder })(
        Buffer.concat([Buffer.alloc(at * 2), wire]),
        at,
      );
      if (typeof value === 'bigint')
        return (
          BigInt(decoded as number) === value && (typeof decoded === 'number') === Number.isSafeInteger(Number(value))
        );
      if ((format as string) === 'float32')
        return Object.is(Math.fround(decoded as number), value) && decoded === shortestFloat32(value);
      return Object.is(decoded, value);
    }),
    { numRuns: 20_000 },
  );
});

t.test('each of the 65,536 half floats is the shortest decimal that is this float', async (t) => {
  const read = createDecoder({ table: 'holding', format: 'float16', byteOrder: 'AB' });
  for (let bits = 0; bits < 65_536; bits++) {
    const value = read(Buffer.of(bits >> 8, bits & 255), 0);
    const isNumber = ((bits >> 10) & 31) !== 31;
    if (isNumber ? !Object.is(Math.f16round(value as number), float16Of(bits)) : value !== null)
      t.fail(`${bits.toString(16)}: ${String(value)}`);
  }
});

t.test('a float is the decimal of the fewest digits that is this float', async () => {
  const fewestDigits = (value: number): number => {
    for (let digits = 1; ; digits++) {
      const short = Number(value.toPrecision(digits));
      if (Math.fround(short) === value) return short;
    }
  };
  const anyFloat = fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.tuple(fc.integer(), fc.nat(7)).map(([digits, decimals]) => Math.fround(digits / 10 ** decimals)),
  );
  // Below it a float has fewer bits, and nothing measured is as small.
  const anyFraction = anyFloat.filter((value) => !Number.isInteger(value) && Math.abs(value) > 2 ** -126);
  fc.assert(
    fc.property(anyFraction, (value) => shortestFloat32(value) === fewestDigits(value)),
    { numRuns: 20_000 },
  );
});

t.test('a text comes out as it went in, in every encoding and byte order', async () => {
  const characters = { ascii: /^[ -~]*$/, latin1: /^[ -~\u00a0-\u00ff]*$/, 'utf-8': /^[ -~\u0600-\u06ff]*$/ };
  const anyText = fc
    .constantFrom(...encodings)
    .chain((encoding) => fc.tuple(fc.constant(encoding), fc.stringMatching(characters[encoding]), fc.boolean()));
  fc.assert(
    fc.property(anyText, ([encoding, text, isSwapped]) => {
      const bytes = Buffer.from(text, encoding);
      const padded = Buffer.concat([bytes, Buffer.alloc(2 + (bytes.length % 2))]);
      if (isSwapped) padded.swap16();
      const byteOrder = isSwapped ? 'BA' : 'AB';
      const read = createDecoder({
        table: 'holding',
        format: 'string',
        length: padded.length / 2,
        encoding,
        byteOrder,
      });
      return read(padded, 0) === text.trimEnd();
    }),
    { numRuns: 2000 },
  );
});

t.test('no bytes make a decoder throw, and what it gives is always of the type of its format', async () => {
  const anyTag = fc.record(
    {
      format: fc.constantFrom(...formats),
      bit: fc.nat(15),
      length: fc.integer({ min: 1, max: 125 }),
      encoding: fc.constantFrom(...encodings),
      scale: fc.constantFrom(0.1, 3, -1e300),
      values: fc.constantFrom({ 0: 'off' }),
      invalid: fc.constantFrom([0], ['0xffff']),
    },
    { requiredKeys: ['format'] },
  );
  fc.assert(
    fc.property(anyTag, fc.uint8Array({ maxLength: 260 }), fc.nat(130), (tag, data, at) => {
      const byteOrder = 'ABCDEFGH'.slice(0, tag.format === 'string' ? 2 : sizeOf(tag) * 2) as ByteOrder;
      const value = createDecoder({ table: 'holding', ...tag, byteOrder })(data, at);
      if (tag.format === 'string' || tag.values) return fitsType(value, 'string');
      if (tag.format === 'bit') return fitsType(value, 'bool');
      return fitsType(value, tag.scale === undefined && !tag.format.startsWith('float') ? 'int' : 'float');
    }),
    { numRuns: 20_000 },
  );
});

// --- side by side -------------------------------------------------------------------------------------------------

t.test('the decodings of some registers are every format in every byte order of their length', async (t) => {
  const of = (count: number) => decodingsOf(Array.from({ length: count }, () => 0x1234)).map(({ format }) => format);
  t.same(
    new Map([...new Set(of(2))].map((format) => [format, of(2).filter((other) => other === format).length])),
    new Map([
      ['uint32', 4],
      ['int32', 4],
      ['float32', 4],
      ['bcd32', 4],
      ['string', 2],
    ]),
  );
  t.equal(of(1).length, 2 * 5, 'uint16, int16, float16, bcd16, string');
  t.equal(of(4).length, 8 * 3 + 2, 'uint64, int64, float64, string');
  t.same(of(3), ['string', 'string']);
  t.same(of(0), []);
});

t.test('the decoding that a technician looks for comes first', async (t) => {
  const first = (hex: string, rank = 0) => {
    const words = hex.split(' ').map((word) => Number.parseInt(word, 16));
    const { format, byteOrder, text } = decodingsOf(words)[rank]!;
    return `${format} ${byteOrder} ${text}`;
  };
  t.equal(first('4366 8000'), 'float32 ABCD 230.5');
  t.equal(first('8000 4366'), 'float32 CDAB 230.5');
  t.equal(first('6643 0080'), 'float32 BADC 230.5');
  t.equal(first('0080 6643'), 'float32 DCBA 230.5');
  t.equal(first('0000 0005'), 'uint32 ABCD 5');
  t.equal(first('0064 0000'), 'uint32 CDAB 100');
  t.equal(first('0901'), 'uint16 AB 2305');
  t.equal(first('fffb'), 'int16 AB -5');
  t.equal(first('0000 0000 0001 e240'), 'uint64 ABCDEFGH 123456');
  t.equal(first('e240 0001 0000 0000'), 'uint64 GHEFCDAB 123456');
  t.equal(first('4061 9999 9999 999a'), 'float64 ABCDEFGH 140.8');
  t.equal(first('5041 5945 5348 0000'), 'string AB "PAYESH"');
  const notANumber = decodingsOf([0x7fc0, 0]).find(
    ({ format, byteOrder }) => format === 'float32' && byteOrder === 'ABCD',
  )!;
  t.match(notANumber, { value: null, text: 'not a number', plausible: false });
});

t.test('no bytes of a wire make framings, parser or decoders throw, hang, or give what is not there', async (t) => {
  const { broken, ...counts } = await fuzzModbus({ inputs: 20_000, seed });
  t.same(broken, []);
  const { mbap, rtu, blocks, replies, exceptions, garbage, good } = counts;
  t.equal(mbap + rtu + blocks, 20_000);
  t.ok(Math.min(replies, exceptions, garbage, good) > 100, JSON.stringify(counts));
});
