/**
 * The Uplink over MQTT: the topics of this agent, and only what fits the protocol's schemas comes back up. Where several
 * hubs share the broker it finds the one that owns this agent, greets that one, and hears no other's acknowledgements.
 */
import { encodeManifest } from '../../protocols/manifest.ts';
import {
  ackSchema,
  encodeMessage,
  type HubAnnouncement,
  hubStateSchema,
  parseMessage,
} from '../../protocols/messages.ts';
import { createMqttConnector } from '../../protocols/mqtt/connector.ts';
import { hubOf } from '../../protocols/partitions.ts';
import { agentTopic, everyHubState, parseHubStateTopic } from '../../protocols/topics.ts';
import type { Uplink } from './uplink.ts';

export interface MqttUplinkOptions {
  readonly url: string;
  /** Also the broker's user name and the client id. */
  readonly agent: string;
  readonly password: string;
}

/** More than any installation has; what a broker says beyond it is not kept. */
const maxHubs = 1024;

export function createMqttUplink({ url, agent, password }: MqttUplinkOptions): Uplink {
  const ackTopic = agentTopic(agent, 'down/ack');
  const connect = createMqttConnector({ url, username: agent, password, clientId: agent });
  return {
    async connect({ onAck, onHubState }, signal) {
      const states = new Map<string, HubAnnouncement>();
      let followed: HubAnnouncement | undefined;

      const hear = (hub: string, state: HubAnnouncement) => {
        if (states.has(hub) || states.size < maxHubs) states.set(hub, state);
        const owner = hubOf(agent, states);
        const next = owner === undefined ? followed && { ...followed, online: false } : states.get(owner)!;
        if (next === undefined) return;
        const same = next.hubBoot === followed?.hubBoot && next.online === followed.online;
        followed = next;
        if (!same) onHubState({ online: next.online, hubBoot: next.hubBoot, spreadMs: next.spreadMs });
      };
      const onMessage = (topic: string, payload: Uint8Array) => {
        if (topic === ackTopic) {
          const ack = parseMessage(ackSchema, payload);
          if (ack && ack.hubBoot === followed?.hubBoot) onAck(ack);
          return;
        }
        const hub = parseHubStateTopic(topic);
        const state = hub === undefined ? undefined : parseMessage(hubStateSchema, payload);
        if (state) hear(hub!, state);
      };

      const session = await connect({ onMessage, signal });
      try {
        await session.subscribe([ackTopic, everyHubState], signal);
      } catch (error) {
        await session[Symbol.asyncDispose]();
        throw error;
      }
      const up = (leaf: 'up/hello' | 'up/manifest' | 'up/data', payload: Uint8Array) =>
        session.publish(agentTopic(agent, leaf), payload, { qos: 1 });
      return {
        hello: (hello) => up('up/hello', encodeMessage({ ...hello, hubBoot: followed?.hubBoot })),
        manifest: (manifest) => up('up/manifest', encodeManifest(manifest)),
        data: (frame) => up('up/data', frame),
        live: (frame) => session.publish(agentTopic(agent, 'up/live'), frame, { qos: 0 }),
        closed: session.closed,
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
    },
  };
}
