/**
 * One connection to Modbus devices, with one request at a time. A connection whose replies can no longer be told apart
 * closes itself; a serial line, which cannot be left for another, is drained instead.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ModbusConnectionConfig, Transport as TransportKind } from './connection-config.ts';
import { createExchange, type Reply, type Span } from './exchange.ts';
import { frameBytes } from './line-time.ts';
import { openTransport } from './open-transport.ts';
import { lineTimes } from './serial.ts';
import { createSilence } from './serial-silence.ts';
import { replyBytes } from './table.ts';

export interface RequestTiming {
  /** For the reply; wall time. On a serial line the time of its characters comes on top. */
  readonly timeoutMs: number;
  /** Since the last reply on this connection. */
  readonly pauseMs: number;
}

export interface ModbusConnection {
  /** Aborted as soon as it is closed, by whomever; by itself after a request that spoiled it. */
  readonly closed: AbortSignal;
  /** @throws {ConnectionError} when the other side closes or the connection breaks. */
  request(unit: number, span: Span, timing: RequestTiming): Promise<Reply>;
  close(): void;
}

export interface ConnectionOptions {
  readonly open?: typeof openTransport | undefined;
  /** Replies of this kind, which came over this connection, may have been those of other requests. */
  readonly onDoubt: (kind: string) => void;
}

/**
 * Requests in a row without a reply, after which a new connection is taken. A late reply over TCP and UDP is told by
 * its transaction id; through a converter there is none, but the old connection takes it along.
 */
const maxSilences: Record<TransportKind, number> = { tcp: 2, udp: 2, 'rtu-over-tcp': 1, rtu: Number.POSITIVE_INFINITY };

/** @throws {ConnectionError} when no connection comes about in time, or when the signal aborts. */
export async function connectModbus(
  config: ModbusConnectionConfig,
  signal: AbortSignal,
  { open = openTransport, onDoubt }: ConnectionOptions,
): Promise<ModbusConnection> {
  const transport = await open(config, signal);
  const { closed } = transport;
  const close = () => transport.close();
  signal.addEventListener('abort', close, { once: true });
  closed.addEventListener('abort', () => signal.removeEventListener('abort', close), { once: true });
  if (signal.aborted) close();

  const times = config.serial && lineTimes(config.serial);
  const silence = times && createSilence(times.silenceMs);
  const spoil = () => (silence ? silence.soil() : close());
  const exchange = createExchange(transport, { onBytes: () => silence?.heard(), onUnasked: spoil, onDoubt });

  /** What the characters of request and reply take. */
  const lineMs = (span: Span): number => {
    if (!times) return 0;
    const { request, reply } = frameBytes(config, replyBytes(span));
    return (request + reply) * times.characterMs;
  };

  let silences = 0;
  let repliedAt = Number.NEGATIVE_INFINITY;
  return {
    closed,
    close,
    async request(unit, span, { timeoutMs, pauseMs }) {
      closed.throwIfAborted();
      try {
        const restMs = repliedAt + pauseMs - performance.now();
        if (pauseMs > 0 && restMs > 0) await delay(Math.ceil(restMs), undefined, { signal: closed });
        if (silence && !(await silence.wait(closed))) {
          const nowMs = performance.now();
          return { kind: 'garbage', sentAtMs: nowMs, heardAtMs: nowMs };
        }
      } catch {
        throw closed.reason;
      }
      const reply = await exchange.ask(unit, span, timeoutMs + lineMs(span));
      repliedAt = performance.now();
      silences = reply.kind === 'silence' ? silences + 1 : 0;
      if (reply.kind === 'garbage' || silences >= maxSilences[config.transport]) spoil();
      else if (reply.kind === 'silence') silence?.soil();
      return reply;
    },
  };
}
