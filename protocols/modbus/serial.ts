/** A serial line with RTU frames, and its times: how long a character takes, and the silence that separates frames. */
import { ConnectionError } from '../errors.ts';
import type { SerialConfig } from './connection-config.ts';
import type { Transport } from './transport.ts';
import { createStreamTransport } from './transport-stream.ts';

/** Nobody else can open the line while it is open. @throws what went wrong. */
export async function openSerialLine(serial: SerialConfig, name: string): Promise<Transport> {
  // Native code: not for agents without a serial line.
  const { SerialPort } = await import('serialport');
  const port = new SerialPort({ ...serial, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error ? reject(explain(error, serial.path)) : resolve()));
  });
  return createStreamTransport(port, { framing: 'rtu', name, close: () => port.isOpen && port.close(() => {}) });
}

function explain(error: Error, path: string): Error {
  if (!/lock/i.test(error.message)) return error;
  return new ConnectionError(`${path} is in use by another program`, { cause: error });
}

export interface LineTimes {
  readonly characterMs: number;
  /** Between two frames: 3.5 characters, above 19200 baud 1.75 ms (Modbus over serial line 2.5.1.1). */
  readonly silenceMs: number;
}

export function lineTimes({ baudRate, dataBits, parity, stopBits }: SerialConfig): LineTimes {
  const bits = 1 + dataBits + (parity === 'none' ? 0 : 1) + stopBits;
  const characterMs = (bits * 1000) / baudRate;
  return { characterMs, silenceMs: baudRate > 19_200 ? 1.75 : 3.5 * characterMs };
}
