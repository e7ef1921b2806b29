/**
 * A Modbus server of raw bytes: told the request, a script writes what it likes. Beside it, everything that a faulty
 * server or line may send instead of the reply, in both framings.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { crc16, type FramingKind } from '../../protocols/modbus/frame.ts';

export interface Request {
  /** 0 in RTU framing. */
  readonly transaction: number;
  readonly unit: number;
  readonly code: number;
  readonly address: number;
  readonly count: number;
}

/** What the server has to answer with. */
export interface Peer {
  readonly framing: FramingKind;
  /** A reply is half written: a server does not write another into it. */
  isWriting: boolean;
  write(bytes: Uint8Array): void;
  /** Ends the connection: in order, by a reset, or by saying no more over it. */
  end(how: Ending): void;
}
type Ending = 'close' | 'reset' | 'mute';
export type Script = (request: Request, peer: Peer) => void;

const requestBytes = { mbap: 12, rtu: 8 };

function parseRequest(framing: FramingKind, bytes: Buffer): Request {
  const at = framing === 'mbap' ? 6 : 0;
  return {
    transaction: framing === 'mbap' ? bytes.readUInt16BE(0) : 0,
    unit: bytes[at]!,
    code: bytes[at + 1]!,
    address: bytes.readUInt16BE(at + 2),
    count: bytes.readUInt16BE(at + 4),
  };
}

/** Answers what comes over a stream. */
export function serve(stream: Duplex, framing: FramingKind, script: Script): void {
  const size = requestBytes[framing];
  let rest = Buffer.alloc(0);
  let isMute = false;
  const peer: Peer = {
    framing,
    isWriting: false,
    write: (bytes) => void (stream.writable && !isMute && stream.write(bytes)),
    end(how) {
      if (how === 'mute') isMute = true;
      else if (how === 'reset' && 'resetAndDestroy' in stream) (stream as Socket).resetAndDestroy();
      else stream.end();
    },
  };
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    for (rest = Buffer.concat([rest, chunk]); rest.length >= size; rest = rest.subarray(size)) {
      script(parseRequest(framing, rest), peer);
    }
  });
}

export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  /** Connections that were made so far. */
  readonly connections: number;
  /** Closes what is connected, and goes on listening. */
  drop(): void;
}

export async function startScriptedServer(framing: FramingKind, script: Script, port = 0): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, framing, script);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return connections;
    },
    drop,
    async [Symbol.asyncDispose]() {
      server.close();
      drop();
    },
  };
}

/** The same over UDP. */
export async function startScriptedUdpServer(script: Script): Promise<AsyncDisposable & { readonly port: number }> {
  const socket = createSocket('udp4');
  let isOpen = true;
  socket.once('close', () => {
    isOpen = false;
  });
  socket.on('message', (bytes, from) => {
    script(parseRequest('mbap', bytes), {
      framing: 'mbap',
      isWriting: false,
      write: (reply) => void (isOpen && socket.send(reply, from.port, from.address, () => {})),
      end: () => {},
    });
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, [Symbol.asyncDispose]: async () => void socket.close() };
}

/** A reply as it lies on the wire: `body` is all behind the function code. */
function frame(framing: FramingKind, { transaction, unit, code }: Request, body: Uint8Array): Buffer {
  const pdu = Buffer.concat([Buffer.of(unit, code), body]);
  if (framing === 'mbap') {
    const header = Buffer.alloc(6);
    header.writeUInt16BE(transaction & 0xffff, 0);
    header.writeUInt16BE(pdu.length, 4);
    return Buffer.concat([header, pdu]);
  }
  const crc = crc16(pdu, 0, pdu.length);
  return Buffer.concat([pdu, Buffer.of(crc & 0xff, crc >> 8)]);
}

/** A proper reply with this data. */
export const dataReply = (framing: FramingKind, request: Request, data: Uint8Array): Buffer =>
  frame(framing, request, Buffer.concat([Buffer.of(data.length), data]));

export const wordsReply = (framing: FramingKind, request: Request, words: readonly number[]): Buffer =>
  dataReply(framing, request, Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff])));

export const exceptionReply = (framing: FramingKind, request: Request, code: number): Buffer =>
  frame(framing, { ...request, code: request.code | 0x80 }, Buffer.of(code));

/** What comes instead of a reply, piece by piece. */
type Piece = Uint8Array | { readonly afterMs: number; readonly bytes: Uint8Array } | Ending;

export interface Fault {
  /** Data that this fault gives must be the right data; false: whatever comes of it, it is no data. */
  readonly mayGiveData: boolean;
  /** `right`: the data that the device holds; `wrong`: as long, but not of this request. */
  pieces(context: FaultContext): readonly Piece[];
}
interface FaultContext {
  readonly framing: FramingKind;
  readonly request: Request;
  readonly right: Buffer;
  readonly wrong: Buffer;
  readonly timeoutMs: number;
  /** 0 to below 1. */
  random(): number;
}

const harmless = (pieces: Fault['pieces']): Fault => ({ mayGiveData: true, pieces });
const harmful = (pieces: Fault['pieces']): Fault => ({ mayGiveData: false, pieces });
const exceptions = [1, 2, 3, 4, 6, 10, 11];
const proper = ({ framing, request, right }: FaultContext) => dataReply(framing, request, right);
const cutAt = (bytes: Buffer, random: number) => bytes.subarray(0, 1 + Math.floor(random * (bytes.length - 1)));

const commonFaults: Record<string, Fault> = {
  none: harmless((c) => [proper(c)]),
  byteByByte: harmless((c) => [...proper(c)].map((byte) => Buffer.of(byte))),
  inTwoParts: harmless((c) => {
    const first = cutAt(proper(c), c.random());
    return [first, { afterMs: 2, bytes: proper(c).subarray(first.length) }];
  }),
  twice: harmless((c) => [Buffer.concat([proper(c), dataReply(c.framing, c.request, c.wrong)])]),
  exception: harmful((c) => [
    exceptionReply(c.framing, c.request, exceptions[Math.floor(c.random() * exceptions.length)]!),
  ]),
  exceptionOfAnotherUnit: harmful((c) => [exceptionReply(c.framing, { ...c.request, unit: c.request.unit ^ 1 }, 4)]),
  exceptionOfAnotherFunction: harmful((c) => [
    exceptionReply(c.framing, { ...c.request, code: (c.request.code % 4) + 1 }, 4),
  ]),
  otherUnit: harmful((c) => [dataReply(c.framing, { ...c.request, unit: c.request.unit ^ 1 }, c.wrong)]),
  otherFunction: harmful((c) => [dataReply(c.framing, { ...c.request, code: (c.request.code % 4) + 1 }, c.wrong)]),
  tooShort: harmful((c) => [dataReply(c.framing, c.request, c.wrong.subarray(1))]),
  tooLong: harmful((c) => [dataReply(c.framing, c.request, Buffer.concat([c.wrong, Buffer.of(0, 1)]))]),
  wrongByteCount: harmful((c) => [
    frame(c.framing, c.request, Buffer.concat([Buffer.of((c.wrong.length + 2) & 0xff), c.wrong])),
  ]),
  noData: harmful((c) => [dataReply(c.framing, c.request, Buffer.alloc(0))]),
  silence: harmful(() => []),
  late: harmless((c) => [{ afterMs: c.timeoutMs * (1.1 + c.random() / 2), bytes: proper(c) }]),
  cutOff: harmful((c) => {
    const part = cutAt(dataReply(c.framing, c.request, c.wrong), c.random());
    return c.framing === 'mbap' ? [part, 'mute'] : [part];
  }),
  closeInTheMiddle: harmful((c) => [cutAt(dataReply(c.framing, c.request, c.wrong), c.random()), 'close']),
  close: harmful(() => ['close']),
  reset: harmful(() => ['reset']),
  garbage: harmful((c) => [Buffer.from(c.wrong.map((byte) => byte ^ Math.floor(c.random() * 256)))]),
};

const mbapFaults: Record<string, Fault> = {
  nextTransaction: harmful((c) => [
    dataReply('mbap', { ...c.request, transaction: c.request.transaction + 1 }, c.wrong),
  ]),
  lastTransaction: harmful((c) => [
    dataReply('mbap', { ...c.request, transaction: c.request.transaction - 1 }, c.wrong),
  ]),
  wrappedTransaction: harmful((c) => [
    dataReply('mbap', { ...c.request, transaction: c.request.transaction + 256 }, c.wrong),
  ]),
  otherProtocol: harmful((c) => [dataReply('mbap', c.request, c.wrong).fill(1 + Math.floor(c.random() * 255), 3, 4)]),
  hugeLength: harmful((c) => [dataReply('mbap', c.request, c.wrong).fill(0xff, 4, 6)]),
  noLength: harmful((c) => [dataReply('mbap', c.request, c.wrong).fill(0, 4, 6)]),
  garbageBefore: harmful((c) => [
    Buffer.concat([Buffer.of(0xff, c.request.unit), dataReply('mbap', c.request, c.wrong)]),
  ]),
};

const rtuFaults: Record<string, Fault> = {
  /** One burst of at most 16 bits, or up to three single bits: what the CRC must find, whatever else there is. */
  badCrc: harmful((c) => {
    const bytes = dataReply('rtu', c.request, c.right);
    const flip = (bit: number) => {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    };
    const bits = bytes.length * 8;
    const start = Math.floor(c.random() * (bits - 16));
    const bad = new Set([start]);
    if (c.random() < 0.5) for (let i = 1; i < 16; i++) c.random() < 0.5 && bad.add(start + i);
    else for (let i = 0; i < 2; i++) bad.add(Math.floor(c.random() * bits));
    for (const bit of bad) flip(bit);
    return [bytes];
  }),
  noiseBefore: harmless((c) => [Buffer.concat([Buffer.of(0x00, 0xff), proper(c)])]),
  echoBefore: harmless((c) => [Buffer.concat([echoOf(c.request), proper(c)])]),
  echoAlone: harmful((c) => [echoOf(c.request)]),
  echoAfterNoise: harmful((c) => [Buffer.concat([Buffer.of(0x00), echoOf(c.request)])]),
  anotherUnitBefore: harmless((c) => [
    Buffer.concat([dataReply('rtu', { ...c.request, unit: c.request.unit ^ 1 }, c.wrong), proper(c)]),
  ]),
};

function echoOf(request: Request): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt16BE(request.address, 0);
  body.writeUInt16BE(request.count, 2);
  return frame('rtu', request, body);
}

export const faultsOf = (framing: FramingKind): Readonly<Record<string, Fault>> =>
  framing === 'mbap' ? { ...commonFaults, ...mbapFaults } : { ...commonFaults, ...rtuFaults };

/** Lets a fault happen. */
export function play(pieces: readonly Piece[], peer: Peer): void {
  for (const [i, piece] of pieces.entries()) {
    if (typeof piece === 'string') peer.end(piece);
    else if (piece instanceof Uint8Array) peer.write(piece);
    else if (i === 0) playLate(piece.bytes, piece.afterMs, peer);
    else {
      peer.isWriting = true;
      setTimeout(() => {
        peer.isWriting = false;
        peer.write(piece.bytes);
      }, piece.afterMs);
    }
  }
}

function playLate(bytes: Uint8Array, afterMs: number, peer: Peer): void {
  setTimeout(() => (peer.isWriting ? playLate(bytes, 1, peer) : peer.write(bytes)), afterMs);
}
