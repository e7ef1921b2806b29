/**
 * Ends a connection whose next MQTT packet says that it is too long, before its bytes are gathered: the parser below
 * would wait for up to 256 MB. Reads the fixed headers only (MQTT 3.1.1 §2.2), a few steps per packet.
 */
import type { Socket } from 'node:net';

/** Watches what is read from the socket. Returns the function that sets another limit. */
export function limitPackets(socket: Socket, maxBytes: number): (maxBytes: number) => void {
  let limit = maxBytes;
  /** Bytes of the current packet's body that are still to come. */
  let skip = 0;
  /** Place in the fixed header: 0 is the packet type, 1 to 4 the remaining length. */
  let position = 0;
  let length = 0;

  const check = (chunk: Buffer): boolean => {
    let at = 0;
    while (at < chunk.length) {
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - at);
        skip -= step;
        at += step;
        continue;
      }
      const byte = chunk[at++]!;
      if (position === 0) {
        position = 1;
        length = 0;
        continue;
      }
      length += (byte & 0x7f) * 128 ** (position - 1);
      if (length > limit || (position === 4 && byte > 0x7f)) return false;
      if (byte > 0x7f) {
        position++;
      } else {
        skip = length;
        position = 0;
      }
    }
    return true;
  };

  const read = socket.read.bind(socket);
  socket.read = (size?: number): Buffer | null => {
    const chunk: Buffer | null = read(size);
    if (chunk === null || check(chunk)) return chunk;
    socket.destroy(new Error('packet too large'));
    return null;
  };
  return (bytes) => {
    limit = bytes;
  };
}
