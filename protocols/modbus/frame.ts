/**
 * What both framings of Modbus share: the size of a reply follows from its request, so it is known where the reply ends
 * before it has come, and every byte of it that is not data is checked.
 */

/** How requests and replies lie on the wire: behind an MBAP header (TCP, UDP), or between silences with a CRC (RTU). */
export type FramingKind = 'mbap' | 'rtu';

/** One connection's framing, one request at a time. What it takes and gives is RTU framed, as modbus-serial has it. */
export interface Framing {
  /** Nothing has come beyond the reply. What is too much belongs to nobody, and the next reply is hard to find behind it. */
  readonly isClean: boolean;
  /** A read request as it goes over this wire. From now on its reply is expected. */
  request(rtu: Uint8Array): Uint8Array;
  /** Bytes from the wire: the whole reply, checked; or `garbage`; or undefined, when it is not here yet. */
  receive(bytes: Buffer): Buffer | 'garbage' | undefined;
  /** The reply is expected no more. */
  forget(): void;
}

/** What the reply to a request must be like (Modbus 6.1 to 6.4). */
export interface Expected {
  readonly unit: number;
  readonly code: number;
  /** Bytes of data, which is also the number that the reply states. */
  readonly dataBytes: number;
}

/** What replies that cannot be told apart have in common. */
export const kindOf = ({ unit, code, dataBytes }: Expected): string => `${unit} ${code} ${dataBytes}`;

/** Of a read request from its unit on: unit, function, address, count. */
export function expectedOf(request: Uint8Array): Expected {
  const [unit = 0, code = 0] = request;
  const count = (request[4]! << 8) | request[5]!;
  return { unit, code, dataBytes: code <= 2 ? Math.ceil(count / 8) : count * 2 };
}

export const exceptionBit = 0x80;

const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
});

/** Modbus over serial line 2.5.1.2; it is sent low byte first. */
export function crc16(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffff;
  for (let i = start; i < end; i++) crc = (crc >> 8) ^ crcTable[(crc ^ bytes[i]!) & 0xff]!;
  return crc;
}
