/** Connects to one broker again and again, and remembers the version of MQTT that it speaks while it stays the same. */
import { connectMqtt, type MqttOptions } from './connect.ts';
import { isUnanswered } from './refusal.ts';
import type { MqttSession } from './session.ts';

type Where = Pick<MqttOptions, 'url' | 'username' | 'password' | 'clientId'>;

export type MqttConnector = (options: Omit<MqttOptions, keyof Where | 'protocolVersion'>) => Promise<MqttSession>;

/**
 * A broker that refuses MQTT 5 is not asked for it again, until it refuses a connection: it may be another one by then.
 * Where nobody answers nothing is learnt, and asking anew would cost each agent two connections when it is back.
 */
export function createMqttConnector(where: Where): MqttConnector {
  let protocolVersion: 4 | 5 = 5;
  return async (options) => {
    try {
      const session = await connectMqtt({ ...where, ...options, protocolVersion });
      protocolVersion = session.protocolVersion;
      return session;
    } catch (error) {
      if (!isUnanswered(error)) protocolVersion = 5;
      throw error;
    }
  };
}
