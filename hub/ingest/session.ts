/**
 * The hub's connection to the broker, for ever: announces the hub, listens to its agents, and comes back when it is lost.
 * A hub that owns every partition listens to all agents at once; one of several listens to hellos, and to each agent that
 * it is about to greet.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError } from '../../protocols/errors.ts';
import { encodeMessage } from '../../protocols/messages.ts';
import { createMqttConnector } from '../../protocols/mqtt/connector.ts';
import type { MqttSession } from '../../protocols/mqtt/session.ts';
import { agentUp, everyAgentUp, everyHello, everyHubState, hubStateTopic, hubUser } from '../../protocols/topics.ts';
import type { Ownership } from './ownership.ts';

export interface BrokerSessionOptions {
  readonly url: string;
  readonly password: string;
  readonly hubBoot: string;
  /** Over which time agents are to come back, ms; asked for at every announcement. */
  readonly spreadMs: () => number;
  readonly ownership: Ownership;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

export interface BrokerSession {
  /** Connected until the signal aborts, with pauses. */
  run(handle: (topic: string, payload: Uint8Array) => void | Promise<void>, signal: AbortSignal): Promise<void>;
  /** At QoS 1. What cannot be sent is dropped: its receiver asks again when it comes back. */
  publish(topic: string, payload: Uint8Array): void;
  /** Resolves when the agent's frames come here. @throws {ConnectionError} */
  follow(agent: string): Promise<void>;
  /** Says anew which partitions this hub owns, and listens no more to agents of others. */
  announce(): void;
  /** Why there is no connection; undefined when there is. */
  readonly blocked: string | undefined;
}

const retryMs = 1000;
const goodbyeMs = 2000;

export function createBrokerSession(options: BrokerSessionOptions): BrokerSession {
  const { url, password, hubBoot, spreadMs, ownership, log } = options;
  const user = hubUser(ownership.hub);
  const stateTopic = hubStateTopic(ownership.hub);
  const connect = createMqttConnector({ url, username: user, clientId: user, password });
  const isOne = ownership.partitions.of > 1;
  let session: MqttSession | undefined;
  /** Agents that are listened to, by the subscription that is made or under way. */
  let followed = new Map<string, Promise<void>>();
  let blocked: string | undefined = 'not connected to the broker yet';

  const stateMessage = (online: boolean) => {
    const { partitions, generation } = ownership;
    return encodeMessage({ online, hubBoot, spreadMs: spreadMs(), partitions, generation });
  };
  const sayState = (online: boolean, signal?: AbortSignal) =>
    session!.publish(stateTopic, stateMessage(online), { qos: 1, retain: true }, signal);

  const connectOnce = async (
    onMessage: (topic: string, payload: Uint8Array) => void | Promise<void>,
    signal: AbortSignal,
  ) => {
    const will = { topic: stateTopic, payload: stateMessage(false), qos: 1, retain: true } as const;
    await using connected = await connect({ will, onMessage, signal });
    followed = new Map();
    // What other hubs claim comes first, so that nothing is claimed against it that is theirs.
    await connected.subscribe([everyHubState, isOne ? everyHello : everyAgentUp], signal);
    session = connected;
    await sayState(true, signal);
    blocked = undefined;
    log.info({ url, mqtt: connected.protocolVersion === 5 ? '5' : '3.1.1' }, 'listening to agents');
    const stopped = Promise.withResolvers<undefined>();
    const stop = () => stopped.resolve(undefined);
    signal.addEventListener('abort', stop);
    const lost = await Promise.race([connected.closed, stopped.promise]);
    signal.removeEventListener('abort', stop);
    // While nothing is read, its acknowledgement is not seen either.
    if (signal.aborted) await sayState(false, AbortSignal.timeout(goodbyeMs)).catch(() => {});
    else throw lost ?? new ConnectionError('the broker closed the connection');
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
          session = undefined;
        }
        await delay(retryMs / 2 + (Math.random() * retryMs) / 2, undefined, { signal }).catch(() => {});
      }
    },
    publish(topic, payload) {
      session?.publish(topic, payload, { qos: 1 }).catch(() => {});
    },
    follow(agent) {
      if (!isOne) return Promise.resolve();
      if (!session) return Promise.reject(new ConnectionError('not connected to the broker'));
      const known = followed.get(agent);
      if (known) return known;
      const mine = followed;
      const subscribing = session.subscribe(agentUp(agent)).catch((error: unknown) => {
        mine.delete(agent);
        throw error;
      });
      mine.set(agent, subscribing);
      return subscribing;
    },
    announce() {
      if (!session) return;
      sayState(true).catch(() => {});
      for (const agent of followed.keys()) {
        if (ownership.owns(agent)) continue;
        followed.delete(agent);
        session.unsubscribe(agentUp(agent)).catch(() => {});
      }
    },
    get blocked() {
      return blocked;
    },
  };
}
