/** Modbus over UDP: the frames of Modbus TCP, one per datagram. Only datagrams of the device's own address come in. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { ConnectionError } from '../errors.ts';
import { onlyReading } from './guard.ts';
import type { Transport } from './transport.ts';

export interface UdpOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly name: string;
}

/** Says nothing about whether a device is there: a datagram needs no connection. @throws what went wrong. */
export async function connectUdp({ host, port, timeoutMs, name }: UdpOptions, signal: AbortSignal): Promise<Transport> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const { address, family } = await Promise.race([lookup(host), rejectOnAbort(deadline)]);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    socket.connect(port, address);
    await once(socket, 'connect', { signal: deadline });
  } catch (error) {
    socket.close();
    throw error;
  }

  const closing = new AbortController();
  const close = (cause?: unknown) => {
    if (closing.signal.aborted) return;
    closing.abort(new ConnectionError(`the connection to ${name} was closed`, { cause }));
    socket.close();
  };
  // The host says by ICMP that nothing listens at that port.
  socket.on('error', close);
  return {
    framing: 'mbap',
    isDatagrams: true,
    closed: closing.signal,
    listen: (onBytes) => void socket.on('message', onBytes),
    write(adu) {
      closing.signal.throwIfAborted();
      socket.send(onlyReading(adu, 'mbap'));
    },
    close: () => close(),
  };
}

const rejectOnAbort = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
