/**
 * Modbus TCP and UDP framing (Modbus Messaging on TCP/IP 3.1.3). Transaction ids are 16 bits wide, and an id whose
 * reply is still owed is not given again: a late reply is always told from the one that is waited for, and so is one
 * that a server has given the id of a neighbour.
 */
import { randomInt } from 'node:crypto';
import { crc16, type Expected, exceptionBit, expectedOf, type Framing } from './frame.ts';

const headerBytes = 6;
/** Unit, function and an exception code; unit and the longest PDU. */
const shortestBody = 3;
const longestBody = 254;
/** Odd, so that all ids come before one comes again; and not 1, so that a server that counts wrongly never hits the next. */
const stride = 7919;
/** A server that owes more replies than this has lost them. */
const maxOwed = 64;

export interface MbapOptions {
  /** Each chunk is a frame of its own; networks repeat datagrams, so one that nobody waits for is no fault. */
  readonly datagrams: boolean;
}

export function createMbapFraming({ datagrams }: MbapOptions): Framing {
  // Not from 0: a gateway may hand the reply to a request of the last connection to this one.
  let id = randomInt(0x10000);
  let expected: Expected | undefined;
  /** Requests that were given up; oldest first. */
  const owed = new Set<number>();
  let bytes: Buffer = Buffer.alloc(0);

  return {
    get isClean() {
      return bytes.length === 0;
    },
    request(rtu) {
      do id = (id + stride) & 0xffff;
      while (owed.has(id));
      expected = expectedOf(rtu);
      const body = rtu.subarray(0, -2);
      const adu = Buffer.alloc(headerBytes + body.length);
      adu.writeUInt16BE(id, 0);
      adu.writeUInt16BE(body.length, 4);
      adu.set(body, headerBytes);
      return adu;
    },
    receive(chunk) {
      bytes = bytes.length > 0 ? Buffer.concat([bytes, chunk]) : chunk;
      while (bytes.length >= headerBytes) {
        const size = bytes.readUInt16BE(4);
        const isMbap = bytes.readUInt16BE(2) === 0 && size >= shortestBody && size <= longestBody;
        if (!isMbap || (datagrams && bytes.length !== headerBytes + size)) {
          bytes = Buffer.alloc(0);
          return datagrams ? undefined : 'garbage';
        }
        if (bytes.length < headerBytes + size) return undefined;

        const transaction = bytes.readUInt16BE(0);
        const body = bytes.subarray(headerBytes, headerBytes + size);
        bytes = bytes.subarray(headerBytes + size);
        if (expected && transaction === id) {
          const reply = checked(body, expected);
          expected = undefined;
          return reply;
        }
        if (!owed.delete(transaction) && !datagrams) return 'garbage';
      }
      // Half a datagram does not become whole by the next one.
      if (datagrams) bytes = Buffer.alloc(0);
      return undefined;
    },
    forget() {
      if (!expected) return;
      expected = undefined;
      owed.add(id);
      if (owed.size > maxOwed) owed.delete(owed.values().next().value!);
    },
  };
}

/** Unit, function and data of a reply with the CRC that modbus-serial looks for. */
function checked(body: Buffer, { unit, code, dataBytes }: Expected): Buffer | 'garbage' {
  const isData = body[1] === code && body[2] === dataBytes && body.length === 3 + dataBytes;
  const isException = body[1] === (code | exceptionBit) && body[2] !== 0 && body.length === 3;
  if (body[0] !== unit || !(isData || isException)) return 'garbage';
  const reply = Buffer.allocUnsafe(body.length + 2);
  body.copy(reply);
  reply.writeUInt16LE(crc16(body, 0, body.length), body.length);
  return reply;
}
