/** The Uplink over MQTT: the topics of this agent, and only what fits the protocol's schemas comes back up. */
import { encodeManifest } from '../protocols/manifest.ts';
import { ackSchema, encodeMessage, hubStateSchema, parseMessage } from '../protocols/messages.ts';
import { connectMqtt } from '../protocols/mqtt/connect.ts';
import { agentTopic, hubStateTopic } from '../protocols/topics.ts';
import type { Uplink } from './uplink.ts';

export interface MqttUplinkOptions {
  readonly url: string;
  /** Also the broker's user name and the client id. */
  readonly agent: string;
  readonly password: string;
}

export function createMqttUplink({ url, agent, password }: MqttUplinkOptions): Uplink {
  const ackTopic = agentTopic(agent, 'down/ack');
  return {
    async connect({ onAck, onHubState }, signal) {
      const onMessage = (topic: string, payload: Uint8Array) => {
        if (topic === ackTopic) {
          const ack = parseMessage(ackSchema, payload);
          if (ack) onAck(ack);
        } else if (topic === hubStateTopic) {
          const state = parseMessage(hubStateSchema, payload);
          if (state) onHubState(state);
        }
      };
      const session = await connectMqtt({ url, username: agent, password, clientId: agent, onMessage, signal });
      try {
        await session.subscribe([ackTopic, hubStateTopic], signal);
      } catch (error) {
        await session[Symbol.asyncDispose]();
        throw error;
      }
      return {
        hello: (hello) => session.publish(agentTopic(agent, 'up/hello'), encodeMessage(hello), { qos: 1 }),
        manifest: (manifest) => session.publish(agentTopic(agent, 'up/manifest'), encodeManifest(manifest), { qos: 1 }),
        data: (frame) => session.publish(agentTopic(agent, 'up/data'), frame, { qos: 1 }),
        closed: session.closed,
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
    },
  };
}
