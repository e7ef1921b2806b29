/** What a connected MQTT session can do, and the wrapper that holds the client library to it. */
import { Socket } from 'node:net';
import type { MqttClient } from 'mqtt';
import { ConnectionError, RejectedError } from '../errors.ts';
import { denial, refusal } from './refusal.ts';

/** What no packet of the protocol may exceed, in either direction; the brokers are set up with the same figure. */
export const maxPacketBytes = 512 * 1024;

/**
 * Called for every message, one after the other in the order of their arrival. While a promise that it returned is
 * pending nothing more is read and the message is not acknowledged, so that the bytes held here stay bounded; the
 * keep-alive goes on. What it throws ends the connection and is what `closed` resolves with.
 */
export type OnMessage = (topic: string, payload: Buffer) => void | Promise<void>;

export interface PublishOptions {
  /** 1 resolves on PUBACK, which is not storage: in MQTT 3.1.1 even a denied publish gets one. 0 resolves when sent. */
  readonly qos: 0 | 1;
  readonly retain?: boolean;
}

export interface MqttSession extends AsyncDisposable {
  readonly protocolVersion: 4 | 5;
  /**
   * @throws {ConnectionError} the connection ended, the broker denied it, or did not answer in time; it may have
   * arrived all the same.
   * @throws {RejectedError} reason `length`: larger than a packet may be. Nothing was sent.
   */
  publish(topic: string, payload: Uint8Array | string, options: PublishOptions, signal?: AbortSignal): Promise<void>;
  /** Subscribes with QoS 1. @throws {ConnectionError} as above, also when the broker denies one of them. */
  subscribe(topics: readonly string[], signal?: AbortSignal): Promise<void>;
  /** What is under way may still come. @throws {ConnectionError} as above. */
  unsubscribe(topics: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Resolves, never rejects: undefined after dispose, otherwise why the connection ended. */
  readonly closed: Promise<Error | undefined>;
  /** Waits for acknowledgements that are under way, says DISCONNECT (so no will), and closes; 2 s at most. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface SessionOptions {
  readonly url: string;
  readonly username: string;
  readonly onMessage?: OnMessage;
  readonly keepaliveS?: number;
  readonly replyTimeoutMs?: number;
}

const disposeTimeoutMs = 2000;

/** To be called before the client has connected. */
export function createSession(client: MqttClient, protocolVersion: 4 | 5, options: SessionOptions): MqttSession {
  const { url, username, onMessage, keepaliveS = 15, replyTimeoutMs = 30_000 } = options;
  const { promise: closed, resolve: resolveClosed } = Promise.withResolvers<Error | undefined>();
  const waiting = new Set<(error?: unknown) => void>();
  let cause: Error | undefined;
  let ended = false;
  let disposed = false;
  let held = false;

  if (client.stream instanceof Socket) client.stream.setNoDelay(true);

  // Every error ends the connection: none leaves it in a state worth keeping.
  const destroy = (error: Error) => {
    cause ??= error;
    client.stream.destroy();
  };
  client.on('error', (error) => destroy(refusal(error, url, username)));
  client.on('disconnect', ({ reasonCode }) => destroy(refusal({ code: reasonCode }, url, username)));
  client.on('close', () => {
    if (ended) return;
    ended = true;
    clearInterval(heldPings);
    for (const settle of waiting) settle(new ConnectionError('the connection to the broker ended', { cause }));
    resolveClosed(disposed ? undefined : (cause ?? new ConnectionError('the broker closed the connection')));
  });

  // While nothing is read, the answers to the library's pings go unseen; it must not give up for that.
  const heldPings = setInterval(() => {
    if (!held || !client.connected) return;
    client.sendPing();
    client.reschedulePing(true);
  }, keepaliveS * 500);

  // Not the `message` event: only this one makes the parser wait.
  client.handleMessage = (packet, done) => {
    if (ended || !onMessage) {
      done();
      return;
    }
    let pending: void | Promise<void>;
    try {
      pending = onMessage(packet.topic, packet.payload as Buffer);
    } catch (error) {
      destroy(error as Error);
      return;
    }
    if (!pending) {
      done();
      return;
    }
    held = true;
    pending.then(() => {
      held = false;
      if (!ended) done();
    }, destroy);
  };

  /** Settles by acknowledgement, end of the connection, timeout or signal, whichever is first. */
  const call = (what: string, signal: AbortSignal | undefined, start: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      signal?.throwIfAborted();
      if (ended || disposed || !client.connected) throw new ConnectionError('not connected to the broker', { cause });
      const settle = (error?: unknown) => {
        if (!waiting.delete(settle)) return;
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        if (error) reject(error);
        else resolve();
      };
      const onAbort = () => settle(signal?.reason);
      const timer = setTimeout(() => {
        settle(new ConnectionError(`the broker did not acknowledge ${what} within ${replyTimeoutMs} ms`));
      }, replyTimeoutMs);
      signal?.addEventListener('abort', onAbort);
      waiting.add(settle);
      start((error) => {
        settle(error && denial(error, what, username));
      });
    });

  return {
    protocolVersion,
    closed,
    async publish(topic, payload, { qos, retain = false }, signal) {
      const body = typeof payload === 'string' ? Buffer.from(payload) : asBuffer(payload);
      const limit = Math.min(maxPacketBytes, client.serverProperties?.maximumPacketSize ?? maxPacketBytes);
      // Fixed header, lengths, packet identifier and properties come to less than 16 bytes.
      const bytes = Buffer.byteLength(topic) + body.length + 16;
      if (bytes > limit) {
        throw new RejectedError(`a packet of ${bytes} bytes is larger than ${limit}`, { reason: 'length' });
      }
      await call(`publishing on ${topic}`, signal, (done) => client.publish(topic, body, { qos, retain }, done));
    },
    async subscribe(topics, signal) {
      await call(`subscribing to ${topics}`, signal, (done) => client.subscribe([...topics], { qos: 1 }, done));
    },
    async unsubscribe(topics, signal) {
      await call(`unsubscribing from ${topics}`, signal, (done) => client.unsubscribe([...topics], done));
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      if (ended) return;
      const timer = setTimeout(() => client.stream.destroy(), disposeTimeoutMs);
      client.end();
      await closed;
      clearTimeout(timer);
    },
  };
}

const asBuffer = ({ buffer, byteOffset, length }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, length);
