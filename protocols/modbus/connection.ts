/**
 * One TCP connection to a Modbus server, with one request at a time. A request that got no reply, or a reply that
 * is not its own, closes the connection: what comes late could otherwise be taken for the answer to a later request
 * (modbus-serial counts its transactions modulo 256), and after garbage nobody knows where the next reply begins.
 */
import { once } from 'node:events';
import { Socket } from 'node:net';
import modbusSerial from 'modbus-serial';
import { ConnectionError } from '../errors.ts';
import { replyBytes } from './decode.ts';
import type { Block } from './plan.ts';

const { default: ModbusClient } = modbusSerial;

export type Reply =
  | { readonly kind: 'data'; readonly data: Buffer }
  /** The device refused: an exception code of Modbus 7. */
  | { readonly kind: 'exception'; readonly code: number }
  /** No reply in time. The connection is closed. */
  | { readonly kind: 'silence' }
  /** A reply of the wrong length, unit or function. The connection is closed. */
  | { readonly kind: 'garbage' };

export interface ModbusConnection {
  /** Aborted as soon as the connection is closed, by whomever. */
  readonly closed: AbortSignal;
  /** @throws {ConnectionError} when the other side closes or the connection breaks. */
  request(unit: number, block: Block): Promise<Reply>;
  close(): void;
}

export interface ModbusAddress {
  readonly host: string;
  readonly port: number;
  /** For the connection and for every reply; wall time. */
  readonly timeoutMs: number;
}

/** @throws {ConnectionError} when no connection comes about in time, or when the signal aborts. */
export async function connectModbus(address: ModbusAddress, signal: AbortSignal): Promise<ModbusConnection> {
  const server = `${address.host}:${address.port}`;
  const socket = await connectSocket(address, server, signal);
  const client = new ModbusClient();
  await client.linkTCP(socket, { port: address.port });
  // Only after linking: the library would set it on the socket as an idle timeout as well.
  client.setTimeout(address.timeoutMs);

  const closing = new AbortController();
  const lost = new ConnectionError(`the Modbus connection to ${server} was closed`);
  let abandon: ((error: ConnectionError) => void) | undefined;
  const closed = () => {
    signal.removeEventListener('abort', close);
    closing.abort(lost);
    abandon?.(lost);
  };
  const close = () => {
    socket.destroy();
    closed();
  };
  socket.once('close', closed);
  socket.once('error', closed);
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();

  return {
    closed: closing.signal,
    close,
    async request(unit, block) {
      if (closing.signal.aborted) throw lost;
      const reply = await new Promise<Reply>((resolve, reject) => {
        abandon = reject;
        client.setID(unit);
        ask(client, block).then(
          ({ buffer }) =>
            resolve(buffer.length === replyBytes(block) ? { kind: 'data', data: buffer } : { kind: 'garbage' }),
          (error) => resolve(refusal(error)),
        );
      });
      abandon = undefined;
      if (reply.kind === 'silence' || reply.kind === 'garbage') close();
      return reply;
    },
  };
}

async function connectSocket(address: ModbusAddress, server: string, signal: AbortSignal): Promise<Socket> {
  const socket = new Socket();
  const abort = () => socket.destroy(new Error('aborted'));
  try {
    signal.throwIfAborted();
    signal.addEventListener('abort', abort, { once: true });
    socket.setTimeout(address.timeoutMs, () => socket.destroy(new Error(`no answer in ${address.timeoutMs} ms`)));
    socket.connect({ host: address.host, port: address.port });
    await once(socket, 'connect');
    socket.setTimeout(0);
    return socket.setNoDelay().setKeepAlive(true, 15_000);
  } catch (cause) {
    socket.destroy();
    throw new ConnectionError(`cannot connect to the Modbus server ${server}`, { cause });
  } finally {
    signal.removeEventListener('abort', abort);
    socket.removeAllListeners('timeout');
  }
}

/** Function codes 1 to 4 only: a driver that cannot write cannot break a machine. */
function ask(client: InstanceType<typeof ModbusClient>, { table, address, count }: Block): Promise<{ buffer: Buffer }> {
  switch (table) {
    case 'coil':
      return client.readCoils(address, count);
    case 'discrete':
      return client.readDiscreteInputs(address, count);
    case 'holding':
      return client.readHoldingRegisters(address, count);
    case 'input':
      return client.readInputRegisters(address, count);
  }
}

function refusal(error: Error & { modbusCode?: number; errno?: unknown }): Reply {
  if (error.modbusCode !== undefined) return { kind: 'exception', code: error.modbusCode };
  return { kind: error.errno === 'ETIMEDOUT' ? 'silence' : 'garbage' };
}
