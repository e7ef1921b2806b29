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
import { createRepeatGuard, listenMs } from './repeats.ts';

export interface Link {
  /** Replies bear the id of their request. */
  readonly hasIds: boolean;
  /** Waits for its turn. @throws {ConnectionError} when the connection was lost and no new one can be made. */
  request(unit: number, span: Span, timing: RequestTiming): Promise<Reply>;
  /** How long it must be listened until replies that are too many have come. */
  readonly listenMs: number;
  /** Listens for so long. Kinds of replies since the last time of which some may not be those of their requests. */
  doubts(): Promise<ReadonlySet<string>>;
  close(): void;
}

/** A device that has just closed a connection may need a moment before it takes the next. */
const firstReconnectMs = 20;
const longestReconnectMs = 200;

/** @throws {ConnectionError} */
export async function connectLink(
  config: ModbusConnectionConfig,
  signal: AbortSignal,
  open?: typeof openTransport,
): Promise<Link> {
  const hasIds = config.transport === 'tcp' || config.transport === 'udp';
  let doubted = new Set<string>();
  const options = { open, onDoubt: (kind: string) => void doubted.add(kind) };
  /** The slowest of late. */
  let latencyMs = 0;
  let connection = await connectModbus(config, signal, options);
  /** It has carried a reply: when it breaks now, that need not be the fault of the request. */
  let hasReplied = false;
  /** Until when a late reply of a unit may come that nothing tells from the next one. */
  const lateUntil = new Map<number, number>();
  const repeats = createRepeatGuard();
  let turn: Promise<unknown> = Promise.resolve();

  /** Tried for as long as a reply would be waited for. */
  async function renew(): Promise<void> {
    const giveUpAt = performance.now() + config.timeoutMs;
    for (let waitMs = firstReconnectMs; ; waitMs = Math.min(2 * waitMs, longestReconnectMs)) {
      try {
        connection = await connectModbus(config, signal, options);
        break;
      } catch (error) {
        if (signal.aborted || performance.now() + waitMs > giveUpAt) throw error;
        await pause(waitMs);
      }
    }
    hasReplied = false;
    // A converter gives every connection what comes over its line, the end of what spoiled the last one too.
    if (config.transport === 'rtu-over-tcp') await pause(listenMs);
  }
  const pause = (ms: number) => delay(Math.ceil(ms), undefined, { signal }).catch(() => {});

  /** A connection that breaks is an answer as well: of a gateway that will not have this unit asked. */
  async function attempt(unit: number, span: Span, timing: RequestTiming): Promise<Reply> {
    const sentAtMs = performance.now();
    try {
      return await connection.request(unit, span, timing);
    } catch (error) {
      // Of a datagram it means that nothing listens there.
      if (signal.aborted || config.transport === 'udp' || !(error instanceof ConnectionError)) throw error;
      return { kind: 'closed', sentAtMs, heardAtMs: performance.now() };
    }
  }

  async function ask(unit: number, span: Span, timing: RequestTiming): Promise<Reply> {
    const lateMs = (lateUntil.get(unit) ?? 0) - performance.now();
    if (lateMs > 0) await pause(lateMs);
    const repeatMs = hasIds ? 0 : repeats.waitMs(unit, span);
    if (repeatMs > 0) await pause(repeatMs);
    if (connection.closed.aborted) await renew();
    const mayAskAgain = hasReplied;
    let reply = await attempt(unit, span, timing);
    if (reply.kind === 'closed' && mayAskAgain) {
      await renew();
      reply = await attempt(unit, span, timing);
    }
    if (reply.kind === 'data' || reply.kind === 'exception') {
      hasReplied = true;
      latencyMs = Math.max(latencyMs, reply.heardAtMs - reply.sentAtMs);
    }
    if (!hasIds && reply.kind === 'data') repeats.answered(unit, span);
    if (!hasIds && reply.kind === 'silence') lateUntil.set(unit, performance.now() + timing.timeoutMs);
    return reply;
  }

  return {
    hasIds,
    request(unit, span, timing) {
      const reply = turn.then(() => ask(unit, span, timing));
      turn = reply.catch(() => {});
      return reply;
    },
    get listenMs() {
      // In the place of a reply that came too early, its own comes when the device has answered.
      return hasIds ? 0 : listenMs + latencyMs;
    },
    async doubts() {
      if (!hasIds) await pause(listenMs + latencyMs);
      const taken = doubted;
      doubted = new Set();
      latencyMs = 0;
      return taken;
    },
    close: () => connection.close(),
  };
}
