/** A TCP connection: of Modbus TCP, or to a converter that passes RTU frames on. */
import { once } from 'node:events';
import { Socket } from 'node:net';
import type { FramingKind } from './frame.ts';
import type { Transport } from './transport.ts';
import { createStreamTransport } from './transport-stream.ts';

export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly name: string;
  readonly framing: FramingKind;
}

/**
 * Read into one buffer of its own, and copied from it. Without that, Node takes 64 KB for each read, of which a reply is
 * a quarter of one.
 */
const longestReadBytes = 4096;

/** @throws what went wrong, also when the signal aborts. */
export async function connectTcp(options: TcpOptions, signal: AbortSignal): Promise<Transport> {
  const { host, port, timeoutMs, name, framing } = options;
  let onBytes: (bytes: Buffer) => void = () => {};
  const socket = new Socket({
    onread: {
      buffer: Buffer.alloc(longestReadBytes),
      callback(size, buffer) {
        onBytes(Buffer.from(buffer.subarray(0, size)));
        return true;
      },
    },
  });
  // Nothing is read before somebody listens.
  socket.pause();
  const abort = () => socket.destroy(new Error('aborted'));
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => socket.destroy(new Error(`no connection in ${timeoutMs} ms`)), timeoutMs);
  try {
    socket.connect({ host, port });
    await once(socket, 'connect');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
  socket.setNoDelay().setKeepAlive(true, 15_000);
  return createStreamTransport(socket, {
    framing,
    name,
    close: () => socket.destroy(),
    listen(listener) {
      onBytes = listener;
      socket.resume();
    },
  });
}
