/** The transport that a configuration names. */
import { ConnectionError } from '../errors.ts';
import { connectionName, type ModbusConnectionConfig } from './connection-config.ts';
import { openSerialLine } from './serial.ts';
import type { Transport } from './transport.ts';
import { connectTcp } from './transport-tcp.ts';
import { connectUdp } from './transport-udp.ts';

/** @throws {ConnectionError} when it does not come about in time, or when the signal aborts. */
export async function openTransport(config: ModbusConnectionConfig, signal: AbortSignal): Promise<Transport> {
  const { transport, host = '', port, serial, timeoutMs } = config;
  const name = connectionName(config);
  try {
    signal.throwIfAborted();
    if (serial) return await openSerialLine(serial, name);
    if (transport === 'udp') return await connectUdp({ host, port, timeoutMs, name }, signal);
    const framing = transport === 'tcp' ? 'mbap' : 'rtu';
    return await connectTcp({ host, port, timeoutMs, name, framing }, signal);
  } catch (cause) {
    throw new ConnectionError(`cannot connect to ${name}`, { cause });
  }
}
