/** The small JSON messages beside the frames: hello and hub state, and the acknowledgements that let an agent release. */
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { fingerprintSchema } from './fingerprint.ts';

const epoch = z.string().regex(/^[0-9a-f]{32}$/);
const number = z.int().min(0);
/** Numbers that one hello may ask about. */
export const maxCompared = 32;
const compared = z.array(number.min(1)).max(maxCompared);

/** agent → hub, on every connection (R5). */
export const helloSchema = z.strictObject({
  epoch,
  /** Random per start of the agent's process. */
  bootId: z.string().max(64),
  /** Lowest number still in the buffer; `next` when it is empty. */
  minRetained: number,
  /** The number that the next sample will get. */
  next: number.min(1),
  /** Highest number that the hub has acknowledged, as the agent knows it. */
  acked: number,
  /** 0: what the tags were is not known any more, and no manifest will come; samples of unknown tags are listed. */
  manifestRevision: z.int().min(0),
  version: z.string().max(32),
  /** The boot of the hub that is greeted; every hub hears it, only this one answers. Absent: any. */
  hubBoot: z.string().max(64).optional(),
  /** The newest answer to a greeting that this process has heard from that hub: `answer` of it. Absent: none. */
  heard: number.optional(),
  /**
   * Nothing is ever added to this epoch: what is in the buffer now is all there is, as of one that was salvaged. Once it
   * is settled up to `next` - 1 the stream is complete, and closing it leaves no gap of unknown end.
   */
  final: z.literal(true).optional(),
  /** Numbers whose frames the hub shall name in its welcome, beside the one of `through`. */
  compare: compared.optional(),
});
export type Hello = z.infer<typeof helloSchema>;

/** hub → agent. Every number up to `through` is stored or listed with its reason. */
export const ackSchema = z.strictObject({
  epoch,
  kind: z.enum(['welcome', 'ack', 'nack']),
  through: number,
  /**
   * Why a frame was refused: one of the short words of `FrameFault`, `gap`, `manifest` (send it first), `identity` (the
   * agent is in quarantine), or `hello` (greet again: the hub has gone back, or does not know the stream).
   */
  reason: z.string().max(32).optional(),
  /** Frames that may be in flight beyond `through`; 0 is a pause: the hub says when it can take again. */
  window: z.int().min(0).max(64),
  hubBoot: z.string().max(64),
  /** In a welcome: the manifest revision that the hub holds; 0 is none. */
  manifestRevision: z.int().min(0).optional(),
  /** In a welcome: the frames that hold `through` and what the hello asked about, as far as the hub can still name them. */
  frames: z
    .array(fingerprintSchema)
    .max(maxCompared + 1)
    .optional(),
  /** What that hello asked about: a frame of it that is not named is not there. */
  compared: compared.optional(),
  /** Of answers to greetings: rises with every greeting of the agent that the hub gets, whichever process it is of. */
  answer: number.optional(),
});
export type Ack = z.infer<typeof ackSchema>;

/** hub → everybody, retained on a topic of each hub; its will says `online: false`. */
export const hubStateSchema = z.strictObject({
  online: z.boolean(),
  hubBoot: z.string().max(64),
  /** Agents wait a random time up to this before their hello, so that they do not all come at once. */
  spreadMs: z.number().min(0).max(600_000),
  /** The agents that it takes: those of the partitions that it owns, of so many (`partitions.ts`). */
  partitions: z.strictObject({ of: z.int().min(1).max(1024), own: z.array(z.int().min(0).max(1023)).max(1024) }),
  /** Of two hubs that claim a partition, the higher has it. */
  generation: z.int().min(0),
});
export type HubAnnouncement = z.infer<typeof hubStateSchema>;
/** What an agent must know of the hub that it follows. */
export type HubState = Pick<HubAnnouncement, 'online' | 'hubBoot' | 'spreadMs'>;

/** Longest message; hello and acknowledgement take some hundred bytes. */
const maxMessageBytes = 64 * 1024;

/**
 * One line of JSON, and on the next its CRC32 in hex: an acknowledgement lets an agent delete, so that a changed digit
 * must not pass. TCP's own checksum misses one damaged segment in some ten thousand (Stone and Partridge, SIGCOMM 2000).
 */
export function encodeMessage(message: Hello | Ack | HubAnnouncement): Buffer {
  const json = JSON.stringify(message);
  return Buffer.from(`${json}\n${checksum(json)}`);
}

/** undefined when the bytes are not such a message, whole: what a stranger sends never throws. */
export function parseMessage<T>(schema: z.ZodType<T>, bytes: Uint8Array): T | undefined {
  if (bytes.length > maxMessageBytes) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  const end = text.lastIndexOf('\n');
  const json = text.slice(0, Math.max(0, end));
  if (text.slice(end + 1) !== checksum(json)) return undefined;
  try {
    return schema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');
