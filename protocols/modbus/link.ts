/**
 * The way of a session to its devices, one request at a time, whoever asks. Where a connection has closed, by the device
 * that drops idle ones or by itself after a spoiled request, the next request goes over a new one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError } from '../errors.ts';
import { connectModbus, type RequestTiming } from './connection.ts';
import type { ModbusConnectionConfig } from './connection-config.ts';
import type { Reply, Span } from './exchange.ts';
import type { openTransport } from './open-transport.ts';

export interface Link {
  /** Waits for its turn. @throws {ConnectionError} when the connection was lost and no new one can be made. */
  request(unit: number, span: Span, timing: RequestTiming): Promise<Reply>;
  close(): void;
}

/** @throws {ConnectionError} */
export async function connectLink(
  config: ModbusConnectionConfig,
  signal: AbortSignal,
  open?: typeof openTransport,
): Promise<Link> {
  const hasIds = config.transport === 'tcp' || config.transport === 'udp';
  let connection = await connectModbus(config, signal, open);
  /** It has carried a reply: when it breaks now, that need not be the fault of the request. */
  let hasReplied = false;
  /** Until when a late reply of a unit may come that nothing tells from the next one. */
  const lateUntil = new Map<number, number>();
  let turn: Promise<unknown> = Promise.resolve();

  async function renew(): Promise<void> {
    connection = await connectModbus(config, signal, open);
    hasReplied = false;
  }

  async function ask(unit: number, span: Span, timing: RequestTiming): Promise<Reply> {
    const lateMs = (lateUntil.get(unit) ?? 0) - performance.now();
    if (lateMs > 0) await delay(Math.ceil(lateMs), undefined, { signal }).catch(() => {});
    if (connection.closed.aborted) await renew();
    let reply: Reply;
    try {
      reply = await connection.request(unit, span, timing);
    } catch (error) {
      if (!hasReplied || !(error instanceof ConnectionError)) throw error;
      await renew();
      reply = await connection.request(unit, span, timing);
    }
    if (reply.kind === 'data' || reply.kind === 'exception') hasReplied = true;
    if (reply.kind === 'silence' && !hasIds) lateUntil.set(unit, performance.now() + timing.timeoutMs);
    return reply;
  }

  return {
    request(unit, span, timing) {
      const reply = turn.then(() => ask(unit, span, timing));
      turn = reply.catch(() => {});
      return reply;
    },
    close: () => connection.close(),
  };
}
