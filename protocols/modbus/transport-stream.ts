/** A Transport over a stream: a TCP socket or a serial line. */
import type { Duplex } from 'node:stream';
import { ConnectionError } from '../errors.ts';
import type { FramingKind } from './frame.ts';
import { onlyReading } from './guard.ts';
import type { Transport } from './transport.ts';

export interface StreamOptions {
  readonly framing: FramingKind;
  /** Where it leads, for people. */
  readonly name: string;
  /** Ends the stream at once. */
  readonly close: () => void;
  /** Where the bytes do not come as events of the stream. */
  readonly listen?: Transport['listen'];
}

export function createStreamTransport(stream: Duplex, { framing, name, close, listen }: StreamOptions): Transport {
  const closing = new AbortController();
  const end = (cause?: unknown) => {
    if (closing.signal.aborted) return;
    closing.abort(new ConnectionError(`the connection to ${name} was closed`, { cause }));
    close();
  };
  stream.on('error', end);
  stream.once('end', () => end());
  stream.once('close', () => end());

  return {
    framing,
    isDatagrams: false,
    closed: closing.signal,
    listen: listen ?? ((onBytes) => void stream.on('data', onBytes)),
    write(adu) {
      closing.signal.throwIfAborted();
      // What is held back now would go out later, when nobody waits for its reply any more.
      if (stream.writableLength > 0) {
        end(new Error('it takes no bytes'));
        throw closing.signal.reason;
      }
      stream.write(onlyReading(adu, framing));
    },
    close: () => end(),
  };
}
