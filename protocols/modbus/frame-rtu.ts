/**
 * RTU framing (Modbus over serial line 2.5.1), on a line or through a converter. There are no transaction ids: a reply
 * is known by unit, function, size and CRC, so nothing may be left on the line when the next request goes out.
 */
import { crc16, type Expected, exceptionBit, expectedOf, type Framing } from './frame.ts';
import { createStrays } from './strays.ts';

const exceptionBytes = 5;
/** The longest frame, an echo and some noise: more is a line that babbles. */
const maxBytes = 512;

/** `onDoubt`: what was taken of this kind of replies may have been that of another request. */
export function createRtuFraming(onDoubt: (kind: string) => void): Framing {
  let waiting: { readonly request: Uint8Array; readonly expected: Expected } | undefined;
  let bytes: Buffer = Buffer.alloc(0);
  const strays = createStrays(onDoubt);

  return {
    get isClean() {
      return bytes.length === 0;
    },
    request(rtu) {
      strays.forget();
      waiting = { request: rtu, expected: expectedOf(rtu) };
      return rtu;
    },
    receive(chunk) {
      if (!waiting) {
        strays.heard(chunk);
        return 'garbage';
      }
      bytes = bytes.length > 0 ? Buffer.concat([bytes, chunk]) : chunk;
      const found = findReply(bytes, waiting.request, waiting.expected);
      if (!found) return bytes.length > maxBytes ? 'garbage' : undefined;
      const reply = Buffer.from(bytes.subarray(found.start, found.end));
      const { expected } = waiting;
      waiting = undefined;
      if (crc16(reply, 0, reply.length - 2) !== reply.readUInt16LE(reply.length - 2)) {
        bytes = bytes.subarray(found.end);
        return 'garbage';
      }
      strays.heard(bytes.subarray(0, found.start));
      bytes = bytes.subarray(found.end);
      if (reply[1] === expected.code) strays.taken(expected, reply);
      return reply;
    },
    forget() {
      if (waiting) strays.missed(waiting.expected);
      waiting = undefined;
      strays.heard(bytes);
      bytes = Buffer.alloc(0);
    },
  };
}

/**
 * The first place where unit, function and size are those of the reply. A driver that switches to sending may put noise
 * on the line before it, and some RS-485 adapters give back the request itself, which must not pass for its own reply.
 */
function findReply(bytes: Buffer, request: Uint8Array, { unit, code, dataBytes }: Expected) {
  for (let start = 0; start + exceptionBytes <= bytes.length; start++) {
    if (bytes[start] !== unit) continue;
    const isData = bytes[start + 1] === code && bytes[start + 2] === dataBytes;
    const isException = bytes[start + 1] === (code | exceptionBit) && bytes[start + 2] !== 0;
    const end = start + (isData ? 3 + dataBytes + 2 : exceptionBytes);
    const echo = bytes.subarray(start, start + request.length);
    if (echo.equals(request.subarray(0, echo.length))) {
      if (echo.length < request.length) return undefined;
      start += request.length - 1;
      continue;
    }
    if (isData || isException) return end <= bytes.length ? { start, end } : undefined;
  }
  return undefined;
}
