/**
 * What an agent has under way, seen on its own wire and read without the agent's code: more frames beyond the hub's last
 * word than the hub lets it have, or any before it is welcome, are broken rules (R5, R7, R16).
 */
import { crc32 } from 'node:zlib';

/** Of one agent, over all its connections. */
export interface InFlight {
  /** A new connection: to be told of every byte that leaves the agent, and of every byte that reaches it. */
  connected(): { leaves(bytes: Uint8Array): void; reaches(bytes: Uint8Array): void };
  /** Frames that were under way at once, at most. */
  readonly most: number;
  readonly broken: readonly string[];
}

interface Answer {
  readonly epoch: string;
  readonly kind: 'welcome' | 'ack' | 'nack';
  readonly through: number;
  readonly window: number;
}

/** An agent that is paused hears the hub's word late: any window of so long ago may be the one that it knows. */
const graceMs = 12_000;
const maxPacketBytes = 1024 * 1024;

export function watchInFlight(agent: string): InFlight {
  const broken: string[] = [];
  let most = 0;
  return {
    broken,
    get most() {
      return most;
    },
    connected() {
      let epoch = '';
      /** Last numbers of frames: one that is sent again is the same. */
      const underWay = new Set<number>();
      const windows: { readonly sinceMs: number; readonly frames: number }[] = [];

      const begin = (of: string) => {
        if (of !== epoch) underWay.clear();
        epoch = of;
      };
      const allowed = (): number => {
        while (windows[1] && windows[1].sinceMs <= performance.now() - graceMs) windows.shift();
        return Math.max(0, ...windows.map(({ frames }) => frames));
      };
      const frameSent = (frame: Buffer) => {
        begin(frame.toString('hex', 8, 24));
        underWay.add(Number(frame.readBigUInt64LE(24)) + frame.readUInt32LE(40) - 1);
        most = Math.max(most, underWay.size);
        if (underWay.size > allowed() && broken.length === 0)
          broken.push(`I11 ${agent}: ${underWay.size} frames under way, where the hub allows ${allowed()}`);
      };
      const answered = (ack: Answer) => {
        if (ack.epoch !== epoch) return;
        // From both it goes back, and begins anew.
        if (ack.kind !== 'ack') underWay.clear();
        for (const last of underWay) if (last <= ack.through) underWay.delete(last);
        if (windows.at(-1)?.frames !== ack.window) windows.push({ sinceMs: performance.now(), frames: ack.window });
      };

      const connection = { version: 4 };
      return {
        leaves: readPublished(connection, (topic, payload) => {
          if (topic.endsWith('/up/data')) frameSent(payload);
          else if (topic.endsWith('/up/hello')) begin((contentOf(payload) as Answer).epoch);
        }),
        reaches: readPublished(connection, (topic, payload) => {
          const ack = topic.endsWith(`/${agent}/down/ack`) ? contentOf(payload) : undefined;
          if (ack) answered(ack as Answer);
        }),
      };
    },
  };
}

/** undefined when it was damaged on the way, so that its receiver passes it over too. */
function contentOf(message: Buffer): unknown {
  const [json = '', sum] = message.toString().split('\n');
  return sum === crc32(json).toString(16).padStart(8, '0') ? JSON.parse(json) : undefined;
}

/** The messages of an MQTT connection, 3.1.1 or 5, in one direction, out of its bytes as they come. */
function readPublished(
  connection: { version: number },
  take: (topic: string, payload: Buffer) => void,
): (bytes: Uint8Array) => void {
  let rest: Buffer = Buffer.alloc(0);
  let isReadable = true;
  return (bytes) => {
    if (!isReadable) return;
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const body = lengthAt(rest, 1);
      if (body === undefined) return;
      const end = body.from + body.length;
      // A byte of it was changed: neither side can read this connection any more.
      isReadable = end <= maxPacketBytes;
      if (!isReadable || end > rest.length) return;
      const [head, packet] = [rest[0]!, rest.subarray(body.from, end)];
      rest = rest.subarray(end);
      if (head >> 4 === 1) connection.version = packet[6]!;
      if (head >> 4 === 3 && packet.length > 4) {
        const topicEnd = 2 + packet.readUInt16BE(0);
        const idEnd = topicEnd + (head & 0b110 ? 2 : 0);
        const properties = connection.version < 5 ? { from: idEnd, length: 0 } : lengthAt(packet, idEnd);
        if (properties)
          take(packet.toString('utf8', 2, topicEnd), packet.subarray(properties.from + properties.length));
      }
    }
  };
}

/** A length as MQTT writes it, and where what has it begins; undefined while not all of it is there. */
function lengthAt(bytes: Buffer, start: number): { from: number; length: number } | undefined {
  let length = 0;
  for (let at = start; at < Math.min(bytes.length, start + 4); at++) {
    length += (bytes[at]! & 0x7f) * 128 ** (at - start);
    if (bytes[at]! < 0x80) return { from: at + 1, length };
  }
  return undefined;
}
