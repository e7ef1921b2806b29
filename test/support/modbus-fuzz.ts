/**
 * Requests through the driver's own link to a server that mistreats each of them. Every byte that the server holds
 * tells for which request and address it was given, so data of another request, of another address or of a damaged
 * reply cannot pass for right. What nobody could tell is left out: payload damaged inside a proper TCP frame (or one
 * reply written into the middle of another), and damage on a serial line beyond what a 16-bit CRC must find.
 */
import { duplexPair } from 'node:stream';
import { setImmediate as breathe } from 'node:timers/promises';
import type { ModbusConnectionConfig } from '../../protocols/modbus/connection-config.ts';
import type { Span } from '../../protocols/modbus/exchange.ts';
import { connectLink, type Link } from '../../protocols/modbus/link.ts';
import { createStreamTransport } from '../../protocols/modbus/transport-stream.ts';
import {
  faultsOf,
  play,
  type Script,
  serve,
  startScriptedServer,
  startScriptedUdpServer,
} from './modbus-faulty-server.ts';

export interface FuzzOptions {
  readonly transport: ModbusConnectionConfig['transport'];
  /** In-process streams instead of sockets, through the same code from the socket on. */
  readonly inProcess: boolean;
  readonly requests: number;
  /** Connections side by side. */
  readonly lanes: number;
  readonly timeoutMs: number;
  readonly seed: number;
}

export interface FuzzResult {
  readonly requests: number;
  /** Answered with the right data. */
  right: number;
  /** Refused: exception, silence, garbage, connection lost. */
  refused: number;
  /** Right replies that were not taken, for instance because this machine was too slow. */
  missed: number;
  /** What was taken and was not right: each with the fault that it came from. */
  readonly wrong: string[];
}

const unit = 7;

/** Right data that need not be taken. A datagram is a frame: several are not one, and one is not several. */
const notTaken = {
  tcp: ['late'],
  'rtu-over-tcp': ['late'],
  rtu: ['late'],
  udp: ['late', 'byteByByte', 'inTwoParts', 'twice'],
};

/** 32 bits from a seed and two numbers, the same each time. */
function mix(seed: number, a: number, b: number): number {
  let x = (seed ^ Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** What request number `serial` has to find in the span. Different in every byte from the one before and after it. */
function dataOf(serial: number, { table, address, count }: Span): Buffer {
  const isBits = table === 'coil' || table === 'discrete';
  const data = Buffer.alloc(isBits ? Math.ceil(count / 8) : count * 2);
  for (let i = 0; i < data.length; i++) data[i] = mix(0, serial, address + i);
  // Bits beyond the last are 0 (Modbus 6.1).
  if (isBits && count % 8 !== 0) data[data.length - 1]! &= 0xff >> (8 - (count % 8));
  return data;
}

/** Enough data that the right bytes do not come about by chance. */
function spanOf(serial: number, seed: number): Span {
  const random = mix(seed, serial, 1);
  const address = random & 0x7fff;
  const isBits = (random >>> 15) % 4 === 0;
  const second = (random >>> 17) % 2 === 1;
  if (isBits) return { table: second ? 'coil' : 'discrete', address, count: 64 + ((random >>> 18) % 1900) };
  return { table: second ? 'holding' : 'input', address, count: 4 + ((random >>> 18) % 121) };
}

export async function hurlFaults(options: FuzzOptions): Promise<FuzzResult> {
  const { requests, lanes } = options;
  const result: FuzzResult = { requests, right: 0, refused: 0, missed: 0, wrong: [] };
  const perLane = Math.ceil(requests / lanes);
  await Promise.all(
    Array.from({ length: lanes }, (_, lane) =>
      runLane(options, lane, Math.min(perLane, requests - lane * perLane), result),
    ),
  );
  return result;
}

async function runLane(options: FuzzOptions, lane: number, requests: number, result: FuzzResult): Promise<void> {
  const { transport, inProcess, timeoutMs } = options;
  const seed = mix(options.seed, lane, 0);
  const framing = transport === 'tcp' || transport === 'udp' ? 'mbap' : 'rtu';
  const faults = Object.entries(faultsOf(framing));
  let serial = 0;
  let span = spanOf(0, seed);
  let [name, fault] = faults[0]!;
  const script: Script = (request, peer) => {
    const ofRequest = serial;
    let draws = 0;
    const random = () => mix(seed, ofRequest, 1000 + draws++) / 2 ** 32;
    const right = dataOf(ofRequest, span);
    const wrong = dataOf(ofRequest + 500_000, span);
    play(fault.pieces({ framing, request, right, wrong, timeoutMs, random }), peer);
  };

  await using server = inProcess ? undefined : await startServer(transport, script);
  const config: ModbusConnectionConfig = {
    transport,
    host: '127.0.0.1',
    port: server?.port ?? 502,
    timeoutMs: 1000,
    pauseMs: 0,
    ...(transport === 'rtu' && {
      serial: { path: '/dev/none', baudRate: 1_000_000, parity: 'none', dataBits: 8, stopBits: 1 },
    }),
  };
  const open = async () => {
    const [near, far] = duplexPair();
    serve(far, framing, script);
    far.on('close', () => near.destroy());
    return createStreamTransport(near, { framing, name: 'a fault', close: () => near.destroy() });
  };
  const stop = new AbortController();
  let link: Link | undefined;
  for (serial = 1; serial <= requests; serial++) {
    [name, fault] = faults[mix(seed, serial, 2) % faults.length]!;
    span = spanOf(serial, seed);
    link ??= await connectLink(config, stop.signal, inProcess ? open : undefined);
    const reply = await link.request(unit, span, { timeoutMs, pauseMs: 0 }).catch(() => undefined);
    if (!reply) {
      // The session would end here; the next one begins.
      link.close();
      link = undefined;
    }
    if (reply?.kind === 'data') {
      result.right++;
      if (!fault.mayGiveData || !reply.data.equals(dataOf(serial, span))) {
        result.wrong.push(`${transport} lane ${lane}, request ${serial}, ${name}`);
      }
    } else {
      result.refused++;
      if (fault.mayGiveData && !notTaken[transport].includes(name)) result.missed++;
    }
    if (serial % 64 === 0) await breathe();
  }
  link?.close();
}

const startServer = (transport: string, script: Script) =>
  transport === 'udp'
    ? startScriptedUdpServer(script)
    : startScriptedServer(transport === 'tcp' ? 'mbap' : 'rtu', script);
