/** The hub's connection to the broker, for ever: announces the hub, listens to every agent, and comes back when it is lost. */
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError } from '../../protocols/errors.ts';
import { encodeMessage } from '../../protocols/messages.ts';
import { connectMqtt } from '../../protocols/mqtt/connect.ts';
import { everyAgentUp, hubStateTopic } from '../../protocols/topics.ts';

/** The broker account that only the hub has. */
export const ingestUser = 'hub-ingest';

export interface BrokerSessionOptions {
  readonly url: string;
  readonly password: string;
  readonly hubBoot: string;
  readonly spreadMs: number;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

export interface BrokerSession {
  /** Connected until the signal aborts, with pauses. */
  run(handle: (topic: string, payload: Uint8Array) => void | Promise<void>, signal: AbortSignal): Promise<void>;
  /** At QoS 1. What cannot be sent is dropped: its receiver asks again when it comes back. */
  publish(topic: string, payload: Uint8Array): void;
  /** Why there is no connection; undefined when there is. */
  readonly blocked: string | undefined;
}

const retryMs = 1000;
const goodbyeMs = 2000;

export function createBrokerSession(options: BrokerSessionOptions): BrokerSession {
  const { url, password, hubBoot, spreadMs, log } = options;
  let publishNow: ((topic: string, payload: Uint8Array) => Promise<void>) | undefined;
  let blocked: string | undefined = 'not connected to the broker yet';
  const stateMessage = (online: boolean) => encodeMessage({ online, hubBoot, spreadMs });

  const connectOnce = async (
    onMessage: (topic: string, payload: Uint8Array) => void | Promise<void>,
    signal: AbortSignal,
  ) => {
    await using session = await connectMqtt({
      url,
      username: ingestUser,
      clientId: ingestUser,
      password,
      will: { topic: hubStateTopic, payload: stateMessage(false), qos: 1, retain: true },
      onMessage,
      signal,
    });
    await session.subscribe([everyAgentUp], signal);
    await session.publish(hubStateTopic, stateMessage(true), { qos: 1, retain: true }, signal);
    publishNow = (topic, payload) => session.publish(topic, payload, { qos: 1 });
    blocked = undefined;
    log.info({ url }, 'listening to agents');
    const stopped = Promise.withResolvers<undefined>();
    const stop = () => stopped.resolve(undefined);
    signal.addEventListener('abort', stop);
    const lost = await Promise.race([session.closed, stopped.promise]);
    signal.removeEventListener('abort', stop);
    if (signal.aborted) {
      // While nothing is read, its acknowledgement is not seen either.
      const patience = AbortSignal.timeout(goodbyeMs);
      await session.publish(hubStateTopic, stateMessage(false), { qos: 1, retain: true }, patience).catch(() => {});
    } else throw lost ?? new ConnectionError('the broker closed the connection');
  };

  return {
    async run(handle, signal) {
      while (!signal.aborted) {
        try {
          await connectOnce(handle, signal);
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof ConnectionError)) throw error;
          if (!blocked || blocked.startsWith('not connected'))
            log.warn({ err: error }, 'no connection to the broker; trying again');
          blocked = error.message;
        } finally {
          publishNow = undefined;
        }
        await delay(retryMs / 2 + (Math.random() * retryMs) / 2, undefined, { signal }).catch(() => {});
      }
    },
    publish(topic, payload) {
      publishNow?.(topic, payload).catch(() => {});
    },
    get blocked() {
      return blocked;
    },
  };
}
