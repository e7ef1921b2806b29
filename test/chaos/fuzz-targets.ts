/**
 * Every decoder of ours that faces a wire, each with real messages to begin from. A checksum would stop nearly every
 * change at the door, so what is behind it gets messages that were changed first and then sealed.
 */
import { crc32, zstdCompressSync } from 'node:zlib';
import type { z } from 'zod';
import { limitPackets } from '../../hub/broker-packet-limit.ts';
import { RejectedError } from '../../protocols/errors.ts';
import { decodePayload, encodeContent, openFrame, sealFrame, toColumns } from '../../protocols/frame.ts';
import { isGap, readGap, sealGap } from '../../protocols/gap.ts';
import { decodeManifest, encodeManifest, type ManifestTag } from '../../protocols/manifest.ts';
import {
  type Ack,
  ackSchema,
  encodeMessage,
  type Hello,
  type HubAnnouncement,
  helloSchema,
  hubStateSchema,
  parseMessage,
} from '../../protocols/messages.ts';
import { isBad, type Sample } from '../../protocols/sample.ts';
import { agentTopic, hubStateTopic, parseAgentTopic, parseHubStateTopic } from '../../protocols/topics.ts';
import { below, garbage, mutateBytes, mutateJson, noise } from './fuzz-inputs.ts';
import type { Random } from './random.ts';

export interface FuzzTarget {
  readonly name: string;
  input(random: Random): Buffer;
  /** What came of it, in a word. What it throws is a fault. */
  decode(bytes: Buffer): string;
}

const epoch = '00112233445566778899aabbccddeeff';
const header = { epoch, first: 1, acceptedAt: 1_790_000_000_000_000, manifestRevision: 3 };

const sample = (i: number): Sample => {
  const values = [20 + i / 10, i, i % 2 === 0, 'running', null, 2n ** 60n + BigInt(i)];
  const value = values[i % values.length]!;
  return {
    tag: 1 + (i % 40),
    time: header.acceptedAt + i * 1000,
    value,
    quality: value === null ? 0x800a0000 : 0,
    flags: i % 3,
  };
};
const contents = [1, 6, 40].map((count) =>
  encodeContent(toColumns(Array.from({ length: count }, (_, i) => sample(i)))),
);
const countOf = (content: string): number => content.slice(0, content.indexOf(']')).split(',').length;

const frame: FuzzTarget = {
  name: 'frame',
  input(random) {
    const content = random.pick(contents);
    const count = below(20, random) === 0 ? below(9000, random) : countOf(content);
    switch (below(5, random)) {
      case 0:
        return noise(below(120, random), random);
      case 1:
        return mutateBytes(sealFrame({ ...header, count }, zstdCompressSync(content)), random);
      case 2:
        return resealed(mutateBytes(sealFrame({ ...header, count }, zstdCompressSync(content)), random));
      case 3:
        return sealFrame({ ...header, count }, zstdCompressSync(garbage(random)));
      default:
        return sealFrame({ ...header, count }, zstdCompressSync(mutateJson(content, random)));
    }
  },
  decode: decodeFrame,
};

const gapFrame: FuzzTarget = {
  name: 'gap frame',
  input(random) {
    const count = random.pick([1, 1000, 8193, 0xffffffff]);
    const gap = sealGap(
      { epoch, first: 1 + below(1e6, random), count, acceptedAt: header.acceptedAt },
      { reason: 'evicted', from: 1, to: 2 },
    );
    if (below(3, random) === 0) return resealed(mutateBytes(gap, random));
    return sealFrame({ ...header, count }, Buffer.from(mutateJson('{"reason":"evicted","from":1,"to":2}', random)), 2);
  },
  decode: decodeFrame,
};

/** As the hub does. What is taken must hold what the contract says, whatever it was made from. */
function decodeFrame(bytes: Buffer): string {
  try {
    const { header, payload } = openFrame(bytes);
    if (isGap(header)) {
      const { reason, from = 0, to = 0 } = readGap(payload);
      if (!/^[a-z-]{1,32}$/.test(reason) || !(from <= to)) throw new Error(`a gap of reason ${reason}`);
      return reason === 'unknown' ? 'gap of unknown reason' : 'taken';
    }
    const { samples } = decodePayload(header, payload);
    for (let i = 0; i < header.count; i++) {
      const whole =
        Number.isSafeInteger(samples.times[i]) && Number.isInteger(samples.tags[i]) && samples.flags[i]! <= 255;
      if (!whole || isBad(samples.qualities[i]!) !== (samples.values[i] === null))
        throw new Error(`sample ${i} is no sample`);
    }
    return 'taken';
  } catch (error) {
    if (error instanceof RejectedError) return error.reason;
    throw error;
  }
}

/** With the lengths and the checksum that go with what it says now. */
function resealed(frame: Buffer): Buffer {
  if (frame.length < 56) return frame;
  frame.writeUInt32LE(frame.length - 56, 48);
  frame.writeUInt32LE(crc32(frame.subarray(56), crc32(frame.subarray(0, 52))), 52);
  return frame;
}

/** Between them the examples use every field that the schema knows; the test holds them to it. */
export interface MessageKind<T extends Hello | Ack | HubAnnouncement = Hello | Ack | HubAnnouncement> {
  readonly name: string;
  readonly schema: z.ZodObject & z.ZodType<T>;
  readonly examples: readonly T[];
}
const kind = <T extends Hello | Ack | HubAnnouncement>(of: MessageKind<T>) => of;

const greeting = {
  ...{ epoch, bootId: 'b1', minRetained: 5, next: 900, acked: 4, manifestRevision: 3, version: '0.1.0' },
  ...{ hubBoot: 'h1', heard: 17 },
};
const answer = { epoch, through: 899, window: 64, hubBoot: 'h1' };
const namedFrame = { last: 899, acceptedAt: header.acceptedAt, content: epoch };
export const messageKinds = [
  kind({
    name: 'hello',
    schema: helloSchema,
    examples: [
      { ...greeting, compare: [5, 899] },
      { ...greeting, heard: undefined, final: true },
    ],
  }),
  kind({
    name: 'ack',
    schema: ackSchema,
    examples: [
      { ...answer, kind: 'welcome', manifestRevision: 3, frames: [namedFrame], compared: [5, 899], answer: 18 },
      { ...answer, kind: 'nack', window: 0, reason: 'hello', answer: 19 },
      { ...answer, kind: 'ack' },
    ],
  }),
  kind({
    name: 'hub state',
    schema: hubStateSchema,
    examples: [{ online: true, hubBoot: 'h1', spreadMs: 1000, partitions: { of: 2, own: [0] }, generation: 1 }],
  }),
] as const;

const messageTarget = ({ name, schema, examples }: MessageKind): FuzzTarget => {
  const texts = examples.map((example) => encodeMessage(example).toString().split('\n')[0]!);
  return {
    name,
    input(random) {
      const text = random.pick(texts);
      const kind = below(4, random);
      if (kind === 0) return mutateBytes(sealedText(text), random);
      if (kind === 1) return sealedText(garbage(random));
      return sealedText(mutateJson(text, random));
    },
    decode(bytes) {
      const message = parseMessage(schema, bytes);
      if (message === undefined) return 'refused';
      const again = parseMessage(schema, encodeMessage(message));
      if (JSON.stringify(again) !== JSON.stringify(message)) throw new Error('what was taken cannot be said again');
      return 'taken';
    },
  };
};
const sealedText = (json: string): Buffer => Buffer.from(`${json}\n${crc32(json).toString(16).padStart(8, '0')}`);

const tags = Array.from(
  { length: 12 },
  (_, i): ManifestTag => ({
    id: i + 1,
    path: `line-1/unit-2/tag-${i}`,
    type: (['float', 'int', 'bool', 'string'] as const)[i % 4]!,
    unit: 'kWh',
    role: i % 5 === 0 ? 'count_total' : 'process',
    source: 'plc',
    intervalMs: 1000,
    ...(i % 5 === 0 ? { counter: { modulus: 65536, scale: 0.1 } } : {}),
    ...(i % 7 === 0 ? { retired: true as const } : {}),
  }),
);
const manifestText = JSON.stringify({ epoch, revision: 3, site: 'eaz/sahand', tags });
const manifestBytes = encodeManifest(JSON.parse(manifestText));

const manifest: FuzzTarget = {
  name: 'manifest',
  input(random) {
    const kind = below(4, random);
    if (kind === 0) return mutateBytes(manifestBytes, random);
    return zstdCompressSync(kind === 1 ? garbage(random) : mutateJson(manifestText, random));
  },
  decode: (bytes) => (decodeManifest(bytes) === undefined ? 'refused' : 'taken'),
};

const topics = [
  ...(['up/hello', 'up/manifest', 'up/data', 'up/live', 'down/ack'] as const).map((leaf) => agentTopic('line-2', leaf)),
  hubStateTopic('ingest-1'),
];
const topic: FuzzTarget = {
  name: 'topic',
  input: (random) => mutateBytes(Buffer.from(random.pick(topics)), random),
  decode(bytes) {
    const text = bytes.toString();
    const agent = parseAgentTopic(text);
    const hub = parseHubStateTopic(text);
    // What is taken is what it would be called, and nothing else.
    if (agent && agentTopic(agent.agent, agent.leaf) !== text)
      throw new Error(`${text} is not a topic of ${agent.agent}`);
    if (hub !== undefined && hubStateTopic(hub) !== text) throw new Error(`${text} is not the state of ${hub}`);
    if (hub !== undefined) return 'hub';
    return agent?.leaf ?? 'refused';
  },
};

/** The embedded broker's guard, which reads lengths before anything is believed. */
const publish = Buffer.from('300d0005612f622f6368656c6c6f21', 'hex');
const packets: FuzzTarget = {
  name: 'packet length',
  input: (random) => mutateBytes(Buffer.concat([publish, publish, noise(below(8, random), random)]), random),
  decode(bytes) {
    let at = 0;
    let refused = false;
    const socket = {
      read: () => (at < bytes.length ? bytes.subarray(at, at + 5) : null),
      destroy() {
        refused = true;
      },
    };
    limitPackets(socket as never, 4096);
    while (!refused && socket.read() !== null) at += 5;
    return refused ? 'refused' : 'taken';
  },
};

export const fuzzTargets: readonly FuzzTarget[] = [
  frame,
  gapFrame,
  ...messageKinds.map((kind) => messageTarget(kind as MessageKind)),
  manifest,
  topic,
  packets,
];
