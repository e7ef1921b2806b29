/**
 * How long one request keeps its connection busy: what no device can undercut, and what is to be expected with a device
 * that takes an ordinary time to answer. Serial lines are slow enough that it decides what can be read at all.
 */
import type { ModbusConnectionConfig } from './connection-config.ts';
import { lineTimes } from './serial.ts';

/** Bytes of request and reply with `dataBytes` of registers or bits in it (Modbus 6.1 to 6.4; serial line 2.3; TCP 3.1). */
export function frameBytes(
  { transport }: ModbusConnectionConfig,
  dataBytes: number,
): { request: number; reply: number } {
  const isRtu = transport === 'rtu' || transport === 'rtu-over-tcp';
  // Unit and checksum, or the header with transaction, length and unit; then function, address and count.
  const envelope = isRtu ? 3 : 7;
  return { request: envelope + 5, reply: envelope + 2 + dataBytes };
}

export interface LineTime {
  /** Milliseconds that no device can undercut. */
  readonly leastMs: number;
  readonly expectedMs: number;
}

/** From the request to the reply, as devices ordinarily need it. */
const turnaroundMs = { tcp: 5, udp: 5, rtu: 10, 'rtu-over-tcp': 10 } as const;
const bitsPerMsOfEthernet = 100_000;
/** Of the line behind a converter, whose settings nobody tells us. */
const assumedLine = { path: '', baudRate: 19_200, parity: 'even', dataBits: 8, stopBits: 1 } as const;

export function lineTime(connection: ModbusConnectionConfig, bytes: number, pauseMs: number): LineTime {
  const { transport, serial } = connection;
  const turnaround = turnaroundMs[transport];
  if (serial) {
    const { characterMs, silenceMs } = lineTimes(serial);
    const wireMs = bytes * characterMs + Math.max(pauseMs, silenceMs);
    return { leastMs: wireMs + silenceMs, expectedMs: wireMs + Math.max(turnaround, silenceMs) };
  }
  const isConverted = transport === 'rtu-over-tcp';
  const wireMs = isConverted ? bytes * lineTimes(assumedLine).characterMs : (bytes * 8) / bitsPerMsOfEthernet;
  return { leastMs: pauseMs, expectedMs: wireMs + turnaround + pauseMs };
}

/** What `expectedMs` stands on, for people. */
export function assumptionsOf({ transport, serial }: ModbusConnectionConfig): string[] {
  const turnaround = `devices answer after ${turnaroundMs[transport]} ms`;
  if (serial) return [turnaround];
  if (transport !== 'rtu-over-tcp') return [turnaround, 'the network carries 100 Mbit/s'];
  return [turnaround, `the line behind the converter runs at ${assumedLine.baudRate} baud`];
}
