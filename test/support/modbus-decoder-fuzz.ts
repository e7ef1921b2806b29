/**
 * Hurls bytes at everything of the Modbus driver that faces a wire: both framings with the library that parses behind
 * them, a byte at a time or many frames at once, and the decoders of blocks. What it must never do is throw, hang,
 * let bytes pile up, take for a reply what is none, or give a value that is not of its tag's type.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { modbusSourceSchema } from '../../protocols/modbus/config.ts';
import { decodeInto } from '../../protocols/modbus/decode.ts';
import { crc16, type FramingKind } from '../../protocols/modbus/frame.ts';
import { type Block, planReads } from '../../protocols/modbus/plan.ts';
import { createPort, type Port } from '../../protocols/modbus/port.ts';
import { replyBytes } from '../../protocols/modbus/table.ts';
import { modbusTags } from '../../protocols/modbus/tags.ts';
import { fitsType, isGood, quality, type Sample, type TagType } from '../../protocols/sample.ts';

export interface ModbusFuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

export interface ModbusFuzzResult {
  /** What was given in. */
  mbap: number;
  rtu: number;
  blocks: number;
  /** Replies that were taken, refusals, and garbage that was recognised as such. */
  replies: number;
  exceptions: number;
  garbage: number;
  /** Samples that were decoded, and how many of them had a value. */
  samples: number;
  good: number;
  /** What must not be, the first few of it. */
  readonly broken: string[];
  longestMs: number;
}

/** More than any input should take, on a machine that has other things to do. */
const hangMs = 2000;
const mostTold = 20;

export async function fuzzModbus({ inputs, seed, signal, onProgress }: ModbusFuzzOptions): Promise<ModbusFuzzResult> {
  const random = createRandom(seed);
  const result: ModbusFuzzResult = {
    ...{ mbap: 0, rtu: 0, blocks: 0, replies: 0, exceptions: 0, garbage: 0, samples: 0, good: 0, longestMs: 0 },
    broken: [],
  };
  const tell = (what: string) => void (result.broken.length < mostTold && result.broken.push(`seed ${seed}: ${what}`));
  const targets = [
    createWireTarget('mbap', random, result, tell),
    createWireTarget('rtu', random, result, tell),
    createBlockTarget(random, result, tell),
  ];
  for (let i = 0; i < inputs && !signal?.aborted; i++) {
    const startedAt = performance.now();
    try {
      targets[i % targets.length]!();
    } catch (error) {
      tell(`input ${i} threw ${(error as Error).stack}`);
    }
    const tookMs = performance.now() - startedAt;
    result.longestMs = Math.max(result.longestMs, tookMs);
    if (tookMs > hangMs) tell(`input ${i} took ${tookMs} ms`);
    if (i % 10_000 === 9999) {
      onProgress?.(i + 1);
      await breathe();
    }
  }
  return result;
}

type Random = (below: number) => number;
type Tell = (what: string) => void;

/** A port of the driver without a wire: what it sends is noted, what it receives is invented. */
function createWireTarget(framing: FramingKind, random: Random, result: ModbusFuzzResult, tell: Tell): () => void {
  const isMbap = framing === 'mbap';
  let receive: (bytes: Buffer) => void = () => {};
  let sent: Buffer = Buffer.alloc(0);
  let isGarbage = false;
  let isDatagrams = false;
  const closed = new AbortController();
  const openPort = (): Port => {
    isDatagrams = isMbap && random(2) === 0;
    return createPort(
      {
        framing,
        isDatagrams,
        closed: closed.signal,
        listen: (onBytes) => {
          receive = onBytes;
        },
        write: (adu) => {
          sent = Buffer.from(adu);
        },
        close: () => {},
      },
      {
        onBytes() {},
        onDoubt() {},
        onGarbage() {
          isGarbage = true;
          result.garbage++;
        },
      },
    );
  };
  let port = openPort();
  /** Replies to earlier requests, to be repeated. */
  const earlier: Buffer[] = [];

  return () => {
    result[framing]++;
    // As the connection does: what cannot be told apart any more is closed.
    if (isGarbage || !port.framing.isClean || random(1000) === 0) port = openPort();
    const unit = 1 + random(247);
    const code = 1 + random(4);
    const count = 1 + random(code <= 2 ? 2000 : 125);
    const address = random(0x10000 - count);
    const answers: { error: (Error & { modbusCode?: number }) | null; data: Buffer | undefined }[] = [];
    const done = (error: Error | null, reply: { buffer: Buffer } | undefined) =>
      void answers.push({ error, data: reply?.buffer });
    isGarbage = false;
    if (isDatagrams && random(20) === 0) receive(Buffer.alloc(random(6)));
    if (code === 1) port.client.writeFC1(unit, address, count, done);
    else if (code === 2) port.client.writeFC2(unit, address, count, done);
    else if (code === 3) port.client.writeFC3(unit, address, count, done);
    else port.client.writeFC4(unit, address, count, done);

    const body = Buffer.alloc(code <= 2 ? Math.ceil(count / 8) : count * 2);
    for (let i = 0; i < body.length; i++) body[i] = random(256);
    const isException = random(8) === 0;
    const pdu = isException
      ? Buffer.of(unit, code | 0x80, random(256))
      : Buffer.concat([Buffer.of(unit, code, body.length), body]);
    const proper = isMbap ? withHeader(sent, pdu) : withCrc(pdu);
    const isTouched = random(10) > 0;
    const input = isTouched ? mutate(proper, earlier, sent, isMbap, random) : proper;
    // A datagram is a frame; cut ones are as good as mutilated.
    for (const chunk of isDatagrams && !isTouched ? [input] : cut(input, random)) receive(chunk);
    port.framing.forget();
    if (port.framing.isClean && random(3) === 0) receive(input.subarray(0, random(20)));

    if (earlier.length < 16) earlier.push(proper);
    else earlier[random(16)] = proper;
    for (const { error, data } of answers) {
      if (data) result.replies++;
      else if (error?.modbusCode !== undefined) result.exceptions++;
      else result.garbage++;
      if (data && data.length !== body.length) tell(`${framing}: ${data.length} bytes for ${body.length}`);
      // Whatever lay around it: what was taken stood in the input as a whole, with all that makes it a reply.
      const taken = data && Buffer.concat([Buffer.of(unit, code, data.length), data]);
      const whole = taken && (isMbap ? withHeader(sent, taken) : withCrc(taken));
      if (whole && !input.includes(whole))
        tell(`${framing}: took ${whole.toString('hex')} of ${input.toString('hex')}`);
    }
    if (answers.length > 1) tell(`${framing}: ${answers.length} answers to one request`);
    if (!isTouched && (answers.length !== 1 || (!isException && !answers[0]!.data?.equals(body))))
      if (!(isException && proper.at(isMbap ? 8 : 2) === 0)) tell(`${framing}: a proper reply was not taken`);
  };
}

function withHeader(request: Buffer, body: Buffer): Buffer {
  const header = Buffer.alloc(6);
  request.copy(header, 0, 0, 2);
  header.writeUInt16BE(body.length, 4);
  return Buffer.concat([header, body]);
}

function withCrc(body: Buffer): Buffer {
  const crc = crc16(body, 0, body.length);
  return Buffer.concat([body, Buffer.of(crc & 0xff, crc >> 8)]);
}

/** The proper reply made worse, or something else altogether. */
function mutate(proper: Buffer, earlier: readonly Buffer[], sent: Buffer, isMbap: boolean, random: Random): Buffer {
  const noise = (most: number) => Buffer.from(Array.from({ length: random(most + 1) }, () => random(256)));
  const bytes = Buffer.from(proper);
  switch (random(12)) {
    case 0:
      return noise(300);
    case 1:
      for (let i = random(4); i >= 0; i--) bytes[random(bytes.length)]! ^= 1 << random(8);
      return bytes;
    case 2:
      return bytes.subarray(0, random(bytes.length));
    case 3:
      return Buffer.concat([noise(20), bytes, noise(20)]);
    case 4:
      return Buffer.concat([bytes, bytes, bytes]);
    case 5:
      return Buffer.concat([earlier[random(16)] ?? bytes, bytes]);
    case 6:
      return Buffer.concat([sent, bytes]);
    case 7:
      return Buffer.concat([bytes.subarray(random(bytes.length)), bytes]);
    case 8:
      // A length that is a lie, with a header or a checksum that fits.
      if (isMbap) bytes.writeUInt16BE(random(0x10000), 4);
      else return withCrc(Buffer.concat([bytes.subarray(0, 2), noise(260)]));
      return bytes;
    case 9:
      bytes[random(Math.min(bytes.length, 10))] = [0, 1, 0x7f, 0x80, 0xff][random(5)]!;
      return bytes;
    case 10:
      return Buffer.concat(Array.from({ length: random(6) }, () => earlier[random(16)] ?? noise(8)));
    default:
      return Buffer.alloc(random(2000), random(256));
  }
}

/** As a network or a serial port delivers it: at once, in pieces, or byte by byte. */
function* cut(input: Buffer, random: Random): Iterable<Buffer> {
  const most = [input.length, 40, 1][random(3)]!;
  for (let at = 0; at < input.length; ) {
    const end = Math.min(input.length, at + 1 + random(Math.max(1, most)));
    yield input.subarray(at, end);
    at = end;
  }
}

/** Blocks of tags of every format, byte order and rule, with bytes of any kind in them. */
function createBlockTarget(random: Random, result: ModbusFuzzResult, tell: Tell): () => void {
  const { blocks, types } = everyTag();
  return () => {
    result.blocks++;
    const block = blocks[random(blocks.length)]!;
    const data = Buffer.alloc(replyBytes(block));
    const kind = random(5);
    for (let i = 0; i < data.length; i++)
      data[i] = [random(256), 0, 0xff, 0x20 + random(96), [0, 0x7f, 0x80][random(3)]!][kind]!;
    const samples: Sample[] = [];
    decodeInto(samples, { unit: 1, block, time: 1, data, quality: quality.good });
    result.samples += samples.length;
    if (samples.length !== block.tags.length) tell(`${samples.length} samples of ${block.tags.length} tags`);
    for (const { tag, value, quality } of samples) {
      if (isGood(quality)) result.good++;
      const isFit = isGood(quality) === (value !== null) && fitsType(value, types[tag]!);
      if (!isFit)
        tell(`tag ${tag} of ${types[tag]} has ${String(value)} of quality ${quality}, from ${data.toString('hex')}`);
    }
  };
}

const numbers = ['uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'bcd16', 'bcd32'];
const orders: Record<number, readonly string[]> = {
  1: ['AB', 'BA'],
  2: ['ABCD', 'CDAB', 'BADC', 'DCBA'],
  4: ['ABCDEFGH', 'GHEFCDAB', 'BADCFEHG', 'HGFEDCBA', 'CDABGHEF', 'EFGHABCD', 'DCBAHGFE', 'FEHGBADC'],
};

function everyTag(): { blocks: Block[]; types: Record<number, TagType> } {
  const sizeOf = (format: string) => ({ 16: 1, 32: 2, 64: 4 })[Number(format.slice(-2))]!;
  const rules: object[] = [{}, { scale: 0.1 }, { scale: 1e300, offset: -3.5 }, { invalid: [0, '0xffff'] }];
  const ofNumbers = [...numbers, 'float16', 'float32', 'float64'].flatMap((format) =>
    orders[sizeOf(format)]!.flatMap((byteOrder) => [
      ...rules.map((rule) => ({ format, byteOrder, ...rule })),
      ...(/^uint/.test(format) ? [{ format, byteOrder, bits: '3-11' }] : []),
      ...(numbers.includes(format) ? [{ format, byteOrder, values: { 0: 'stopped', 1: 'running' } }] : []),
    ]),
  );
  const ofRegisters = [
    ...ofNumbers,
    ...['AB', 'BA'].flatMap((byteOrder) => [0, 7, 8, 15].map((bit) => ({ format: 'bit', bit, byteOrder }))),
    ...['ascii', 'latin1', 'utf-8'].flatMap((encoding) =>
      ['AB', 'BA'].map((byteOrder) => ({ format: 'string', length: 9, encoding, byteOrder })),
    ),
  ];
  let address = 0;
  const tags = [
    ...ofRegisters.map((tag, i) => {
      const at = address;
      address += 'length' in tag ? 9 : tag.format === 'bit' ? 1 : sizeOf(tag.format);
      return { ...tag, table: i % 2 ? 'holding' : 'input', address: at };
    }),
    ...Array.from({ length: 300 }, (_, i) => ({ format: 'bit', table: i % 2 ? 'coil' : 'discrete', address: i * 3 })),
  ].map((tag, i) => ({ path: `a/t${i}`, ...tag }));
  const devices = [{ unit: 1, tags }];
  const config = modbusSourceSchema.parse({ kind: 'modbus', id: 'fuzz', host: 'x', devices });
  const declared = modbusTags(config);
  const ids = new Map(declared.map(({ path }, i) => [path, i]));
  return {
    blocks: planReads(config, (path) => ids.get(path)!).flatMap(({ blocks }) => blocks),
    types: Object.fromEntries(declared.map(({ type }, i) => [i, type])),
  };
}

/** The same numbers from the same seed (xorshift). */
function createRandom(seed: number): Random {
  let x = seed | 0 || 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}
