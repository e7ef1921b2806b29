/**
 * The frame: a run of consecutively numbered samples, or the word that they will never come (`gap.ts`). It is encoded
 * once, and the same bytes are the buffer's chunk, the MQTT payload and what is checked at the hub.
 *
 *   offset  0  "PYSH"          24  first number  u64     44  manifest revision u32
 *           4  version u8      32  acceptedAt µs u64     48  payload length    u32
 *           5  codec   u8      40  count         u32     52  CRC32 of 0..52 and the payload
 *           6  0       u16      8  epoch, 16 bytes       56  payload
 *
 * All little-endian. Codec 1 is zstd over one line of JSON, the columns of the samples; `zstd -d` and `jq` read it:
 *   {"t":[µs of the first, then differences],"g":[tag id of the first, then differences],"v":[values],
 *    "q":[[index,quality from here on],…],"f":[[index,flags from here on],…],"x":[[index,"integer beyond 2^53"],…]}
 * Quality and flags are 0 before their first entry; q, f and x are left out where they would be empty.
 */
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { RejectedError } from './errors.ts';
import { isBad, normaliseInteger, type Sample, type SampleColumns, type SampleValue, type TimeUs } from './sample.ts';

export const maxFrameSamples = 8192;
export const maxFrameBytes = 256 * 1024;
export const frameHeaderBytes = 56;

/** What a payload is. */
export const codec = { samples: 1, gap: 2 } as const;

const magic = 0x48535950; // "PYSH"
const frameVersion = 1;
/** Twice what 8,192 numbers can take. Small, because the worst JSON of this size takes 0.1 s to refuse. */
const maxContentBytes = 1024 * 1024;

export interface FrameHeader {
  /** 32 hex digits. */
  readonly epoch: string;
  /** Number of the first sample; the others follow without a gap. */
  readonly first: number;
  /** Samples; of a gap any u32 of numbers. */
  readonly count: number;
  /** Of a gap: when it was recorded. */
  readonly acceptedAt: TimeUs;
  /** Of the manifest that describes the samples; 0 of a gap, which needs none. */
  readonly manifestRevision: number;
  readonly codec: number;
}

/** Why a frame is refused; travels in nacks and dead letters. */
export type FrameFault = 'magic' | 'version' | 'length' | 'crc' | 'codec' | 'decode' | 'count' | 'time' | 'number';

const refuse = (reason: FrameFault, message: string, cause?: unknown): RejectedError =>
  new RejectedError(`frame refused: ${message}`, { reason, cause });

/** The canonical text of some samples. Equal samples give equal text, so its hash compares a frame with a store. */
export function encodeContent(samples: SampleColumns): string {
  const count = samples.tags.length;
  const t = new Array<number>(count);
  const g = new Array<number>(count);
  const v = new Array<SampleValue>(count);
  const q: [number, number][] = [];
  const f: [number, number][] = [];
  const x: [number, string][] = [];
  let time = 0;
  let tag = 0;
  for (let i = 0; i < count; i++) {
    t[i] = samples.times[i]! - time;
    time = samples.times[i]!;
    g[i] = samples.tags[i]! - tag;
    tag = samples.tags[i]!;
    const value = samples.values[i]!;
    if (typeof value === 'bigint') {
      x.push([i, String(value)]);
      v[i] = 0;
    } else v[i] = value;
    const { qualities, flags } = samples;
    if (qualities[i] !== (i > 0 ? qualities[i - 1] : 0)) q.push([i, qualities[i]!]);
    if (flags[i] !== (i > 0 ? flags[i - 1] : 0)) f.push([i, flags[i]!]);
  }
  return JSON.stringify({
    t,
    g,
    v,
    q: q.length ? q : undefined,
    f: f.length ? f : undefined,
    x: x.length ? x : undefined,
  });
}

/** Samples as columns. */
export function toColumns(samples: readonly Sample[]): SampleColumns {
  const count = samples.length;
  const columns = {
    tags: new Array<number>(count),
    times: new Array<number>(count),
    values: new Array<SampleValue>(count),
    qualities: new Array<number>(count),
    flags: new Array<number>(count),
  };
  for (let i = 0; i < count; i++) {
    const sample = samples[i]!;
    columns.tags[i] = sample.tag;
    columns.times[i] = sample.time;
    columns.values[i] = sample.value;
    columns.qualities[i] = sample.quality;
    columns.flags[i] = sample.flags;
  }
  return columns;
}

/**
 * The compressed payload of a frame, before its numbers are known.
 * @throws {RejectedError} reason `length`: too much for one frame; half of the samples may fit.
 */
export function encodePayload(samples: SampleColumns): Buffer {
  const content = Buffer.from(encodeContent(samples));
  if (content.length > maxContentBytes) throw refuse('length', `${content.length} bytes of content`);
  const payload = zstdCompressSync(content, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
  if (payload.length > maxFrameBytes - frameHeaderBytes) throw refuse('length', `${payload.length} bytes of payload`);
  return payload;
}

/** Puts header and payload together; from here on the bytes never change. */
export function sealFrame(
  header: Omit<FrameHeader, 'codec'>,
  payload: Uint8Array,
  payloadCodec: number = codec.samples,
): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  frame.writeUInt32LE(magic, 0);
  frame.writeUInt8(frameVersion, 4);
  frame.writeUInt8(payloadCodec, 5);
  frame.writeUInt16LE(0, 6);
  frame.write(header.epoch, 8, 16, 'hex');
  frame.writeBigUInt64LE(BigInt(header.first), 24);
  frame.writeBigUInt64LE(BigInt(header.acceptedAt), 32);
  frame.writeUInt32LE(header.count, 40);
  frame.writeUInt32LE(header.manifestRevision, 44);
  frame.writeUInt32LE(payload.length, 48);
  frame.set(payload, frameHeaderBytes);
  frame.writeUInt32LE(checksum(frame), 52);
  return frame;
}

const checksum = (frame: Buffer): number => crc32(frame.subarray(frameHeaderBytes), crc32(frame.subarray(0, 52)));

/**
 * Reads and checks everything but the payload's content.
 * @throws {RejectedError} with a `FrameFault` as its reason.
 */
export function openFrame(bytes: Uint8Array): { header: FrameHeader; payload: Buffer } {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (frame.length < frameHeaderBytes || frame.length > maxFrameBytes) {
    throw refuse('length', `${frame.length} bytes, expected ${frameHeaderBytes} to ${maxFrameBytes}`);
  }
  if (frame.readUInt32LE(0) !== magic) throw refuse('magic', 'does not begin with PYSH');
  if (frame.readUInt8(4) !== frameVersion) throw refuse('version', `version ${frame.readUInt8(4)} is not known`);
  if (frame.readUInt32LE(48) !== frame.length - frameHeaderBytes) {
    throw refuse('length', 'the payload is not as long as the header says');
  }
  if (frame.readUInt32LE(52) !== checksum(frame)) throw refuse('crc', 'the checksum does not match');
  const first = frame.readBigUInt64LE(24);
  const acceptedAt = frame.readBigUInt64LE(32);
  const count = frame.readUInt32LE(40);
  if (count < 1 || (count > maxFrameSamples && frame.readUInt8(5) !== codec.gap)) {
    throw refuse('count', `${count} samples, expected 1 to ${maxFrameSamples}`);
  }
  if (first < 1n || first > 9007199254740991n - BigInt(count)) throw refuse('number', `first number is ${first}`);
  if (acceptedAt > 9007199254740991n) throw refuse('time', `accepted at ${acceptedAt} µs`);
  const header: FrameHeader = {
    epoch: frame.toString('hex', 8, 24),
    first: Number(first),
    acceptedAt: Number(acceptedAt),
    count,
    manifestRevision: frame.readUInt32LE(44),
    codec: frame.readUInt8(5),
  };
  return { header, payload: frame.subarray(frameHeaderBytes) };
}

/** Of a frame that is known to be whole. */
export const acceptedAtOf = (frame: Uint8Array): TimeUs =>
  Number(new DataView(frame.buffer, frame.byteOffset, frame.length).getBigUint64(32, true));

/**
 * The samples of a frame, and the canonical bytes they were read from.
 * @throws {RejectedError} with a `FrameFault` as its reason.
 */
export function decodePayload(header: FrameHeader, payload: Uint8Array): { samples: SampleColumns; content: Buffer } {
  if (header.codec !== codec.samples) throw refuse('codec', `codec ${header.codec} is not one of samples`);
  let content: Buffer;
  let columns: Record<string, unknown>;
  try {
    content = zstdDecompressSync(payload, { maxOutputLength: maxContentBytes });
    columns = JSON.parse(content.toString());
  } catch (cause) {
    throw refuse('decode', 'the payload is not zstd over JSON', cause);
  }
  return { samples: readColumns(columns, header.count), content };
}

function readColumns(columns: Record<string, unknown> | null, count: number): SampleColumns {
  const { t, g, v, q = [], f = [], x = [] } = columns ?? {};
  if (![t, g, v].every((column) => Array.isArray(column) && column.length === count)) {
    throw refuse('count', 'the columns do not hold as many samples as the header says');
  }
  const times = sums(t as unknown[], Number.MAX_SAFE_INTEGER, 'time');
  const tags = sums(g as unknown[], 0xffffffff, 'decode');
  const values = v as SampleValue[];
  for (const value of values) {
    if (typeof value === 'object' ? value !== null : typeof value === 'number' && !Number.isFinite(value)) {
      throw refuse('decode', 'a value is not a scalar');
    }
  }
  const qualities = runs(q, count, 0xffffffff);
  const flags = runs(f, count, 0xff);
  if (!Array.isArray(x)) throw refuse('decode', 'x is not a list');
  for (const pair of x) {
    const [index, text] = Array.isArray(pair) ? pair : [];
    if (!isIndex(index, count) || !isLargeInteger(text)) throw refuse('decode', 'a large integer is malformed');
    values[index] = BigInt(text);
  }
  for (let i = 0; i < count; i++) {
    if (isBad(qualities[i]!) !== (values[i] === null))
      throw refuse('decode', 'a value is null and not Bad, or Bad and not null');
  }
  return { tags, times, values, qualities, flags };
}

/** A 64-bit integer, signed or not, in the one way of writing it, and beyond what a double holds exactly. */
function isLargeInteger(text: unknown): text is string {
  if (typeof text !== 'string' || !/^-?[1-9]\d{15,19}$/.test(text)) return false;
  const integer = BigInt(text);
  return typeof normaliseInteger(integer) === 'bigint' && integer >= -(2n ** 63n) && integer < 2n ** 64n;
}

/** Running sums in place of differences; every one must be an integer from 0 to `max`. */
function sums(differences: unknown[], max: number, fault: FrameFault): number[] {
  let sum = 0;
  for (let i = 0; i < differences.length; i++) {
    const difference = differences[i];
    if (typeof difference !== 'number') throw refuse('decode', 'a time or tag id is not a number');
    sum += difference;
    if (!(Number.isInteger(sum) && sum >= 0 && sum <= max)) throw refuse(fault, 'a time or tag id is out of range');
    differences[i] = sum;
  }
  return differences as number[];
}

/** A column from where its value changes; indexes rise. */
function runs(changes: unknown, count: number, max: number): number[] {
  const column = new Array<number>(count).fill(0);
  if (!Array.isArray(changes)) throw refuse('decode', 'q or f is not a list');
  for (let c = changes.length - 1, end = count; c >= 0; c--) {
    const [index, value] = Array.isArray(changes[c]) ? changes[c] : [];
    if (!isIndex(index, end) || !(Number.isInteger(value) && value >= 0 && value <= max)) {
      throw refuse('decode', 'q or f is malformed');
    }
    column.fill(value, index, end);
    end = index;
  }
  return column;
}

const isIndex = (index: unknown, count: number): index is number =>
  Number.isInteger(index) && (index as number) >= 0 && (index as number) < count;
